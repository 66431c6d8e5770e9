"""`--help` answers at once: no tool imports torch or OpenMMLab for it."""

from pathlib import Path

import pytest

from tests.interpreter import run_fresh

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
SCRIPTS = sorted(path.relative_to(TOOLS).as_posix() for path in TOOLS.rglob('*.py'))


@pytest.mark.parametrize('script', SCRIPTS)
def test_help_imports_neither_torch_nor_openmmlab(script, tmp_path):
    code = f"""
        import runpy, sys
        class Forbid:
            def find_spec(self, name, path=None, target=None):
                if name.partition('.')[0] in ('torch', 'mmengine', 'mmcv', 'mmaction'):
                    raise AssertionError(f'--help imports {{name}}')
        sys.meta_path.insert(0, Forbid())
        sys.argv = [{script!r}, '--help']
        try:
            runpy.run_path({str(TOOLS / script)!r}, run_name='__main__')
        except SystemExit as end:
            assert not end.code, end.code
    """
    assert run_fresh(code, tmp_path, [TOOLS.parent]).startswith('usage: ')
