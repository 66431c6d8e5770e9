"""A fresh Python process: what an import does shows only where nothing was imported before."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest


def run_fresh(code: str, cwd: Path | str, path: Sequence[Path | str] = ()) -> str:
    """Runs code in a new interpreter and returns what it printed.

    Args:
        code: Python source; common indentation is removed.
        cwd: working directory; not the checkout, whose folders would be importable.
        path: folders that come first on ``sys.path``.

    Raises:
        AssertionError: the process failed; the message holds its standard error.
    """
    return _run(['-c', textwrap.dedent(code)], cwd, path, subprocess.PIPE)


def run_fresh_with_errors(code: str, cwd: Path | str, path: Sequence[Path | str] = ()) -> str:
    """As :func:`run_fresh`; what came on standard error stands among the output."""
    return _run(['-c', textwrap.dedent(code)], cwd, path, subprocess.STDOUT)


# An interpreter that starts as the tool does: with its own folder first on the path.
_TOOL = """
import runpy, sys
tool, runs = {tool!r}, {runs!r}
sys.path[0] = tool.rpartition('/')[0]
for arguments in runs:
    sys.argv = [tool, *arguments]
    runpy.run_path(tool, run_name='__main__')
"""


def run_mmactions_tool(
    name: str, runs: Sequence[Sequence[str]], cwd: Path | str, path: Sequence[Path | str]
) -> str:
    """Runs a tool that mmaction2 brings, on the CPU, as a project of its own would.

    Args:
        name: Of the tool (``train.py``).
        runs: The arguments of each run; one process does all of them in turn, as imports are what
            takes longest.
        cwd: working directory.
        path: folders that come first on ``sys.path``.

    Returns:
        What was printed.
    """
    import mmaction

    tool = Path(mmaction.__file__).parent / '.mim' / 'tools' / name
    if not tool.is_file():
        pytest.skip(f'this mmaction2 brings no tools: {tool}')
    code = _TOOL.format(tool=tool.as_posix(), runs=[list(map(str, run)) for run in runs])
    return _run(['-c', code], cwd, path, subprocess.PIPE, CUDA_VISIBLE_DEVICES='')


def _run(
    args: Sequence[str], cwd: Path | str, path: Sequence[Path | str], stderr: int, **env: str
) -> str:
    places = [*map(str, path), os.environ.get('PYTHONPATH', '')]
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, places)), **env}
    done = subprocess.run(
        [sys.executable, *args],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout
