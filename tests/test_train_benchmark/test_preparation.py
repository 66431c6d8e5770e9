import pytest
from mmengine.config import Config

from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.train_benchmark.preparation import (
    check_data,
    check_trains,
    set_channels_last,
    strip,
)
from tests.test_train_benchmark.configs import mvcgc, slow


@pytest.mark.parametrize('key', ['model', 'train_dataloader', 'optim_wrapper'])
def test_a_config_that_does_not_train(key):
    cfg = slow()
    check_trains(cfg)
    cfg[key] = None
    with pytest.raises(LaunchError, match=f'has no {key}: there is no training step'):
        check_trains(cfg)


def test_a_compiled_step_has_no_phases():
    cfg = slow()
    cfg.compile = True
    with pytest.raises(LaunchError, match='--cfg-options compile=False'):
        check_trains(cfg)
    cfg.compile = False
    check_trains(cfg)


def test_missing_data_and_the_way_to_do_without():
    with pytest.raises(LaunchError, match=r'nowhere/list.txt(.|\n)*--input synthetic measures'):
        check_data(mvcgc())
    check_data(slow())


def test_only_the_step_is_left(tmp_path):
    pretrained = dict(type='PretrainedBackbone', checkpoint='x.pth')
    cfg = Config(
        dict(
            model=dict(
                init_cfg=[dict(type='Constant'), dict(type='Pretrained', checkpoint='x.pth')],
                backbone=dict(pretrained='torchvision://resnet50', init_cfg=pretrained),
                neck=dict(init_cfg=dict(type='Constant'), pretrained=True),
                checkpoints=dict(rgb='x.pth'),
                classifiers=[dict(init_cfg=dict(type='PretrainedStreams'))],
            ),
            default_hooks=dict(
                seed=dict(type='ssvrl_mm.IterationSeedHook', seed=3),
                info=dict(type='RuntimeInfoHook'),
                sampler=dict(type='DistSamplerSeedHook'),
                checkpoint=dict(type='CheckpointHook'),
                strict=dict(type='StrictCheckpointHook'),
                nothing=None,
            ),
            custom_hooks=[dict(type='KNNProbeHook')],
            param_scheduler=[dict(type='MultiStepLR')],
            vis_backends=[dict(type='WandbVisBackend')],
            visualizer=dict(type='Visualizer'),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=3),
            val_cfg=dict(),
            val_dataloader=dict(),
            val_evaluator=dict(),
            test_cfg=dict(),
            work_dir='work_dirs/x',
            load_from='x.pth',
            resume=True,
        )
    )
    strip(cfg, str(tmp_path))
    assert cfg.model.to_dict() == dict(
        init_cfg=None,
        backbone=dict(pretrained=None, init_cfg=None),
        neck=dict(init_cfg=dict(type='Constant'), pretrained=True),
        classifiers=[dict(init_cfg=None)],
    )
    assert cfg.default_hooks.to_dict() == dict(
        seed=dict(type='ssvrl_mm.IterationSeedHook', seed=3),
        info=dict(type='RuntimeInfoHook'),
        sampler=dict(type='DistSamplerSeedHook'),
        timer=None,
        logger=None,
        param_scheduler=None,
        checkpoint=None,
    )
    assert cfg.custom_hooks == [] and cfg.work_dir == str(tmp_path)
    assert cfg.train_cfg == dict(by_epoch=True, max_epochs=1) and cfg.resume is False
    empty = ('param_scheduler', 'vis_backends', 'visualizer', 'load_from')
    for name in (*empty, 'val_cfg', 'val_dataloader', 'val_evaluator', 'test_cfg'):
        assert cfg[name] is None, name


def test_channels_last_goes_to_every_part_that_has_the_option():
    single = dict(type='SingleStreamPreprocessor')
    model = dict(
        type='LateFusionRecognizer',
        classifiers=dict(
            rgb=dict(type='Recognizer3D', backbone=dict(type='S3D'), data_preprocessor=single)
        ),
    )
    set_channels_last(model, False)
    assert single == dict(type='SingleStreamPreprocessor', channels_last=False)
    model = mvcgc().model
    set_channels_last(model, True)
    assert model.channels_last is True and 'channels_last' not in model.head
    with pytest.raises(LaunchError, match='Recognizer3D and its parts have no option'):
        set_channels_last(dict(type='Recognizer3D', backbone=dict(type='S3D')), True)
