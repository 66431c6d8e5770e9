"""Wheels of the checkout, built and installed without a network."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import setuptools
from packaging.version import Version

NOT_COPIED = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'work_dirs')


def need_setuptools() -> None:
    """Skips a test that builds, where what is installed cannot."""
    if Version(setuptools.__version__) < Version('77.0.3'):
        pytest.skip(
            'pyproject.toml builds with setuptools>=77.0.3, an offline test cannot fetch it'
        )


def copy_checkout(repository: Path, copy: Path) -> Path:
    """A copy to build from, since a build leaves files beside the sources."""
    return shutil.copytree(repository, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))


def build_wheel(checkout: Path, folder: Path, **env: str) -> Path:
    """Builds the wheel of a copy of the checkout.

    Args:
        checkout: The copy.
        folder: Where to write it, alone.
        **env: Environment variables of the build.
    """
    command = ['-m', 'pip', 'wheel', '.', '--no-deps', '--no-build-isolation', '--no-index']
    done = subprocess.run(
        [sys.executable, *command, '--quiet', '--wheel-dir', str(folder)],
        cwd=checkout,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.iterdir()
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Makes an environment that holds a wheel; gives its Python.

    What we depend on comes from where the tests run; files there that begin imports do not run.
    """
    venv.create(environment, symlinks=True)
    (site,) = environment.glob('lib/*/site-packages')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    ours = {sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}
    (site / 'dependencies.pth').write_text('\n'.join(ours))
    return environment / 'bin' / 'python'
