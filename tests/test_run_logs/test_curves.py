"""Points of curves, by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ssvrl_mm.run_logs import (
    Curve,
    RunGroup,
    RunLogError,
    aligned,
    chance_of,
    choose_keys,
    curve_of,
    find_runs,
    keys_of,
    mean_and_spread,
    smoothed,
    time_table,
    unfinished_seeds,
    value_table,
)
from tests.test_run_logs.logs import evaluated, step, write

IMRNET = ['lr', 'data_time', 'loss', 'loss_ctp', 'top1_ctp', 'top1_ctp_shift', 'loss_pmsp']
IMRNET += ['top1_pmsp', 'top1_pmsp_s2_t1', 'time', 'retrieval/rgb_R@1', 'retrieval/rgb_R@10']
IMRNET += ['retrieval/chance_R@1', 'accumulated']


@pytest.fixture
def run(tmp_path):
    lines = [step(5, 4.0), step(10, 3.0), evaluated(1, 0.2), step(15, 2.0), step(20, 5.0)]
    write(tmp_path, [*lines, evaluated(2, 0.3)], config='train_cfg = dict(max_epochs=4)')
    return find_runs(tmp_path)[0]


def test_points_lie_where_they_were_logged(run):
    assert keys_of([run]) == [
        'lr', 'loss', 'data_time', 'time', 'retrieval/rgb_R@1', 'retrieval/chance_R@1',
    ]  # fmt: skip
    loss, recall = curve_of(run, 'loss', True), curve_of(run, 'retrieval/rgb_R@1', True)
    assert loss.x.tolist() == [0.5, 1, 1.5, 2] and loss.y.tolist() == [4, 3, 2, 5]
    assert recall.x.tolist() == [1, 2] and recall.y.tolist() == [0.2, 0.3]
    assert not loss.evaluated and recall.evaluated
    assert curve_of(run, 'loss', False).x.tolist() == [5, 10, 15, 20]
    assert curve_of(run, 'retrieval/rgb_R@1', False).x.tolist() == [10, 20]
    # Those of evaluations are no times of the training.
    assert curve_of(run, 'time', True).y.max() == 1
    assert curve_of(run, 'nothing', True).x.shape == (0,)
    assert chance_of(run, 'retrieval/rgb_R@1') == 0.1
    assert chance_of(run, 'loss') is chance_of(run, 'retrieval/chance_R@1') is None


def test_evaluations_of_a_run_that_counts_iterations_lie_behind_their_steps(tmp_path):
    # mmengine logs them by an epoch that such a run does not have.
    lines = [step(10, 1, length=0), {'acc': 5, 'step': 0}, step(20, 1, length=0)]
    write(tmp_path, [*lines, {'acc': 6, 'step': 0, 'words': 'many'}])
    (run,) = find_runs(tmp_path)
    assert curve_of(run, 'acc', False).x.tolist() == [10, 20]
    assert 'words' not in keys_of([run])


def test_a_good_choice_of_figures():
    assert choose_keys(IMRNET) == [
        'loss', 'loss_ctp', 'loss_pmsp', 'top1_ctp', 'top1_pmsp', 'retrieval/rgb_R@1', 'lr',
    ]  # fmt: skip
    # A loss of one part is that part.
    assert choose_keys(['loss', 'loss_cls', 'acc/top1', 'top5']) == ['loss', 'acc/top1', 'top5']
    assert choose_keys(['loss_a', 'time']) == ['loss_a']
    assert choose_keys(['grad', 'time']) == ['grad', 'time']
    many = ['loss', *(f'loss_{i}' for i in range(20)), 'x_R@1', 'lr']
    assert choose_keys(many) == [*many[:10], 'x_R@1', 'lr']
    streams = [f'{i}/x_R@1' for i in range(20)]
    assert choose_keys(['loss', 'loss_a', 'loss_b', *streams]) == ['loss', *streams[:11]]


def test_figures_by_patterns():
    assert choose_keys(IMRNET, ['time', 'loss_*', '*time']) == [
        'time', 'loss_ctp', 'loss_pmsp', 'data_time',
    ]  # fmt: skip
    assert choose_keys(IMRNET, ['*']) == IMRNET
    with pytest.raises(RunLogError, match='no run has logged los_ctp; did you mean loss_ctp'):
        choose_keys(IMRNET, ['los_ctp'])
    with pytest.raises(RunLogError, match='no run has logged x; there are: a, b'):
        choose_keys(['a', 'b'], ['x'])


def test_smoothing_is_the_mean_around_a_point():
    values = np.array([1.0, 5, 3, math.nan, 7, 0])
    np.testing.assert_allclose(smoothed(values, 3), [1, 3, 4, math.nan, 3.5, 0])
    np.testing.assert_array_equal(smoothed(values, 1), values)
    # A straight line stays one, also at its ends.
    np.testing.assert_allclose(smoothed(np.arange(9.0), 5), np.arange(9))
    np.testing.assert_allclose(smoothed(np.arange(5.0) ** 2, 5)[2], 6)
    assert smoothed(np.array([]), 3).shape == (0,)


def test_the_mean_is_where_all_seeds_are():
    curves = [
        Curve(np.array([1.0, 2, 3]), np.array([2.0, 4, 9]), False),
        Curve(np.array([1.0, 2, 4]), np.array([4.0, 4, 9]), False),
    ]
    mean, deviation = mean_and_spread(curves)
    assert mean.x.tolist() == [1, 2] and mean.y.tolist() == [3, 4]
    np.testing.assert_allclose(deviation, [math.sqrt(2), 0])
    alone, deviation = mean_and_spread(curves[:1])
    assert alone.y.tolist() == [2, 4, 9] and deviation.tolist() == [0, 0, 0]
    apart, _ = mean_and_spread([curves[0], curves[1]._replace(x=np.array([5.0, 6, 7]))])
    assert apart.x.shape == apart.y.shape == (0,)


def test_table_of_what_was_reached(run, tmp_path):
    group = RunGroup('mine', (run,))
    text = value_table([group], ['loss', 'retrieval/rgb_R@1', 'lr', 'nothing'])
    assert [line.split() for line in text.splitlines()] == [
        ['figure', 'run', 'last', 'best', 'epoch'],
        ['loss', 'mine', '5', '2', '2'],
        ['retrieval/rgb_R@1', 'mine', '0.3', '0.3', '2'],
        ['lr', 'mine', '0.1', '-', '-'],
    ]
    write(tmp_path / 'two', [step(10, 1.0), step(20, 7.0), step(30, math.nan)])
    seeds = RunGroup('seeds', (run, *find_runs(tmp_path / 'two')))
    last = value_table([seeds], ['loss']).splitlines()[1]
    assert last.split() == [
        'loss',
        'seeds',
        '6',
        '±',
        '1.4',
        '(n',
        '=',
        '2)',
        '1.5',
        '±',
        '0.71',
        '-',
    ]
    write(tmp_path / 'three', [step(10, 1.0, length=0)])
    counted = RunGroup('counted', tuple(find_runs(tmp_path / 'three')))
    lines = value_table([group, counted], ['loss']).splitlines()
    assert lines[0].endswith('iteration')
    assert lines[1].split()[-1] == '15' and lines[2].split()[-1] == '10'


def test_table_of_times(run):
    text = time_table([RunGroup('mine', (run,))])
    assert ' '.join(text.splitlines()[1].split()) == (
        'mine 20 of 40 1 1 to 1 25% 1: 1 s 1: 1 s 0:00:20 0:00:20 0:00:20 to 0:00:20'
    )
    # Half of the iterations take 1 s, half 3 s; 20 of 40 are left.
    slow = [step(10, time=1.0, length=10), step(20, time=3.0, length=10)]
    times = time_table([RunGroup('slow', (replace(run, lines=slow),))]).splitlines()[1]
    assert times.split()[-4:] == ['0:00:40', '0:00:24', 'to', '0:00:56']
    run.settings['train_cfg']['max_epochs'] = 2
    assert time_table([RunGroup('mine', (run,))]).splitlines()[1].endswith('  ended')
    run.settings.clear()
    assert time_table([RunGroup('mine', (run,))]).splitlines()[1].endswith('  ?')
    run.lines.clear()
    assert time_table([RunGroup('mine', (run,))]) == ''


def test_columns_are_aligned():
    rows = [['a', 'b', 'long'], ['wide', 'c', '1']]
    assert aligned(rows) == 'a     b  long\nwide  c     1'
    assert aligned([['a', 'long'], ['wide', '1']], left=2) == 'a     long\nwide  1'


def test_seeds_of_unequal_length_are_compared_where_all_have_been(tmp_path):
    for seed, length in ((0, 40), (1, 20)):
        lines = [step(i, (seed + 1) * i) for i in range(10, length + 1, 10)]
        write(tmp_path / f'seed_{seed}', lines)
    runs = tuple(run for seed in (0, 1) for run in find_runs(tmp_path / f'seed_{seed}'))
    group = RunGroup('mine', runs)
    # 20 and 40, though the first one has gone on to 40.
    row = value_table([group], ['loss']).splitlines()[1].split()
    assert row[2:] == ['30', '±', '14', '(n', '=', '2)', '15', '±', '7.1', '-']
    told = 'mine: seeds end at iterations 40 (seed 0), 20 (seed 1): compared up to 20'
    assert unfinished_seeds([group]) == [told] and not unfinished_seeds([RunGroup('x', runs[:1])])
    names = [
        line.split('  ')[0]
        for line in time_table([group, RunGroup('mine seed 0', runs[:1])]).splitlines()[1:]
    ]
    assert names == ['mine seed 0', 'mine seed 1', 'mine seed 0 (2)']
