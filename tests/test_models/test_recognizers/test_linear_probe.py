import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import DefaultScope
from torch.nn.modules.batchnorm import _BatchNorm

from ssvrl_mm.registry import MODELS


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def build(kind='LinearProbe', **backbone):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type=kind,
            backbone=dict(type='S3D', width=0.125, in_channels=2, **backbone),
            cls_head=dict(
                type='ClassificationHead',
                num_classes=3,
                in_channels=128,
                feature_norm=('l2', 'batch'),
                dropout_ratio=0,
            ),
            data_preprocessor=dict(
                type='SingleStreamPreprocessor', stream='motion', motion=dict(size=32)
            ),
        )
    )


def batch():
    generator = torch.Generator().manual_seed(1)
    clips = [torch.randn(1, 2, 8, 8, 8, generator=generator).half() * 5 for _ in range(4)]
    samples = [ActionDataSample().set_gt_label(i % 3) for i in range(4)]
    return dict(inputs=dict(motion=clips), data_samples=samples)


def step(model, optimizer):
    data = model.data_preprocessor(batch(), training=True)
    losses = model(**data, mode='loss')
    optimizer.zero_grad()
    losses['loss_cls'].backward()
    optimizer.step()
    return losses['loss_cls'].item()


def test_training_changes_the_head_alone():
    model = build().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9, weight_decay=1e-1)
    losses = [step(model.train(), optimizer) for _ in range(5)]
    assert losses[-1] < losses[0]
    changed = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert {name.partition('.')[0] for name in changed} == {'cls_head'}
    assert {'cls_head.fc_cls.weight', 'cls_head.feature_bn.running_mean'} <= changed


def test_train_does_not_wake_the_backbone():
    model = build()
    for mode in (True, False, True):
        model.train(mode)
        norms = [m for m in model.backbone.modules() if isinstance(m, _BatchNorm)]
        assert norms and not any(norm.training for norm in norms)
        assert model.cls_head.feature_bn.training is mode and model.training is mode
    assert not any(p.requires_grad for p in model.backbone.parameters())


def test_features_are_those_of_evaluation_while_training():
    model = build().train()
    clips = model.data_preprocessor(batch(), training=True)['inputs']
    in_training, _ = model.extract_feat(clips)
    assert torch.equal(in_training, model.eval().extract_feat(clips)[0])
    assert not in_training.requires_grad


def test_finetuning_starts_from_a_probe():
    model, full = build(), build('Recognizer3D')
    full.load_state_dict(model.state_dict())
    full.train()
    step(full, torch.optim.SGD(full.parameters(), lr=0.1))
    assert not torch.equal(
        full.backbone.stages[0].conv_1a.spatial.conv.weight,
        model.backbone.stages[0].conv_1a.spatial.conv.weight,
    )
