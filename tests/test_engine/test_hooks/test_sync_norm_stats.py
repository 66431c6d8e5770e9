from types import SimpleNamespace

import torch
import torch.multiprocessing as mp
from torch import nn

from ssvrl_mm.engine import SyncNormStatsHook


class Model(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.norm = nn.BatchNorm3d(2)
        self.stateless = nn.BatchNorm1d(2, track_running_stats=False)
        self.norm.running_mean.fill_(value)
        self.norm.running_var.fill_(10 * value)
        self.register_buffer('queue', torch.full((2,), float(value)))


def _average(rank, store, folder):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{store}', rank=rank, world_size=2
    )
    model = Model(value=1.0 + 2 * rank)
    SyncNormStatsHook().after_train_epoch(SimpleNamespace(model=model))
    torch.save(model.state_dict(), f'{folder}/{rank}.pth')
    torch.distributed.destroy_process_group()


def test_statistics_are_averaged_and_nothing_else(tmp_path):
    # Forked processes need not import everything again.
    arguments = (tmp_path / 'store', tmp_path)
    mp.start_processes(_average, arguments, nprocs=2, start_method='fork')
    states = [torch.load(tmp_path / f'{rank}.pth') for rank in range(2)]
    for rank, state in enumerate(states):
        assert state['norm.running_mean'].tolist() == [2, 2]
        assert state['norm.running_var'].tolist() == [20, 20]
        assert state['queue'].tolist() == [1 + 2 * rank] * 2


def test_single_process_is_left_alone():
    model = Model(value=3.0)
    SyncNormStatsHook().after_train_epoch(SimpleNamespace(model=model))
    assert model.norm.running_mean.tolist() == [3, 3]
