import json
import logging
import os
import signal
import socket
import subprocess
import sys

import pytest
from mmengine.logging import MMLogger

from ssvrl_mm.apis import FeatureFileError, FolderInUseError
from ssvrl_mm.apis.run_lock import RunLock
from tests.processes import run_processes

HOLDER = """
import sys, time, pathlib
from ssvrl_mm.apis.run_lock import RunLock
lock = RunLock(pathlib.Path(sys.argv[1]))
print('held', flush=True)
time.sleep(300)
"""


@pytest.fixture
def holder(tmp_path, repository):
    """Another process, which holds the lock of the folder."""
    command = [sys.executable, '-c', HOLDER, str(tmp_path)]
    environment = {**os.environ, 'PYTHONPATH': str(repository)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert 'held' in process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_told_of_the_first_and_takes_over_when_it_has_died(
    holder, tmp_path, caplog
):
    with pytest.raises(FolderInUseError) as error:
        RunLock(tmp_path)
    assert f'process {holder.pid} on {socket.gethostname()}, started at 20' in str(error.value)
    assert f'writes to {tmp_path}. Wait for it, end it' in str(error.value)
    # Who catches errors of feature files is told too.
    assert isinstance(error.value, FeatureFileError)

    MMLogger.get_instance('test_run_lock').addHandler(caplog.handler)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with caplog.at_level(logging.INFO), RunLock(tmp_path):
        assert json.loads((tmp_path / 'lock.json').read_text())['pid'] == os.getpid()
    [said] = [r.getMessage() for r in caplog.records if r.name == 'mmengine']
    assert f'process {holder.pid} on' in said and 'has ended' in said
    assert list(tmp_path.iterdir()) == []


def test_lock_of_a_process_number_that_another_process_has_now_is_stale(tmp_path):
    with RunLock(tmp_path):
        own = json.loads((tmp_path / 'lock.json').read_text())
    (tmp_path / 'lock.json').write_text(json.dumps({**own, 'birth': '1'}))
    with RunLock(tmp_path):
        assert json.loads((tmp_path / 'lock.json').read_text())['birth'] == own['birth']


def test_what_runs_on_another_host_is_not_judged(tmp_path):
    lock = dict(host='elsewhere', pid=1, birth='1', started='2024-01-01 00:00:00')
    (tmp_path / 'lock.json').write_text(json.dumps(lock))
    with pytest.raises(FolderInUseError, match=r'process 1 on elsewhere.*delete .*lock\.json'):
        RunLock(tmp_path)
    (tmp_path / 'lock.json').write_text('{"pid":')
    with pytest.raises(FolderInUseError, match=r'lock\.json is no lock of this program'):
        RunLock(tmp_path)


def test_a_lock_that_came_after_the_folder_was_removed_is_left_alone(tmp_path):
    lock = RunLock(tmp_path)
    lock.file.unlink()
    lock.release()
    lock = RunLock(tmp_path)
    lock.file.write_text('of somebody else')
    lock.release()
    assert lock.file.read_text() == 'of somebody else'


def share(rank, folder):
    """What one of two processes of a launch gets: the lock together, and a refusal together."""
    from pathlib import Path

    with RunLock(Path(folder)) as lock:
        content = lock.file.read_text()
        try:
            RunLock(Path(folder))
        except FolderInUseError as error:
            return json.loads(content)['pid'], os.getpid(), str(error)


def test_processes_of_one_launch_share_the_lock(tmp_path):
    (tmp_path / 'parts').mkdir()
    first, second = run_processes(share, tmp_path, str(tmp_path / 'parts'))
    assert first[0] == second[0] == first[1] != second[1]
    assert first[2] == second[2] and f'process {first[1]} on' in second[2]
