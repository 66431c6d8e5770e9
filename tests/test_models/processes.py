"""Runs a function in several gloo processes."""

import multiprocessing
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

# Processes fork from one that has imported this already, which takes longer than most tests.
multiprocessing.set_forkserver_preload(
    ['ssvrl_mm.models.recognizers', 'ssvrl_mm.engine', 'ssvrl_mm.datasets']
)


def _work(rank, world_size, folder, function, args):
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=rank, world_size=world_size
    )
    try:
        torch.save(function(rank, *args), os.path.join(folder, f'{rank}.pt'))
    finally:
        dist.destroy_process_group()


def run_processes(function, folder, *args, world_size=2):
    """What ``function(rank, *args)`` returns on every process; it must be importable."""
    mp.start_processes(
        _work,
        args=(world_size, str(folder), function, args),
        nprocs=world_size,
        start_method='forkserver',
    )
    return [torch.load(os.path.join(folder, f'{rank}.pt')) for rank in range(world_size)]
