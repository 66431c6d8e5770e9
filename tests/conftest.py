"""Fixtures shared by all tests."""

import gc
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

# Two cores run the suite; more threads than cores only slow small tensors down.
os.environ.setdefault('OMP_NUM_THREADS', '1')

# A shell starts what it leaves in the background deaf to Ctrl+C, of which tests send some.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The fixture `browser`.
pytest_plugins = ['tests.browser']

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def clips_dir() -> Path:
    """The folder of real clips: ``SSVRL_TEST_CLIPS``, or ``../shared/clips`` beside us."""
    folder = Path(os.environ.get('SSVRL_TEST_CLIPS', REPOSITORY.parent / 'shared' / 'clips'))
    if not folder.is_dir():
        pytest.skip(f'no real clips at {folder}')
    return folder


@pytest.fixture(scope='session')
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(autouse=True)
def default_scope():
    """Takes back the default scope that a Runner built in a test leaves to the whole process."""
    registry = sys.modules.get('mmengine.registry')
    before = dict(registry.DefaultScope._instance_dict) if registry else {}
    yield
    registry = sys.modules.get('mmengine.registry')
    if registry:
        registry.DefaultScope._instance_dict.clear()
        registry.DefaultScope._instance_dict.update(before)


def pytest_collection_finish():
    """Leaves what the imports made to the garbage collector no more.

    mmengine collects garbage whenever a dataset is built: a fifth of a second among all modules.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    """Says what was skipped and why: in silence, nobody knows what a green run leaves unproved."""
    skipped = terminalreporter.stats.get('skipped', [])
    if not skipped:
        return
    terminalreporter.section(f'{len(skipped)} skipped')
    for reason, count in Counter(map(_reason, skipped)).most_common():
        terminalreporter.line(f'{count:4}  {reason}')


def _reason(report) -> str:
    """Why a test was skipped; whichever part of a package is asked for, the package is missing."""
    reason = report.longrepr[2].removeprefix('Skipped: ')
    missing = re.search(r"No module named '(\w+)", reason)
    return f'{missing[1]} is not installed' if missing else reason
