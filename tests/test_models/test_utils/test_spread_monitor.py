import copy
import logging

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger

from ssvrl_mm.models.heads import MoCoHead
from ssvrl_mm.models.utils import SpreadMonitor

from ..tiny import CRITERION, projector, samples


@pytest.fixture
def warnings(caplog):
    """The warnings that the current logger of mmengine, the newest, was given."""
    MMLogger.get_instance('test_spread_monitor').addHandler(caplog.handler)
    yield lambda: [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    del MMLogger._instance_dict['test_spread_monitor']


def spread(rows):
    """Effective rank and mean cosine by the singular values and by all pairs."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values = np.linalg.svd(unit, compute_uv=False)
    shares = values / values.sum()
    cosines = (unit @ unit.T)[~np.eye(len(unit), dtype=bool)]
    return [np.exp(-(shares * np.log(shares)).sum()), cosines.mean()]


def test_looks_at_the_first_step_and_then_every_so_many():
    looked = []

    def embeddings(step):
        looked.append(step)
        return {'rgb': torch.randn(12, 5, generator=torch.Generator().manual_seed(step))}

    monitor = SpreadMonitor(interval=3)
    for step in range(8):
        found = monitor(lambda step=step: embeddings(step))
        rows = torch.randn(12, 5, generator=torch.Generator().manual_seed(step // 3 * 3))
        values = [found['effective_rank_rgb'].item(), found['mean_cosine_rgb'].item()]
        assert values == pytest.approx(spread(rows.double().numpy()))
        # What is logged in each step waits for no device.
        assert all(value.device.type == 'cpu' for value in found.values())
    assert looked == [0, 3, 6]
    with pytest.raises(ValueError, match='interval must be at least 1 step, got 0'):
        SpreadMonitor(0)


def test_collapse_is_warned_of_once_until_the_embeddings_have_spread_again(warnings):
    constant = {'rgb': torch.ones(8, 4), 'motion': torch.eye(8)}
    monitor = SpreadMonitor(interval=1)
    for _ in range(3):
        assert monitor(lambda: constant)['effective_rank_rgb'] == pytest.approx(1, abs=1e-6)
    assert len(warnings()) == 1
    assert warnings()[0].startswith('embeddings of rgb: the features have collapsed')
    monitor(lambda: {'rgb': torch.eye(8)})
    monitor(lambda: constant)
    assert len(warnings()) == 2


def test_few_embeddings_and_broken_ones_prove_nothing(warnings):
    monitor = SpreadMonitor(interval=1)
    assert monitor(lambda: {'rgb': torch.ones(1, 4)}) == {}
    assert monitor(lambda: {'rgb': torch.full((9, 4), torch.nan)}) == {}
    assert set(monitor(lambda: {'rgb': torch.ones(7, 4)})) == {
        'effective_rank_rgb',
        'mean_cosine_rgb',
    }
    assert not warnings()


def test_a_contrastive_head_logs_the_spread_of_its_queue(warnings):
    torch.manual_seed(0)
    head = MoCoHead(projector(), CRITERION, queue_length=20).double()
    head.spread.interval = 1
    for step, filled in enumerate((6, 12, 18, 20)):
        query, key = torch.randn(2, 6, 6, 2, 2, 2).double()
        losses = head.loss(query, samples(range(6 * step, 6 * step + 6)), key_feats=key)
        keys = head.queue['rgb'][:filled].double().numpy()
        values = [losses[f'{name}_rgb'].item() for name in ('effective_rank', 'mean_cosine')]
        assert values == pytest.approx(spread(keys), abs=1e-6)
        assert not losses['mean_cosine_rgb'].requires_grad
    assert not warnings()
    # All features alike: so are the keys, once they have filled the queue.
    for step in range(4):
        feats = torch.ones(6, 6, 2, 2, 2).double()
        losses = head.loss(feats, samples(range(100 + 6 * step, 106 + 6 * step)), key_feats=feats)
    assert losses['effective_rank_rgb'] < 1.001 and losses['mean_cosine_rgb'] > 1 - 1e-9
    assert len(warnings()) == 1
    # What a checkpoint holds is as before.
    assert not [name for name in head.state_dict() if 'spread' in name]
    copy.deepcopy(head)
