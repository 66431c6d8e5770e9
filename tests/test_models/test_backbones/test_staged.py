"""What every backbone does alike."""

import copy

import pytest
import torch
from torch import nn

from ssvrl_mm.models.backbones import C3D, S3D, VideoResNet
from ssvrl_mm.models.backbones.staged import scaled

BACKBONES = [S3D, C3D, VideoResNet]
all_backbones = pytest.mark.parametrize('backbone', BACKBONES)


@all_backbones
def test_maps_are_those_of_the_stages_asked_for(backbone):
    torch.manual_seed(0)
    model = backbone(width=0.125, out_indices=range(5)).eval()
    clip = torch.rand(2, 3, 8, 32, 32)
    with torch.no_grad():
        maps = model(clip)
        assert isinstance(maps, tuple) and len(maps) == 5
        for indices in ((0,), (1,), (4,), (2, 3), (0, 2, 4)):
            part = backbone(width=0.125, out_indices=indices).eval()
            # Stages behind the last one asked for do not exist.
            names = set(part.state_dict())
            assert len(part.stage_modules()) == indices[-1] + 1
            part.load_state_dict({k: v for k, v in model.state_dict().items() if k in names})
            result = part(clip)
            for got, index in zip((result,) if len(indices) == 1 else result, indices, strict=True):
                assert torch.equal(got, maps[index])


@all_backbones
def test_frozen_stages_do_not_change_in_training(backbone):
    torch.manual_seed(0)
    model = backbone(width=0.125, frozen_stages=1).train()
    before = copy.deepcopy(model.state_dict())
    model(torch.rand(2, 3, 8, 64, 64)).square().sum().backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0).step()
    after = model.state_dict()
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    for index, stage in enumerate(model.stage_modules()):
        names = {
            key
            for key in after
            if any(after[key].data_ptr() == v.data_ptr() for v in stage.state_dict().values())
        }
        assert names, index
        assert not names & changed if index <= 1 else names <= changed
        assert stage.training == (index > 1)
    with pytest.raises(ValueError, match=r'frozen_stages must be within -1\.\.2: 3'):
        backbone(width=0.125, out_indices=(2,), frozen_stages=3)


@all_backbones
def test_norm_eval_keeps_running_statistics(backbone):
    for norm_eval in (False, True):
        model = backbone(width=0.125, norm_eval=norm_eval).train()
        model(torch.rand(2, 3, 8, 64, 64))
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm3d)]
        assert norms and all((m.num_batches_tracked == 0) == norm_eval for m in norms)
        assert model.training and all(stage.training for stage in model.stage_modules())
        # Its weights learn all the same.
        assert all(module.weight.requires_grad for module in norms)


@all_backbones
@pytest.mark.parametrize('shape', [(3, 16, 64, 64), (1, 2, 16, 64, 64), (1, 1, 3, 16, 64, 64)])
def test_wrong_shapes_are_named(backbone, shape):
    message = rf'{backbone.__name__} takes clips of shape \(N, 3, T, H, W\), got \({shape[0]}, '
    with pytest.raises(ValueError, match=message):
        backbone(width=0.125)(torch.zeros(shape))


@all_backbones
@pytest.mark.parametrize(
    'bad',
    [
        dict(out_indices=()),
        dict(out_indices=(3, 2)),
        dict(out_indices=(2, 2)),
        dict(out_indices=(5,)),
        dict(out_indices=(-1,)),
        dict(frozen_stages=5),
        dict(frozen_stages=-2),
        dict(in_channels=0),
        dict(width=0),
    ],
)
def test_bad_arguments(backbone, bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        backbone(**bad)


@pytest.mark.parametrize('backbone', [S3D, VideoResNet])
@pytest.mark.parametrize('name', ['spatial_strides', 'temporal_strides'])
@pytest.mark.parametrize('strides', [(2, 2), (2, 1, 1, 2, 0), ()])
def test_bad_strides(backbone, name, strides):
    with pytest.raises(ValueError, match=f'{name} must be five numbers from 1 on'):
        backbone(**{name: strides})


@pytest.mark.parametrize(
    'channels, width, expected',
    [(64, 1, 64), (64, 0.125, 8), (64, 0.01, 8), (100, 0.5, 48), (100, 1, 104), (512, 1.5, 768)],
)
def test_channels_are_scaled_to_multiples_of_eight(channels, width, expected):
    assert scaled(channels, width) == expected
