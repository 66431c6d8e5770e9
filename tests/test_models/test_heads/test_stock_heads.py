"""mmaction2's own heads in the precision that ``--amp`` chooses."""

import pytest
import torch
from mmaction.evaluation import AccMetric
from mmaction.structures import ActionDataSample

from ssvrl_mm.registry import MODELS


def samples(number, classes=4):
    return [ActionDataSample().set_gt_label(index % classes) for index in range(number)]


def recognizer():
    torch.manual_seed(0)
    config = dict(
        type='mmaction.Recognizer3D',
        data_preprocessor=dict(type='mmaction.ActionDataPreprocessor', format_shape='NCTHW'),
        backbone=dict(type='ssvrl_mm.S3D', width=0.0625),
        cls_head=dict(
            type='mmaction.I3DHead', num_classes=4, in_channels=64, dropout_ratio=0.0, topk=(1, 2)
        ),
    )
    return MODELS.build(config)


def stock_head(kind, **kwargs):
    return MODELS.build(dict(type=f'mmaction.{kind}', num_classes=4, topk=(1, 2), **kwargs))


def bfloat16():
    return torch.autocast('cpu', torch.bfloat16)


def test_a_stock_recognizer_trains_in_bfloat16():
    model, clips = recognizer(), torch.rand(2, 1, 3, 8, 48, 48)
    full = model(clips, samples(2), mode='loss')
    with bfloat16():
        half = model(clips, samples(2), mode='loss')
    half['loss_cls'].backward()
    assert half.keys() == full.keys() == {'top1_acc', 'top2_acc', 'loss_cls'}
    torch.testing.assert_close(half['loss_cls'], full['loss_cls'], rtol=0.1, atol=0)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.cls_head.parameters())


@pytest.mark.parametrize('average_clips', ['prob', 'score', None])
def test_a_stock_recognizer_is_evaluated_in_bfloat16(average_clips):
    model = recognizer().eval()
    model.cls_head.average_clips = average_clips
    with torch.no_grad(), bfloat16():
        predicted = model(torch.rand(2, 1, 3, 8, 48, 48), samples(2), mode='predict')
    assert predicted[0].pred_score.dtype is torch.float32
    metric = AccMetric()
    metric.process({}, [sample.to_dict() for sample in predicted])


def test_other_heads_of_several_inputs():
    video = MODELS.build(
        dict(type='mmaction.OmniHead', image_classes=4, video_classes=4, in_channels=8, topk=(1, 2))
    )
    poses = stock_head('RGBPoseHead', in_channels=(8, 8))
    poses.init_weights()
    maps = torch.rand(2, 8, 2, 3, 3)
    with bfloat16():
        assert 'top1_acc' in video.loss(maps, samples(2))
        assert 'rgb_top1_acc' in poses.loss((maps, maps), samples(2))


def test_the_defect_is_still_there():
    head, scores = stock_head('I3DHead', in_channels=8), torch.rand(2, 4, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match='BFloat16'):
        type(head).loss_by_feat.__wrapped__(head, scores, samples(2))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.float64])
def test_other_types_reach_the_head_as_they_are(dtype):
    scores, seen = torch.rand(2, 4, dtype=dtype), []
    head = stock_head('I3DHead', in_channels=8)
    head.loss_cls.register_forward_pre_hook(lambda loss, inputs: seen.append(inputs[0]))
    head.loss_by_feat(scores, samples(2))
    assert seen[0] is scores
