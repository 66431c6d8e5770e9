from pathlib import Path

import pytest
from mmengine.config import Config

from ssvrl_mm.engine.config_checks import (
    OptionsError,
    check_keys,
    check_options,
    merge_options,
    runner_keys,
)


@pytest.fixture
def cfg():
    return Config(
        dict(
            model=dict(type='S3D', in_channels=3, init_cfg=None),
            train_pipeline=[dict(type='SampleClips', clip_len=8)],
            train_dataloader=dict(
                batch_size=4,
                num_workers=2,
                sampler=dict(type='DefaultSampler', shuffle=True),
                dataset=dict(type='CompressedVideoDataset', data_prefix=dict(video='videos')),
            ),
            train_cfg=dict(by_epoch=True, max_epochs=3),
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)),
            test_evaluator=[dict(type='VideoRetrieval')],
            randomness=dict(seed=0),
            max_epochs=3,
        )
    )


def test_what_is_right_gives_no_message(cfg):
    assert check_keys(cfg) == []


@pytest.mark.parametrize(
    'key, meant',
    [
        ('train_dataloder', 'train_dataloader'),
        ('modle', 'model'),
        ('optim_wraper', 'optim_wrapper'),
        ('param_schedulers', 'param_scheduler'),
        ('custom_import', 'custom_imports'),
    ],
)
def test_misspelt_key_is_named_with_the_right_one(cfg, key, meant):
    cfg[key] = dict()
    assert check_keys(cfg) == [f'{key}: nothing reads this key; did you mean {meant}?']


def test_keys_of_a_dataloader(cfg):
    cfg.train_dataloader.batch_sise = 8
    assert check_keys(cfg) == [
        'train_dataloader.batch_sise: nothing reads this key; did you mean batch_size?'
    ]


def test_configs_of_the_repository_are_right(repository):
    files = sorted(Path(repository, 'configs').rglob('*.py'))
    assert len(files) > 50
    wrong = {}
    for file in files:
        if messages := check_keys(Config.fromfile(file)):
            wrong[file.name] = messages
    assert wrong == {}
    assert {'model', 'load_from', 'auto_scale_lr', 'work_dir'} <= runner_keys()


@pytest.mark.parametrize(
    'option',
    [
        'train_dataloader.batch_size',
        'train_dataloader.dataset.data_prefix.audio',
        'train_dataloader.persistent_workers',
        'train_dataloader.dataset.ann_file',
        'train_pipeline.0.num_clips',
        'test_evaluator.0.preset',
        'model.frozen_stages',
        'model.init_cfg.checkpoint',
        'optim_wrapper.optimizer.momentum',
        'optim_wrapper.clip_grad.max_norm',
        'optim_wrapper.paramwise_cfg',
        'randomness.deterministic',
        'train_cfg.val_interval',
        'load_from',
        'auto_scale_lr.enable',
        'max_epochs',
    ],
)
def test_options_that_change_something_are_let_pass(cfg, option):
    assert check_options(cfg, {option: 1}) == []


@pytest.mark.parametrize(
    'option, message',
    [
        (
            'train_dataloder.batch_size',
            'the config has no train_dataloder; did you mean train',
        ),
        ('lr', 'the config has no lr'),
        ('train_dataloader.batch_sise', 'no batch_sise in train_dataloader; did you mean batch_si'),
        ('model.frozen_stage', 'no frozen_stage in model; did you mean frozen_stages'),
        ('train_pipeline.0.num_clip', 'no num_clip in train_pipeline.0; did you mean num_clips'),
        ('train_pipeline.3.num_clips', "train_pipeline has 1 entries, and none '3'"),
        (
            'optim_wrapper.optimizer.momentun',
            'no momentun in optim_wrapper.optimizer; did you mean momentum',
        ),
        ('test_evaluator.preset', "test_evaluator has 1 entries, and none 'preset'"),
    ],
)
def test_options_that_would_add_a_key_in_silence_are_named(cfg, option, message):
    before = cfg.to_dict()
    [found] = check_options(cfg, {'randomness.seed': 3, option: 2})
    assert found.startswith(f'{option}: ') and message in found
    assert cfg.to_dict() == before


def test_options_change_the_configs_that_have_what_they_set():
    """As where IMRNet is compared with a network of ImageNet, whose weights an option names."""
    folder = Path(__file__).resolve().parents[2] / 'configs/imrnet/benchmarks'
    names = ('imrnet_r18_retrieval_ucf101', 'imrnet_imagenet_retrieval_ucf101')
    cfgs = [Config.fromfile(folder / f'{name}.py') for name in names]
    before = cfgs[0].to_dict()
    merge_options(cfgs, {'model.backbones.iframe.pretrained': 'FILE.pth'})
    assert cfgs[0].to_dict() == before
    assert cfgs[1].model.backbones.iframe.pretrained == 'FILE.pth'
    merge_options(cfgs, {'test_dataloader.batch_size': 3, 'model.average_clips': True})
    assert [cfg.test_dataloader.batch_size for cfg in cfgs] == [3, 3]
    assert all(cfg.model.average_clips for cfg in cfgs)
    # Nothing is changed where one of the options is for none.
    with pytest.raises(OptionsError, match='--cfg-options: model.wdith: the config has no wdith'):
        merge_options(cfgs, {'test_dataloader.batch_size': 4, 'model.wdith': 2})
    assert [cfg.test_dataloader.batch_size for cfg in cfgs] == [3, 3]
