import argparse
from pathlib import Path

import pytest

from ssvrl_mm import command_line
from ssvrl_mm.command_line import add_arguments, tool_command


def test_a_checkout_runs_its_tools_where_they_are(repository, monkeypatch, tmp_path):
    monkeypatch.chdir(repository)
    assert tool_command('data/sthv2/prepare.py') == 'python tools/data/sthv2/prepare.py'
    monkeypatch.chdir(tmp_path)
    assert tool_command('train.py') == f'python {repository}/tools/train.py'


@pytest.mark.parametrize(
    'mim, command',
    [
        (True, 'mim run ssvrl_mm kinetics400:prepare'),
        (False, 'python {}/.mim/tools/data/kinetics400/prepare.py'),
    ],
)
def test_a_wheel_carries_its_tools(monkeypatch, tmp_path, mim, command):
    package = tmp_path / 'site-packages' / 'ssvrl_mm'
    monkeypatch.setattr(command_line, '_PACKAGE', package)
    monkeypatch.setattr(
        command_line.importlib.util, 'find_spec', lambda _: object() if mim else None
    )
    assert tool_command('data/kinetics400/prepare.py') == command.format(package)


def test_mim_finds_a_tool_of_the_first_level(monkeypatch, tmp_path):
    monkeypatch.setattr(command_line, '_PACKAGE', tmp_path / 'ssvrl_mm')
    monkeypatch.setattr(command_line.importlib.util, 'find_spec', lambda _: object())
    assert tool_command('train.py') == 'mim run ssvrl_mm train'


def test_settings_are_read_as_mmengine_reads_them():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ['--cfg-options', 'a.b=1', 'c=[x,y]', 'd=1.5,2']
    assert parser.parse_args(words).cfg_options == {'a.b': 1, 'c': ['x', 'y'], 'd': [1.5, 2]}
    assert parser.parse_args([]).cfg_options is None


@pytest.mark.parametrize(
    'given, said',
    [
        ('none.py', 'there is no config none.py'),
        ('.', '. is a folder, not a config'),
        ('configs/a/dmeo.py', 'there is no config configs/a/dmeo.py; did you mean demo.py?'),
        ('configs/a/demo', 'there is no config configs/a/demo; did you mean demo.py?'),
        ('configs/aa/demo.py', 'there is no config configs/aa/demo.py; did you mean a/demo.py?'),
        ('x/y/demo.py', 'there is no config x/y/demo.py'),
    ],
)
def test_a_config_that_is_not_there_is_told_with_its_like(
    given, said, tmp_path, monkeypatch, capsys
):
    (tmp_path / 'configs/a').mkdir(parents=True)
    (tmp_path / 'configs/a/demo.py').write_text('')
    (tmp_path / 'configs/a/notes.py').write_text('')
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser(prog='tool')
    parser.add_argument('config', type=command_line.config_path)
    assert parser.parse_args(['configs/a/demo.py']).config == Path('configs/a/demo.py')
    with pytest.raises(SystemExit) as end:
        parser.parse_args([given])
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(f'tool: error: argument config: {said}\n')
