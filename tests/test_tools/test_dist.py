import os
import stat
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from ssvrl_mm.datasets.recordings import recording_id
from tests.processes import free_port


def test_processes_on_the_cpu_train_one_model(call, tool, tiny_config, tmp_path):
    call(
        tool('dist_train.sh'), tiny_config, 2, '--work-dir', tmp_path, PORT=free_port(),
        SAVE_RANK_STATE='1',
    )  # fmt: skip
    ours, theirs = (torch.load(tmp_path / f'rank_{rank}.pth') for rank in range(2))
    assert ours.keys() == theirs.keys()
    # The queue holds the keys of both processes: unit vectors of four different videos, two of each
    # recording at most.
    keys = ours['head.queue.keys_motion']
    assert keys.norm(dim=1).tolist() == pytest.approx([1] * 4)
    assert len(keys.unique(dim=0)) == 4
    held = Counter(ours['head.queue.video_ids'].tolist())
    assert held.keys() <= {recording_id(f'take{i}', 'ucf101/videos') for i in range(4)}
    assert max(held.values()) <= 2
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name

    call(
        tool('dist_test.sh'), tiny_config, tmp_path / 'epoch_2.pth', 2, '--work-dir',
        tmp_path / 'test', PORT=free_port(),
    )  # fmt: skip
    [log] = (tmp_path / 'test').glob('*/*.log')
    assert '4 queries, 8 gallery entries' in log.read_text()

    # Another number of processes goes on from the same epoch, and says that epochs are longer.
    one = ('--work-dir', tmp_path / 'one', '--no-validate', '--resume', tmp_path / 'epoch_1.pth')
    done = call(sys.executable, tool('train.py'), tiny_config, *one)
    told = 'epoch_1.pth is at epoch 1 and iteration 2, and here epochs have 4 iterations'
    assert told in done.stdout + done.stderr
    saved = torch.load(tmp_path / 'one' / 'epoch_2.pth', weights_only=False)
    assert (saved['meta']['epoch'], saved['meta']['iter']) == (2, 8)
    assert saved['state_dict']['head.queue.keys_rgb'].norm(dim=1).tolist() == pytest.approx([1] * 4)


def torchrun(*options):
    return (sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', *options)


def test_two_nodes_train_one_model(call, tool, tiny_config, tmp_path):
    work_dir, port = tmp_path / 'run', free_port()
    train = (tool('train.py'), tiny_config, '--launcher', 'pytorch', '--work-dir', work_dir)
    # One batch of all processes per epoch: what is to be seen is that the nodes meet.
    options = ('train_dataloader.batch_size=4', 'model.head.queue_length=8')
    command = (*train, '--no-validate', '--cfg-options', *options, 'train_cfg.max_epochs=1')
    with ThreadPoolExecutor(2) as pool:
        nodes = [
            pool.submit(
                call, *torchrun(1, '--nnodes=2', f'--node_rank={node}', f'--master_port={port}'),
                *command, SAVE_RANK_STATE='1',
            )
            for node in range(2)
        ]  # fmt: skip
        done = [node.result() for node in nodes]
    ours, theirs = (torch.load(work_dir / f'rank_{rank}.pth') for rank in range(2))
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name
    # Keys of both nodes fill the queue in one iteration, which no node could alone.
    assert len(ours['head.queue.keys_rgb'].unique(dim=0)) == 8
    assert 'Epoch(train) [1]' in done[0].stdout and 'Epoch(train)' not in done[1].stdout


def test_the_script_starts_a_node_of_several(call, tool, tmp_path):
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    nodes = dict(NNODES='3', NODE_RANK='2', MASTER_ADDR='node0', PORT='1234')
    process = call(tool('dist_train.sh'), 'c.py', 8, '--seed', 1, PYTHON=str(python), **nodes)
    check, start = (line.split() for line in process.stdout.splitlines())
    assert check == [str(tool('train.py')), 'c.py', '--check-only', '8', '--seed', '1']
    assert start == [
        '-m', 'torch.distributed.run', '--nnodes=3', '--node_rank=2', '--master_addr=node0',
        '--master_port=1234', '--nproc_per_node=8', str(tool('train.py')), 'c.py',
        '--launcher', 'pytorch', '--seed', '1',
    ]  # fmt: skip


def test_a_process_that_fails_ends_the_run_with_its_message(call, tool, tiny_config, tmp_path):
    start = time.monotonic()
    train = (tool('train.py'), tiny_config, '--launcher', 'pytorch', '--work-dir', tmp_path / 'run')
    processes = torchrun(2, f'--master_port={free_port()}')
    process = call(*processes, *train, check=False, FAIL_ON_RANK='1')
    assert process.returncode == 1 and time.monotonic() - start < 120
    assert 'RuntimeError: the disk of process 1 is full' in process.stderr
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_missing_data_give_one_message(call, tool, repository, tmp_path):
    config = repository / 'configs' / 'mvcgc' / 's3d_k400.py'
    process = call(tool('dist_train.sh'), config, 2, check=False, SSVRL_DATA='nowhere')
    assert process.returncode == 1
    missing = str(tmp_path / 'nowhere' / 'kinetics400' / 'train_list.txt')
    assert process.stderr.count(missing) == 1
    assert 'build_video_list.py' in process.stderr
    assert 'Traceback' not in process.stderr
    assert len(process.stderr.splitlines()) < 10


def test_a_list_shorter_than_the_global_batch_gives_one_message(
    call_twice, tool, tiny_config, tmp_path
):
    options = ('--work-dir', tmp_path / 'run', '--cfg-options', 'train_dataloader.batch_size=8')
    processes = call_twice(tool('train.py'), tiny_config, '--launcher', 'pytorch', *options)
    assert [process.returncode for process in processes] == [1, 1]
    output = ''.join(process.stdout + process.stderr for process in processes)
    assert output.count('8 videos are less than one batch') == 1
    assert 'train_dataloader.batch_size=8 on 2 processes makes 16' in output
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_usage_without_arguments(call, tool):
    for name in ('dist_train', 'dist_test', 'slurm_train', 'slurm_test'):
        process = call(tool(f'{name}.sh'), check=False)
        assert process.returncode == 2
        assert f'tools/{name}.sh ' in process.stderr
        assert os.stat(tool(f'{name}.sh')).st_mode & stat.S_IXUSR


def test_slurm_starts_the_tools_with_every_argument(call, tool, tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    srun.chmod(0o755)
    environment = dict(PATH=f'{tmp_path}:{os.environ["PATH"]}', GPUS='16', SRUN_ARGS='--qos=a -t 5')
    for name, positional in (('train', ['c.py']), ('test', ['c.py', 'x.pth'])):
        arguments = [*positional, '--cfg-options', 'a=b c']
        process = call(tool(f'slurm_{name}.sh'), 'part', 'job', *arguments, **environment)
        words = process.stdout.splitlines()
        assert words[0] == '--partition=part'
        assert {'--ntasks=16', '--ntasks-per-node=8', '--qos=a', '-t', '5'} <= set(words)
        script = words.index(str(tool(f'{name}.py')))
        assert words[script + 1 :] == [*positional, '--launcher', 'slurm', '--cfg-options', 'a=b c']
