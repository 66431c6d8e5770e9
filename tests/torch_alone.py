"""A Python that has torch and little else: a folder of links, and an interpreter for it alone.

OpenMMLab is not hidden there, it is absent: ``python -S`` leaves out the environment's packages,
and the folder links to those that torch (and whatever else is named) requires, and to nothing more.
"""

import os
import subprocess
import sys
import textwrap
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

import ssvrl_mm


def link_packages(folder: Path, *names: str) -> Path:
    """Fills a folder with links to distributions and to what they require, of any depth.

    Args:
        folder: Where to; it is made.
        names: Distributions.
    """
    folder.mkdir()
    pending, seen = list(names), set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        for part in {file.parts[0] for file in found.files or ()} - {'..', '__pycache__'}:
            if not (folder / part).exists():
                (folder / part).symlink_to(Path(found.locate_file(part)))
        for line in found.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({'extra': ''}):
                pending.append(requirement.name)
    return folder


def run_alone(code: str, packages: Path, cwd: Path, clone: Path | None = None) -> str:
    """Runs code with our package and those of a folder, and returns what it printed.

    Args:
        code: Python source; common indentation is removed.
        packages: What :func:`link_packages` filled.
        cwd: Working directory; not the checkout.
        clone: Where our package is; None: here.

    Raises:
        AssertionError: The process failed; the message holds its standard error.
    """
    places = [str(clone or Path(ssvrl_mm.__file__).parents[1]), str(packages)]
    done = subprocess.run(
        [sys.executable, '-S', '-c', textwrap.dedent(code)],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(places)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
