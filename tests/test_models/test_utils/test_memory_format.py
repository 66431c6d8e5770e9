import copy

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import DefaultScope

from ssvrl_mm.models.utils.memory_format import lay_out_networks
from ssvrl_mm.registry import MODELS


def classifier(channels_last, kind='Recognizer3D'):
    return dict(
        type=kind,
        backbone=dict(type='VideoResNet', depth=10, width=0.125),
        cls_head=dict(
            type='ClassificationHead',
            num_classes=3,
            in_channels=64,
            dropout_ratio=0,
            average_clips='prob',
        ),
        data_preprocessor=dict(type='SingleStreamPreprocessor', channels_last=channels_last),
    )


def build(config):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return MODELS.build(config)


def laid_out(model):
    """Which of the 3D convolutions whose layouts differ at all have channels last."""
    convs = [m.weight for m in model.modules() if isinstance(m, torch.nn.Conv3d)]
    last = torch.channels_last_3d
    return {w.is_contiguous(memory_format=last) for w in convs if not w.is_contiguous()} or {False}


def step(model):
    """Loss, and weights after a step of finetuning."""
    samples = [ActionDataSample().set_gt_label(index) for index in range(3)]
    generator = torch.Generator().manual_seed(0)
    clips = [torch.randint(256, (1, 3, 8, 32, 32), generator=generator).byte() for _ in samples]
    data = dict(inputs=dict(rgb=clips), data_samples=samples)
    losses = model(**model.data_preprocessor(data, training=True), mode='loss')
    losses['loss_cls'].backward()
    weights = model.parameters()
    return losses['loss_cls'].detach(), [w.detach() - 1e-3 * w.grad for w in weights]


@pytest.mark.parametrize('kind', ['Recognizer3D', 'LinearProbe'])
def test_networks_of_clips_with_channels_last_have_such_weights(kind):
    model = build(classifier(True, kind))
    before = copy.deepcopy(model.state_dict())
    assert laid_out(model) == {False}
    lay_out_networks(model)
    assert laid_out(model) == {True}
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    other = build(classifier(False, kind))
    lay_out_networks(other)
    assert laid_out(other) == {False}


def test_each_of_several_classifiers_by_its_own_setting():
    parts = dict(rgb=classifier(True), still=classifier(False))
    model = build(dict(type='LateFusionRecognizer', classifiers=parts))
    lay_out_networks(model)
    assert laid_out(model.classifiers['rgb']) == {True}
    assert laid_out(model.classifiers['still']) == {False}


def test_a_step_is_the_same_but_for_rounding():
    plain, ours = build(classifier(True)), build(classifier(True))
    lay_out_networks(ours)
    (loss, weights), (our_loss, our_weights) = step(plain), step(ours)
    torch.testing.assert_close(our_loss, loss, rtol=1e-6, atol=1e-6)
    for our, weight in zip(our_weights, weights, strict=True):
        torch.testing.assert_close(our, weight, rtol=1e-6, atol=1e-6)
