"""What tables and logs say beside the recalls: errors, and features that have collapsed."""

import logging

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from scipy.stats import binomtest

from ssvrl_mm.evaluation import format_table
from ssvrl_mm.evaluation.report import metrics_table
from tests.test_evaluation.toy_videos import all_samples, run_metric


@pytest.fixture
def log(caplog):
    """What goes to the current logger of mmengine, which is the newest."""
    logger = MMLogger.get_instance('test_retrieval')
    logger.addHandler(caplog.handler)
    yield caplog
    del MMLogger._instance_dict['test_retrieval']


def nearly_constant(noise=1e-4):
    """RGB features that are one vector but for rounding, motion features that differ."""
    rng = np.random.default_rng(0)
    one = rng.uniform(size=256)
    return [
        {**s, 'features': dict(
            rgb=torch.from_numpy(one * (1 + noise * rng.normal(size=256))).float(),
            motion=s['features']['motion'],
        )}
        for s in all_samples()
    ]  # fmt: skip


@pytest.mark.parametrize('preset', ['clean', 'coclr'])
def test_collapsed_features_are_warned_of_and_marked(preset, log):
    given = nearly_constant()
    metrics = run_metric(given, preset=preset, streams=('rgb', 'motion'))
    rows = np.stack([s['features']['rgb'].numpy() for s in given]).astype(float)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = (rows @ rows.T)[~np.eye(len(rows), dtype=bool)]
    assert 1 - cosines.min() < 1e-7
    # Before centring, which would make much of rounding.
    found = metrics[f'retrieval/{preset}/rgb_mean_cosine']
    assert found == pytest.approx(cosines.mean(), abs=1e-12)
    assert metrics[f'retrieval/{preset}/rgb_effective_rank'] < 1.1
    warnings = [r.getMessage() for r in log.records if r.levelno == logging.WARNING]
    [collapsed] = [text for text in warnings if 'collapsed' in text]
    assert collapsed.startswith('rgb: the features have collapsed (effective rank 1.0')
    assert f'1 - {1 - cosines.mean():.1e}, of 13 rows' in collapsed
    assert 'number of processes' in collapsed
    [table] = [r.getMessage() for r in log.records if 'Retrieval' in r.getMessage()]
    assert '\nRGB (collapsed)' in table and '\nmotion ' in table
    assert '| RGB (collapsed) |' in metrics_table(metrics)
    assert '| motion |' in metrics_table(metrics)


@pytest.mark.parametrize('size', [1, 2, 13])
def test_features_that_rounding_ranks_are_named_whatever_the_batches(size, log):
    # One vector but for noise, through a linear layer: which videos share a batch decides about the
    # last digits, and these about the ranks. No order of them is the right one.
    given = nearly_constant(noise=1e-5)
    torch.manual_seed(0)
    layer = torch.nn.Linear(256, 64).requires_grad_(False)
    batches = [given[i : i + size] for i in range(0, len(given), size)]
    rows = torch.cat(
        [layer(torch.stack([s['features']['rgb'] for s in batch])) for batch in batches]
    )
    metrics = run_metric(
        [{**s, 'features': {'rgb': row}} for s, row in zip(given, rows, strict=True)]
    )
    assert metrics['retrieval/rgb_mean_cosine'] > 1 - 1e-9
    assert [r.levelname for r in log.records if 'rgb: the features have' in r.getMessage()] == [
        'WARNING'
    ]


def test_table_shows_views_by_k():
    metrics = {
        'retrieval/rgb_R@5': 0.75,
        'retrieval/rgb_R@1': 0.6084,
        'retrieval/motion_R@1': 0.5,
        'retrieval/both_R@1': 1.0,
        'retrieval/fused_R@1': 0.25,
        'acc/top1': 0.3,
    }
    assert [line.split() for line in format_table(metrics).splitlines()] == [
        ['R@1', 'R@5'],
        ['RGB', '60.8', '75.0'],
        ['motion', '50.0', '-'],
        ['both', '100.0', '-'],
        ['all', 'streams', '25.0', '-'],
    ]
    assert len({len(line) for line in format_table(metrics).splitlines()}) == 1
    with pytest.raises(ValueError, match='acc/top1'):
        format_table({'acc/top1': 0.3})


def test_table_shows_the_error_of_each_recall():
    metrics = {
        'retrieval/vcop/rgb_R@1': 0.5,
        'retrieval/vcop/rgb_R@5': 1.0,
        'retrieval/vcop/chance_R@1': 0.1,
        'retrieval/vcop/num_query': 200.0,
    }

    def cells():
        _, first, chance = format_table(metrics).splitlines()
        assert chance.split() == ['chance', '10.0', '-']
        return first.split()

    def errors(count):
        bounds = [binomtest(k, count).proportion_ci(method='wilson') for k in (count // 2, count)]
        return [f'{100 * (0.5 - bounds[0].low):.1f}', f'{100 * (1 - bounds[1].low):.1f}']

    half, full = errors(200)
    assert cells() == ['RGB', '50.0', '±', half, '100.0', '±', full]
    assert len({len(line) for line in format_table(metrics).splitlines()}) == 1
    # Ten clips of a video are not ten independent queries.
    metrics['retrieval/vcop/num_query_videos'] = 20.0
    half, full = errors(20)
    assert cells() == ['RGB', '50.0', '±', half, '100.0', '±', full]
