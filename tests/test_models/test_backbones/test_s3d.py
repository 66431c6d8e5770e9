"""S3D against torchvision, a transcription of the gating, and arithmetic on shapes and sizes."""

import pytest
import torch
from torch import nn

from ssvrl_mm.models.backbones import S3D, from_torchvision
from ssvrl_mm.registry import MODELS

from .networks import num_parameters, shake_norms, to_torchvision

# torchvision documents 8,320,048 parameters for s3d with its classifier of 400 classes.
NUM_PARAMETERS = 8_320_048 - (1024 * 400 + 400)
STRIDES = ((2, 2), (2, 4), (2, 8), (4, 16), (8, 32))


@pytest.fixture(scope='module')
def s3d() -> S3D:
    torch.manual_seed(0)
    return S3D().eval()


def test_every_stage_has_the_documented_channels_and_strides():
    model = S3D(out_indices=range(5)).eval()
    with torch.no_grad():
        maps = model(torch.rand(1, 3, 16, 64, 96))
    assert model.out_channels == (64, 192, 480, 832, 1024)
    for feature, channels, (temporal, spatial) in zip(
        maps, model.out_channels, STRIDES, strict=True
    ):
        assert feature.shape == (1, channels, 16 // temporal, 64 // spatial, 96 // spatial)


def test_late_stages_of_mscls_clips():
    """Eight frames of 112 x 112: what a pyramid is built on."""
    with torch.device('meta'):
        maps = S3D(out_indices=(2, 3, 4))(torch.rand(2, 3, 8, 112, 112))
    shapes = [tuple(feature.shape[1:]) for feature in maps]
    assert shapes == [(480, 4, 14, 14), (832, 2, 7, 7), (1024, 1, 3, 3)]


def test_parameter_count(s3d):
    assert num_parameters(s3d) == NUM_PARAMETERS
    # Only the 1 x 7 x 7 stem sees the input channels.
    assert num_parameters(S3D(in_channels=2)) == NUM_PARAMETERS - 64 * 7 * 7


def test_gating_adds_one_square_matrix_and_bias_per_separable_unit():
    separable = [64, 192, 128, 32, 192, 96]
    separable += [208, 48, 224, 64, 256, 64, 288, 64, 320, 128]
    separable += [320, 128, 384, 128]
    gates = sum(channels * channels + channels for channels in separable)
    assert num_parameters(S3D(gating=True)) == NUM_PARAMETERS + gates


def test_gating_transcribed(s3d):
    torch.manual_seed(1)
    gated = S3D(gating=True, out_indices=(0,)).eval()
    unit = gated.stages[0].conv_1a
    nn.init.normal_(unit.gate.fc.weight)
    nn.init.normal_(unit.gate.fc.bias)
    plain = S3D(out_indices=(0,)).eval()
    plain.load_state_dict({k: v for k, v in gated.state_dict().items() if '.gate.' not in k})
    clip = torch.randn(2, 3, 6, 16, 16)
    with torch.no_grad():
        ungated, result = plain(clip).numpy(), gated(clip).numpy()
    weight, bias = unit.gate.fc.weight.detach().numpy(), unit.gate.fc.bias.detach().numpy()
    for i in range(2):
        for channel in range(64):
            context = sum(weight[channel, other] * ungated[i, other].mean() for other in range(64))
            gate = 1 / (1 + torch.exp(torch.tensor(-(context + bias[channel]))).item())
            assert result[i, channel] == pytest.approx(gate * ungated[i, channel], rel=1e-4)


def test_layers_behind_the_stem_transcribed(s3d):
    """conv_2b to mixed_3b written out with functional calls and the module's own weights."""
    weights = s3d.state_dict()

    def unit(x, name, stride=1):
        kernel = weights[f'{name}.conv.weight']
        x = nn.functional.conv3d(
            x, kernel, stride=stride, padding=[k // 2 for k in kernel.shape[2:]]
        )
        bn = {part: weights[f'{name}.bn.{part}'] for part in ('running_mean', 'running_var')}
        x = nn.functional.batch_norm(
            x, **bn, weight=weights[f'{name}.bn.weight'], bias=weights[f'{name}.bn.bias'], eps=1e-3
        )
        return x.clamp(min=0)

    def separable(x, name, stride=1):
        x = unit(x, f'{name}.spatial', (1, stride, stride))
        return unit(x, f'{name}.temporal', (stride, 1, 1))

    def pool(x):
        return nn.functional.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))

    clip = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        x = pool(separable(clip, 'stages.0.conv_1a', 2))
        x = pool(separable(unit(x, 'stages.1.conv_2b'), 'stages.1.conv_2c'))
        block = 'stages.2.mixed_3b'
        expected = [
            unit(x, f'{block}.branch0'),
            separable(unit(x, f'{block}.branch1.0'), f'{block}.branch1.1'),
            separable(unit(x, f'{block}.branch2.0'), f'{block}.branch2.1'),
            unit(nn.functional.max_pool3d(x, 3, 1, 1), f'{block}.branch3.1'),
        ]
        result = s3d.stages[2].mixed_3b(s3d.stages[2].pool(s3d.stages[1](s3d.stages[0](clip))))
    torch.testing.assert_close(result, torch.cat(expected, 1))


def test_features_equal_torchvision():
    video = pytest.importorskip('torchvision.models.video')
    torch.manual_seed(0)
    reference = video.s3d(num_classes=400)
    shake_norms(reference)
    ours = S3D().eval()
    ours.load_state_dict(from_torchvision(reference.state_dict()))
    assert num_parameters(reference) == 8_320_048
    assert num_parameters(ours) == num_parameters(reference.features)
    clip = torch.randn(2, 3, 16, 64, 80)
    with torch.no_grad():
        torch.testing.assert_close(ours(clip), reference.features(clip))


def test_key_map_is_one_to_one(s3d):
    theirs = to_torchvision(s3d.state_dict())
    theirs['classifier.1.weight'] = torch.zeros(1)
    back = from_torchvision(theirs)
    assert set(back) == set(s3d.state_dict())
    assert all(torch.equal(back[key], value) for key, value in s3d.state_dict().items())


def test_key_map_names_what_does_not_match(s3d):
    theirs = to_torchvision(s3d.state_dict())
    theirs['features.99.0.weight'] = theirs.pop('features.2.0.weight')
    with pytest.raises(ValueError, match=r'features\.99\.0\.weight.*stages\.1\.conv_2b\.conv'):
        from_torchvision(theirs)


def test_pretrained_with_prefix_and_from_torchvision(s3d, tmp_path):
    """Both kinds of file start a backbone, also one that lacks the last stages."""
    ours, theirs = tmp_path / 'ours.pth', tmp_path / 'theirs.pth'
    prefixed = {f'backbone.{key}': value for key, value in s3d.state_dict().items()}
    torch.save({'state_dict': prefixed}, ours)
    torch.save(to_torchvision(s3d.state_dict()), theirs)
    for init_cfg in (
        dict(type='Pretrained', checkpoint=str(ours), prefix='backbone.'),
        dict(type='Pretrained', checkpoint=str(theirs)),
    ):
        model = MODELS.build(dict(type='S3D', out_indices=(2,), init_cfg=init_cfg))
        model.init_weights()
        assert all(
            torch.equal(value, s3d.state_dict()[key]) for key, value in model.state_dict().items()
        )


def test_torchvision_weights_load_strictly_into_a_nested_backbone(s3d):
    model = nn.ModuleDict({'backbone': S3D()})
    theirs = to_torchvision(s3d.state_dict())
    model.load_state_dict({f'backbone.{key}': value for key, value in theirs.items()})
    key = 'stages.4.mixed_5c.branch2.1.temporal.conv.weight'
    assert torch.equal(model.backbone.state_dict()[key], s3d.state_dict()[key])


def test_torchvision_weights_want_their_epsilon(s3d):
    other = S3D(norm_eps=1e-5)
    with pytest.raises(ValueError, match=r'belong to norm_eps=0\.001, and this S3D has .*1e-05'):
        other.load_state_dict(to_torchvision(s3d.state_dict()))
    other.load_state_dict(s3d.state_dict())  # ours do not tell


def test_initial_statistics():
    """PyTorch's own rule, uniform of variance 1 / (3 fan-in), as torchvision leaves it."""
    torch.manual_seed(0)
    model = S3D()
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.Conv3d) and module.weight.numel() > 50_000:
            fan_in = module.weight[0].numel()
            assert module.weight.var().item() == pytest.approx(1 / (3 * fan_in), rel=0.05)
        if isinstance(module, nn.BatchNorm3d):
            assert module.weight.eq(1).all() and module.bias.eq(0).all()
            assert (module.eps, module.momentum) == (1e-3, 0.1)


def test_width_scales_channels_to_multiples_of_eight():
    model = S3D(width=0.25, out_indices=range(5), norm_momentum=0.01)
    # mixed_3b: 64, 128, 32, 32 -> 16, 32, 8, 8; mixed_3c: 128, 192, 96, 64 -> 32, 48, 24, 16.
    # mixed_4f: 256, 320, 128, 128 -> 64, 80, 32, 32.
    # mixed_5c: 384, 384, 128, 128 -> 96, 96, 32, 32.
    assert model.out_channels == (16, 48, 120, 208, 256)
    assert [map.shape[1] for map in model(torch.rand(2, 3, 16, 64, 64))] == list(model.out_channels)
    assert all(m.momentum == 0.01 for m in model.modules() if isinstance(m, nn.BatchNorm3d))


def test_strides_keep_a_block_resolution_motion_field():
    model = S3D(
        in_channels=2,
        width=0.125,
        out_indices=range(5),
        spatial_strides=(1, 1, 2, 1, 2),
        temporal_strides=(1, 1, 1, 2, 1),
    ).eval()
    with torch.no_grad():
        maps = model(torch.rand(1, 2, 8, 16, 20))
    assert [tuple(map.shape[2:]) for map in maps] == [
        (8, 16, 20),
        (8, 16, 20),
        (8, 8, 10),
        (4, 8, 10),
        (4, 4, 5),
    ]


def test_too_small_clips_are_named(s3d):
    with pytest.raises(ValueError, match=r'\(8, 16, 16\) is too small: \(2, 1, 1\) is left'):
        s3d(torch.zeros(1, 3, 8, 16, 16))


# GoogLeNet's table: 1x1 | 1x1, 3x3 | 1x1, 3x3 | behind the pooling.
I3D_BLOCKS = [
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128), (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
]  # fmt: skip


def test_i3d_has_the_published_number_of_parameters():
    """12,697,264 with a classifier of 400 classes; and by arithmetic."""
    with torch.device('meta'):
        i3d, flow = S3D(separable=False), S3D(in_channels=2, separable=False)
    assert num_parameters(i3d) == 12_697_264 - (1024 * 400 + 400)
    assert f'{num_parameters(i3d):,}' in S3D.__doc__
    assert num_parameters(i3d) - num_parameters(flow) == 64 * 7**3
    total = (7**3 * 3 * 64 + 128) + (64 * 64 + 128) + (27 * 64 * 192 + 384)
    before = 192
    for a, b, c, d, e, f in I3D_BLOCKS:
        total += before * (a + b + d + f) + 27 * (b * c + d * e) + 2 * (a + b + c + d + e + f)
        before = a + c + e + f
    assert num_parameters(i3d) == total
    shape = flow(torch.empty(1, 2, 64, 224, 224, device='meta')).shape
    assert shape == (1, 1024, 8, 7, 7)


def test_i3d_convolves_over_space_and_time_at_once():
    with torch.device('meta'):
        i3d, separable = S3D(separable=False), S3D()
    convs = [m for m in i3d.modules() if isinstance(m, nn.Conv3d)]
    # The stem, conv_2c and two of each of the nine blocks; all others are points.
    kernels = sorted(conv.kernel_size for conv in convs if conv.kernel_size != (1, 1, 1))
    assert kernels == [(3, 3, 3)] * 19 + [(7, 7, 7)]
    stem = i3d.stages[0].conv_1a.conv
    assert stem.stride == (2, 2, 2) and stem.padding == (3, 3, 3)
    assert len([m for m in separable.modules() if isinstance(m, nn.Conv3d)]) == len(convs) + 20


def test_i3d_refuses_what_it_does_not_have():
    with pytest.raises(ValueError, match='gates follow separable convolutions'):
        S3D(gating=True, separable=False)
    theirs = to_torchvision(S3D(width=0.125).state_dict())
    with pytest.raises(ValueError, match="torchvision's s3d has separable convolutions"):
        S3D(width=0.125, separable=False).load_state_dict(theirs)
