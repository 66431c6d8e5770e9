"""The report on an environment, as people ask for it."""

import json
import runpy
import sys


def test_report(tool, monkeypatch, capsys):
    monkeypatch.setenv('SSVRL_DATA', 'here')
    for arguments in ([], ['--json']):
        monkeypatch.setattr(sys, 'argv', ['collect_env.py', *arguments])
        runpy.run_path(str(tool('collect_env.py')), run_name='__main__')
    text, _, rest = capsys.readouterr().out.partition('{')
    assert text.startswith('ssvrl_mm:\n  version') and 'SSVRL_DATA' in text
    found = json.loads('{' + rest)
    assert found['variables']['SSVRL_DATA'] == 'here' and 'h264' in found['video']['decoders']


def test_report_where_everything_else_is_missing(call, tool, tmp_path):
    """The tool is asked for most where nothing works."""
    for name in ('torch', 'mmengine', 'av', 'cv2', 'numpy', 'decord'):
        (tmp_path / f'{name}.py').write_text('raise ImportError("it is broken")')
    paths = f'{tmp_path}:{tool("").parent}'
    said = call(sys.executable, tool('collect_env.py'), fresh=True, PYTHONPATH=paths)
    assert said.stderr == '' and said.stdout.count('cannot be imported') >= 5
    assert 'it is broken' in said.stdout and 'processor' in said.stdout
