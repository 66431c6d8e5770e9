"""The tool that prints configs, as people call it."""

import importlib.util
import sys

import pytest

LEAF = "_base_ = './base.py'\nmax_epochs = 2\ntrain_cfg = dict(max_epochs=max_epochs)\n"


@pytest.fixture
def run(tool, tmp_path, monkeypatch, capsys):
    """Calls the tool in a folder with two configs; gives what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('COLUMNS', '40')
    monkeypatch.delenv('FORCE_COLOR', raising=False)
    (tmp_path / 'base.py').write_text('train_cfg = dict(by_epoch=True)\nload_from = None\n')
    (tmp_path / 'leaf.py').write_text(LEAF)

    def call(*arguments):
        spec = importlib.util.spec_from_file_location(
            'tool', tool('visualizations/print_config.py')
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', ['print_config.py', *arguments])
        module.main()
        return capsys.readouterr().out

    return call


def test_a_config_and_its_differences(run, tmp_path):
    assert run('leaf.py') == (
        'load_from = None\nmax_epochs = 2\ntrain_cfg = dict(by_epoch=True, max_epochs=2)\n'
    )
    note = 'not shown, as no run reads them: max_epochs (--all)\n'
    change = '+ train_cfg.max_epochs  2\n'
    assert run('leaf.py', '--base') == (
        f'what it inherits -> leaf.py: 0 changed, 1 added, 0 removed\n{change}{note}'
    )
    assert run('base.py', 'leaf.py') == (
        f'base.py -> leaf.py: 0 changed, 1 added, 0 removed\n{change}{note}'
    )
    assert '+ max_epochs            2\n' in run('base.py', 'leaf.py', '--all')
    assert run('leaf.py', 'leaf.py') == 'leaf.py -> leaf.py: no setting differs\n'
    # Options hold for both, as far as they have what is set, and for what is inherited not.
    both = run('base.py', 'leaf.py', '--cfg-options', 'load_from=x')
    assert 'load_from' not in both
    leaf = run('leaf.py', '--base', '--cfg-options', 'load_from=x')
    assert "~ load_from             None -> 'x'\n" in leaf


def test_stdout_is_the_config_alone(call, tool, tmp_path):
    (tmp_path / 'base.py').write_text("work_dir = '{{$SOME_PLACE:there}}'\nprint('hello')\n")
    (tmp_path / 'leaf.py').write_text("_base_ = './base.py'\nload_from = '{{$SOME_PLACE:x}}'\n")
    command = [sys.executable, tool('visualizations/print_config.py'), 'leaf.py']
    process = call(*command, fresh=True, SOME_PLACE='here')
    assert process.stdout == "load_from = 'here'\nwork_dir = 'here'\n"
    assert 'Using env variable' in process.stderr and 'hello' in process.stderr
    said = call(*command, '--base', SOME_PLACE='here').stdout
    assert said.splitlines()[0].startswith('what it inherits -> leaf.py: ')


def test_files(run, tmp_path):
    assert run('leaf.py', '--out', 'new/x.json') == 'wrote new/x.json\n'
    assert run('leaf.py', 'new/x.json').endswith('no setting differs\n')
    assert run('leaf.py', '--base', '--out', 'x.txt').startswith('wrote x.txt\n')
    assert '+ train_cfg.max_epochs  2\n' in (tmp_path / 'x.txt').read_text()


@pytest.mark.parametrize(
    'arguments, said',
    [
        (['nowhere.py'], 'nowhere.py: no such file'),
        (['base.py', '--base'], 'base.py inherits nothing'),
        (['leaf.py', '--out', 'x.txt'], r'x.txt: a config is written as \.py'),
        (
            ['leaf.py', 'base.py', '--out', 'x.py'],
            r'x.py: a difference is written as \.txt, \.json, \.svg',
        ),
        (['leaf.py', '--cfg-options', 'modle.x=1'], r'--cfg-options: modle.*did you mean model'),
        (['ssvrl_mm::demo.py'], 'ssvrl_mm has no config'),
    ],
)
def test_what_cannot_be_printed_says_so(arguments, said, run):
    with pytest.raises(SystemExit, match=f'error: .*{said}'):
        run(*arguments)
