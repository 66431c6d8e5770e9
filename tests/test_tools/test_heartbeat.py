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


@pytest.fixture
def set_up(repository, tmp_path):
    """Runs make's set-up in a folder, by a Python that makes environments and installs nothing."""
    if shutil.which('make') is None:
        pytest.skip('make is not installed')
    shutil.copy(repository / 'Makefile', tmp_path)
    (tmp_path / 'requirements').mkdir()
    for name in ('runtime', 'tests', 'report', 'constraints'):
        (tmp_path / f'requirements/{name}.txt').touch()
    for name in ('setup.py', 'pyproject.toml'):
        (tmp_path / name).touch()
    python = tmp_path / 'python'
    python.write_text(
        """#!/bin/sh
        case "$1 $2" in
          tools/heartbeat.py*) while [ "$1" != -- ]; do shift; done; shift; exec "$@";;
          "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo venv >> calls;;
          "-m pip") echo pip >> calls; [ ! -e fails ];;
        esac
        """
    )
    python.chmod(0o755)

    def run():
        (tmp_path / 'calls').write_text('')
        done = subprocess.run(
            ['make', '--no-print-directory', 'PYTHON=./python', '.venv/.installed'],
            cwd=tmp_path,
            env={**os.environ, 'MAKEFLAGS': ''},
            capture_output=True,
            text=True,
        )
        return done, (tmp_path / 'calls').read_text().split()

    return run


def test_an_environment_is_made_once_and_then_kept_up_to_date(set_up, tmp_path):
    done, calls = set_up()
    assert calls == ['venv', 'pip'] and done.stdout.startswith('Set-up, this once: ')
    (tmp_path / '.venv/in_use').touch()
    assert set_up()[1] == []
    stamp = (tmp_path / '.venv/.installed').stat().st_mtime
    os.utime(tmp_path / 'requirements/runtime.txt', (stamp + 5, stamp + 5))
    done, calls = set_up()
    assert calls == ['pip'] and done.stdout.startswith('Set-up again, as what is required has ')
    assert (tmp_path / '.venv/in_use').exists()


def test_half_an_environment_is_made_anew(set_up, tmp_path):
    (tmp_path / 'fails').touch()
    done, calls = set_up()
    assert done.returncode != 0 and calls == ['venv', 'pip']
    (tmp_path / 'fails').unlink()
    (tmp_path / '.venv/half').touch()
    assert set_up()[1] == ['venv', 'pip']
    assert not (tmp_path / '.venv/half').exists()


def test_an_environment_of_somebody_else_is_put_aside(set_up, tmp_path):
    (tmp_path / '.venv/bin').mkdir(parents=True)
    (tmp_path / '.venv/mine').touch()
    done, calls = set_up()
    (aside,) = tmp_path.glob('.venv.*')
    assert calls == ['venv', 'pip'] and (aside / 'mine').exists()
    assert f'.venv was not made by make: it is {aside.name} now.' in done.stdout
    assert not (tmp_path / '.venv/mine').exists()
