"""How far a training came, on what machine, and logs that hold no numbers."""

import json

import pytest
import torch

from ssvrl_mm.report import NetworkOptions, ReportOptions
from ssvrl_mm.report.data_health import DataHealth
from ssvrl_mm.report.demo_figures import ShownFigures
from ssvrl_mm.report.run_folder import open_run
from ssvrl_mm.report.run_log import LogFacts
from ssvrl_mm.report.sections.curves import curves_section
from ssvrl_mm.report.sections.overview import overview_section
from ssvrl_mm.report.sections.speed import speed_section
from ssvrl_mm.report.stages import stages_of
from ssvrl_mm.report.writing import run_facts, write_page
from tests.test_report.runs import _LOG, write_launch

OFFLINE = ReportOptions(look_at=0, network=NetworkOptions(enabled=False), progress=False)


def numbers(path, facts=None):
    section = overview_section(open_run(path), facts or LogFacts(), DataHealth(), ShownFigures())
    return {what: (value, note) for value, what, note in section.blocks[0].numbers}


def log(folder, *lines):
    text = ''.join(json.dumps(line) + '\n' for line in lines)
    (folder / 'vis_data' / 'scalars.json').write_text(text)


def step(iteration, epoch, **more):
    return dict(loss=1.0, time=0.5, data_time=0.1, iter=iteration, epoch=epoch) | more


@pytest.mark.parametrize(
    'last, meta, told',
    [
        # Killed at the beginning of its last epoch.
        ((201, 3), None, ('2 of 3', 'goes on, or was stopped')),
        ((201, 3), dict(epoch=2, iter=200), ('2 of 3', 'goes on, or was stopped')),
        ((201, 3), {}, ('2 of 3', 'goes on, or was stopped')),
        ((300, 3), None, ('3 of 3', '')),
        # The last line is of an iteration before the end.
        ((290, 3), dict(epoch=3, iter=300), ('3 of 3', '')),
        ((150, 2), dict(epoch=1, iter=100), ('1 of 3', 'goes on, or was stopped')),
    ],
)
def test_a_run_that_was_killed_is_not_at_its_end(tmp_path, last, meta, told):
    folder = write_launch(tmp_path, '20260101_100000', train_cfg=dict(max_epochs=3))
    lines = [step(100, 1), step(200, 2), step(*last)]
    log(folder, *lines[: 1 if last[0] < 200 else 2], lines[-1])
    if meta is not None:
        torch.save({'state_dict': {}, 'meta': meta}, tmp_path / 'epoch_1.pth')
    assert numbers(tmp_path)['epochs'] == told


def test_iterations_are_counted_where_there_are_no_epochs(tmp_path):
    loop = dict(type='IterBasedTrainLoop', max_iters=1000)
    write_launch(tmp_path, '20260101_100000', (500, 990), (500, 900), train_cfg=loop)
    assert numbers(tmp_path)['iterations'] == ('990 of 1000', 'goes on, or was stopped')
    section = curves_section(open_run(tmp_path))
    table = next(block for block in section.blocks if block.kind == 'table')
    assert table.header[0] == 'iteration' and table.rows[0][0] == '500'
    chart = [block for block in section.blocks if block.kind == 'charts'][-1].charts[0]
    assert 'over iteration' in chart.description
    torch.save({'state_dict': {}, 'meta': dict(epoch=0, iter=1000)}, tmp_path / 'iter_1000.pth')
    assert numbers(tmp_path)['iterations'] == ('1000 of 1000', '')


def test_a_test_on_another_machine_leaves_those_of_the_training(tmp_path):
    settings = dict(train_cfg=dict(max_epochs=1), train_dataloader=dict(batch_size=4))
    write_launch(tmp_path, '20260101_100000', (10, 20), **settings)
    other = _LOG.replace('GPU number: 2', 'GPU number: 8').replace('9.9.9+there', 'laptop')
    other = other.replace('2026/01/01', '2026/03/01').replace('cannot use ', 'skipped ')
    write_launch(tmp_path, '20260301_100000', log=other)
    run = open_run(tmp_path)
    facts = run_facts(run)
    assert facts.environment['PyTorch'] == '9.9.9+there'
    assert [*facts.skipped] == ['videos/<b>bad</b>.mp4'] == [*facts.unusable]
    assert facts.warnings['warning: nobody expected this'] == 2
    assert numbers(tmp_path, facts)['from first to last line'] == ('2:00', '1 launch')
    rows = {row[0]: row[1] for row in speed_section(run, facts).blocks[0].rows}
    assert rows['videos per second'] == '16 (4 x 2 a step)'


def test_times_are_those_of_the_middle_and_tell_what_is_left(tmp_path):
    settings = dict(train_cfg=dict(max_epochs=3), train_dataloader=dict(batch_size=1))
    folder = write_launch(tmp_path, '20260101_100000', **settings)
    # 100 steps of 1 s, 100 of 2 s, 50 of 9 s, of 300.
    log(folder, step(100, 1, time=1.0), step(200, 2, time=2.0), step(250, 3, time=9.0))
    run = open_run(tmp_path)
    rows = {row[0]: row[1] for row in speed_section(run, LogFacts()).blocks[0].rows}
    assert (rows['a step'], rows['80 % of the steps']) == ('2000 ms', '1200 to 7600 ms')
    assert rows['all steps'] == '12:30' and rows['the 50 steps that are left'] == '1:40'
    assert rows['videos per second'] == '0.333 (1 x 1 a step)'
    (share,) = (b for b in speed_section(run, LogFacts()).blocks if b.kind == 'shares')
    # Of 750 s, 25 steps' worth of 0.1 s.
    assert [part for _, part, _ in share.parts] == pytest.approx([25 / 750, 725 / 750])
    # A log without the wait for videos has no bar of it.
    log(folder, {'time': 1.0, 'iter': 300, 'epoch': 3})
    section = speed_section(open_run(tmp_path), LogFacts())
    assert [block.kind for block in section.blocks] == ['table', 'charts', 'text']
    assert not any('left' in row[0] for row in section.blocks[0].rows)


@pytest.mark.parametrize(
    'line',
    [
        dict(loss=None),
        dict(time=None),
        dict(time=0.0, data_time=0.0),
        dict(data_time='x', memory=None),
        dict(loss=float('nan')),
    ],
)
def test_logs_that_hold_no_numbers_have_a_page(tmp_path, line):
    settings = dict(train_cfg=dict(max_epochs=1), train_dataloader=dict(batch_size=4))
    folder = write_launch(tmp_path, '20260101_100000', **settings)
    log(folder, step(10, 1, **line))
    assert write_page(tmp_path, tmp_path / 'report.html', OFFLINE).is_file()


def test_folders_of_other_names_are_no_launches(tmp_path):
    write_launch(tmp_path, '20260101_100000', (10,), train_cfg=dict(max_epochs=1))
    write_launch(tmp_path, '20260101_100000_old', (5,), train_cfg=dict(max_epochs=7))
    write_launch(tmp_path, '20261399_000000', (5,), train_cfg=dict(max_epochs=9))
    run = open_run(tmp_path)
    assert [launch.folder.name for launch in run.launches] == ['20260101_100000']
    assert run.cfg.train_cfg.max_epochs == 1
    assert [line['iter'] for line in run.steps] == [10]


def test_one_validation_is_a_table_as_a_point_is_no_curve(tmp_path):
    write_launch(tmp_path, '20260101_100000', (10, 20), (4,))
    training, table = curves_section(open_run(tmp_path)).blocks
    assert training.kind == 'charts'
    assert table.caption == 'The validation at epoch 4'
    assert list(map(list, table.rows)) == [['retrieval/rgb_R@1', '0.4']]
    write_launch(tmp_path / 'longer', '20260101_100000', (10, 20), (4, 8))
    _, charts, table = curves_section(open_run(tmp_path / 'longer')).blocks
    assert charts.kind == 'charts'
    assert [row[1] for row in table.rows] == ['0.4', '0.8']


STAGES = dict(stages=[(0, 'init'), (2, '<b>$x'), (9, 'never')])


def test_a_loss_is_that_of_its_stage(tmp_path):
    settings = dict(train_cfg=dict(max_epochs=10), model=dict(type='M', **STAGES))
    folder = write_launch(tmp_path, '20260101_100000', **settings)
    lines = [step(10 * i, 1 + i // 4, loss=10.0 - i) for i in range(1, 7)]
    log(folder, *lines)
    assert numbers(tmp_path)['loss at the end'] == ('4', '9 at the start')
    assert [block.kind for block in curves_section(open_run(tmp_path)).blocks] == ['charts', 'text']
    log(folder, *lines, step(70, 3, loss=12.0), step(80, 3, loss=11.0))
    assert numbers(tmp_path)['loss at the end'] == ('11', '12 at the start of stage <b>$x')
    # It began after the last line of its second epoch.
    assert stages_of(open_run(tmp_path)) == [('init', 0, 0), ('<b>$x', 2, 60)]
    charts, told, none = curves_section(open_run(tmp_path)).blocks
    assert '&lt;b&gt;$x</text>' in charts.charts[0].svg
    assert told.text.startswith('It trained in stages: init, then <b>$x after epoch 2 (dashed).')
    assert not none.missing and none.text.endswith('its config has no validation.')


@pytest.mark.parametrize('stages', [None, 4, [3, 4], [(0, 'a', 1)], [('a', 0)], [{}]])
def test_what_other_models_call_stages_is_none(tmp_path, stages):
    settings = dict(train_cfg=dict(max_epochs=10), model=dict(type='M', stages=stages))
    write_launch(tmp_path, '20260101_100000', (10, 20), **settings, val_dataloader={})
    assert stages_of(open_run(tmp_path)) == []
    assert numbers(tmp_path)['loss at the end'] == ('8', '9 at the start')
    _, none = curves_section(open_run(tmp_path)).blocks
    assert none.missing and 'stopped before its first validation' in none.text
