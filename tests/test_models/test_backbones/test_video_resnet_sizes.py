"""VideoResNet over time and space: sizes of maps, strides, frames skipped or mirrored."""

import numpy as np
import pytest
import torch
from torch import nn

from ssvrl_mm.models.backbones import VideoResNet

from .networks import shake_norms


def sizes(frames=16, size=112, **kwargs):
    """(T, H, W) of each stage's map, computed on tensors without data."""
    with torch.device('meta'):
        model = VideoResNet(width=0.125, out_indices=range(5), **kwargs)
        maps = model(torch.rand(1, model.in_channels, frames, size, size))
    return [tuple(map.shape[2:]) for map in maps]


def same(*lengths_and_sizes):
    return [(length, size, size) for length, size in lengths_and_sizes]


@pytest.mark.parametrize('depth', [10, 18, 26, 34, 50])
@pytest.mark.parametrize('arch', ['r3d', 'r2plus1d'])
def test_documented_sizes(arch, depth):
    net = dict(arch=arch, depth=depth)
    assert sizes(**net) == same((16, 56), (16, 56), (8, 28), (4, 14), (2, 7))
    assert sizes(8, **net) == same((8, 56), (8, 56), (4, 28), (2, 14), (1, 7))
    # Hara's 3D ResNets: as torchvision's, after another halving of space.
    pooled = dict(net, stem_pool=True)
    assert sizes(**pooled) == same((16, 56), (16, 28), (8, 14), (4, 7), (2, 4))
    fine = dict(pooled, spatial_strides=(1, 1, 2, 2, 2), in_channels=2)
    assert sizes(8, **fine) == same((8, 112), (8, 56), (4, 28), (2, 14), (1, 7))


def test_r2d_keeps_every_frame():
    net = dict(arch='r2d', depth=10)
    assert sizes(**net) == same((16, 56), (16, 56), (16, 28), (16, 14), (16, 7))
    assert sizes(1, stem_pool=True, **net) == same((1, 56), (1, 28), (1, 14), (1, 7), (1, 4))
    with pytest.raises(ValueError, match=r'temporal_strides of r2d.*\(1, 1, 2, 2, 2\)'):
        VideoResNet('r2d', temporal_strides=(1, 1, 2, 2, 2))


def test_the_stem_of_r2d_may_skip_frames():
    torch.manual_seed(0)
    half = dict(arch='r2d', depth=10, temporal_strides=(2, 1, 1, 1, 1))
    assert sizes(8, **half) == same((4, 56), (4, 56), (4, 28), (4, 14), (4, 7))
    model, every = VideoResNet(width=0.125, **half).eval(), VideoResNet('r2d', 10, width=0.125)
    every.load_state_dict(model.state_dict())
    for frames in (1, 4, 5):
        clip = torch.rand(2, 3, frames, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(model(clip), every.eval()(clip)[:, :, ::2])


def widths(model):
    """Output channels of the stem and the four layers."""
    blocks = [model.get_submodule(f'layer{i}') for i in range(1, 5)]
    return [model.stem[0].out_channels, *(layer[-1].last_norm.num_features for layer in blocks)]


@pytest.mark.parametrize(
    ('settings', 'channels', 'output'),
    [
        # MSCL's flow network; those of its released code, the second beside SlowOnly-50; and that
        # of MoDist and of the first rows of Table 2.
        (dict(arch='r2d', width=0.125), (8, 8, 16, 32, 64), (8, 7, 7)),
        (
            dict(arch='r2d', width=0.25, temporal_strides=(2, 1, 1, 1, 1)),
            (16, 16, 32, 64, 128),
            (4, 7, 7),
        ),
        (
            dict(
                arch='r2d',
                depth=50,
                width=0.125,
                temporal_strides=(2, 1, 1, 1, 1),
                stem_pool=True,
            ),
            (8, 32, 64, 128, 256),
            (4, 4, 4),
        ),
        (dict(arch='r3d', width=0.125), (8, 8, 16, 32, 64), (1, 7, 7)),
        (
            dict(arch='r3d', width=0.125, temporal_strides=(1, 1, 2, 1, 1)),
            (8, 8, 16, 32, 64),
            (4, 7, 7),
        ),
    ],
)
def test_flow_networks(settings, channels, output):
    with torch.device('meta'):
        model = VideoResNet(**settings)
        assert widths(model) == list(channels)
        assert model(torch.rand(2, 3, 8, 112, 112)).shape == (2, channels[-1], *output)


def mirrored(x):
    """A frame more at either end, by numpy; of a single frame twice itself."""
    pad = [(0, 0), (0, 0), (1, 1), (0, 0), (0, 0)]
    return torch.from_numpy(np.pad(x.numpy(), pad, mode='reflect'))


@pytest.mark.parametrize('arch', ['r3d', 'r2plus1d'])
@pytest.mark.parametrize('frames', [1, 2, 5])
def test_reflection_in_time(arch, frames):
    """Every convolution over time sees the mirrored clip, and zeros beside its frames."""
    torch.manual_seed(0)
    net = dict(arch=arch, depth=10, width=0.125, out_indices=range(5))
    reflecting = shake_norms(VideoResNet(temporal_padding='reflect', **net)).double()
    zeros = VideoResNet(**net).double().eval()
    zeros.load_state_dict(reflecting.state_dict())
    clip = torch.randn(2, 3, frames, 17, 20, dtype=torch.double)
    with torch.no_grad():
        maps = reflecting(clip)
    assert all(a.shape == b.shape for a, b in zip(maps, zeros(clip), strict=True))
    over_time = 0
    for module in zeros.modules():
        if isinstance(module, nn.Conv3d) and module.kernel_size[0] == 3:
            over_time += 1
            module.padding = (0, *module.padding[1:])
            module.register_forward_pre_hook(lambda conv, args: mirrored(args[0].detach()))
    assert over_time == 9
    with torch.no_grad():
        for got, wanted in zip(maps, zeros(clip), strict=True):
            torch.testing.assert_close(got, wanted)


def test_reflection_starts_and_learns_as_zeros_do():
    torch.manual_seed(0)
    zeros = VideoResNet('r2plus1d', 10, width=0.125)
    torch.manual_seed(0)
    model = VideoResNet('r2plus1d', 10, width=0.125, temporal_padding='reflect')
    assert model.state_dict().keys() == zeros.state_dict().keys()
    for name, value in zeros.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    model(torch.rand(2, 3, 4, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize('bad', [('r3d', 'replicate'), ('r2d', 'reflect')])
def test_paddings_that_are_none(bad):
    arch, padding = bad
    with pytest.raises(ValueError, match=f"temporal_padding must be .*'{padding}' of {arch}"):
        VideoResNet(arch, temporal_padding=padding)


def test_other_strides():
    strides = dict(spatial_strides=(1, 2, 1, 2, 1), temporal_strides=(2, 1, 1, 2, 1))
    for arch in ('r3d', 'r2plus1d'):
        assert sizes(8, 16, arch=arch, depth=10, **strides) == same(
            (4, 16), (4, 8), (4, 8), (2, 4), (2, 4)
        )


@pytest.mark.parametrize('arch', ['r3d', 'r2plus1d', 'r2d'])
@pytest.mark.parametrize('depth', [10, 26])
def test_any_length_and_odd_sizes(arch, depth):
    model = VideoResNet(arch, depth, in_channels=2, width=0.125).eval()
    channels = 256 if depth == 26 else 64
    for frames in range(1, 17):
        length = frames if arch == 'r2d' else (frames + 7) // 8
        with torch.no_grad():
            x = model(torch.rand(1, 2, frames, 17, 35))
        assert x.shape == (1, channels, length, 2, 3)
        assert x.isfinite().all()
