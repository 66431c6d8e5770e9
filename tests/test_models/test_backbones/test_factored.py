import copy
from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ssvrl_mm.models.backbones import S3D, VideoResNet, factored
from ssvrl_mm.models.backbones.factored import FactoredConv3d, FactoredConvs, factor_convolutions
from ssvrl_mm.models.utils import to_channels_last_3d

LAST = torch.channels_last_3d


def clips(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.double).contiguous(
        memory_format=LAST
    )


class Operations(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names[function.__name__.partition('.')[0]] += 1
        out = function(*args, **(kwargs or {}))
        if function is torch.ops.aten.convolution.default:
            self.names[f'of {out.dim()}'] += 1
        return out


def run(module, inputs):
    """What a module gives, and the gradients of a sum of it that tells all elements apart."""
    inputs = inputs.clone(memory_format=torch.preserve_format).requires_grad_()
    out = module(inputs)
    weights = torch.arange(out.numel(), dtype=out.dtype).view(out.shape).sin()
    (out * weights).sum().backward()
    return [out.detach(), inputs.grad, *(p.grad for p in module.parameters())]


@pytest.mark.parametrize(
    ('kernel', 'options', 'axes'),
    [
        ((1, 3, 3), dict(padding=(0, 1, 1)), 4),
        ((1, 7, 5), dict(padding=(0, 3, 1), stride=(1, 2, 3)), 4),
        ((1, 3, 3), dict(padding=(0, 2, 2), dilation=(1, 2, 2), bias=False), 4),
        ((1, 1, 1), dict(), 4),
        ((1, 1, 1), dict(stride=(1, 2, 2)), 4),
        ((3, 1, 1), dict(padding=(1, 0, 0)), 4),
        ((7, 1, 1), dict(padding=(3, 0, 0), stride=(2, 1, 1)), 4),
        ((1, 1, 1), dict(stride=(2, 1, 1)), 4),
        # Not of two dimensions alone.
        ((3, 3, 3), dict(padding=1), 5),
        ((1, 3, 3), dict(padding=(0, 1, 1), stride=(2, 1, 1)), 5),
        ((1, 3, 3), dict(padding=1), 5),
        ((3, 1, 1), dict(padding=(1, 0, 0), stride=(1, 2, 2)), 5),
        ((1, 3, 3), dict(padding=(0, 1, 1), groups=2), 5),
        ((1, 3, 3), dict(padding='same'), 5),
        ((1, 3, 3), dict(padding=(0, 1, 1), padding_mode='reflect'), 5),
    ],
)
def test_equals_a_3d_convolution_and_copies_nothing(kernel, options, axes):
    torch.manual_seed(0)
    plain = nn.Conv3d(4, 6, kernel, **options).double().to(memory_format=LAST)
    conv = FactoredConv3d(4, 6, kernel, **options).double().to(memory_format=LAST)
    conv.load_state_dict(plain.state_dict())
    batch = clips(2, 4, 6, 9, 8)
    for ours, theirs in zip(run(conv, batch), run(plain, batch), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    with Operations() as seen, torch.no_grad():
        out = conv(batch)
    assert seen.names[f'of {axes}'] == 1
    assert not {'clone', 'copy_', '_to_copy', '_unsafe_view'} & set(seen.names) or axes == 5
    assert out.is_contiguous(memory_format=LAST) or axes == 5
    # Laid out otherwise.
    with torch.no_grad():
        torch.testing.assert_close(conv(batch.contiguous()), plain(batch.contiguous()))


def test_s3d_has_the_same_weights_and_features():
    torch.manual_seed(0)
    plain = to_channels_last_3d(S3D(width=0.125, factored=False)).eval()
    ours = to_channels_last_3d(S3D(width=0.125)).eval()
    ours.load_state_dict(plain.state_dict())
    assert [*ours.state_dict()] == [*plain.state_dict()]
    batch = clips(1, 3, 8, 32, 32).float()
    with torch.no_grad():
        expected = plain(batch)
        with Operations() as seen:
            torch.testing.assert_close(ours(batch), expected)
    assert seen.names['of 5'] == 0 and seen.names['of 4'] == len(
        [m for m in ours.modules() if isinstance(m, nn.Conv3d)]
    )
    before = [type(m) for m in ours.modules()]
    factor_convolutions(ours, on_cuda=False)
    assert [type(m) for m in ours.modules()] == before


@pytest.fixture
def filling(monkeypatch):
    """Channels are filled up on the CPU too."""
    monkeypatch.setattr(factored, '_fills', lambda clips: True)


def twins(mid, momentum=0.1, **norm):
    torch.manual_seed(0)
    layers = (
        nn.Conv3d(3, mid, (1, 3, 3), padding=(0, 1, 1), bias=False),
        nn.BatchNorm3d(mid, momentum=momentum, **norm),
        nn.ReLU(inplace=True),
        nn.Conv3d(mid, 5, (3, 1, 1), (2, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(5),
    )
    plain = nn.Sequential(*layers).double().to(memory_format=LAST)
    if norm.get('affine', True):
        nn.init.normal_(plain[1].weight)
        nn.init.normal_(plain[1].bias)
    return plain, FactoredConvs(*copy.deepcopy(layers)).double().to(memory_format=LAST)


@pytest.mark.parametrize('mid', [13, 16])
@pytest.mark.parametrize(
    'norm',
    [dict(), dict(momentum=None), dict(affine=False), dict(track_running_stats=False)],
    ids=str,
)
def test_channels_of_zeros_change_nothing(mid, norm, filling):
    plain, _ = twins(mid, **norm)
    ours = FactoredConvs(*copy.deepcopy(list(plain)))
    for training in (True, True, False):
        batch = clips(2, 3, 4, 6, 6, seed=int(training))
        plain.train(training), ours.train(training)
        with Operations() as seen:
            results = run(ours, batch)
        for found, expected in zip(results, run(plain, batch), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
        for name, value in plain.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value)
        assert bool(seen.names['cat']) == (mid == 13)


def test_without_a_gpu_and_with_another_norm_nothing_is_filled(monkeypatch):
    _, ours = twins(13)
    with Operations() as seen:
        ours(clips(2, 3, 4, 6, 6))
    assert not seen.names['cat']
    monkeypatch.setattr(factored, '_fills', lambda clips: True)
    ours[1] = nn.GroupNorm(1, 13).double()
    with Operations() as seen:
        ours(clips(2, 3, 4, 6, 6))
    assert not seen.names['cat']


@pytest.mark.parametrize('settings', [dict(), dict(factored_shortcuts=True)], ids=str)
def test_r2plus1d_learns_alike_in_stem_and_blocks(settings, filling):
    torch.manual_seed(0)
    ours = VideoResNet('r2plus1d', 10, width=0.25, **settings).double()
    plain = copy.deepcopy(ours)
    for module in plain.modules():
        if isinstance(module, FactoredConvs):
            module.__class__ = nn.Sequential
    mids = [m[0].out_channels for m in ours.modules() if isinstance(m, FactoredConvs)]
    assert len(mids) == (1 + 8 + 3 if settings else 1 + 8)
    assert any(mid % 8 for mid in mids[1:]) and mids[0] % 8
    batch = clips(2, 3, 4, 16, 16)
    for found, expected in zip(run(ours, batch), run(plain, batch), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_channels_are_filled_up_on_a_gpu():
    plain, ours = twins(13)
    ours.load_state_dict(plain.state_dict())
    batch = clips(2, 3, 4, 6, 6).cuda()
    with Operations() as seen:
        results = run(ours.cuda(), batch)
    assert seen.names['cat']
    for found, expected in zip(results, run(plain.cuda(), batch), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize('on_cuda', [False, True])
def test_on_a_gpu_it_is_chosen(on_cuda):
    model = S3D(width=0.125, out_indices=(0,), factored=on_cuda or None)
    convs = [m for m in model.modules() if isinstance(m, nn.Conv3d)]
    assert {m.on_cuda for m in convs} == {on_cuda}
    assert not any(isinstance(m, FactoredConv3d) for m in S3D(factored=False).modules())

    class OnGPU(torch.Tensor):
        is_cuda = True

    batch = clips(1, 3, 4, 8, 8).float().as_subclass(OnGPU)
    with Operations() as seen, torch.no_grad():
        convs[0](batch)
    assert seen.names['of 4' if on_cuda else 'of 5'] == 1
