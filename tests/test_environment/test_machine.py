"""What a machine has, and what a container leaves of it."""

import os

import pytest

from ssvrl_mm.environment import describe_machine, machine


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    'files, cores',
    [
        ({'cpu.max': '150000 100000\n'}, 1.5),
        ({'cpu.max': 'max 100000\n'}, None),
        ({'cpu/cpu.cfs_quota_us': '200000\n', 'cpu/cpu.cfs_period_us': '100000\n'}, 2),
        ({'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n'}, None),
        ({'cpu.max': '1 0'}, None),
        ({}, None),
    ],
)
def test_cores_of_a_container(files, cores, tmp_path):
    write(tmp_path, files)
    assert machine.cpu_quota(tmp_path) == cores


@pytest.mark.parametrize(
    'files, limit',
    [
        ({'memory.max': '1024\n'}, 1024),
        ({'memory.max': 'max\n'}, None),
        ({'memory/memory.limit_in_bytes': '2048'}, 2048),
        ({'memory/memory.limit_in_bytes': '9223372036854771712'}, None),
        ({}, None),
    ],
)
def test_memory_of_a_container(files, limit, tmp_path):
    write(tmp_path, files)
    assert machine.memory_limit(tmp_path) == limit


def test_a_line_for_each_thing(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, 'cpu_quota', lambda: 1.5)
    monkeypatch.setattr(machine, 'memory_limit', lambda: 2**30)
    monkeypatch.setattr(os, 'cpu_count', lambda: 8)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda process: {1, 5}, raising=False)
    found = describe_machine()
    assert found['cores'] == '8, 2 by affinity, 1.5 by cgroup'
    whole = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30
    assert found['memory'].startswith(f'{whole:.1f} GiB, ')
    assert found['memory'].endswith('1.0 GiB by cgroup')
    # As it is where there is no /proc.
    monkeypatch.setattr(machine, 'Path', lambda name: tmp_path / 'nowhere')
    found = describe_machine()
    assert found['memory'] == 'not known, 1.0 GiB by cgroup' and found['processor']


def test_gpus_that_torch_may_not_use(monkeypatch, tmp_path):
    program = tmp_path / 'nvidia-smi'
    program.write_text('#!/bin/sh\necho "570.1, NVIDIA A"\necho "570.1, NVIDIA B"\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    assert describe_machine()['NVIDIA driver'] == '570.1, NVIDIA A; 570.1, NVIDIA B'
    program.write_text('#!/bin/sh\necho failed\nexit 9\n')
    assert 'NVIDIA driver' not in describe_machine()
