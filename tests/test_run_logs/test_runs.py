"""Runs, found by what people name, and grouped by seeds."""

import json
import math

import pytest

from ssvrl_mm.run_logs import RunLogError, find_runs, group_runs, run_in
from tests.test_run_logs.logs import evaluated, step, write

CONFIG = 'train_cfg = dict(max_epochs=4)\nrandomness = dict(seed={seed})\n'


def test_a_run_by_all_of_its_names(tmp_path):
    run = tmp_path / 'mine'
    first = write(run, [step(10), step(20)], '20260101_000000', CONFIG)
    write(run, [step(20), step(30), evaluated(3, 0.5)], '20260102_000000')
    (whole,) = find_runs(run)
    assert [line.get('iter') for line in whole.lines] == [10, 20, 30, None]
    assert (whole.epoch_length, whole.total_iterations, whole.notes) == (10, 40, [])
    for name in (first, first.parent, first.parent.parent):
        (part,) = find_runs(name)
        assert [line['iter'] for line in part.lines] == [10, 20]
        assert (part.folder, part.total_iterations, part.seed) == (run, 40, None)
    assert [run.name for run in group_runs([whole])][0] == 'mine'


def test_folders_of_runs(tmp_path, monkeypatch):
    for name in ('a/seed_0-0123abcd', 'a/seed_1-89abcdef-val', 'b/seed_0', 'b/other'):
        seed = name.count('1-')
        write(tmp_path / name, [step(10)], config=CONFIG.format(seed=seed))
    # Nothing that was started and has not logged anything hides the others.
    write(tmp_path / 'b' / 'empty', [])
    found = find_runs(tmp_path)
    assert [run.seed for run in found] == [0, 1, None, 0]
    (note,) = [note for run in found for note in run.notes]
    assert note.startswith(f'left out: {tmp_path}/b/empty: nothing was logged')
    assert len(find_runs(tmp_path / 'a')) == 2
    groups = group_runs(found)
    assert [(g.name, len(g.runs)) for g in groups] == [('a', 2), ('other', 1), ('b seed 0', 1)]
    names = [g.name for g in group_runs(found, apart=True)]
    assert names == ['a seed 0', 'a seed 1', 'other', 'b seed 0']
    monkeypatch.chdir(tmp_path / 'b' / 'seed_0')
    assert find_runs('.')[0].seed == 0


def test_only_seeds_of_the_same_settings_are_together(tmp_path):
    for seed, epochs in ((0, 60), (1, 20), (2, 20)):
        config = f'train_cfg = dict(max_epochs={epochs})\nrandomness = dict(seed={seed})\n'
        write(tmp_path / 'x' / f'seed_{seed}', [step(10)], config=config)
    write(tmp_path / 'y' / 'seed_1', [step(10)], config=config)
    groups = group_runs(find_runs(tmp_path))
    assert [group.name for group in groups] == ['x seed 0', 'x', 'y seed 1']
    # One seed, run with two settings, as an ablation's folders have them.
    for folder, width in (('seed_0-01234567', 1), ('seed_0-89abcdef', 2)):
        write(tmp_path / 'z' / folder, [step(10)], config=f'model = dict(width={width})')
    names = [group.name for group in group_runs(find_runs(tmp_path / 'z'))]
    assert names == ['z/seed_0-01234567', 'z/seed_0-89abcdef']
    # A seed twice is no second seed.
    again = find_runs(tmp_path / 'x' / 'seed_1') * 2
    assert [group.name for group in group_runs(again)] == ['x seed 1 (1)', 'x seed 1 (2)']


def test_names_tell_runs_apart(tmp_path):
    for folder in ('a/run', 'b/run', 'c/d/run', 'e/d/run'):
        write(tmp_path / folder, [step(10)])
    runs = [run for name in ('a', 'b', 'c', 'e') for run in find_runs(tmp_path / name)]
    names = [group.name for group in group_runs(runs)]
    assert names == ['a/run', 'b/run', 'c/d/run', 'e/d/run']
    copied = [tmp_path / 'one.json', tmp_path / 'two.json']
    for file in copied:
        file.write_text(json.dumps(step(10)))
    runs = [run for file in copied for run in find_runs(file)]
    assert [group.name for group in group_runs(runs)] == ['one', 'two']


def test_text_serves_where_there_are_no_scalars(tmp_path):
    folder = write(tmp_path / 'run', []).parent.parent
    head = '2026/11/22 18:41:20 - mmengine - INFO - '
    (folder / '20260101_000000.log').write_text(f'{head}Epoch(train) [1][ 5/20]  loss: 4\n')
    (run,) = find_runs(tmp_path / 'run')
    assert run.lines == [{'loss': 4, 'epoch': 1, 'iter': 5, 'step': 5}]
    assert run.epoch_length == 20


def test_folders_that_no_time_names_are_no_part_of_a_run(tmp_path):
    for name in ('20260101_000000_old', '20261399_000000'):
        write(tmp_path / 'run', [step(5)], name)
    write(tmp_path / 'run', [step(10)], '20260102_000000')
    (tmp_path / 'run' / 'nohup.log').write_text('Epoch(train) [1][ 5/20]  loss: 4')
    for path in (tmp_path / 'run', tmp_path):
        (run,) = find_runs(path)
        assert [line['iter'] for line in run.lines] == [10]
        assert [launch.first for launch in run.launches] == [10]
    # Logs that were moved are runs of their own, and texts beside them are none.
    (tmp_path / 'moved').mkdir()
    for name in ('a', 'b'):
        write(tmp_path / 'moved', [step(20)], name)
    (tmp_path / 'moved' / 'c').mkdir()
    (tmp_path / 'moved' / 'c' / 'make.log').write_text('cc -c x.c')
    assert [run.folder.name for run in find_runs(tmp_path / 'moved')] == ['a', 'b']
    assert not any(run.notes for run in find_runs(tmp_path / 'moved'))


def test_a_work_dir_in_which_nobody_trained(tmp_path):
    assert run_in(tmp_path).lines == [] == run_in(tmp_path).launches
    write(tmp_path, [evaluated(1, 0.5)])
    write(tmp_path, [], '20251231_000000')
    run = run_in(tmp_path)
    assert run.lines[0]['step'] == 1
    assert [launch.trained for launch in run.launches] == [False, False]
    write(tmp_path, [step(1)], '20260102_000000')
    assert [launch.trained for launch in run_in(tmp_path).launches] == [False, False, True]
    with pytest.raises(RunLogError, match='nowhere: No such file'):
        run_in(tmp_path / 'nowhere')


def test_what_an_ablation_measures_are_evaluations(tmp_path):
    lines = [step(10), evaluated(1, 0.4), step(20)]
    file = write(tmp_path, lines)
    result = dict(before={'retrieval/rgb_R@1': 0.1}, after={'retrieval/rgb_R@1': 0.6})
    (tmp_path / 'result.json').write_text(json.dumps(result))
    (run,) = find_runs(tmp_path)
    found = [(li['step'], li['retrieval/rgb_R@1']) for li in run.lines if 'iter' not in li]
    assert sorted(found) == [(0, 0.1), (1, 0.4), (2, 0.6)]
    # Its own evaluation of the end is there already.
    file.write_text('\n'.join(map(json.dumps, [*lines, evaluated(2, 0.5)])))
    (run,) = find_runs(file)
    assert [li['step'] for li in run.lines if 'iter' not in li] == [1, 2, 0]
    for broken in (
        '{',
        '[]',
        '{"before": {}}',
        '{"before": 1, "after": 2}',
        '{"before": {}, "after": 2}',
    ):
        (tmp_path / 'result.json').write_text(broken)
        assert len(find_runs(tmp_path)[0].lines) == 4


@pytest.mark.parametrize(
    'steps, length',
    [
        ([(20, 1), (40, 2), (60, 3)], 20),
        # 20, 40 and 60 of 25: between 20 and 39.
        ([(20, 1), (40, 2), (60, 3)][:1], 20),
        ([(20, 1), (40, 2), (60, 3), (75, 3), (80, 4)], 25),
        # An epoch became shorter on the way.
        ([(20, 1), (30, 3)], None),
        ([(20, 1), (40, 3)], None),
        ([(20, None)], None),
    ],
)
def test_iterations_of_an_epoch_follow_from_the_lines(steps, length, tmp_path):
    lines = [{'iter': i, 'step': i} | ({'epoch': e} if e else {}) for i, e in steps]
    write(tmp_path, lines, config='train_cfg = dict(max_iters=7)')
    (run,) = find_runs(tmp_path)
    assert (run.epoch_length, run.total_iterations) == (length, 7)


def test_what_is_not_finite_is_said(tmp_path):
    lines = [step(10, 1.0), step(20, math.nan), step(30, math.inf), {'acc': math.nan, 'step': 3}]
    write(tmp_path, lines)
    (run,) = find_runs(tmp_path)
    assert [note.removeprefix(f'{tmp_path}: ') for note in run.notes] == [
        'loss is not finite 2 times, first at iteration 20; curves have gaps there',
        'acc is not finite 1 times, first at step 3; curves have gaps there',
    ]


def test_what_is_left_out_is_said(tmp_path):
    file = write(tmp_path, [step(10)])
    whole = file.read_text()
    file.write_text('[]\n{"loss"\n' + whole + '{"loss"')
    (run,) = find_runs(tmp_path)
    assert [note.removeprefix(f'{file}: ') for note in run.notes] == [
        'the last entry is not whole, and left out',
        'entry 1 is [], and no mapping: left out (and 1 more)',
    ]
    file.write_text('[]\n' + whole)
    assert find_runs(tmp_path)[0].notes == [f'{file}: entry 1 is [], and no mapping: left out']


@pytest.mark.parametrize(
    'name, content, said',
    [
        ('x.json', None, 'x.json: no such file or folder'),
        ('x.txt', 'loss', 'x.txt: neither scalars of a run'),
        ('x.json', '', 'x.json: nothing was logged: .*x.json holds no figures'),
        ('x.log', 'Config: a = 1', 'x.log: nothing was logged: .*x.log holds no figures'),
        ('x.json', '{"lo', 'nothing was logged: .*the last entry is not whole'),
        ('x.json', '{"acc": 1, "step": 1}', 'x.json: holds no training, but'),
        ('x.json', '{"mode": "train"}', 'nothing was logged: .*entry 1 is of mmcv before'),
        ('x/y.txt', '', 'x: no run has logged there'),
    ],
)
def test_what_is_no_log_says_so(name, content, said, tmp_path):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    if content is not None:
        file.write_text(content)
    with pytest.raises(RunLogError, match=said):
        find_runs(file if file.parent == tmp_path else file.parent)
