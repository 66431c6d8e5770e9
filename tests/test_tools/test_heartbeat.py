import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def beat(tool, tmp_path):
    """Runs Python code behind the heartbeat, in a Python that sees no installed package."""

    def run(code):
        words = [sys.executable, '-I', '-S', tool('heartbeat.py'), 'waiting', '--interval', '0.1']
        words += ['--log', tmp_path / 'log' / 'out.log', '--', sys.executable, '-c', code]
        return subprocess.run(words, capture_output=True, text=True, timeout=60)

    return run


def test_a_silent_command_has_lines_of_elapsed_time(beat, tmp_path):
    said = 'Downloading torch-2.13.0-cp311.whl (200 MB)'
    done = beat(f'import time; print({said!r}, flush=True); time.sleep(2)')
    assert done.returncode == 0 and not done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) > 5 and all(line.startswith('waiting: ') for line in lines)
    assert 'waiting: Downloading torch, 0:01' in lines and 'done in 0:0' in lines[-1]
    assert (tmp_path / 'log/out.log').read_text() == f'{said}\n'


def test_pip_installs_while_it_says_what_it_has_uninstalled(beat):
    said = (
        'Collecting torch\\nInstalling collected packages: a, b\\n'
        '  Uninstalling x\\n  Successfully uninstalled x'
    )
    done = beat(f'import time; print("{said}", flush=True); time.sleep(1)')
    assert 'waiting: Installing, 0:0' in done.stdout and 'uninstalled' not in done.stdout


def test_a_command_that_fails_shows_what_it_said(beat):
    done = beat("import sys; print('no such package'); sys.exit(3)")
    assert done.returncode == 3
    assert 'no such package' in done.stderr and 'waiting: failed' in done.stderr
    assert 'done' not in done.stdout


def make(repository, *words):
    if shutil.which('make') is None:
        pytest.skip('make is not installed')
    command = ['make', '--no-print-directory', '--dry-run', '--always-make', *words]
    environment = {**os.environ, 'MAKEFLAGS': ''}
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_waits_for_pip_with_a_heartbeat(repository):
    lines = [line for line in make(repository, 'demo').splitlines() if 'heartbeat.py' in line]
    assert ['.venv/venv.log' in line for line in lines] == [True, False]
    assert ['.venv/pip.log' in line for line in lines] == [False, True]


def test_make_hands_folder_and_groups_to_the_demo(repository):
    assert '--' not in make(repository, 'demo').splitlines()[-1]
    last = make(repository, 'demo', 'VIDEOS=/my videos', r'GROUP=s(\d+)_').splitlines()[-1]
    # By the environment, so that blanks and brackets arrive as they are.
    assert last.split('demo.py ')[1].strip() == '--videos "$VIDEOS" --group "$GROUP"'
