"""A fresh Python process: what an import does shows only where nothing was imported before."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path


def run_fresh(code: str, cwd: Path | str, path: Sequence[Path | str] = ()) -> str:
    """Runs code in a new interpreter and returns what it printed.

    Args:
        code: Python source; common indentation is removed.
        cwd: working directory; not the checkout, whose folders would be importable.
        path: folders that come first on ``sys.path``.

    Raises:
        AssertionError: the process failed; the message holds its standard error.
    """
    return _run(code, cwd, path, subprocess.PIPE)


def run_fresh_with_errors(code: str, cwd: Path | str, path: Sequence[Path | str] = ()) -> str:
    """As :func:`run_fresh`; what came on standard error stands among the output."""
    return _run(code, cwd, path, subprocess.STDOUT)


def _run(code: str, cwd: Path | str, path: Sequence[Path | str], stderr: int) -> str:
    places = [*map(str, path), os.environ.get('PYTHONPATH', '')]
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, places))}
    done = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(code)],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout
