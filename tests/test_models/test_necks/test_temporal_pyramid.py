"""The pyramid against a transcription that computes every level, as the released code does."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssvrl_mm.models.backbones import S3D, VideoResNet
from ssvrl_mm.models.necks import TemporalPyramid
from ssvrl_mm.models.utils import to_channels_last_3d
from ssvrl_mm.registry import MODELS

R18 = [(4, 6, 6), (2, 3, 3), (1, 2, 2)]
SLOW_ONLY = [(4, 8, 8), (4, 4, 4), (4, 2, 2)]
CHANNELS = (3, 5, 7)
OUT = 4


def build(num_shared=2, seed=0, in_channels=CHANNELS):
    """In double precision, with biases that are not 0."""
    torch.manual_seed(seed)
    neck = TemporalPyramid(in_channels, OUT, num_shared).double()
    for parameter in neck.parameters():
        nn.init.normal_(parameter, std=0.3)
    return neck


def random_maps(sizes, channels=CHANNELS, seed=1):
    torch.manual_seed(seed)
    return [
        torch.randn(2, c, *size, dtype=torch.double)
        for c, size in zip(channels, sizes, strict=True)
    ]


def transcription(maps, weights, num_shared, stride=(2, 2, 2)):
    """All levels through all layers: FPN, then the shared convolutions."""

    def conv(x, name, **kwargs):
        if f'{name}.weight' not in weights:  # what cannot reach the first level may be anything
            shape = (OUT, OUT, 1, 3, 3) if name.startswith('smooth') else (OUT, OUT, 3, 3, 3)
            return F.conv3d(x, torch.randn(shape, dtype=x.dtype), **kwargs)
        return F.conv3d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], **kwargs)

    levels = [conv(x, f'lateral.{i}') for i, x in enumerate(maps)]
    for i in (2, 1)[-len(maps) + 1 :]:
        shape = levels[i - 1].shape[2:]
        levels[i - 1] = levels[i - 1] + F.interpolate(levels[i], size=shape, mode='nearest')
    levels = [conv(x, f'smooth.{i}', padding=(0, 1, 1)) for i, x in enumerate(levels)]
    for layer in range(num_shared):
        name = f'shared.{layer}'
        after = []
        for i, x in enumerate(levels):
            y = conv(x, f'{name}.same', padding=1)
            if i > 0:
                down = conv(levels[i - 1], f'{name}.down', stride=stride, padding=1)
                y = y + down[..., : y.shape[3], : y.shape[4]]
            if i < len(levels) - 1:
                up = conv(levels[i + 1], f'{name}.up', padding=1)
                y = y + F.interpolate(up, size=x.shape[2:], mode='trilinear', align_corners=False)
            after.append(y.clamp(min=0))
        levels = after
    return levels[0]


@pytest.mark.parametrize('num_shared', [0, 1, 2, 3, 4])
@pytest.mark.parametrize(
    ('sizes', 'stride'),
    [(R18, (2, 2, 2)), (SLOW_ONLY, (1, 2, 2)), ([(3, 5, 7), (2, 3, 4), (1, 2, 2)], (2, 2, 2))],
    ids=['r18', 'slow_only', 'odd'],
)
def test_equals_a_transcription(num_shared, sizes, stride):
    neck, maps = build(num_shared), random_maps(sizes)
    expected = transcription(maps, neck.state_dict(), num_shared, stride)
    torch.testing.assert_close(neck(maps), expected)


def test_two_levels():
    neck = build(2, in_channels=CHANNELS[:2])
    maps = random_maps(R18[:2], CHANNELS[:2])
    torch.testing.assert_close(neck(maps), transcription(maps, neck.state_dict(), 2))


@pytest.mark.parametrize('num_shared', [0, 1, 2, 3])
def test_every_weight_and_every_map_matters(num_shared):
    """Data-parallel training fails over weights without gradient."""
    neck, maps = build(num_shared), [x.requires_grad_() for x in random_maps(R18)]
    neck(maps).square().sum().backward()
    for name, parameter in neck.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert all(x.grad.abs().sum() > 0 for x in maps)


def test_levels_whose_pooling_rounds_down_are_resized():
    """S3D's last stage has 3 cells of 7; the strided convolution would have 4."""
    sizes = [(4, 14, 14), (2, 7, 7), (1, 3, 3)]
    two, three = build(2), build(3)
    maps = random_maps(sizes)
    # With two layers, what is strided to the coarsest level does not reach the first.
    torch.testing.assert_close(two(maps), transcription(maps, two.state_dict(), 2))
    finer = torch.randn(1, OUT, 2, 7, 7, dtype=torch.double)
    layer = three.shared[0]
    level = layer([finer * 0, finer, torch.zeros(1, OUT, 1, 3, 3, dtype=torch.double)])[2]
    down = F.conv3d(finer, layer.down.weight, layer.down.bias, 2, 1)
    assert down.shape[2:] == (1, 4, 4)
    down = F.interpolate(down, size=(1, 3, 3), mode='trilinear', align_corners=False)
    same = layer.same(torch.zeros(1, OUT, 1, 3, 3, dtype=torch.double))
    torch.testing.assert_close(level, (same + down).clamp(min=0))
    assert three(maps).shape == (2, OUT, 4, 14, 14)


@pytest.mark.parametrize(
    ('backbone', 'channels', 'size'),
    [
        (VideoResNet('r3d', 18, out_indices=(2, 3, 4)), (128, 256, 512), (4, 28, 28)),
        (S3D(out_indices=(2, 3, 4)), (480, 832, 1024), (4, 14, 14)),
    ],
    ids=['r3d', 's3d'],
)
def test_fits_the_backbones(backbone, channels, size):
    with torch.device('meta'):
        neck = TemporalPyramid(channels)
        clips = torch.rand(2, 3, 8, 112, 112)
    assert neck(backbone.to('meta')(clips)).shape == (2, 128, *size)
    assert neck.out_channels == 128


def test_starts_from_xaviers_rule():
    torch.manual_seed(0)
    neck = MODELS.build(dict(type='ssvrl_mm.TemporalPyramid'))
    assert (neck.in_channels, neck.out_channels) == ((128, 256, 512), 128)
    neck.init_weights()
    for module in neck.modules():
        if isinstance(module, nn.Conv3d):
            taps = module.weight[0, 0].numel()
            bound = (6 / (taps * (module.in_channels + module.out_channels))) ** 0.5
            assert module.weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
            assert module.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
            assert module.bias.eq(0).all()


def test_layout_and_precision_change_nothing_but_rounding():
    neck, maps = build().float(), [x.float() for x in random_maps(R18)]
    expected = neck(maps)
    laid_out = [x.contiguous(memory_format=torch.channels_last_3d) for x in maps]
    torch.testing.assert_close(to_channels_last_3d(neck)(laid_out), expected, rtol=1e-5, atol=1e-4)
    with torch.autocast('cpu', torch.bfloat16):
        half = neck(maps)
    assert half.dtype is torch.bfloat16
    assert (half.float() - expected).abs().max() < 0.03 * expected.abs().max()


def test_refuses_what_does_not_fit():
    neck, maps = build(), random_maps(R18)
    for wrong, got in (
        (maps[:2], r'2 of \(3, 5\)'),
        (maps[::-1], r'3 of \(7, 5, 3\)'),
        (maps[2], r'1 of \(7,\)'),
    ):
        with pytest.raises(ValueError, match=rf'3 maps of \(3, 5, 7\) channels, got {got}.*out_in'):
            neck(wrong)
    with pytest.raises(ValueError, match='at least two levels'):
        TemporalPyramid((128,))
    with pytest.raises(ValueError, match='num_shared must not be negative, got -1'):
        TemporalPyramid(num_shared=-1)
