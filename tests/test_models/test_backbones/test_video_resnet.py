"""VideoResNet against torchvision, a 2D ResNet, the residual sum, and arithmetic on sizes."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.complexity.counting import count_stages
from ssvrl_mm.models.backbones import VideoResNet
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import MODELS

from .networks import norm, num_parameters, shake_norms

ARCHS = ('r3d', 'r2plus1d', 'r2d')
BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 26: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
BOTTLENECK = (26, 50)
# torchvision documents 33,371,472 parameters for r3d_18 and 31,505,325 for r2plus1d_18, and
# 11,689,512 for resnet18, 21,797,672 for resnet34, 25,557,032 for resnet50; with classifiers.
PARAMETERS = {
    ('r3d', 10): 14_361_792,
    ('r3d', 18): 33_371_472 - 513 * 400,
    ('r3d', 26): 26_498_752,
    ('r3d', 34): 63_475_904,
    ('r3d', 50): 46_161_344,
    ('r2plus1d', 10): 12_487_005,
    ('r2plus1d', 18): 31_505_325 - 513 * 400,
    ('r2plus1d', 26): 29_978_959,
    ('r2plus1d', 34): 61_626_461,
    ('r2plus1d', 50): 53_130_091,
    ('r2d', 10): 4_905_792,
    ('r2d', 18): 11_689_512 - 513 * 1000,
    ('r2d', 26): 13_946_176,
    ('r2d', 34): 21_797_672 - 513 * 1000,
    ('r2d', 50): 25_557_032 - 2049 * 1000,
}


# With mid-channels of each convolution's own; 26.51 M in Context-Motion Decoupling's released code.
ALONE = {10: 14_365_477, 18: 33_178_597, 26: 26_507_471, 34: 63_504_933, 50: 46_178_415}


def counted(arch, depth, alone=False):
    """Parameters by arithmetic: weights of every convolution, two numbers per channel of a norm."""

    def conv(before, after, mid):
        if alone:
            mid = 27 * before * after // (9 * before + 3 * after)
        if arch == 'r2plus1d':
            return 9 * before * mid + 2 * mid + 3 * mid * after
        return (27 if arch == 'r3d' else 9) * before * after

    total = {
        'r3d': 3 * 49 * 3 * 64 + 2 * 64,
        'r2plus1d': (49 * 3 + 2 + 3 * 64) * (83 if alone else 45) + 2 * 64,
        'r2d': 49 * 3 * 64 + 2 * 64,
    }[arch]
    before, wide = 64, 4 if depth in BOTTLENECK else 1
    for layer, planes in enumerate((64, 128, 256, 512)):
        for i in range(BLOCKS[depth][layer]):
            mid = 27 * before * planes // (9 * before + 3 * planes)
            after = planes * wide
            if depth in BOTTLENECK:
                total += before * planes + conv(planes, planes, mid) + planes * after
                total += 2 * (planes + planes + after)
            else:
                total += conv(before, planes, mid) + conv(planes, planes, mid) + 2 * 2 * planes
            if i == 0 and (layer > 0 or before != after):
                total += before * after + 2 * after
            before = after
    return total


@pytest.mark.parametrize('arch, depth', PARAMETERS)
def test_parameter_count(arch, depth):
    with torch.device('meta'):
        model, motion = VideoResNet(arch, depth), VideoResNet(arch, depth, in_channels=2)
    assert num_parameters(model) == PARAMETERS[arch, depth] == counted(arch, depth)
    stem = {'r3d': 64 * 3 * 49, 'r2plus1d': 45 * 49, 'r2d': 64 * 49}[arch]
    assert num_parameters(model) - num_parameters(motion) == stem
    assert f'{PARAMETERS[arch, depth]:,}' in VideoResNet.__doc__
    assert model.out_channels == (2048 if depth in BOTTLENECK else 512)


@pytest.mark.parametrize('depth', ALONE)
def test_parameter_count_with_mid_channels_by_convolution(depth):
    with torch.device('meta'):
        model = VideoResNet('r2plus1d', depth, mid_channels_by='convolution')
    assert num_parameters(model) == ALONE[depth] == counted('r2plus1d', depth, alone=True)
    assert f'{ALONE[depth]:,}' in VideoResNet.__doc__


VCOP = dict(mid_channels_by='convolution', factored_shortcuts=True)


def test_vcops_r2plus1d():
    """Every kernel and stride of the released 10 layers, with the parameters and multiply-adds."""
    with torch.device('meta'):
        model = VideoResNet('r2plus1d', 10, **VCOP)
    expected = {}
    for stage, planes in enumerate((64, 64, 128, 256, 512)):
        before, layer = (3, 64, 64, 128, 256)[stage], f'layer{stage}.0.'
        # Side and length of the kernel, input and output, stride.
        convs = {'stem': (7, 3, before, planes, (1, 2))}
        if stage:
            stride = 2 if stage > 1 else 1
            convs = {f'{layer}conv1.0': (3, 3, before, planes, (stride, stride))}
            convs[f'{layer}conv2.0'] = (3, 3, planes, planes, (1, 1))
            if stage > 1:
                convs[f'{layer}downsample.0'] = (1, 1, before, planes, (2, 2))
        for name, (side, length, c, d, (over_time, over_space)) in convs.items():
            mid = length * side**2 * c * d // (side**2 * c + length * d)
            expected[f'{name}.0'] = ((mid, c, 1, side, side), (1, over_space, over_space))
            expected[f'{name}.3'] = ((d, mid, length, 1, 1), (over_time, 1, 1))
    convs = {name: m for name, m in model.named_modules() if isinstance(m, nn.Conv3d)}
    assert {name: (tuple(m.weight.shape), m.stride) for name, m in convs.items()} == expected
    shortcuts = [f'layer{layer}.0.downsample.0' for layer in (2, 3, 4)]
    mids = [expected[f'{name}.0'][0][0] for name in ('stem', *shortcuts)]
    assert mids == [83, 42, 85, 170]
    assert num_parameters(model) == 14_365_303
    counts = count_stages(model, (3, 16, 112, 112))
    assert sum(stage.multiply_adds for stage in counts) == 21_362_181_120
    assert '21.362 G' in VideoResNet.__doc__ and '14,365,303' in VideoResNet.__doc__


def test_a_factored_shortcut_written_out():
    torch.manual_seed(0)
    block = VideoResNet('r2plus1d', 10, width=0.25, **VCOP).layer2[0]
    shortcut, weights = shake_norms(block).double().downsample, block.state_dict()
    x = torch.randn(2, 16, 5, 7, 6, dtype=torch.double)
    weight = [weights[f'downsample.0.{place}.weight'].flatten(1) for place in (0, 3)]
    with torch.no_grad():
        y = torch.einsum('oc,ncthw->nothw', weight[0], x[..., ::2, ::2])
        y = norm(y, weights, 'downsample.0.1').clamp(min=0)
        y = torch.einsum('oc,ncthw->nothw', weight[1], y[:, :, ::2])
        torch.testing.assert_close(shortcut(x), norm(y, weights, 'downsample.1'))


@pytest.mark.parametrize('depth', [18, 26])
def test_each_2plus1d_convolution_has_the_weights_of_a_3d_one(depth):
    """Tran et al., section 3.5: as many as fit, so that one channel more would be too many."""
    with torch.device('meta'):
        model = VideoResNet(
            'r2plus1d', depth, in_channels=2, width=0.5, mid_channels_by='convolution'
        )
    count = 0
    for in_space, over_time in [
        (model.stem[0], model.stem[3]),
        *((m[0], m[3]) for m in model.modules() if isinstance(m, nn.Sequential) and len(m) == 4),
    ]:
        side = in_space.kernel_size[1]
        per_channel = side**2 * in_space.in_channels + 3 * over_time.out_channels
        whole = 3 * side**2 * in_space.in_channels * over_time.out_channels
        assert in_space.out_channels == over_time.in_channels == whole // per_channel
        count += 1
    assert count == 1 + (8 if depth == 26 else 16)


NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')


@pytest.mark.parametrize('arch', ['r3d', 'r2plus1d'])
def test_names_are_those_of_torchvisions_checkpoints(arch):
    """The names in r3d_18's and r2plus1d_18's files, for where torchvision is not installed."""
    # Within a (2+1)D convolution: 1x3x3, BatchNorm, ReLU, 3x1x1.
    inner = {'r3d': ('',), 'r2plus1d': ('.0', '.1', '.3')}[arch]
    layers = {'r3d': 'cn', 'r2plus1d': 'cncn'}[arch]
    places = {'r3d': (0, 1), 'r2plus1d': (0, 1, 3, 4)}[arch]
    kinds = [(f'stem.{place}', kind) for place, kind in zip(places, layers, strict=True)]
    for layer in range(1, 5):
        for i in range(2):
            block = f'layer{layer}.{i}'
            for conv in ('conv1', 'conv2'):
                kinds += [(f'{block}.{conv}.0{j}', 'n' if j == '.1' else 'c') for j in inner]
                kinds.append((f'{block}.{conv}.1', 'n'))
            if i == 0 and layer > 1:
                kinds += [(f'{block}.downsample.0', 'c'), (f'{block}.downsample.1', 'n')]
    names = {f'{name}.{p}' for name, kind in kinds for p in (NORM if kind == 'n' else NORM[:1])}
    with torch.device('meta'):
        assert set(VideoResNet(arch, 18).state_dict()) == names


def theirs(arch, depth):
    """torchvision's network of its own blocks and convolutions."""
    resnet = pytest.importorskip('torchvision.models.video.resnet')
    block = resnet.Bottleneck if depth in BOTTLENECK else resnet.BasicBlock
    conv, stem = {
        'r3d': (resnet.Conv3DSimple, resnet.BasicStem),
        'r2plus1d': (resnet.Conv2Plus1D, resnet.R2Plus1dStem),
    }[arch]
    return resnet.VideoResNet(block, [conv] * 4, list(BLOCKS[depth]), stem, num_classes=7)


@pytest.mark.parametrize('depth', BLOCKS)
@pytest.mark.parametrize('arch', ['r3d', 'r2plus1d'])
def test_weights_have_torchvisions_names_and_shapes(arch, depth):
    with torch.device('meta'):
        reference, model = theirs(arch, depth), VideoResNet(arch, depth)
    shapes = {k: v.shape for k, v in reference.state_dict().items() if not k.startswith('fc.')}
    assert {name: value.shape for name, value in model.state_dict().items()} == shapes


def stages(reference, clip):
    """What torchvision's stem and layers give."""
    maps = []
    for name in ('stem', 'layer1', 'layer2', 'layer3', 'layer4'):
        clip = getattr(reference, name)(clip)
        maps.append(clip)
    return maps


@pytest.mark.parametrize('depth', [18, 26])
@pytest.mark.parametrize('arch', ['r3d', 'r2plus1d'])
def test_features_equal_torchvision(arch, depth, tmp_path):
    video = pytest.importorskip('torchvision.models.video')
    torch.manual_seed(0)
    reference = getattr(video, f'{arch}_18')() if depth == 18 else theirs(arch, depth)
    shake_norms(reference)
    weights = reference.state_dict()
    clip = torch.randn(2, 3, 5, 33, 40)
    with torch.no_grad():
        expected = stages(reference, clip)

        ours = VideoResNet(arch, depth, out_indices=range(5)).eval()
        ours.load_state_dict(weights)
        for got, wanted in zip(ours(clip), expected, strict=True):
            torch.testing.assert_close(got, wanted)

        torch.save(weights, tmp_path / 'whole.pth')
        part = {f'net.{k}': v for k, v in weights.items() if not k.startswith('fc.')}
        torch.save(dict(state_dict=part), tmp_path / 'part.pth')
        for name, prefix, indices in (('part', 'net.', (4,)), ('whole', '', (1, 3))):
            init_cfg = dict(
                type='PretrainedBackbone', checkpoint=str(tmp_path / f'{name}.pth'), prefix=prefix
            )
            cfg = dict(type='VideoResNet', arch=arch, depth=depth, out_indices=indices)
            with DefaultScope.overwrite_default_scope('ssvrl_mm'):
                loaded = MODELS.build(dict(cfg, init_cfg=init_cfg)).eval()
                loaded.init_weights()
            maps = loaded(clip)
            for got, index in zip(maps if len(indices) > 1 else (maps,), indices, strict=True):
                torch.testing.assert_close(got, expected[index])


def test_classifier_is_left_out_wherever_the_backbone_lies():
    torch.manual_seed(0)
    source = VideoResNet('r3d', 10, width=0.125)
    weights = {f'backbone.{key}': value for key, value in source.state_dict().items()}
    weights |= {'backbone.fc.weight': torch.ones(4, 64), 'backbone.fc.bias': torch.ones(4)}
    model = nn.ModuleDict({'backbone': VideoResNet('r3d', 10, width=0.125, out_indices=(2,))})
    model.load_state_dict(weights)
    assert torch.equal(model.backbone.layer2[0].conv1[0].weight, source.layer2[0].conv1[0].weight)
    assert 'backbone.fc.weight' in weights and 'backbone.layer4.0.conv1.0.weight' in weights
    # Of a checkpoint of the backbone itself, nothing is dropped in silence.
    with pytest.raises(RuntimeError, match=r'Unexpected key.*layer3'):
        model.load_state_dict({k: v for k, v in weights.items() if '.fc.' not in k})


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(VideoResNet('r2plus1d', 10, width=0.125).state_dict(), tmp_path / 'other.pth')
    init_cfg = dict(type='PretrainedBackbone', checkpoint=str(tmp_path / 'other.pth'))
    cfg = dict(type='VideoResNet', arch='r3d', depth=10, width=0.125, init_cfg=init_cfg)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'), pytest.raises(WeightsError):
        MODELS.build(cfg).init_weights()


@pytest.mark.parametrize('depth', BLOCKS)
def test_r2d_is_a_2d_resnet_frame_by_frame(depth):
    resnet = pytest.importorskip('torchvision.models.resnet')
    torch.manual_seed(0)
    block = resnet.Bottleneck if depth in BOTTLENECK else resnet.BasicBlock
    reference = shake_norms(resnet.ResNet(block, list(BLOCKS[depth]))).double()
    reference.maxpool = nn.Identity()
    weights = {}
    for key, value in reference.state_dict().items():
        *path, kind, parameter = key.split('.')
        name = {'conv1': 'stem.0', 'bn1': 'stem.1'}.get(kind, kind)
        if path:  # within a layer: conv2 -> conv2.0, bn2 -> conv2.1, downsample as it is
            name = f'conv{kind[-1]}.{int(kind.startswith("bn"))}' if len(kind) > 1 else kind
        if key.startswith('fc.'):
            continue
        weights['.'.join([*path, name, parameter])] = (
            value[:, :, None] if value.dim() == 4 else value
        )
    model = VideoResNet('r2d', depth, out_indices=(1, 3, 4)).eval().double()
    model.load_state_dict(weights)
    clip = torch.randn(2, 3, 3, 37, 44, dtype=torch.float64)
    frames = clip.transpose(1, 2).flatten(0, 1)
    with torch.no_grad():
        x = reference.relu(reference.bn1(reference.conv1(frames)))
        expected = []
        for layer in (reference.layer1, reference.layer2, reference.layer3, reference.layer4):
            x = layer(x)
            expected.append(x)
        for got, wanted in zip(model(clip), [expected[0], *expected[2:]], strict=True):
            torch.testing.assert_close(got.transpose(1, 2).flatten(0, 1), wanted)


@pytest.mark.parametrize('arch', ARCHS)
def test_stem_written_out(arch):
    torch.manual_seed(0)
    model = shake_norms(VideoResNet(arch, 10, in_channels=2, width=0.5, out_indices=(0,)))
    clip = torch.randn(1, 2, 5, 20, 23)
    stem = [layer for layer in model.stem if not isinstance(layer, nn.ReLU)]
    kernels = {
        'r3d': [(32, 2, 3, 7, 7)],
        'r2plus1d': [(22, 2, 1, 7, 7), (32, 22, 3, 1, 1)],
        'r2d': [(32, 2, 1, 7, 7)],
    }[arch]
    assert [tuple(conv.weight.shape) for conv in stem[::2]] == kernels
    with torch.no_grad():
        x = clip
        for i, (conv, bn) in enumerate(zip(stem[::2], stem[1::2], strict=True)):
            padding = [size // 2 for size in conv.weight.shape[2:]]
            x = nn.functional.conv3d(x, conv.weight, None, (1, 2, 2) if i == 0 else 1, padding)
            x = bn(x).clamp(min=0)
        torch.testing.assert_close(model(clip), x)


def test_stem_pool_takes_the_greatest_of_nine():
    torch.manual_seed(0)
    model = VideoResNet('r3d', 10, width=0.125, stem_pool=True, out_indices=(0, 1)).eval()
    clip = torch.randn(1, 3, 2, 12, 12)
    with torch.no_grad():
        stem, layer1 = model(clip)
        padded = nn.functional.pad(stem, (1, 1, 1, 1), value=-1)
        pooled = torch.stack(
            [padded[..., i : i + 6 : 2, j : j + 6 : 2] for i in range(3) for j in range(3)]
        ).amax(0)
        torch.testing.assert_close(layer1, model.layer1(pooled))
    plain = VideoResNet('r3d', 10, width=0.125)
    assert set(plain.state_dict()) == set(VideoResNet('r3d', 10, stem_pool=True).state_dict())


@pytest.mark.parametrize('depth', [18, 26])
def test_initial_weights(depth):
    """He's rule by the number of outputs and BatchNorm from 1 and 0, as torchvision has it."""
    torch.manual_seed(0)
    for zero_init in (False, True):
        model = VideoResNet('r2plus1d', depth, width=0.5, zero_init_residual=zero_init)
        model.init_weights()
        last = 3 if depth == 26 else 2
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv3d) and module.weight.numel() > 20_000:
                fan_out = module.weight[:, 0].numel()
                assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)
            if isinstance(module, nn.BatchNorm3d):
                zero = zero_init and name.endswith(f'.conv{last}.1') and name.startswith('layer')
                assert module.weight.eq(0 if zero else 1).all() and module.bias.eq(0).all()
                assert (module.eps, module.momentum) == (1e-5, 0.1)
    with torch.no_grad():
        x = torch.rand(1, 32 * (4 if depth == 26 else 1), 2, 5, 5)
        torch.testing.assert_close(model.eval().layer1[1](x), x)  # relu(x + 0 * branch)


@pytest.mark.parametrize('bad', [dict(arch='mc3'), dict(depth=101), dict(depth=0)])
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match=f'{next(iter(bad))} must be one of'):
        VideoResNet(**bad)


@pytest.mark.parametrize(
    'bad', [dict(arch='r2plus1d', mid_channels_by='layer'), dict(mid_channels_by='convolution')]
)
def test_mid_channels_that_are_none(bad):
    with pytest.raises(ValueError, match=f"mid_channels_by must be .*'{bad['mid_channels_by']}'"):
        VideoResNet(**bad)


@pytest.mark.parametrize('arch', ['r3d', 'r2d'])
def test_shortcuts_that_are_not_factored(arch):
    with pytest.raises(ValueError, match=f'factored_shortcuts .* not for {arch}'):
        VideoResNet(arch, factored_shortcuts=True)


def test_every_weight_gets_a_gradient():
    for arch in ARCHS:
        model = VideoResNet(arch, 26, width=0.125)
        model(torch.rand(2, 3, 4, 32, 32)).square().mean().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
