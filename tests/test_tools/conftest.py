"""A tiny dataset, a tiny model and a way to run the tools as a user does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import encode, translating
from tests.processes import run_tool, run_tool_twice

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope='session')
def data_root(tmp_path_factory):
    """A folder for SSVRL_DATA with `ucf101`: 8 training and 4 test clips of 2 classes.

    Two training clips each are of one recording.
    """
    root = tmp_path_factory.mktemp('data')
    videos = root / 'ucf101' / 'videos'
    videos.mkdir(parents=True)
    lists = {'train': [], 'test': []}
    for number in range(12):
        label = number % 2
        frames = translating(12, dx=2 - 4 * label, dy=1, height=48, width=64, seed=number)
        encode(videos / f'{number}.mp4', frames)
        lists['train' if number < 8 else 'test'].append(f'{number}.mp4 {label}\n')
    for split, lines in lists.items():
        (root / 'ucf101' / f'{split}_list.txt').write_text(''.join(lines))
    groups = [f'{number}.mp4 take{number // 2}\n' for number in range(8)]
    (root / 'ucf101' / 'groups.txt').write_text(''.join(groups))
    return root


@pytest.fixture(scope='session')
def tiny_config():
    """MVCGC's UCF101 config shrunk to seconds: 2 epochs, the second one in stage 2."""
    return HERE / 'tiny_mvcgc.py'


@pytest.fixture
def tools_environment(data_root):
    """The environment of the tools: our data, no CUDA."""
    return {
        **os.environ,
        'SSVRL_DATA': str(data_root),
        'PYTHONPATH': os.pathsep.join([str(HERE), str(REPOSITORY)]),
        'PYTHON': sys.executable,
        'CUDA_VISIBLE_DEVICES': '',
        'OMP_NUM_THREADS': '1',
    }


@pytest.fixture
def call(tools_environment, tmp_path, tmp_path_factory):
    """Runs a command in an empty folder, without CUDA; gives the finished process.

    A script of ours for this Python forks from a process that has imported what it needs, unless
    ``fresh`` is set.
    """

    def run(*command, check=True, fresh=False, **environment):
        environment = {**tools_environment, **environment}
        words = [str(word) for word in command]
        if words[0] == sys.executable and words[1].endswith('.py') and not fresh:
            said = tmp_path_factory.mktemp('said')
            process = run_tool(words[1:], tmp_path, environment, said)
        else:
            process = subprocess.run(
                words, cwd=tmp_path, env=environment, capture_output=True, text=True
            )
        if check and process.returncode:
            raise AssertionError(process.stdout[-2000:] + process.stderr[-4000:])
        return process

    return run


@pytest.fixture
def call_twice(tools_environment, tmp_path, tmp_path_factory):
    """Runs a script in two processes that train or test together; gives both when finished."""

    def run(*words):
        said = tmp_path_factory.mktemp('said')
        return run_tool_twice(words, tmp_path, tools_environment, said)

    return run


@pytest.fixture
def tool():
    """The path of a tool."""
    return lambda name: REPOSITORY / 'tools' / name
