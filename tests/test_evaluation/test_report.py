import json

import pytest
from scipy.stats import binomtest

from ssvrl_mm.evaluation.report import markdown_table, metrics_table, write_report


def test_recalls_of_each_protocol_are_a_table_in_per_cent():
    metrics = {
        'retrieval/clean/rgb_R@5': 0.75,
        'retrieval/clean/rgb_R@1': 0.6084,
        'retrieval/clean/chance_R@1': 0.01,
        'retrieval/clean/num_query': 3783.0,
        'retrieval/vcop/motion_R@1': 0.5,
        'acc/top1': 0.25,
    }
    assert metrics_table(metrics).split('\n\n') == [
        '| retrieval/clean | R@1 | R@5 |\n|---|---:|---:|\n'
        '| RGB | 60.8 ± 1.6 | 75.0 ± 1.4 |\n| chance | 1.0 | - |',
        '| retrieval/vcop | R@1 |\n|---|---:|\n| motion | 50.0 |',
        '| figure | value |\n|---|---:|\n| retrieval/clean/num_query | 3783 |\n| acc/top1 | 0.25 |',
    ]


def test_every_figure_has_its_error():
    metrics = {
        'acc/rgb_top1': 0.25,
        'acc/mean1': 0.5,
        'acc/mean1_error': 0.0625,
        'acc/lone_error': 0.1,
        'acc/num_videos': 16.0,
        'knn/rgb_top1_k5': 1.0,
        'knn/rgb_effective_rank': 1.25,
        'knn/rgb_mean_cosine': 1 - 2e-8,
        'knn/num_query': 16.0,
    }
    bounds = [binomtest(k, 16).proportion_ci(method='wilson') for k in (4, 16)]
    assert metrics_table(metrics).splitlines()[2:] == [
        f'| acc/rgb_top1 | 0.25 ± {bounds[0].high - 0.25:.2g} |',
        '| acc/mean1 | 0.5 ± 0.062 |',
        '| acc/lone_error | 0.1 |',
        '| acc/num_videos | 16 |',
        f'| knn/rgb_top1_k5 | 1 ± {1 - bounds[1].low:.2g} |',
        '| knn/rgb_effective_rank | 1.25 (collapsed) |',
        '| knn/rgb_mean_cosine | 1 - 2.0e-08 |',
        '| knn/num_query | 16 |',
    ]


def test_report_holds_figures_table_and_sources(tmp_path):
    sources = {'config': 'a.py', 'versions': {'torch': '2'}, 'data': [{'data_list': 'l.txt'}, 'x']}
    table = markdown_table(['view', 'R@1'], [['RGB', '1.0']])
    paths = write_report(tmp_path / 'new/x.y', 'Title', {'rgb': 0.01}, table, sources)
    assert [path.name for path in paths] == ['x.y.json', 'x.y.md']
    content = json.loads(paths[0].read_text())
    assert content == {'figures': {'rgb': 0.01}, 'provenance': sources}
    assert paths[1].read_text() == (
        '# Title\n\n| view | R@1 |\n|---|---:|\n| RGB | 1.0 |\n\n'
        '- config: a.py\n- versions: torch 2\n- data: data list l.txt\n- data: x\n'
    )


def test_ragged_rows_are_refused():
    with pytest.raises(ValueError, match='every row needs 2 cells'):
        markdown_table(['a', 'b'], [['1']])
