import os
import re
import subprocess
import sys
import time

import pytest
from mmengine.config import Config

from ssvrl_mm.engine import loader_workers
from ssvrl_mm.engine.loader_workers import (
    TIMEOUT,
    WorkerStoppedError,
    named_workers,
    settle_workers,
)


def test_workers_have_a_timeout_and_no_workers_have_none():
    many = dict(num_workers=8, persistent_workers=True, prefetch_factor=2)
    own = dict(num_workers=1, timeout=5)
    probe = dict(type='KNNProbeHook', dataloader=dict(many, num_workers=0))
    cfg = Config(
        dict(
            train_dataloader=dict(many, num_workers=0),
            val_dataloader=many,
            test_dataloader=own,
            custom_hooks=[probe, dict(type='InitBeforeTestHook')],
        )
    )
    settle_workers(cfg)
    assert cfg.train_dataloader == cfg.custom_hooks[0].dataloader == dict(num_workers=0)
    assert cfg.val_dataloader == dict(many, timeout=TIMEOUT)
    assert cfg.test_dataloader == own
    settle_workers(Config({}))


SCRIPT = """
import os, signal, sys, time
from torch.utils.data import DataLoader
from ssvrl_mm.engine.loader_workers import named_workers


class Videos:
    def __len__(self):
        return 64

    def __getitem__(self, index):
        if index == 32:
            os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        return index


if __name__ == '__main__':
    loader = DataLoader(Videos(), batch_size=4, num_workers=2, timeout=2, persistent_workers=True)
    with named_workers():
        for batch in loader:
            print(batch[0].item(), flush=True)
"""


@pytest.mark.parametrize(
    'sent, message',
    [
        ('SIGSTOP', r'worker process (\d+) of the loader stopped: no batch for 2 s, since \d\d:'),
        ('SIGKILL', r'worker process (\d+) of the loader ended: (exit code -9|killed)'),
    ],
)
def test_a_stopped_worker_ends_the_run_with_its_name(tmp_path, repository, sent, message):
    script = tmp_path / 'stall.py'
    script.write_text(SCRIPT)
    started = time.monotonic()
    process = subprocess.run(
        [sys.executable, script, sent],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': str(repository)},
        timeout=120,
    )
    assert process.returncode == 1
    assert process.stdout.split()[:2] == ['0', '4']
    assert 'WorkerStoppedError' in process.stderr

    found = re.search(message, process.stderr)
    assert found, process.stderr[-1500:]
    # A stopped worker is gone too: leaving did not wait for it.
    assert not os.path.exists(f'/proc/{found[1]}')
    assert time.monotonic() - started < 90


def test_a_signal_on_the_way_of_another_error_names_the_worker_too(monkeypatch):
    """Of a killed worker come the end of its pipe and a signal, and the signal when it likes."""

    def interrupted(frames):
        raise RuntimeError('DataLoader worker (pid 5182) is killed by signal: Killed. ')

    monkeypatch.setattr(loader_workers, '_waiting_iterator', interrupted)
    with (
        pytest.raises(
            WorkerStoppedError, match='worker process 5182 of the loader ended: killed by signal'
        ),
        named_workers(),
    ):
        raise EOFError
    monkeypatch.undo()
    with pytest.raises(RuntimeError, match='^another error$'), named_workers():
        raise RuntimeError('another error')
