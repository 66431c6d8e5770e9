"""What killed writers leave is removed; what others write, or own, is not."""

import os
import socket
import time

import pytest

from ssvrl_mm.datasets.whole_folder import partial_folder, remove_stale

HOST = socket.gethostname()
NO_PROCESS = 2**22 + 1  # Linux has none beyond


@pytest.mark.parametrize(
    'name, hours, goes',
    [
        (f'set.{HOST}.{NO_PROCESS}.partial', 0, True),
        (f'set.{HOST}.{os.getppid()}.partial', 23, False),
        # Its number was given to another process since.
        (f'set.{HOST}.{os.getppid()}.partial', 25, True),
        (f'set.{HOST}.1{"0" * 30}.partial', 0, False),
        # As an earlier release named them, and another machine.
        (f'set.{NO_PROCESS}.partial', 23, False),
        (f'set.{NO_PROCESS}.partial', 25, True),
        (f'set.other.host.{NO_PROCESS}.partial', 0, False),
        (f'set.other.host.{NO_PROCESS}.partial', 25, True),
        ('set.mine.partial', 25, False),
        (f'other.{NO_PROCESS}.partial', 25, False),
        (f'set.{NO_PROCESS}', 25, False),
    ],
)
def test_leftovers(tmp_path, name, hours, goes):
    left = tmp_path / name
    (left / 'videos/up').mkdir(parents=True)
    clip = left / 'videos/up/0.mp4'
    clip.write_bytes(b'')
    then = time.time() - 3600 * hours
    # What was written last counts: here the clip.
    for path in (clip, left / 'videos/up', left / 'videos', left):
        os.utime(path, 2 * (then if path == clip else min(then, time.time() - 3600 * 24.5),))
    remove_stale(tmp_path / 'set', ['videos', 'list.txt'])
    assert left.exists() != goes


@pytest.mark.parametrize('own', ['notes.txt', 'videos.old'])
def test_what_holds_something_else_is_somebody_elses(tmp_path, own):
    left = tmp_path / f'set.{HOST}.{NO_PROCESS}.partial'
    (left / 'videos').mkdir(parents=True)
    (left / own).write_text('')
    remove_stale(tmp_path / 'set', ['videos'])
    assert (left / own).exists()
    (left / own).unlink()
    remove_stale(tmp_path / 'set', ['videos'])
    assert not left.exists()


def test_a_file_of_such_a_name_and_a_link_stay(tmp_path):
    (tmp_path / f'set.{NO_PROCESS}.partial').write_text('')
    (tmp_path / 'others').mkdir()
    (tmp_path / f'set.{HOST}.{NO_PROCESS}.partial').symlink_to(tmp_path / 'others')
    remove_stale(tmp_path / 'set', ['videos'])
    assert len(list(tmp_path.iterdir())) == 3


def test_the_folder_of_this_process_stays(tmp_path):
    partial_folder(tmp_path / 'set').mkdir()
    remove_stale(tmp_path / 'set', [])
    assert partial_folder(tmp_path / 'set').exists()
