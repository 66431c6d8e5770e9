"""What a process leaves behind is removed by the next, what another uses is not."""

import os
import subprocess
import sys

import pytest

from ssvrl_mm.viewer import own_folder
from ssvrl_mm.viewer.own_folder import OwnFolder

_CODE = """
import os, signal, sys
from ssvrl_mm.viewer.own_folder import OwnFolder
folder = OwnFolder('test')
(folder.path / 'x').write_text('x')
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(own_folder.fcntl is None, reason='folders cannot be locked here')
def test_folders_of_dead_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    run = subprocess.Popen(
        [sys.executable, '-c', _CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {'TMPDIR': str(tmp_path)},
    )
    left = run.stdout.readline().strip()
    other = tmp_path / 'ssvrl_mm_viewer_test_link'
    (tmp_path / 'precious').mkdir()
    other.symlink_to(tmp_path / 'precious')
    mine = OwnFolder('test')
    assert os.listdir(left) == ['x']
    run.kill()
    run.communicate()
    assert os.path.exists(left)
    OwnFolder('test').remove()
    assert not os.path.exists(left) and mine.path.is_dir() and other.is_dir()
    mine.remove()
    mine.remove()
    assert sorted(each.name for each in tmp_path.iterdir()) == ['precious', other.name]
