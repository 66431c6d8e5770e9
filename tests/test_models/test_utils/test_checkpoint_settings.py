"""What checkpoints say of their networks, and networks that are others."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from ssvrl_mm.models.utils.checkpoint_settings import backbone_settings, check_norm_eps
from ssvrl_mm.models.utils.pretrained import PretrainedStreams, load_pretrained
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import MODELS


def small(norm_eps=1e-3, **kwargs):
    return MODELS.build(dict(type='S3D', width=0.125, norm_eps=norm_eps, **kwargs))


def of_run(**model):
    """The part of a checkpoint that a run writes about itself."""
    config = Config(dict(train_cfg=dict(max_epochs=3), model=model, work_dir='runs'))
    return dict(meta=dict(cfg=config.pretty_text, epoch=3))


def test_settings_of_a_converted_checkpoint():
    content = dict(meta=dict(backbone=dict(type='S3D', norm_eps=1e-5)), state_dict={})
    for prefix in ('', 'backbone.', 'backbone_rgb.'):
        assert backbone_settings(content, prefix) == dict(type='S3D', norm_eps=1e-5)


def test_settings_of_a_run():
    one = of_run(
        type='Recognizer3D',
        backbone=dict(type='S3D', norm_eps=1e-5, temporal_strides=(2, 1, 1, 2, 2), init_cfg=None),
        cls_head=dict(type='X', table={'a-b': [1, -2], 3: 'x'}),
    )
    expected = dict(type='S3D', norm_eps=1e-5, temporal_strides=(2, 1, 1, 2, 2), init_cfg=None)
    assert backbone_settings(one) == backbone_settings(one, '') == expected
    assert backbone_settings(one, 'backbone_rgb.') is None
    assert backbone_settings(one, 'classifiers.rgb.backbone.') is None
    streams = of_run(backbones=dict(rgb=dict(type='S3D'), motion=dict(type='S3D', in_channels=2)))
    assert backbone_settings(streams, 'backbone_rgb.') == dict(type='S3D')
    motion = dict(type='S3D', in_channels=2)
    assert backbone_settings(streams, 'backbone_motion.') == motion
    assert backbone_settings(streams, 'key_backbone_motion.module.') == motion
    assert backbone_settings(streams, 'backbone_flow.') is None
    assert backbone_settings(streams, 'backbone.') is None


@pytest.mark.parametrize(
    'text',
    [
        '',
        'model = dict(',
        'model = 3',
        'model = open("gone.txt")',
        'model = dict(backbone=print("run"))',
        'model = dict(backbone=dict([1, 2]))',
        'model = dict([3])',
        'other = dict(backbone=dict(type="S3D"))',
        'model = ' + '(' * 5000,
        'model = ' + '[' * 3000 + ']' * 3000,
        'model = dict(backbones=[1])',
        '\0',
    ],
)
def test_text_that_is_no_config_tells_nothing_and_is_not_run(text, capsys):
    for prefix in ('backbone.', 'backbone_rgb.'):
        assert backbone_settings(dict(meta=dict(cfg=text)), prefix) is None
    assert not capsys.readouterr().out


@pytest.mark.parametrize('content', [None, 3, {}, dict(meta=None), dict(meta=dict(cfg=3))])
def test_content_without_settings(content):
    assert backbone_settings(content) is None


def test_a_dict_in_a_dict_call():
    text = "model = dict(backbone=dict({'type': 'S3D', 'norm_eps': 1e-5}, width=2))"
    assert backbone_settings(dict(meta=dict(cfg=text))) == dict(type='S3D', norm_eps=1e-5, width=2)


def test_another_epsilon_is_an_error_with_the_way_out(tmp_path):
    path = str(tmp_path / 'coclr.pth')
    weights = {f'backbone.{name}': w for name, w in small().state_dict().items()}
    torch.save(dict(meta=dict(backbone=dict(type='S3D', norm_eps=1e-5)), state_dict=weights), path)
    with pytest.raises(
        WeightsError,
        match=r"coclr\.pth: the weights under 'backbone\.' belong to a network with "
        r'norm_eps=1e-05, and S3D has 0\.001: .* Set norm_eps=1e-05 in the config of the backbone',
    ):
        load_pretrained(small(), path, 'backbone.')
    assert load_pretrained(small(norm_eps=1e-5), path, 'backbone.') == 385


def test_the_default_of_a_run_counts_too(tmp_path):
    content = of_run(backbones=dict(rgb=dict(type='ssvrl_mm.S3D', width=0.125)))
    check_norm_eps(small(), content, 'a.pth', 'backbone_rgb.')
    with pytest.raises(WeightsError, match=r'norm_eps=0\.001, and S3D has 1e-05'):
        check_norm_eps(small(norm_eps=1e-5), content, 'a.pth', 'backbone_rgb.')


def test_recognizers_are_checked_by_their_backbones():
    both = nn.Module()
    both.backbone_rgb, both.backbone_motion = small(), small(norm_eps=1e-5)
    both.head = nn.BatchNorm1d(3, eps=0.5)
    content = of_run(backbones=dict(rgb=dict(type='S3D'), motion=dict(type='S3D', norm_eps=1e-5)))
    check_norm_eps(both, content, 'a.pth')
    both.backbone_motion = small()
    with pytest.raises(WeightsError, match=r"'backbone_motion\.' belong .*norm_eps=1e-05"):
        check_norm_eps(both, content, 'a.pth')


@pytest.mark.parametrize(
    'settings',
    [dict(type='C3D'), dict(type='NoSuchNetwork'), dict(), dict(type='S3D', norm_eps='small')],
)
def test_settings_that_tell_no_epsilon_pass(settings):
    content = dict(meta=dict(backbone=settings))
    check_norm_eps(small(), content, 'a.pth')
    check_norm_eps(nn.Linear(2, 2), dict(meta=dict(backbone=dict(type='S3D'))), 'a.pth')


def test_streams_from_checkpoints_of_their_own(tmp_path):
    path = str(tmp_path / 'rgb.pth')
    weights = {f'backbone_rgb.{name}': w for name, w in small().state_dict().items()}
    torch.save(dict(meta=dict(backbone=dict(type='S3D', norm_eps=1e-5)), state_dict=weights), path)
    start = PretrainedStreams(dict(rgb=path))
    model = nn.Module()
    model.backbone_rgb = small()
    with pytest.raises(WeightsError, match='norm_eps=1e-05'):
        start(model)
    model.backbone_rgb = small(norm_eps=1e-5)
    start(model)
