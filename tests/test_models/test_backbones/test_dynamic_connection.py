"""The connections of IMRNet against numpy transcriptions of Eqs. (1) and (2)."""

import numpy as np
import pytest
import torch

from ssvrl_mm.models.backbones import DynamicConnection
from ssvrl_mm.models.backbones.dynamic_connection import MultimodalGate

KAPPA = 3


def maps(n=2, iframe=6, moving=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(n, iframe, 2, 4, 5, generator=generator),
        torch.randn(n, moving, 2 * KAPPA, 4, 5, generator=generator),
    )


def connection(**options):
    torch.manual_seed(0)
    module = DynamicConnection(6, 4, to_iframe=3, to_moving=5, kappa=KAPPA, **options)
    # As if it had been trained: gates far from one half, biases from 0.
    for name, parameter in module.named_parameters():
        if name.endswith('bias') or name.startswith('gate.weights'):
            torch.nn.init.normal_(parameter, std=0.7)
    return module


def gates(iframe, moving, weights):
    """Eq. (1)."""

    def layer(x, name):
        return x @ weights[f'gate.{name}.weight'].T + weights[f'gate.{name}.bias']

    def leaky(x):
        return np.where(x > 0, x, 0.01 * x)

    z = np.concatenate([iframe.max(axis=(2, 3, 4)), moving.max(axis=(2, 3, 4))], axis=1)
    h = leaky(layer(leaky(layer(z, 'hidden.0')), 'hidden.2'))
    heads = sorted({name.split('.')[2] for name in weights if name.startswith('gate.weights')})
    return [1 / (1 + np.exp(-layer(h, f'weights.{head}'))) for head in heads]


def numbers(*tensors):
    return [tensor.detach().double().numpy() for tensor in tensors]


def exchanged(iframe, moving, weights):
    """The convolution and the transposed one of Eq. (2), group of kappa frames by group."""
    to_iframe = np.einsum(
        'ncgkhw,ockab->noghw',
        moving.reshape(*moving.shape[:2], -1, KAPPA, *moving.shape[3:]),
        weights['down.weight'],
    )
    to_moving = np.einsum('ncghw,cokab->nogkhw', iframe, weights['up.weight'])
    to_moving = to_moving.reshape(*to_moving.shape[:2], -1, *to_moving.shape[4:])
    return [
        x + weights[f'{name}.bias'][:, None, None, None]
        for x, name in ((to_iframe, 'down'), (to_moving, 'up'))
    ]


@pytest.mark.parametrize('attention', [True, False])
def test_exchange_against_numpy(attention):
    module, inputs = connection(attention=attention), maps()
    weights = {name: value.double().numpy() for name, value in module.state_dict().items()}
    expected = exchanged(*numbers(*inputs), weights)
    if attention:
        a = gates(*numbers(*inputs), weights)
        assert min(x.min() for x in a) < 0.3 and max(x.max() for x in a) > 0.7
        expected = [x * b[:, :, None, None, None] for x, b in zip(expected, a, strict=True)]
    else:
        assert not any('gate' in name for name in weights)
    for got, want in zip(numbers(*module(*inputs)), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)
    assert module.out_channels == (3, 5)


def test_without_convolutions_frames_are_averaged_and_repeated():
    module, (iframe, moving) = connection(conv=False, attention=False), maps()
    assert module.out_channels == (4, 6) and not module.state_dict()
    to_iframe, to_moving = numbers(*module(iframe, moving))
    iframe, moving = numbers(iframe, moving)
    for group in range(2):
        frames = slice(KAPPA * group, KAPPA * group + KAPPA)
        np.testing.assert_allclose(to_iframe[:, :, group], moving[:, :, frames].mean(2), atol=1e-6)
        for frame in range(frames.start, frames.stop):
            np.testing.assert_array_equal(to_moving[:, :, frame], iframe[:, :, group])


def test_gates_without_convolutions_weigh_all_channels():
    module, inputs = connection(conv=False), maps()
    plain = connection(conv=False, attention=False)(*inputs)
    weights = {name: value.double().numpy() for name, value in module.state_dict().items()}
    for got, x, a in zip(
        numbers(*module(*inputs)), numbers(*plain), gates(*numbers(*inputs), weights), strict=True
    ):
        np.testing.assert_allclose(got, x * a[:, :, None, None, None], atol=1e-5)


@pytest.mark.parametrize('conv', [True, False])
def test_one_direction_alone(conv):
    module = DynamicConnection(6, 4, to_iframe=3, to_moving=None, kappa=KAPPA, conv=conv)
    to_iframe, to_moving = module(*maps())
    assert to_moving is None and module.out_channels == (3 if conv else 4, 0)
    assert to_iframe.shape == (2, 3 if conv else 4, 2, 4, 5)
    assert len(module.gate.weights) == 1 and module.up is None


def test_kernels_of_other_spatial_sizes_keep_the_size():
    module = connection(sides=(5, 7))
    assert module.down.kernel_size == (KAPPA, 7, 7) and module.up.kernel_size == (KAPPA, 5, 5)
    to_iframe, to_moving = module(*maps())
    assert to_iframe.shape == (2, 3, 2, 4, 5) and to_moving.shape == (2, 5, 2 * KAPPA, 4, 5)


def test_gates_start_half_open_and_stay_within_0_and_1():
    torch.manual_seed(0)
    gate = MultimodalGate(72, (4, 8))
    iframe, moving = torch.rand(3, 64, 2, 4, 4), torch.rand(3, 8, 10, 4, 4)
    values = torch.cat(gate(iframe, moving), dim=1)
    assert values.shape == (3, 12, 1, 1, 1)
    assert (values - 0.5).abs().max() < 0.1 and values.std() > 1e-4
    for scale in (20, -20):
        values = torch.cat(gate(scale * iframe, scale * moving), dim=1)
        assert values.min() > 0 and values.max() < 1


def test_the_size_of_what_is_exchanged_does_not_hang_on_the_kernel():
    """He's rule: of rectified inputs, what comes out has their mean square."""
    torch.manual_seed(0)
    iframe, moving = torch.randn(4, 64, 2, 12, 12).relu(), torch.randn(4, 8, 10, 12, 12).relu()
    for sides in ((1, 1), (3, 3)):
        module = DynamicConnection(64, 8, 64, 64, sides=sides, attention=False)
        for x in module(iframe, moving):
            inner = x[..., 1:-1, 1:-1]
            assert inner.square().mean().item() == pytest.approx(1, rel=0.2)


def test_five_moving_frames_per_iframe():
    to_iframe, to_motion = DynamicConnection(6, 4, to_iframe=3, to_moving=5)(
        torch.rand(1, 6, 2, 3, 3), torch.rand(1, 4, 10, 3, 3)
    )
    assert to_iframe.shape == (1, 3, 2, 3, 3) and to_motion.shape == (1, 5, 10, 3, 3)


def test_mixed_precision():
    with torch.autocast('cpu', torch.bfloat16):
        to_iframe, to_moving = connection()(*maps())
    for got, want in zip((to_iframe, to_moving), connection()(*maps()), strict=True):
        torch.testing.assert_close(got.float(), want, atol=0.1, rtol=0.1)
