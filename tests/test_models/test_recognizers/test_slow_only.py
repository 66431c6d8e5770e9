"""mmaction2's SlowOnly as the RGB network of a contrastive recognizer, with a pyramid on it."""

import pytest
import torch
from mmengine.registry import DefaultScope

from ssvrl_mm.models.necks import TemporalPyramid
from ssvrl_mm.models.recognizers import ContrastiveRecognizer
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import MODELS

from ..tiny import CRITERION, projector, samples


def slow_only(base_channels=64):
    """As in MSCL's released code: a stem of 5x7x7 that halves time; conv3 to conv5."""
    return dict(
        type='mmaction.ResNet3dSlowOnly',
        depth=50,
        pretrained=None,
        lateral=False,
        base_channels=base_channels,
        conv1_kernel=(5, 7, 7),
        conv1_stride_t=2,
        pool1_stride_t=1,
        spatial_strides=(1, 2, 2, 2),
        out_indices=(1, 2, 3),
    )


def test_maps_fit_a_pyramid():
    with torch.device('meta'):
        maps = MODELS.build(slow_only())(torch.rand(1, 3, 8, 224, 224))
        shapes = [tuple(x.shape[1:]) for x in maps]
        assert shapes == [(512, 4, 28, 28), (1024, 4, 14, 14), (2048, 4, 7, 7)]
        neck = TemporalPyramid((512, 1024, 2048), num_shared=1)
        assert neck(maps).shape == (1, 128, 4, 28, 28)


def test_trains_against_its_momentum_copy():
    torch.manual_seed(0)
    model = ContrastiveRecognizer(
        backbones=dict(rgb=slow_only(base_channels=2)),
        head=dict(
            type='ssvrl_mm.MoCoHead',
            stream='rgb',
            projector=projector(in_channels=64),
            criterion=CRITERION,
            queue_length=8,
        ),
    )
    model.init_weights()
    before = [p.detach().clone() for p in model.backbone('rgb').parameters()]
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    clips = {'rgb': torch.rand(2, 2, 3, 8, 64, 64)}
    for step in range(3):  # the first has no negatives, the second zeros behind every block
        losses = model(clips, samples([2 * step, 2 * step + 1]), mode='loss')
        optimizer.zero_grad()
        losses['loss_rgb'].backward()
        optimizer.step()
    assert losses['loss_rgb'].isfinite() and losses['loss_rgb'] > 0
    moved = zip(before, model.backbone('rgb').parameters(), strict=True)
    assert all(not torch.equal(a, b) for a, b in moved)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        half = model(clips, samples([6, 7]), mode='loss')['loss_rgb']
    assert half.isfinite() and half.dtype == torch.float32
    assert model.extract_feat(clips).shape == (2, 2, 64)


def test_starts_downstream_from_what_was_pretrained(tmp_path):
    """mmaction2's own initialisation does not look at ``init_cfg``."""
    torch.manual_seed(0)
    pretrained = MODELS.build(slow_only(base_channels=2))
    weights = pretrained.state_dict()
    checkpoint = str(tmp_path / 'pretrained.pth')
    torch.save({f'backbone_rgb.{name}': value for name, value in weights.items()}, checkpoint)

    def started(prefix):
        init_cfg = dict(type='PretrainedBackbone', checkpoint=checkpoint, prefix=prefix)
        with DefaultScope.overwrite_default_scope('ssvrl_mm'):
            backbone = MODELS.build(dict(slow_only(base_channels=2), init_cfg=init_cfg))
            backbone.init_weights()
            backbone.init_weights()  # as of a network around one that has been initialised
        return backbone

    downstream = started('backbone_rgb.')
    assert all(torch.equal(downstream.state_dict()[name], x) for name, x in weights.items())
    assert downstream.eval() is downstream and not downstream.training
    assert downstream.train() is downstream and downstream.layer4.training
    with pytest.raises(WeightsError):
        started('backbone_flow.')
