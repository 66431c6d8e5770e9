"""Residual blocks written out with functional calls in float64."""

import pytest
import torch
from torch.nn.functional import conv3d

from ssvrl_mm.models.backbones.residual import (
    CONVS,
    BasicBlock,
    Bottleneck,
    conv_1d,
    mid_channels,
)

from .networks import norm, shake_norms


@pytest.mark.parametrize(
    'channels, mid',
    # What the authors' R(2+1)D-18 and R(2+1)D-34 have.
    [((64, 64), 144), ((64, 128), 230), ((128, 128), 288), ((128, 256), 460), ((256, 512), 921)],
)
def test_mid_channels_keep_the_number_of_weights(channels, mid):
    assert mid_channels(*channels) == mid
    before, after = channels

    def weights(mid):
        return 9 * before * mid + 3 * mid * after

    assert weights(mid) <= 27 * before * after < weights(mid + 1)


def convolve(x, weights, name, arch, temporal, spatial):
    stride = (temporal, spatial, spatial)
    if arch == 'r3d':
        return conv3d(x, weights[f'{name}.weight'], None, stride, 1)
    if arch == 'r2d':
        return conv3d(x, weights[f'{name}.weight'], None, stride, (0, 1, 1))
    x = conv3d(x, weights[f'{name}.0.weight'], None, (1, spatial, spatial), (0, 1, 1))
    x = norm(x, weights, f'{name}.1').clamp(min=0)
    return conv3d(x, weights[f'{name}.3.weight'], None, (temporal, 1, 1), (1, 0, 0))


@pytest.mark.parametrize('arch', CONVS)
@pytest.mark.parametrize('block', [BasicBlock, Bottleneck])
@pytest.mark.parametrize(
    'in_channels, strides', [(8, (1, 1)), (12, (1, 1)), (32, (2, 2)), (32, (1, 1)), (8, (1, 2))]
)
def test_blocks_written_out(arch, block, in_channels, strides):
    torch.manual_seed(0)
    module = shake_norms(block(in_channels, 8, CONVS[arch], strides)).double()
    weights = module.state_dict()
    clip = torch.randn(2, in_channels, 5, 7, 6, dtype=torch.float64)
    if block is BasicBlock:
        x = convolve(clip, weights, 'conv1.0', arch, *strides)
        x = norm(x, weights, 'conv1.1').clamp(min=0)
        x = norm(convolve(x, weights, 'conv2.0', arch, 1, 1), weights, 'conv2.1')
    else:
        x = norm(conv3d(clip, weights['conv1.0.weight']), weights, 'conv1.1').clamp(min=0)
        x = convolve(x, weights, 'conv2.0', arch, *strides)
        x = norm(x, weights, 'conv2.1').clamp(min=0)
        x = norm(conv3d(x, weights['conv3.0.weight']), weights, 'conv3.1')
    shortcut = clip
    wide = 8 if block is BasicBlock else 32
    projected = strides != (1, 1) or in_channels != wide
    assert projected == ('downsample.0.weight' in weights)
    if projected:
        shortcut = clip[:, :, :: strides[0], :: strides[1], :: strides[1]]
        shortcut = conv3d(shortcut, weights['downsample.0.weight'])
        shortcut = norm(shortcut, weights, 'downsample.1')
    with torch.no_grad():
        torch.testing.assert_close(module(clip), (x + shortcut).clamp(min=0))
    assert module.last_norm is (module.conv2 if block is BasicBlock else module.conv3)[1]


@pytest.mark.parametrize(
    'module, kernels, strides',
    [
        (BasicBlock(8, 8, CONVS['r3d'], (2, 2), last=CONVS['r2d']), [(3, 3, 3), (1, 3, 3)], 0),
        (Bottleneck(8, 8, CONVS['r2d'], (1, 2), first=conv_1d), [(3, 1, 1), (1, 3, 3)], 1),
    ],
)
def test_a_kernel_per_convolution(module, kernels, strides):
    convs = [unit[0] for unit in module.branch()]
    assert [conv.kernel_size for conv in convs[:2]] == kernels
    assert [number for number, conv in enumerate(convs) if conv.stride != (1, 1, 1)] == [strides]
    assert module(torch.rand(2, 8, 4, 6, 6)).shape[2:] == ((2, 3, 3) if strides == 0 else (4, 3, 3))


def test_a_convolution_over_time_alone():
    conv = conv_1d(2, 3, 0, (2, 1)).double()
    clip = torch.randn(1, 2, 5, 2, 2, dtype=torch.float64)
    padded = torch.nn.functional.pad(clip, (0, 0, 0, 0, 1, 1))
    expected = sum(
        torch.einsum('oc,ncthw->nothw', conv.weight[:, :, k, 0, 0], padded[:, :, k : k + 5 : 2])
        for k in range(3)
    )
    torch.testing.assert_close(conv(clip), expected)
