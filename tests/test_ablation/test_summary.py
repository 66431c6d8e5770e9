import json

import pytest

from ssvrl_mm.ablation import RunResult, format_ablation, summarise_ablation, unknown_columns


def result(before, after, probe=0.5, chance=0.25, scalars=(), seconds=0.1, stream='rgb'):
    """Metrics of one stream as the evaluators name them."""

    def metrics(recall, accuracy):
        return {
            f'retrieval/{stream}_R@1': recall,
            f'retrieval/{stream}_R@5': 1.0,
            'retrieval/chance_R@1': chance,
            f'probe/{stream}_logistic': accuracy,
            'probe/chance_logistic': 0.2,
        }

    return RunResult(
        'x', False, metrics(before, 0.3), metrics(after, probe), dict(scalars), seconds, 10
    )


def two_configs(**other):
    return {
        'full': {
            0: result(0.3, 0.7, scalars={'train/top1': 0.5}),
            1: result(0.3, 0.8, scalars={'train/top1': 0.7}, seconds=0.3),
        },
        'less': {0: result(0.3, 0.4, **other), 1: result(0.3, 0.5, **other)},
    }


def cells(text, *names):
    """The cells of the one row that begins with these."""
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in text.splitlines()]
    [row] = [row for row in rows if row[: len(names)] == list(names)]
    return row


def test_figures_against_hand_computed_ones():
    summary = summarise_ablation(two_configs(), {}, 'full', ['train/top1'])
    full, less = (summary['configs'][name] for name in ('full', 'less'))
    recall = full['streams']['rgb']['R@1']
    assert recall['chance'] == 0.25 and recall['random']['mean'] == pytest.approx(0.3)
    assert recall['trained']['mean'] == pytest.approx(0.75)
    assert recall['trained']['deviation'] == pytest.approx(0.05 * 2**0.5)
    assert recall['gain']['value'] == pytest.approx(0.45)
    assert recall['gain']['error'] == pytest.approx(0.05) and not recall['gain']['undecided']
    assert 'difference' not in recall
    against = less['streams']['rgb']['R@1']['difference']
    # Each mean has a variance of 0.05^2.
    assert against['value'] == pytest.approx(-0.3) and not against['undecided']
    assert against['error'] == pytest.approx(0.05 * 2**0.5)
    # 0.45 against 0.3 + 2 * 0.05 would do, 0.15 over 2 * 0.05 does.
    assert less['streams']['rgb']['R@1']['gain']['value'] == pytest.approx(0.15)
    assert full['columns']['train/top1']['mean'] == pytest.approx(0.6)
    assert less['columns']['train/top1'] is None
    assert full['seconds_per_step']['mean'] == pytest.approx(0.2)
    assert full['seeds'] == [0, 1] and [run['seed'] for run in full['runs']] == [0, 1]
    json.dumps(summary, allow_nan=False)

    text = format_ablation(summary)
    assert cells(text, 'chance') == [
        'chance', '', '', '25.0', '25.0', '', '', '20.0', '20.0', '', '', '', ''
    ]  # fmt: skip
    assert cells(text, 'full', 'RGB') == [
        'full', 'RGB', '2', '30.0 ± 0.0', '75.0 ± 7.1', '+45.0 ± 10.0', '',
        '30.0 ± 0.0', '50.0 ± 0.0', '+20.0 ± 0.0', '', '0.6 ± 0.14', '200 ± 1.4e+02',
    ]  # fmt: skip
    assert cells(text, 'less', 'RGB') == [
        'less', 'RGB', '2', '30.0 ± 0.0', '45.0 ± 7.1', '+15.0 ± 10.0', '-30.0 ± 14.1',
        '30.0 ± 0.0', '50.0 ± 0.0', '+20.0 ± 0.0', '+0.0 ± 0.0, undecided', '-', '100 ± 0',
    ]  # fmt: skip
    assert 'minus `full`' in text


def test_one_seed_leaves_everything_undecided():
    results = {'full': {0: result(0.3, 0.9)}, 'less': {0: result(0.3, 0.4)}}
    summary = summarise_ablation(results, {}, 'less')
    text = format_ablation(summary)
    assert cells(text, 'full', 'RGB')[3:7] == [
        '30.0', '90.0', '+60.0, undecided', '+50.0, undecided'
    ]  # fmt: skip
    json.dumps(summary, allow_nan=False)


def test_a_scalar_that_is_not_finite_leaves_the_table_whole():
    results = two_configs(scalars={'train/top1': float('nan')})
    summary = summarise_ablation(results, {}, 'full', ['train/top1'])
    json.dumps(summary, allow_nan=False)
    assert cells(format_ablation(summary), 'less', 'RGB')[-2:] == ['-', '100 ± 0']


def test_a_config_alone_is_compared_with_nothing():
    summary = summarise_ablation({'full': two_configs()['full']}, {}, 'full')
    text = format_ablation(summary)
    assert 'minus' not in text
    assert cells(text, 'full', 'RGB')[3:] == [
        '30.0 ± 0.0', '75.0 ± 7.1', '+45.0 ± 10.0',
        '30.0 ± 0.0', '50.0 ± 0.0', '+20.0 ± 0.0', '200 ± 1.4e+02',
    ]  # fmt: skip
    assert cells(text, 'chance') == [
        'chance', '', '', '25.0', '25.0', '', '20.0', '20.0', '', ''
    ]  # fmt: skip


def test_what_configs_do_not_share_is_left_open():
    summary = summarise_ablation(two_configs(stream='motion', chance=0.1), {}, 'full')
    text = format_ablation(summary)
    row = cells(text, 'less', 'motion')
    assert row[6] == row[10] == '-'
    assert cells(text, 'chance of full')[3] == '25.0' and cells(text, 'chance of less')[3] == '10.0'


def test_failures_are_named():
    results = {'full': two_configs()['full'], 'less': {}}
    summary = summarise_ablation(results, {'less': {0: 'out of memory'}}, 'less')
    text = format_ablation(summary)
    assert cells(text, 'less', 'failed', '0')[3:] == ['-'] * 9
    # Nothing to compare with.
    assert cells(text, 'full', 'RGB')[6] == '-'
    assert text.endswith('Without a result:\n\n- less, seed 0: out of memory')


def test_a_protocol_is_part_of_the_name():
    run = result(0.3, 0.4)
    for metrics in (run.before, run.after):
        metrics['retrieval/coclr/rgb_R@1'] = 0.9
        metrics['retrieval/coclr/chance_R@1'] = 0.1
    streams = summarise_ablation({'a': {0: run}}, {}, 'a')['configs']['a']['streams']
    assert list(streams) == ['rgb', 'coclr/rgb']
    assert streams['coclr/rgb']['R@1']['chance'] == 0.1 and 'probe' not in streams['coclr/rgb']
    assert cells(format_ablation(summarise_ablation({'a': {0: run}}, {}, 'a')), 'a', 'coclr/rgb')


def test_columns_that_nobody_logged():
    assert unknown_columns(two_configs(), ['train/top1', 'train/top']) == {
        'train/top': ['train/top1']
    }
    # Without any result, nobody knows what would be logged.
    assert unknown_columns({'a': {}}, ['x']) == {}


def test_versions_that_differ_are_named():
    results = two_configs()
    for name, seed, torch in (('full', 0, '2.1'), ('full', 1, '2.1'), ('less', 0, '2.2')):
        results[name][seed].versions.update(torch=torch, numpy='1.26')
    del results['less'][1]
    summary = summarise_ablation(results, {}, 'full')
    assert summary['versions'] == {
        'torch': {'2.1': ['full, seed 0', 'full, seed 1'], '2.2': ['less, seed 0']}
    }
    line = 'torch 2.1 (full, seed 0; full, seed 1), 2.2 (less, seed 0).'
    assert format_ablation(summary).endswith(line)
    results['less'][0].versions.update(torch='2.1')
    assert 'versions' not in format_ablation(summarise_ablation(results, {}, 'full'))
    # A result that does not say what it was measured with may be of anything.
    results['less'][0].versions.clear()
    unknown = summarise_ablation(results, {}, 'full')['versions']
    assert {tuple(versions) for versions in unknown.values()} == {
        ('2.1', 'unknown'),
        ('1.26', 'unknown'),
    }
