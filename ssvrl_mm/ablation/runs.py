"""Runs one config with one seed, in a process of its own: its memory is free afterwards."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ssvrl_mm.ablation.plan import Run
from ssvrl_mm.ablation.results import RunResult, read_result
from ssvrl_mm.ablation.resuming import checkpoint_left
from ssvrl_mm.apis.run_lock import FolderInUseError, RunLock
from ssvrl_mm.engine.work_dir import WorkDirError, claim

CONFIG = 'config.py'
_ERRORS = 'errors.txt'
# What is imported here is imported there, whatever the working directory.
_CHECKOUT = Path(__file__).resolve().parents[2]


class RunFailedError(RuntimeError):
    """A run came to no result; the message says why."""


def execute(run: Run) -> RunResult:
    """Tests a random network, trains it and tests it again.

    Args:
        run: What to run. Where it was stopped before, it goes on from the checkpoint that it left
            in its folder; the random network is tested again, which gives what it gave.

    Returns:
        The result, which is in the folder, too; if there is one already, this.

    Raises:
        RunFailedError: The run failed or was killed, another one uses its folder, or the folder
            holds the checkpoints of something else.
    """
    try:
        claim(run.folder, 'ablation')
        # Refused where another run, or one whose command was killed, still works here.
        with RunLock(run.folder):
            result = read_result(run)
            if result is not None:
                return result
            checkpoint_left(run.folder)
            run.cfg.dump(run.folder / CONFIG)
    except (WorkDirError, FolderInUseError) as error:
        raise RunFailedError(str(error)) from error
    # The child takes the lock in its turn, and holds it even if this process is killed.
    return _in_a_child(run)


def _in_a_child(run: Run) -> RunResult:
    errors = run.folder / _ERRORS
    paths = filter(None, [str(_CHECKOUT), os.environ.get('PYTHONPATH')])
    with open(errors, 'w') as file:
        done = subprocess.run(
            # -P: not what lies in the working directory.
            [sys.executable, '-P', '-m', 'ssvrl_mm.ablation', str(run.folder), run.sha256],
            stderr=file,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
        )
    if done.returncode < 0:
        raise RunFailedError(f'killed by {signal.Signals(-done.returncode).name}')
    result = read_result(run)
    if done.returncode or result is None:
        lines = [line.strip() for line in errors.read_text().splitlines() if line.strip()]
        raise RunFailedError(f'{lines[-1] if lines else "no result"} ({errors})')
    return result


@contextmanager
def ended_with_its_runs() -> Iterator[None]:
    """Lets SIGTERM end the process by SystemExit, so that :func:`execute` ends its child first.

    Ctrl-C does so, too, with a line on how to go on. For the main thread; the handler from before
    is there again afterwards.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    except KeyboardInterrupt:
        print('\ninterrupted; run it again to go on', file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, before)
