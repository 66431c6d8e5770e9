"""Runs functions and tools in processes that have torch and OpenMMLab at once."""

import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

# Processes fork from one that has imported this already, which takes longer than most tests.
multiprocessing.set_forkserver_preload(['tests.preloaded'])


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


def _run(words, folder, environment, outputs):
    for number, output in enumerate(outputs, 1):
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    multiprocessing.set_start_method(None, force=True)  # how the tool starts its own processes
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    places = [place for place in environment.get('PYTHONPATH', '').split(os.pathsep) if place]
    sys.path[:0] = [os.path.dirname(words[0]), *places]
    sys.argv = words
    runpy.run_path(words[0], run_name='__main__')


def run_tool(words, folder, environment, outputs, timeout=280):
    """Runs a tool as a user's process does, less the seconds in which it imports.

    Args:
        words: The script and its arguments.
        folder: Where to.
        environment: All of it.
        outputs: A folder for what the process says.
        timeout: Seconds until it is killed.

    Returns:
        What ``subprocess.run`` gives, with text.
    """
    words = [str(word) for word in words]
    files = [Path(outputs, name) for name in ('stdout', 'stderr')]
    args = (words, str(folder), dict(environment), [str(file) for file in files])
    process = multiprocessing.get_context('forkserver').Process(target=_run, args=args)
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        raise subprocess.TimeoutExpired(words, timeout, *(file.read_bytes() for file in files))
    said = (file.read_text(errors='replace') for file in files)
    return subprocess.CompletedProcess(words, process.exitcode, *said)


def free_port():
    """A port that nobody listens to."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def run_tool_twice(words, folder, environment, outputs):
    """Runs a tool in two processes that meet as those of torchrun do; what each of them gives."""
    meeting = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port(), WORLD_SIZE='2')

    def run(rank):
        place = dict(environment, **meeting, RANK=str(rank), LOCAL_RANK=str(rank))
        (Path(outputs) / f'rank_{rank}').mkdir()
        return run_tool(words, folder, place, Path(outputs) / f'rank_{rank}')

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, range(2)))
