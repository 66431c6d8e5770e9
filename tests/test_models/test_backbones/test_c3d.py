"""C3D against its layers written out, and arithmetic on shapes and sizes."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv3d, max_pool3d

from ssvrl_mm.models.backbones import C3D
from ssvrl_mm.registry import MODELS

from .networks import norm, num_parameters, shake_norms

# Figure 3 of the paper: channels of the convolutions, and the poolings in between.
CHANNELS = (64, 128, 256, 256, 512, 512, 512, 512)
NAMES = ('0.conv1a', '1.conv2a', '2.conv3a', '2.conv3b')
NAMES += ('3.conv4a', '3.conv4b', '4.conv5a', '4.conv5b')


@pytest.mark.parametrize('with_norm, bias', [(True, None), (False, None), (True, True)])
@pytest.mark.parametrize('size', [(8, 32, 32), (5, 37, 50), (1, 16, 16)])
def test_layers_written_out(with_norm, bias, size, recwarn):
    torch.manual_seed(0)
    options = dict(norm=with_norm, bias=bias, out_indices=range(5))
    model = shake_norms(C3D(in_channels=2, width=0.125, **options))
    assert not recwarn
    with_bias = not with_norm if bias is None else bias
    assert ('stages.0.conv1a.conv.bias' in model.state_dict()) == with_bias
    model.double()
    weights = {
        key.removeprefix('stages.'): value + 0.1 * torch.randn_like(value)
        if key.endswith('conv.bias')
        else value
        for key, value in model.state_dict().items()
    }
    model.load_state_dict({f'stages.{key}': value for key, value in weights.items()})
    clip = torch.randn(2, 2, *size, dtype=torch.float64)
    x, expected = clip, []
    for name in NAMES:
        if name.endswith('a') and expected:
            x = max_pool3d(x, (1 if name[0] == '1' or x.shape[2] == 1 else 2, 2, 2))
        x = conv3d(x, weights[f'{name}.conv.weight'], weights.get(f'{name}.conv.bias'), 1, 1)
        x = (norm(x, weights, f'{name}.bn') if with_norm else x).clamp(min=0)
        if name in ('0.conv1a', '1.conv2a') or name.endswith('b'):
            expected.append(x)
    with torch.no_grad():
        maps = model(clip)
    for got, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(got, wanted)
    assert maps[-1].abs().max() > 0.01


def test_parameter_count():
    pairs = list(zip((3, *CHANNELS), CHANNELS, strict=False))
    weights = sum(27 * before * after for before, after in pairs)
    with torch.device('meta'):
        assert num_parameters(C3D(norm=False)) == weights + sum(CHANNELS) == 27_655_936
        assert num_parameters(C3D()) == weights + 2 * sum(CHANNELS) == 27_658_688
        assert num_parameters(C3D(bias=True)) == weights + 3 * sum(CHANNELS) == 27_661_440
        assert num_parameters(C3D(in_channels=2)) == 27_658_688 - 64 * 27
        names = set(C3D(norm=False).state_dict())
    assert names == {f'stages.{n}.conv.{part}' for n in NAMES for part in ('weight', 'bias')}


@pytest.mark.parametrize(
    'frames, lengths', [(16, (16, 16, 8, 4, 2)), (8, (8, 8, 4, 2, 1)), (3, (3, 3, 1, 1, 1))]
)
def test_documented_sizes(frames, lengths):
    model = C3D(out_indices=range(5)).to('meta')
    maps = model(torch.rand(2, 3, frames, 112, 112, device='meta'))
    table = zip((64, 128, 256, 512, 512), lengths, (112, 56, 28, 14, 7), strict=True)
    assert [map.shape for map in maps] == [(2, c, t, s, s) for c, t, s in table]
    assert model.out_channels == 512


def test_any_length_of_clips():
    model = C3D(in_channels=2, width=0.125).eval()
    for frames in range(1, 17):
        length = frames
        for _ in range(3):
            length = max(1, length // 2)
        with torch.no_grad():
            assert model(torch.rand(1, 2, frames, 16, 33)).shape == (1, 64, length, 1, 2)


def test_too_small_clips_are_named():
    message = r'\(8, 15, 64\) is too small: \(2, 1, 8\) is left .* stage 4'
    with pytest.raises(ValueError, match=message):
        C3D(width=0.125)(torch.zeros(1, 3, 8, 15, 64))


def test_width_and_out_channels():
    assert C3D(width=0.25).out_channels == 128
    assert C3D(width=0.25, out_indices=(1, 2)).out_channels == 64


def test_initial_weights():
    """He's rule by the number of outputs, which keeps the scale of what comes out."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type='ssvrl_mm.C3D', norm=False, width=0.5))
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            fan_out = 27 * module.out_channels
            assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)
            assert module.bias.eq(0).all()
