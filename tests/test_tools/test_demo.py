import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clips import encode, translating
from tests.processes import run_tool


def run_demo(repository, videos, work_dir, config=None, arguments=(), fresh=False):
    """The demo on a folder of videos with next to no training; its output and its figures."""
    words = [
        str(repository / 'tools/demo.py'),
        *('--videos', str(videos), '--work-dir', str(work_dir)),
        *(('--config', str(repository / config)) if config else ()),
        *arguments,
        *('--cfg-options', 'train_cfg.max_epochs=2'),
        *(() if config else ('model.stages=[(0,init),(1,cross)]',)),
        *('train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False'),
        'test_dataloader.num_workers=0',
    ]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    if fresh:
        process = subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, env=environment,
            cwd=work_dir.parent, timeout=280,
        )  # fmt: skip
    else:
        process = run_tool(words, work_dir.parent, environment, work_dir.parent)
    assert process.returncode == 0, process.stderr[-3000:]
    process.folder = work_dir.parent
    # It ends with a report that has the very figures, and features of the evaluations that ran.
    [page] = re.findall(r'^report, to open in a browser: (\S+)', process.stdout, re.MULTILINE)
    assert Path(page) == work_dir / 'report.html'
    text = Path(page).read_text()
    assert 'Play all videos' in text and 'was not kept' not in text
    assert len(list((work_dir / 'report_cache').glob('*.npz'))) == 4
    return process, json.loads((work_dir / 'retrieval.json').read_text())


def assert_calm(process):
    """Few lines, each step among them in order, and none that scares; the log file has the rest."""
    shown = process.stdout + process.stderr
    for word in ('Warning', 'WARNING', 'Traceback', 'deprecated', 'Config:', 'mmengine'):
        assert word not in shown
    steps = ('loading', 'log: ', '1/3 random network', '2/3 training', '3/3 retrieval', 'What it')
    places = [shown.index(step) for step in steps]
    assert places == sorted(places) and 'next:' in shown
    # However slow the machine is, only the lines that come every ten seconds may be more.
    assert len([line for line in shown.splitlines() if ' to go' not in line]) < 60
    [log] = re.findall(r'^log: (\S+)', shown, re.MULTILINE)
    written = Path(process.folder, log).read_text()
    for dump in ('System environment:', 'Config:', 'Epoch(train)', 'Hooks will be executed'):
        assert dump in written
    assert 'more than once' not in written


def write_videos(folder, names):
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        frames = translating(24, dx=number % 3 - 1, dy=1, height=64, width=80, seed=number)
        encode(folder / name, frames)


def test_folder_without_classes_looks_for_the_other_half(repository, tmp_path):
    write_videos(tmp_path / 'videos', [f'{i}.mp4' for i in range(8)])
    (tmp_path / 'videos/broken.mp4').write_bytes(b'no video')
    process, figures = run_demo(repository, tmp_path / 'videos', tmp_path / 'demo', fresh=True)
    assert 'left out' in process.stdout and 'broken.mp4' in process.stdout
    assert_calm(process)
    # A loss is that of its stage, and jumps where another one begins.
    assert re.search(r'2/3 training: .*steps, loss [\d.]+ \((init|cross)\), done', process.stdout)
    assert figures['queries'] == 8 and figures['chance'] == pytest.approx(1 / 8)
    for when in ('before', 'after'):
        assert set(figures[when]) == {'rgb', 'motion', 'both'}
        # Each figure is a share of eight queries.
        assert all((8 * recall).is_integer() for recall in figures[when].values())
    assert 'R@1' in process.stdout and 'the first half of the same video' in process.stdout
    # One checkpoint, at the end.
    assert [path.name for path in (tmp_path / 'demo').glob('*.pth')] == ['epoch_2.pth']


def test_folder_with_classes_holds_out_a_quarter(repository, tmp_path):
    names = [f'{kind}/{i}.mp4' for kind in ('left', 'right') for i in range(4)]
    write_videos(tmp_path / 'videos', names)
    process, figures = run_demo(repository, tmp_path / 'videos', tmp_path / 'demo')
    assert '2 classes: 2 held-out videos look for 6 training videos' in process.stdout
    assert 'same people or scenes may be on both sides' in process.stdout
    assert '2 queries are few' in process.stdout and 'within its error' in process.stdout
    assert figures['queries'] == 2 and figures['chance'] == pytest.approx(0.5)
    assert set(figures['before_interval']) == set(figures['gain_interval']) == set(figures['after'])
    assert_calm(process)


def test_demo_of_another_method(repository, tmp_path):
    names = [f'{kind}/{i}.mp4' for kind in ('left', 'right') for i in range(4)]
    write_videos(tmp_path / 'videos', names)
    config = 'configs/context_motion/context_motion_demo_motion.py'
    process, figures = run_demo(
        repository, tmp_path / 'videos', tmp_path / 'demo', config, ['--group', r'/(\d)\.']
    )
    assert (
        'none is on both sides' in process.stdout and 'random' not in process.stdout.split('1/3')[0]
    )
    assert set(figures['before']) == set(figures['after']) == {'rgb', 'motion'}
    assert (tmp_path / 'demo/epoch_2.pth').exists()


@pytest.fixture
def tool_here(repository, monkeypatch):
    """The tool as a module of this process, with a command line."""

    def load(*arguments):
        spec = importlib.util.spec_from_file_location('demo', repository / 'tools/demo.py')
        demo = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(demo)
        monkeypatch.setattr(sys, 'argv', ['demo.py', *arguments])
        return demo

    return load


@pytest.mark.parametrize(
    'arguments, work_dir',
    [
        ([], 'work_dirs/demo'),
        (['--videos', 'mine'], 'work_dirs/demo_videos'),
        (['--work-dir', 'elsewhere', '--videos', 'mine'], 'elsewhere'),
        (
            ['--config', 'CONFIGS/context_motion/context_motion_demo.py'],
            'work_dirs/context_motion/context_motion_demo',
        ),
    ],
)
def test_runs_of_the_demo_do_not_share_a_folder(tool_here, repository, arguments, work_dir):
    given = [word.replace('CONFIGS', str(repository / 'configs')) for word in arguments]
    assert tool_here(*given).parse_args().work_dir.as_posix() == work_dir


def test_a_checkpoint_that_it_starts_from_is_missed_at_once(
    tool_here, repository, monkeypatch, tmp_path
):
    monkeypatch.setenv('SSVRL_VIEWS', str(tmp_path / 'views.pth'))
    config = repository / 'configs/segment_order/segment_order_demo.py'
    demo = tool_here('--config', str(config), '--work-dir', str(tmp_path / 'run'))
    with pytest.raises(SystemExit) as failed:
        demo.main()
    assert f'checkpoint {tmp_path / "views.pth"}' in failed.value.code
    assert 'SSVRL_VIEWS that of a generator of views' in failed.value.code


@pytest.mark.parametrize('arguments, seed', [([], 7), (['--seed', '0'], 0), (['--seed', '3'], 3)])
def test_the_seed_is_that_of_the_config(tool_here, monkeypatch, tmp_path, arguments, seed):
    config = tmp_path / 'seven.py'
    base = "__import__('ssvrl_mm').config_file('mvcgc/demo.py')"
    config.write_text(f'_base_ = {base}\nrandomness = dict(seed=7, deterministic=False)\n')
    ran = []
    monkeypatch.setattr('ssvrl_mm.demo.run_demo', lambda cfg, *_: ran.append(cfg.randomness))
    monkeypatch.setattr('ssvrl_mm.engine.launch.check_files', lambda *_: None)
    work_dir = ['--work-dir', str(tmp_path / 'run')]
    tool_here('--config', str(config), *work_dir, *arguments).main()
    assert ran == [dict(seed=seed, deterministic=False)]


def test_too_few_videos_end_in_a_message(repository, tmp_path):
    (tmp_path / 'videos').mkdir()
    words = [repository / 'tools/demo.py', '--videos', tmp_path / 'videos']
    process = run_tool(words, tmp_path, os.environ, tmp_path)
    assert process.returncode == 1
    assert process.stderr.strip().splitlines()[-1].startswith('error: no video')
