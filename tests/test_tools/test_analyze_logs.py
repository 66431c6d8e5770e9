"""The tool that draws logs, as people call it."""

import importlib.util
import sys

import cv2
import pytest

from tests.test_run_logs.logs import evaluated, step, write


@pytest.fixture
def run(tool, tmp_path, monkeypatch, capsys):
    """Calls the tool in a folder with runs; gives what it said."""
    monkeypatch.chdir(tmp_path)
    config = 'train_cfg = dict(max_epochs=4)'
    for name, loss in (('seed_0', 1.0), ('seed_1', 3.0)):
        lines = [step(10, loss, time=2.0), step(20, loss / 2), evaluated(2, loss / 10)]
        write(tmp_path / 'a' / name, lines, config=config)
    write(tmp_path / 'iterations', [step(10, 1.0, length=0)])
    broken = write(tmp_path / 'broken', [step(10, 1.0)])
    broken.write_text(broken.read_text() + '{"loss": ')

    def call(*arguments):
        spec = importlib.util.spec_from_file_location(
            'tool', tool('visualizations/analyze_logs.py')
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', ['analyze_logs.py', *arguments])
        module.main()
        return capsys.readouterr()

    return call


def test_picture_and_tables(run, tmp_path):
    said = run('a', 'a', 'broken', '--names', 'ours', 'cut')
    lines = [line.split() for line in said.out.splitlines()]
    assert ['loss', 'ours', '1', '±', '0.71', '(n', '=', '2)', '1', '±', '0.71', '-'] in lines
    assert ['loss', 'cut', '1', '1', '1'] in lines
    (seed,) = (line for line in said.out.splitlines() if line.startswith('ours seed 1'))
    assert '20 of 40' in seed and '0:00:30' in seed
    picture = cv2.imread(str(tmp_path / 'curves.png'))
    assert said.out.endswith(
        f'wrote curves.png: {picture.shape[1]}x{picture.shape[0]} px, 3 figures of 3 runs\n'
    )
    assert picture.std() > 5
    assert said.err.startswith('note: broken/') and said.err.endswith('left out\n')
    assert 'a seed 1' in run('a', '--apart', '--keys', 'lo*', '--out', 'x.svg').out
    assert (tmp_path / 'x.svg').stat().st_size > 1000
    # Epochs, unless some run has none.
    assert 'iteration' in run('iterations', 'a').out.splitlines()[0]


@pytest.mark.parametrize(
    'arguments, said',
    [
        (['nowhere'], 'nowhere: no such file or folder'),
        (['a', '--names', 'x', 'y'], '2 --names for 1 curves: a'),
        (['a', '--keys', 'los'], 'no run has logged los; did you mean loss'),
        (['iterations', '--x', 'epoch'], r'iterations: its log counts no epochs: --x iter'),
        (['a', '--out', 'x.mp4'], r'x\.mp4: curves are written as'),
    ],
)
def test_what_cannot_be_drawn_says_so(arguments, said, run):
    with pytest.raises(SystemExit, match=f'error: .*{said}'):
        run(*arguments)


@pytest.mark.parametrize('wrong', [['--smooth', '0'], ['--side', '10'], ['--x', 'day']])
def test_wrong_arguments(wrong, run):
    with pytest.raises(SystemExit) as end:
        run('a', *wrong)
    assert end.value.code == 2
