"""What the fixtures and hooks of all tests do, seen from a run of other tests."""

import inspect
import re
import subprocess
import sys

import pytest

TESTS = """
    import pytest

    @pytest.mark.skipif(True, reason='needs a CUDA device')
    @pytest.mark.parametrize('number', range(3))
    def test_marked(number):
        pass

    @pytest.mark.parametrize('part', ['nobody_wrote_this', 'nobody_wrote_this.part'])
    def test_import(part):
        pytest.importorskip(part)

    @pytest.fixture
    def clips():
        pytest.skip('no real clips at /nowhere')

    def test_fixture(clips):
        pass

    def test_runs():
        pass
"""


@pytest.mark.parametrize('processes', ['0', '2'])
def test_a_run_ends_with_what_was_skipped_and_why(processes, repository, tmp_path):
    (tmp_path / 'test_some.py').write_text(inspect.cleandoc(TESTS))
    command = ['-m', 'pytest', '-q', '-p', 'tests.conftest', '-n', processes]
    done = subprocess.run(
        [sys.executable, *command, '--rootdir', str(tmp_path), str(tmp_path)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    table = re.search(r'=+ 6 skipped =+\n((?: +\d+  .+\n)+)', done.stdout)
    assert table[1].splitlines() == [
        '   3  needs a CUDA device',
        '   2  nobody_wrote_this is not installed',
        '   1  no real clips at /nowhere',
    ]
