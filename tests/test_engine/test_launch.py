from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.command_line import add_arguments
from ssvrl_mm.engine import launch
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.__main__ import main as video_main
from ssvrl_mm.wrapping import innermost_datasets
from ssvrl_mm.zoo import ModelIndexError, OfflineError, ZooModel
from tests.clips import encode, translating


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


def test_missing_videos_encoded_anew_have_a_command(tmp_path):
    dataset = dict(video_dataset(tmp_path), data_prefix=dict(video='gop12'))
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    videos, encoded = tmp_path / 'videos', tmp_path / 'gop12'
    command = f'`python -m ssvrl_mm.video transcode {videos} {encoded} --preset mpeg4-gop12`'
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_files(cfg, ['train_dataloader'])
    assert command in str(caught.value) and 'build_video_list.py' in str(caught.value)

    # With the list nothing else is to be told.
    (tmp_path / 'list.txt').write_text('a.mp4 0\n')
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_files(cfg, ['train_dataloader'])
    assert command in str(caught.value) and 'build_video_list.py' not in str(caught.value)

    # The command does it.
    videos.mkdir()
    encode(videos / 'a.mp4', translating(26, 1, 0))
    assert video_main([*command.strip('`').split()[3:], '--workers', '0', '--quiet']) == 0
    launch.check_files(cfg, ['train_dataloader'])
    with CompressedVideoReader(encoded / 'a.mp4') as reader:
        assert (reader.metadata.codec, reader.metadata.keyframes) == ('mpeg4', (0, 12, 24))


def test_videos_of_another_rate_have_a_command(tmp_path):
    dataset = dict(video_dataset(tmp_path), data_prefix=dict(video='gop12_30fps'))
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_files(cfg, ['train_dataloader'])
    folders = f'{tmp_path / "videos"} {tmp_path / "gop12_30fps"}'
    assert f'transcode {folders} --preset mpeg4-gop12 --fps 30`' in str(caught.value)


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


def test_missing_weights_that_a_training_starts_from_are_named_once(tmp_path):
    there, gone, other = (str(tmp_path / f'{name}.pth') for name in ('there', 'gone', 'other'))
    (tmp_path / 'there.pth').touch()

    def part(init_cfg):
        return dict(backbone=dict(init_cfg=init_cfg))

    wrong = dict(rgb=part(dict(checkpoint=gone)), motion=part([dict(checkpoint=gone)]))
    wrong.update(streams=[dict(init_cfg=dict(checkpoints=dict(rgb=there, flow=other)))])
    cfg = Config(dict(model=dict(init_cfg=None, classifiers=wrong)))
    launch.check_files(cfg, ['test_dataloader'])
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_files(cfg, ['train_dataloader'])
    message = str(caught.value)
    assert message.count(gone) == message.count(other) == message.count('SSVRL_PRETRAINED') == 1
    assert there not in message and 'build_video_list' not in message
    fine = [dict(checkpoint=there), dict(type='Constant'), dict(checkpoint='https://e.org/x.pth')]
    launch.check_files(Config(dict(model=part(fine))), ['train_dataloader'])


def test_weights_of_the_zoo_that_a_run_starts_from(monkeypatch, tmp_path):
    published = ZooModel('mvcgc_s3d', Path('config.py'), 'mvcgc_s3d-1a2b3c4d.pth')
    monkeypatch.setattr('ssvrl_mm.zoo.index._all_models', lambda index: {'mvcgc_s3d': published})
    files = {'mvcgc_s3d': tmp_path / 'mvcgc_s3d-1a2b3c4d.pth'}
    monkeypatch.setattr('ssvrl_mm.zoo.fetch_weights', files.__getitem__)

    def start(checkpoint):
        for cfg in (
            Config(dict(model=dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint))))),
            Config(dict(model=dict(), load_from=checkpoint)),
        ):
            launch.check_files(cfg, ['train_dataloader'])
            launch.fetch_checkpoints(cfg, ['train_dataloader'])
        return cfg.load_from

    assert start('mvcgc_s3d') == str(files['mvcgc_s3d'])
    with pytest.raises(launch.LaunchError, match=r'mvcgc_s3e.*did you mean .*mvcgc_s3d'):
        start('mvcgc_s3e')


@pytest.mark.parametrize('error', [OfflineError, ModelIndexError, WeightsError])
def test_weights_that_cannot_be_had_end_a_run_in_words(error, monkeypatch):
    def fetch(name):
        raise error(f'no {name}')

    monkeypatch.setattr('ssvrl_mm.zoo.fetch_weights', fetch)
    monkeypatch.setattr(launch, 'find_model', lambda name: None)
    cfg = Config(dict(model=dict(backbone=dict(init_cfg=dict(checkpoint='mvcgc_s3d')))))
    args = Namespace(launcher='none', check_only=None)
    with pytest.raises(SystemExit, match='^error: no mvcgc_s3d$'):
        launch.prepare(cfg, args, ['train_dataloader'])


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


def test_every_run_has_the_hooks_of_safety_unless_its_config_has_its_say():
    cfg = Config(dict(default_scope='mmaction'))
    launch.add_safety(cfg)
    kinds = {name: hook['type'] for name, hook in cfg.default_hooks.items()}
    assert kinds == dict(
        strict_checkpoint='ssvrl_mm.StrictCheckpointHook',
        training_amount='ssvrl_mm.TrainingAmountHook',
        finite_loss='ssvrl_mm.FiniteLossHook',
        checkpoint='ssvrl_mm.CheckpointHook',
    )
    own = dict(type='StrictCheckpointHook', ignore=['head.queue.'])
    cfg = Config(dict(default_hooks=dict(strict_checkpoint=own, finite_loss=None)))
    launch.add_safety(cfg)
    assert cfg.default_hooks.strict_checkpoint == own and 'finite_loss' not in cfg.default_hooks


def test_configs_name_the_hooks_of_safety_for_other_launchers(repository):
    hooks = Config.fromfile(repository / 'configs/_base_/default_runtime.py').default_hooks
    for name, kind in launch.SAFETY_HOOKS.items():
        assert hooks[name] == dict(type=kind)


@pytest.mark.parametrize(
    'average, clips, change',
    [
        (True, 1, 'model.average_clips=False and num_clips of SampleClips in test_dataloader'),
        (False, 1, 'num_clips of SampleClips in test_dataloader above 1'),
        (True, 10, 'set model.average_clips=False$'),
        (False, 10, None),
    ],
)
def test_vcop_wants_clips_kept_apart_before_any_is_decoded(repository, average, clips, change):
    cfg = Config.fromfile(repository / 'configs/mvcgc/s3d_ucf101.py')
    cfg.model.average_clips = average
    cfg.test_evaluator.preset = 'vcop'
    for dataset in innermost_datasets(cfg.test_dataloader.dataset):
        [step] = [s for s in dataset['pipeline'] if s['type'] == 'SampleClips']
        step['num_clips'] = clips
    # The preset of the validation is another one.
    launch.check_presets(cfg, ['train_dataloader', 'val_dataloader'])
    if change is None:
        launch.check_presets(cfg, ['test_dataloader'])
        return
    with pytest.raises(launch.LaunchError, match=change):
        launch.check_presets(cfg, ['test_dataloader'])


@pytest.mark.parametrize(
    'option',
    [
        {},
        {'test_evaluator.preset': 'clean', 'model.average_clips': True},
        {'model.average_clips': True},
        {'test_dataloader.dataset.gallery.pipeline.1.num_clips': 2},
        {'test_dataloader.dataset.gallery.pipeline.1': dict(type='SampleClips', clip_len=8)},
    ],
)
def test_coclr_wants_one_clip_of_each_gallery_video_before_any_is_decoded(repository, option):
    name = 'mvcgc_s3d_retrieval_ucf101_coclr'
    cfg = Config.fromfile(repository / f'configs/mvcgc/benchmarks/{name}.py')
    if 'test_dataloader.dataset.gallery.pipeline.1' in option:
        [(_, step)] = option.items()
        cfg.test_dataloader.dataset.gallery.pipeline[1] = step
    else:
        cfg.merge_from_dict(option)
    if not option or 'test_evaluator.preset' in option:
        launch.check_presets(cfg, ['test_dataloader'])
        return
    with pytest.raises(launch.LaunchError, match=r"'coclr'.*ucf101_coclr_retrieval.*_coclr\.py"):
        launch.check_presets(cfg, ['test_dataloader'])


def test_command_line_overrides_the_config(tmp_path):
    (tmp_path / 'some_method.py').write_text('a = dict(b=1, c=2)\nmodel = dict()\n')
    parser = ArgumentParser()
    parser.add_argument('config')
    add_arguments(parser)
    config = str(tmp_path / 'some_method.py')
    cfg = launch.load_config(parser.parse_args([config, '--cfg-options', 'a.b=3']))
    assert cfg.a == dict(b=3, c=2)
    assert cfg.work_dir == 'work_dirs/some_method'
    cfg = launch.load_config(parser.parse_args([config, '--work-dir', 'elsewhere']))
    assert cfg.work_dir == 'elsewhere'


def parsed(config, *options):
    parser = ArgumentParser()
    parser.add_argument('config')
    add_arguments(parser)
    return parser.parse_args([str(config), *options])


@pytest.mark.parametrize(
    'name, config',
    [
        ('SSVRL_FLOW', 's3d_ucf101_flow.py'),
        ('SSVRL_TEST_PROTOCOL', 'benchmarks/mvcgc_s3d_rgb_ucf101_linear.py'),
    ],
)
def test_a_choice_of_the_environment_that_is_none(repository, monkeypatch, name, config):
    path = repository / 'configs/mvcgc' / config
    monkeypatch.setenv(name, 'tvl')
    with pytest.raises(SystemExit) as caught:
        launch.load_config(parsed(path))
    assert f'{name}=tvl: there is no such choice in {path}' in str(caught.value)


def test_a_part_of_configs_is_no_run(tmp_path):
    config = tmp_path / 'part.py'
    config.write_text('model = dict()\ntrain_dataloader = None\n')
    assert launch.load_config(parsed(config)).model == {}
    with pytest.raises(SystemExit) as caught:
        launch.load_config(parsed(config), 'train_dataloader', 'optim_wrapper')
    said = f'error: {config} has no train_dataloader and no optim_wrapper: it is a part of configs'
    assert caught.value.code.startswith(said)


def test_another_missing_key_of_a_config_is_raised_as_it_is(tmp_path):
    config = tmp_path / 'mine.py'
    config.write_text("a = dict(b=1)['c']\n")
    with pytest.raises(KeyError, match='c'):
        launch.load_config(parsed(config))


def test_an_option_that_nothing_reads_ends_the_process_with_what_was_meant(repository):
    config = repository / 'configs' / 'mvcgc' / 'demo.py'
    options = ('--cfg-options', 'train_dataloder.batch_size=2', 'model.head.quque_length=4')
    with pytest.raises(SystemExit) as caught:
        launch.load_config(parsed(config, *options))
    message = str(caught.value)
    assert 'train_dataloder' in message and 'did you mean train_dataloader' in message
    assert 'queue_length' in message
    right = ('--cfg-options', 'train_dataloader.batch_size=2', 'model.head.queue_length=4')
    cfg = launch.load_config(parsed(config, *right))
    assert (cfg.train_dataloader.batch_size, cfg.model.head.queue_length) == (2, 4)


def test_a_key_that_looks_misspelt_is_named(tmp_path, capsys):
    config = tmp_path / 'mine.py'
    config.write_text('model = dict(type="S3D")\noptim_wraper = dict()\n')
    launch.load_config(parsed(config))
    shown = capsys.readouterr()
    assert 'optim_wraper: nothing reads this key; did you mean optim_wrapper?' in (
        shown.out + shown.err
    )


@pytest.mark.parametrize(
    'kind',
    [
        dict(type='ssvrl_mm.MotionPrimitives', split='train'),
        dict(type='RetrievalDataset', dataset_type='MotionPrimitives'),
    ],
)
def test_motion_primitives_of_another_spec_are_told_before_anything_is_built(
    tmp_path, capsys, kind
):
    dataset = dict(kind, data_root=str(tmp_path / 'set'), spec=dict(size=64))
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=dataset))))
    launch.check_files(cfg, ['train_dataloader'])
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set/spec.json').write_text('{"format": 1, "size": 80}')
    with pytest.raises(SystemExit) as end, launch.in_words('none'):
        launch.check_files(cfg, ['train_dataloader'])
    said = f'error: {tmp_path / "set"} holds MotionPrimitives of another spec: size is 80 where 64'
    assert end.value.code.startswith(said) and '\n' not in end.value.code
