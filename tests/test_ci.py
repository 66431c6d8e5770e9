"""The scripts of `.ci` where there is no network: they say so, and leave nothing behind."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != 'posix', reason='shell scripts')


@pytest.fixture
def offline(repository, tmp_path):
    """Runs a script as on a machine without a package index."""

    def run(script, *arguments):
        temporary = tmp_path / 'temporary'
        temporary.mkdir()
        done = subprocess.run(
            [repository / '.ci' / script, *arguments],
            env={
                **os.environ,
                'TMPDIR': str(temporary),
                'PIP_CONFIG_FILE': os.devnull,
                'PIP_NO_INDEX': '1',
                'PIP_FIND_LINKS': str(temporary),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert list(temporary.iterdir()) == []
        return done

    return run


def test_an_environment_that_cannot_be_made_is_removed(offline):
    done = offline('test-unpinned', sys.executable, 'torch==2.13.0')
    assert done.returncode != 0
    assert 'installing with Python' in done.stdout and 'torch==2.13.0 given' in done.stdout
    assert 'Could not find a version' in done.stderr


def test_without_an_index_no_python_is_found(offline):
    done = offline('newest-python', 'torch==2.13.0')
    assert (done.returncode, done.stdout) == (1, '')
    assert 'no package index is within reach' in done.stderr
