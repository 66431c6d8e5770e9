from argparse import ArgumentParser

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.command_line import add_arguments
from ssvrl_mm.engine import launch


def video_dataset(root, list_file='list.txt'):
    return dict(ann_file=list_file, data_root=str(root), data_prefix=dict(video='videos'))


def test_missing_data_are_named_once_with_the_way_to_make_them(tmp_path):
    wrapped = dict(type='ConcatDataset', datasets=[video_dataset(tmp_path)] * 2)
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=wrapped)),
            val_dataloader=dict(dataset=video_dataset(tmp_path, 'val.txt')),
            test_dataloader=dict(dataset=video_dataset(tmp_path, 'test.txt')),
            load_from=str(tmp_path / 'epoch_1.pth'),
        )
    )
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_files(cfg, ['train_dataloader', 'val_dataloader'])
    message = str(caught.value)
    for name in ('list.txt', 'val.txt', 'videos', 'epoch_1.pth'):
        assert message.count(str(tmp_path / name)) == 1
    assert 'test.txt' not in message
    assert 'build_video_list.py' in message and 'SSVRL_DATA' in message


@pytest.mark.parametrize('name', ['hmdb51', 'kinetics400', 'sthv2', 'ucf101'])
def test_a_missing_dataset_of_ours_has_a_tool_and_a_page(repository, monkeypatch, tmp_path, name):
    monkeypatch.chdir(repository)
    cfg = Config(dict(train_dataloader=dict(dataset=video_dataset(tmp_path / name))))
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_files(cfg, ['train_dataloader'])
    message = str(caught.value)
    command = f'python tools/data/{name}/prepare.py --out {tmp_path / name}'
    assert message.count(command) == 1 and '--print-commands' in message
    page = f'docs/datasets/{name}.md'
    assert page in message and (repository / page).exists()


def test_present_data_pass(tmp_path):
    (tmp_path / 'videos').mkdir()
    (tmp_path / 'list.txt').write_text('a.mp4 0\n')
    (tmp_path / 'epoch_1.pth').touch()
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=video_dataset(tmp_path)),
            val_dataloader=None,
            load_from=str(tmp_path / 'epoch_1.pth'),
        )
    )
    launch.check_files(cfg, ['train_dataloader', 'val_dataloader'])
    cfg.load_from = 'https://example.org/epoch_1.pth'
    launch.check_files(cfg, ['train_dataloader'])


@pytest.mark.parametrize('devices, processes, fits', [(0, 8, True), (4, 4, True), (4, 5, False)])
def test_every_process_needs_its_own_device(monkeypatch, devices, processes, fits):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: devices)
    if fits:
        launch.check_devices(processes)
    else:
        with pytest.raises(launch.LaunchError, match='5 processes .* node with 4 CUDA'):
            launch.check_devices(processes)


def test_launcher_without_its_variables(monkeypatch):
    monkeypatch.delenv('SLURM_PROCID', raising=False)
    with pytest.raises(launch.LaunchError, match='slurm.*SLURM_PROCID'):
        launch.setup_launcher(Config({}), 'slurm')


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_cpu_processes_meet_over_gloo(monkeypatch, launcher):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    groups = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', groups.append)
    for name, value in zip(launch._RANK_VARIABLES[launcher], '315', strict=True):
        monkeypatch.setenv(name, value)
    for name, value in zip(('RANK', 'LOCAL_RANK', 'WORLD_SIZE'), '315', strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv('MASTER_ADDR', 'node0')
    cfg = Config(dict(find_unused_parameters=True))
    launch.setup_launcher(cfg, launcher)
    assert groups == ['gloo']
    assert cfg.launcher == launcher
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=True,
        device_ids=None,
    )


def test_auto_resume_takes_the_latest_checkpoint_or_starts_afresh(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path / 'run'), load_from='stage1.pth'))
    launch.setup_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (False, 'stage1.pth')

    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'last_checkpoint').write_text('run/epoch_3.pth')
    launch.setup_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (True, 'run/epoch_3.pth')

    launch.setup_resume(cfg, 'other.pth')
    assert (cfg.resume, cfg.load_from) == (True, 'other.pth')


@pytest.mark.parametrize(
    'config, work_dir',
    [
        ('configs/mvcgc/s3d_k400.py', 'work_dirs/mvcgc/s3d_k400'),
        ('/home/me/ssvrl_mm/configs/mvcgc/benchmarks/a.b.py', 'work_dirs/mvcgc/benchmarks/a.b'),
        # The nearest one counts: the checkout itself may lie in a folder of this name.
        ('/configs/ssvrl_mm/configs/mvcgc/demo.py', 'work_dirs/mvcgc/demo'),
        ('configs/mine.py', 'work_dirs/mine'),
        ('/elsewhere/mine.py', 'work_dirs/mine'),
    ],
)
def test_work_dir_is_the_path_below_configs(config, work_dir, monkeypatch):
    monkeypatch.chdir('/')
    assert launch.default_work_dir(config) == work_dir


def test_work_dir_is_the_same_from_within_configs(tmp_path, monkeypatch):
    (tmp_path / 'configs/mvcgc').mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'configs/mvcgc')
    assert launch.default_work_dir('demo.py') == 'work_dirs/mvcgc/demo'


def test_command_line_overrides_the_config(tmp_path):
    (tmp_path / 'some_method.py').write_text('a = dict(b=1, c=2)\n')
    parser = ArgumentParser()
    parser.add_argument('config')
    add_arguments(parser)
    config = str(tmp_path / 'some_method.py')
    cfg = launch.load_config(parser.parse_args([config, '--cfg-options', 'a.b=3']))
    assert cfg.a == dict(b=3, c=2)
    assert cfg.work_dir == 'work_dirs/some_method'
    cfg = launch.load_config(parser.parse_args([config, '--work-dir', 'elsewhere']))
    assert cfg.work_dir == 'elsewhere'
