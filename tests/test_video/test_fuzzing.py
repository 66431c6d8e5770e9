"""Damaged files end in frames or in a VideoError: no crash, no hang, nothing left open."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.test_video.fuzzing import make_clips

SIZE, SECONDS = 250, 60

pytestmark = pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='needs /proc')


@pytest.fixture(scope='module')
def small_clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('fuzzing') / 'clips'
    folder.mkdir()
    make_clips(folder)
    assert len(list(folder.iterdir())) >= 10
    return folder


@pytest.fixture(scope='module')
def real_clips(tmp_path_factory, clips_dir):
    folder = tmp_path_factory.mktemp('fuzzing') / 'real'
    folder.mkdir()
    for path in clips_dir.glob('*/*.*'):
        if path.suffix != '.mmaction2' and path.stat().st_size < 80_000:
            shutil.copyfile(path, folder / path.name)
    return folder


def try_cases(repository, folder, first, last):
    """Reads damaged files in another process; says what came of each."""
    command = [sys.executable, '-m', 'tests.test_video.fuzzing', folder, str(first), str(last)]
    try:
        ended = subprocess.run(
            command, cwd=repository, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        case = (error.stdout or b'').decode().rpartition('case ')[2].split()[:1]
        pytest.fail(f'case {case} hangs')
    case = ended.stdout.rpartition('case ')[2].split()[0]
    assert ended.returncode == 0, f'case {case} of {folder}:\n{ended.stderr}'
    came = [line.split()[1] for line in ended.stdout.splitlines() if line.startswith('came')]
    assert len(came) == last - first
    return came


@pytest.mark.parametrize('batch', range(8))
def test_damaged_files(repository, small_clips, batch):
    came = try_cases(repository, small_clips, batch * SIZE, (batch + 1) * SIZE)
    # The damage is such that about half of the files still have frames.
    assert 0.35 * SIZE < came.count('read') < 0.75 * SIZE
    assert 'VideoOpenError' in came and 'VideoDecodeError' in came


def test_damaged_real_files(repository, real_clips):
    came = try_cases(repository, real_clips, 0, 60)
    assert came.count('read') > 15
