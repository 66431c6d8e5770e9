import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.registry import DefaultScope

from ssvrl_mm.models.backbones import StackedStreamsBackbone

from ..tiny import CRITERION, TinyBackbone, projector, samples

CHANNELS = dict(rgb=3, motion=2)


def tiny(stream):
    return dict(type=TinyBackbone, in_channels=CHANNELS[stream], seed=len(stream), out_channels=6)


def clips(n=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, 4, 8, 8, generator=generator)


def test_each_stream_goes_through_its_backbone():
    backbone = StackedStreamsBackbone({s: tiny(s) for s in CHANNELS}, CHANNELS)
    maps = backbone(clips())
    assert list(maps) == ['rgb', 'motion']
    for stream, part in (('rgb', clips()[:, :3]), ('motion', clips()[:, 3:])):
        alone = TinyBackbone(CHANNELS[stream], seed=len(stream))
        torch.testing.assert_close(maps[stream], alone(part))
    names = {name.split('.')[0] for name in backbone.state_dict()}
    assert names == {'backbone_rgb', 'backbone_motion'}


def test_streams_lie_in_the_order_of_the_channels():
    reverse = dict(motion=2, rgb=3)
    backbone = StackedStreamsBackbone({s: tiny(s) for s in CHANNELS}, reverse)
    x = clips()
    turned = backbone(torch.cat([x[:, 3:], x[:, :3]], dim=1))
    expected = StackedStreamsBackbone({s: tiny(s) for s in CHANNELS}, CHANNELS)(x)
    for stream in CHANNELS:
        torch.testing.assert_close(turned[stream], expected[stream])


@pytest.mark.parametrize('options', [dict(), dict(channels_last=False)])
def test_memory_format(options):
    backbone = StackedStreamsBackbone({s: tiny(s) for s in CHANNELS}, CHANNELS, **options)
    channels_last = not options
    seen = []
    backbone.backbone_rgb.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    backbone(clips())
    assert seen[0].is_contiguous(memory_format=torch.channels_last_3d) == channels_last
    weight = backbone.backbone_motion.conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last_3d) == channels_last


def test_wrong_streams_and_channels():
    with pytest.raises(ValueError, match=r"backbones of \('rgb',\), but channels of \('rgb', 'mo"):
        StackedStreamsBackbone(dict(rgb=tiny('rgb')), CHANNELS)
    backbone = StackedStreamsBackbone({s: tiny(s) for s in CHANNELS}, CHANNELS)
    for wrong in (clips()[:, :3], clips()[0]):
        with pytest.raises(ValueError, match=r'must be \(N, 5, T, H, W\).*StackedStreamsPrep'):
            backbone(wrong)


HEADS = [('MVCGCHead', 'init'), ('MVCGCHead', 'cross'), ('CoCLRHead', 'motion')]


def recognizer(head, backbone=None, **kwargs):
    """mmaction2's recognizer, with a head of ours."""
    torch.manual_seed(0)
    config = dict(
        type='Recognizer3D',
        backbone=backbone
        or dict(
            type='ssvrl_mm.StackedStreamsBackbone',
            backbones={s: tiny(s) for s in CHANNELS},
            channels=CHANNELS,
        ),
        cls_head=dict(
            type=f'ssvrl_mm.{head}',
            projector=projector(),
            criterion=CRITERION,
            queue_length=8,
            k=2,
            **kwargs,
        ),
    )
    with DefaultScope.overwrite_default_scope('mmaction'):
        return MODELS.build(config)


@pytest.mark.parametrize('head, stage', HEADS)
def test_heads_of_two_streams_train_in_mmactions_recognizer(head, stage):
    """Losses are those of features that are made apart: clip 0 the query, clip 1 the key."""
    model, apart = (recognizer(head, stage=stage) for _ in range(2))
    for step in range(4):
        batch = clips(8, seed=step).unflatten(0, (4, 2))
        ids = samples(range(4 * step, 4 * step + 4))
        losses = model(batch, ids, mode='loss')
        query, key = ({'rgb': x[:, :3], 'motion': x[:, 3:]} for x in batch.unbind(1))
        backbones = {s: getattr(apart.backbone, f'backbone_{s}') for s in CHANNELS}
        with torch.no_grad():
            expected = apart.cls_head.loss(
                {s: backbones[s](query[s]) for s in CHANNELS},
                ids,
                key_feats={s: backbones[s](key[s]) for s in CHANNELS},
            )
        assert set(losses) == set(expected)
        for name, value in expected.items():
            torch.testing.assert_close(losses[name].detach(), value)
    sum(value for name, value in losses.items() if name.startswith('loss_')).backward()
    trained = {'motion'} if head == 'CoCLRHead' else set(CHANNELS)
    for stream in CHANNELS:
        gradient = getattr(model.backbone, f'backbone_{stream}').conv.weight.grad
        assert (gradient is not None and bool(gradient.any())) == (stream in trained), stream


def test_features_of_both_streams_are_predicted():
    model = recognizer('MVCGCHead', stage='init').eval()
    batch = clips(6).unflatten(0, (2, 3))
    with torch.no_grad():
        predicted = model(batch, samples([0, 1]), mode='predict')
        for stream, part in (('rgb', batch[:, :, :3]), ('motion', batch[:, :, 3:])):
            maps = getattr(model.backbone, f'backbone_{stream}')(part.flatten(0, 1))
            expected = maps.numpy().mean(axis=(2, 3, 4)).reshape(2, 3, 6).mean(axis=1)
            for sample, feature in zip(predicted, expected, strict=True):
                np.testing.assert_allclose(sample.features[stream][0], feature, rtol=1e-5)


@pytest.mark.parametrize('head', ['MVCGCHead', 'CoCLRHead'])
def test_a_backbone_of_one_stream_is_told_what_is_missing(head):
    model = recognizer(head, backbone=tiny('rgb'), stage='init')
    with pytest.raises(KeyError, match=r"features of \('rgb', 'motion'\), got.*StackedStreamsBack"):
        model(clips(4)[:, :3].unflatten(0, (2, 2)), samples([0, 1]), mode='loss')
