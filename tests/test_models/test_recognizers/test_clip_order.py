"""VCOP: all clips of a video through one network, told apart by their order."""

import pytest
import torch
from mmengine.registry import DefaultScope

from ssvrl_mm.models.recognizers import ClipOrderRecognizer

from ..segments import segment_samples
from ..tiny import TinyBackbone, samples
from ..two_streams import clips as two_streams


def build(**kwargs):
    torch.manual_seed(0)
    head = dict(type='ClipOrderHead', in_channels=6, hidden_channels=5)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = ClipOrderRecognizer(dict(rgb=dict(type=TinyBackbone)), head, **kwargs)
    return model.double().eval()


def clips(n=4, num_clips=3):
    return dict(rgb=two_streams(0, n, num_clips)['rgb'])


def test_the_loss_is_the_heads_on_the_clips_side_by_side():
    model, inputs, given = build(), clips(), segment_samples(4)
    losses = model(inputs, given, mode='loss')
    maps = model.backbone_rgb(inputs['rgb'].flatten(0, 1))
    expected = model.head.loss(maps, given)
    assert losses.keys() == {*expected, 'effective_rank_rgb', 'mean_cosine_rgb'}
    torch.testing.assert_close(losses['loss_clip_order'], expected['loss_clip_order'])
    losses['loss_clip_order'].backward()
    assert all(p.grad is not None for p in model.parameters())
    pooled = torch.nn.functional.normalize(maps.mean(dim=(2, 3, 4)).detach())
    cosines = (pooled @ pooled.T)[~torch.eye(12, dtype=bool)]
    assert losses['mean_cosine_rgb'].item() == pytest.approx(cosines.mean().item())


def test_answers_are_those_of_the_head():
    inputs, given = clips(), segment_samples(4)
    given[2].set_metainfo(dict(role='gallery'))
    model = build(answers_pretext=True, test_batch_clips=5)
    model(inputs, given, mode='predict')
    best = model.head(model.backbone_rgb(inputs['rgb'].flatten(0, 1))).argmax(dim=1)
    for i, sample in enumerate(given):
        assert sample.truth_order.tolist() == sample.clip_order.tolist()
        assert hasattr(sample, 'answer_order') == (i != 2)
        assert i == 2 or sample.answer_order.tolist() == [best[i]]


def test_videos_of_any_number_of_clips_are_described():
    given = build()(clips(num_clips=5), samples(range(4)), mode='predict')
    assert given[0].features['rgb'].shape == (1, 6) and not hasattr(given[0], 'truth_order')
    with pytest.raises(ValueError, match='takes 3 clips of every video, got 20'):
        build(answers_pretext=True)(clips(num_clips=5), segment_samples(4), mode='predict')


def test_a_head_of_another_task_is_refused():
    head = dict(type='ssvrl_mm.SegmentOrderHead', in_channels=6)
    with pytest.raises(TypeError, match='head must be a ClipOrderHead, got a SegmentOrderHead'):
        ClipOrderRecognizer(dict(rgb=dict(type=TinyBackbone)), head)
