"""Heads of segments and clips as the ``cls_head`` of mmaction2's own recognizer and network."""

import numpy as np
import pytest
import torch
from mmaction.datasets.transforms import PackActionInputs
from mmaction.registry import MODELS
from mmengine.registry import DefaultScope

from ssvrl_mm.evaluation import PretextAccuracy, SamplingRateError

from ..segments import segment_labels

HEADS = {
    'SegmentOrderHead': ('segment_order', 'order', 1),
    'SamplingRateHead': ('sampling_rates', 'rate', 2),
    'ClipOrderHead': ('clip_order', 'clip_order', 3),
}


def recognizer(head):
    torch.manual_seed(0)
    network = dict(type='ResNet3d', depth=18, base_channels=4, pretrained=None, pretrained2d=False)
    preprocessor = dict(
        type='ActionDataPreprocessor', mean=[127.0] * 3, std=[60.0] * 3, format_shape='NCTHW'
    )
    with DefaultScope.overwrite_default_scope('mmaction'):
        return MODELS.build(
            dict(
                type='Recognizer3D',
                data_preprocessor=preprocessor,
                backbone=dict(network, conv1_kernel=(3, 3, 3), conv1_stride_t=1, pool1_stride_t=1),
                cls_head=dict(type=f'ssvrl_mm.{head}', in_channels=32),
            )
        )


def batch(key, num_clips, n=4, **pack):
    """What mmaction2's pipeline and collate function make of n videos."""
    step = PackActionInputs(algorithm_keys=(key,), **(pack or dict(meta_keys=('filename',))))
    rng = np.random.default_rng(0)
    packed = []
    for i in range(n):
        imgs = rng.integers(0, 256, (num_clips, 3, 6, 16, 16)).astype(np.uint8)
        labels = {**segment_labels(i, num_clips), 'clip_order': np.array([i % 6])}
        packed.append(step(dict(imgs=imgs, filename=f'{i}.mp4', **labels)))
    return {name: [sample[name] for sample in packed] for name in ('inputs', 'data_samples')}


@pytest.mark.parametrize('head', HEADS)
def test_trains_and_is_evaluated(head):
    key, name, num_clips = HEADS[head]
    model = recognizer(head)
    model.cls_head.dropout = torch.nn.Identity()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    history = []
    for _ in range(12):
        data = model.data_preprocessor(batch(key, num_clips), training=True)
        losses = model(**data, mode='loss')
        optimizer.zero_grad()
        losses[f'loss_{name}'].backward()
        optimizer.step()
        history.append(losses[f'loss_{name}'].item())
    assert all(p.grad is not None for p in model.parameters())
    assert history[-1] < history[0] / 2

    model.eval()
    metric = SamplingRateError() if name == 'rate' else PretextAccuracy()
    samples = model.val_step(batch(key, num_clips))
    assert all(sample.features['rgb'].shape == (1, 32) for sample in samples)
    metric.process(None, [sample.to_dict() for sample in samples])
    found = metric.evaluate(4)
    given = model.data_preprocessor(batch(key, num_clips))
    with torch.no_grad():
        outputs, _ = model.extract_feat(given['inputs'], stage='head')
    truths = np.concatenate([getattr(s, key) for s in given['data_samples']])
    if name == 'rate':
        expected = np.square(outputs.numpy() - truths).mean()
        assert found['rates/mse'] == pytest.approx(expected, rel=1e-5)
    else:
        assert found['pretext/order'] == (outputs.argmax(dim=1).numpy() == truths).mean()
        assert found['pretext/order_chance'] == pytest.approx(1 / 6)


@pytest.mark.parametrize('metric', [SamplingRateError, PretextAccuracy])
def test_what_mmaction_packs_by_itself_does_not_tell_videos_apart(metric):
    samples = batch('segment_order', 1, meta_keys=('img_shape', 'img_key', 'video_id'))
    with pytest.raises(ValueError, match='neither video_id nor filename'):
        metric().process(None, [sample.to_dict() for sample in samples['data_samples']])
