"""Many items in many processes: results, failures, crashes, and being stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ssvrl_mm.video.tools.parallel import WorkerDied, map_in_processes


def treat(item):
    """Works on an item as its name says."""
    if item == 'crash':
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == 'fail':
        raise KeyError('what')
    return item, os.getpid()


def linger(folder):
    """Leaves a sign that it has begun, and takes it away when it ends."""
    sign = Path(folder, f'{os.getpid()}.sign')
    sign.touch()
    try:
        time.sleep(60)
    finally:
        sign.unlink()


def test_a_crash_costs_one_item():
    items = ['a', 'crash', 'b', 'fail', 'c', 'd']
    outcomes = dict(map_in_processes(treat, items, workers=2))
    assert sorted(outcomes) == list(range(6))
    assert isinstance(outcomes[1], WorkerDied) and 'SIGSEGV' in str(outcomes[1])
    assert isinstance(outcomes[3], RuntimeError) and "KeyError: 'what'" in str(outcomes[3])
    done = {number: outcomes[number] for number in (0, 2, 4, 5)}
    assert [name for name, _ in done.values()] == ['a', 'b', 'c', 'd']
    assert os.getpid() not in {pid for _, pid in done.values()}


def test_in_this_process():
    outcomes = dict(map_in_processes(treat, ['a', 'fail', 'b'], workers=0))
    assert outcomes[0] == ('a', os.getpid()) and outcomes[2] == ('b', os.getpid())
    assert isinstance(outcomes[1], RuntimeError)
    assert list(map_in_processes(treat, [], workers=3)) == []


def test_stopping_cleans_up(tmp_path):
    """An exception in the loop over the results ends the work, whose finally blocks run."""
    outcomes = map_in_processes(_work_or_linger, ['', str(tmp_path)], workers=2)
    assert next(outcomes) == (0, 'quick')
    deadline = time.monotonic() + 20
    while not list(tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    begun = time.monotonic()
    outcomes.close()
    assert time.monotonic() - begun < 10
    assert not list(tmp_path.iterdir())


def _work_or_linger(folder):
    return linger(folder) if folder else 'quick'


def test_processes_that_cannot_start(tmp_path, repository):
    """A script that starts its work whenever it is imported, as a new process does."""
    script = tmp_path / 'script.py'
    script.write_text(
        'from ssvrl_mm.video.tools.parallel import map_in_processes\n'
        'print(list(map_in_processes(len, ["abc"], workers=1)))\n'
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, 'PYTHONPATH': str(repository)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and done.stdout == ''
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('RuntimeError: a process for the work does not start')
    assert "if __name__ == '__main__'" in last
