import pytest
from scipy.stats import binomtest

from ssvrl_mm.demo.summary import Target, format_summary, gain_of, meaning, summarise


def metrics(recall, queries=320, chance=0.0625, **more):
    return {
        **{f'retrieval/{stream}_R@1': value for stream, value in recall.items()},
        'retrieval/rgb_R@5': 0.9,
        'retrieval/chance_R@1': chance,
        'retrieval/num_query': float(queries),
        **{f'retrieval/{name}': value for name, value in more.items()},
    }


def figures(before, after, **kwargs):
    return summarise(metrics(before, **kwargs), metrics(after, **kwargs))


def test_both_figures_have_wilsons_bounds():
    found = figures({'motion': 165 / 320}, {'motion': 1.0})
    assert (found['chance'], found['queries']) == (0.0625, 320)
    assert set(found['before']) == set(found['after']) == {'motion'}
    for when, hits in (('before', 165), ('after', 320)):
        bounds = binomtest(hits, 320).proportion_ci(method='wilson')
        assert found[f'{when}_interval']['motion'] == pytest.approx([bounds.low, bounds.high])
    low, high = found['after_interval']['motion']
    assert low < 0.99 and high == 1


def test_the_gain_has_newcombes_bounds():
    # Newcombe 1998, Table II, method 10: 56/70 - 48/80, and 10/10 - 0/10.
    gain = gain_of(48 / 80, 56 / 70, 1)  # other sizes below; this one only for the value
    assert gain.value == pytest.approx(0.2)
    whole = gain_of(0.0, 1.0, 10)
    assert (whole.low, whole.high) == pytest.approx((0.6075, 1.0), abs=1e-4)
    none = gain_of(0.0, 0.0, 10)
    assert (none.low, none.high) == pytest.approx((-0.2775, 0.2775), abs=1e-4)
    assert none.within_error and not whole.within_error


def test_no_figure_stands_without_its_error():
    table = format_summary(figures({'rgb': 0.131, 'both': 0.469}, {'rgb': 0.181, 'both': 0.681}))
    _, _, rgb, both = table.splitlines()[:4]
    assert rgb.count('±') == both.count('±') == 3
    assert rgb.endswith('the gain is within its error') and 'within' not in both
    assert '13.1 ± 4.1' in rgb and '46.9 ± 5.5' in both
    assert '+5.0 ±' in rgb and '+21.2 ±' in both


def test_one_sentence_says_what_it_means():
    text = meaning(figures({'motion': 0.516}, {'motion': 0.734}), Target.CLASS)
    assert text.startswith('What it means: by motion, 73 in 100 held-out videos find a training')
    assert '52 with random weights and 6 by chance' in text and 'without a single label' in text
    assert text.count('.') == 1
    halves = meaning(figures({'motion': 0.1}, {'motion': 0.9}), Target.HALF)
    assert 'the first half of the same video' in halves


def test_the_sentence_is_of_the_stream_that_gained_most():
    found = figures(
        {'rgb': 0.19, 'flow': 0.89, 'both': 0.5}, {'rgb': 0.77, 'flow': 0.98, 'both': 0.9}
    )
    assert meaning(found, Target.CLASS).startswith('What it means: by RGB, 77 in 100 held-out')
    found = figures({'rgb': 0.1, 'rgb+flow': 0.2}, {'rgb': 0.3, 'rgb+flow': 0.9})
    assert 'by RGB and flow together, 90 in 100' in meaning(found, Target.CLASS)
    # Of some that lost, the one that lost least.
    found = figures({'rgb': 0.3, 'flow': 0.9}, {'rgb': 0.29, 'flow': 0.5})
    assert 'by RGB, 29 in 100' in meaning(found, Target.CLASS)


def test_a_gain_within_its_error_is_no_success():
    few = figures({'motion': 0.5}, {'motion': 0.75}, queries=4, chance=0.5)
    text = format_summary(few)
    assert 'with 4 queries that difference is within its error' in text
    assert 'learned' not in text
    assert '4 queries are few: a figure may be off by' in text
    worse = format_summary(figures({'motion': 0.9}, {'motion': 0.2}))
    assert 'training made it worse' in worse and 'queries are few' not in worse


def test_features_that_are_all_alike_are_named():
    alike = {'rgb_effective_rank': 1.0, 'rgb_mean_cosine': 1.0}
    found = summarise(metrics({'rgb': 0.3}, **alike), metrics({'rgb': 0.6}))
    assert found['collapsed'] == {'before': ['rgb'], 'after': []}
    assert 'before: the features of RGB are nearly all alike' in format_summary(found)
