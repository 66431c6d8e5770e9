"""What a folder is taken for, and what is read of it."""

import pytest

from ssvrl_mm.report import ReportError
from ssvrl_mm.report.run_folder import open_run
from ssvrl_mm.report.run_log import read_logs
from tests.test_report.runs import write_launch


def test_launches_of_a_resumed_run_are_put_together(tmp_path):
    write_launch(tmp_path, '20260101_100000', (10, 20, 30), model=dict(type='Old'))
    write_launch(tmp_path, '20260101_110000', (25, 35), model=dict(type='New'))
    # A test later on is no training: its config is not that of the run.
    write_launch(tmp_path, '20260101_120000', model=dict(type='Test'))
    run = open_run(tmp_path)
    assert [line['iter'] for line in run.steps] == [10, 20, 25, 35]
    assert [(each.trained, each.first) for each in run.launches] == [
        (True, 10),
        (True, 25),
        (False, 0),
    ]
    assert run.cfg.model.type == 'New'
    assert run.launches[0].started.hour == 10 and run.checkpoint is None


def test_a_run_that_was_killed_is_read_as_far_as_it_goes(tmp_path):
    folder = write_launch(tmp_path, '20260101_100000', (10,))
    with open(folder / 'vis_data' / 'scalars.json', 'a') as file:
        file.write('{"loss": 1.0, "it')
    run = open_run(tmp_path)
    assert [line['iter'] for line in run.steps] == [10]
    assert run.remarks[0].endswith('scalars.json: the last entry is not whole, and left out')
    (tmp_path / 'epoch_1.pth').write_bytes(b'half of a checkpoint')
    run = open_run(tmp_path)
    assert run.checkpoint is None and 'epoch_1.pth' in run.remarks[1]


@pytest.mark.parametrize(
    'settings, message',
    [
        (None, 'holds no run: neither a config nor the log'),
        (dict(default_scope='mmpretrain'), "another project .default_scope is 'mmpretrain'"),
    ],
)
def test_folders_that_hold_no_run_of_ours(tmp_path, settings, message):
    if settings is not None:
        write_launch(tmp_path, '20260101_100000', **settings)
    with pytest.raises(ReportError, match=message):
        open_run(tmp_path)


def test_a_folder_that_is_not_there_and_a_config_that_is_none(tmp_path):
    with pytest.raises(ReportError, match='there is no folder .*missing'):
        open_run(tmp_path / 'missing')
    (tmp_path / 'broken.py').write_text('model = (')
    with pytest.raises(ReportError, match=r'broken\.py cannot be read as a config'):
        open_run(tmp_path)


def test_mmaction2s_projects_that_import_us_are_ours(tmp_path):
    settings = dict(default_scope='mmaction', custom_imports=dict(imports=['ssvrl_mm']))
    write_launch(tmp_path, '20260101_100000', **settings)
    assert open_run(tmp_path).cfg.default_scope == 'mmaction'


def test_logs_tell_of_machine_and_videos(tmp_path):
    folder = write_launch(tmp_path, '20260101_100000')
    facts = read_logs([folder / '20260101_100000.log'])
    assert facts.environment == {
        'sys.platform': 'linux', 'PyTorch': '9.9.9+there', 'GPU number': '2', 'seed': '0',
    }  # fmt: skip
    assert facts.unusable == {'videos/<b>bad</b>.mp4': 'VideoError: is & was empty'}
    assert facts.too_short == (3, 8) and facts.first_too_short == 'a.mp4'
    assert facts.warnings == {'warning: nobody expected this': 1}
    assert (facts.ended - facts.started).total_seconds() == 120


def test_a_run_that_ends_in_its_first_epoch_has_named_one_short_video(tmp_path):
    line = '2026/01/01 10:00:06 - mmengine - WARNING - leaves out videos that are too short'
    (tmp_path / 'x.log').write_text(f'{line}, the first being a.mp4\n')
    assert read_logs([tmp_path / 'x.log']).too_short[0] == 1


def test_text_serves_where_the_scalars_are_gone(tmp_path, monkeypatch):
    text = '2026/01/01 10:00:01 - mmengine - INFO - Epoch(train) [2][ 5/20]  loss: 4  time: 0.5\n'
    folder = write_launch(tmp_path, '20260101_100000', log=text, train_cfg=dict(max_epochs=3))
    run = open_run(tmp_path)
    assert [(line['iter'], line['loss']) for line in run.steps] == [(25, 4.0)]
    assert run.launches[0].trained and run.log.total_iterations == 60

    def fail(file):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('ssvrl_mm.run_logs.runs.read_text_log', fail)
    run = open_run(tmp_path)
    assert run.remarks[0].endswith(
        'cannot be read: ' + f'{folder}/20260101_100000.log: Permission denied'
    )
    assert run.steps == [] and [launch.folder for launch in run.launches] == [folder]
    assert not run.launches[0].trained


def test_a_run_is_called_as_its_config(tmp_path):
    def name_of(folder, *configs):
        folder.mkdir(parents=True, exist_ok=True)
        for config in configs:
            (folder / config).write_text('model = dict(type="A")\ndefault_scope = "ssvrl_mm"\n')
        write_launch(folder, '20260101_100000', (10,))
        return open_run(folder).name

    assert name_of(tmp_path / 'mine', 's3d.py') == 's3d'
    assert name_of(tmp_path / 'several', 'a.py', 'b.py') == 'several'
    # An ablation's runs: a folder for each config, and in it one for each seed.
    assert name_of(tmp_path / 's3d_k1/seed_0-1234', 'config.py') == 's3d_k1'
