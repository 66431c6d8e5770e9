import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.registry import DefaultScope

from ssvrl_mm.models.heads import MoCoHead

from ..tiny import TinyBackbone, nce_terms, projector, samples

LENGTH = 6


def head(**kwargs):
    torch.manual_seed(0)
    return MoCoHead(projector(), queue_length=LENGTH, **kwargs).double()


def features(seed, n=3, clips=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n * clips, 6, 2, 2, 2, generator=generator, dtype=torch.double)


def expected_terms(moco, query, key, ids):
    """The loss of one batch, from the head's weights and its queue before the batch."""
    with torch.no_grad():
        z = moco(query)['rgb'].numpy()
        k = torch.nn.functional.normalize(moco.key_projector['rgb'](key), dim=1).numpy()
    filled = np.arange(LENGTH) < int(moco.queue.fill)
    usable = filled & (np.array(ids)[:, None] != moco.queue.video_ids.numpy())
    return nce_terms(z, k, moco.queue['rgb'].numpy(), np.zeros_like(usable), usable)


def test_losses_of_a_run_equal_the_formula_and_keys_get_no_gradient():
    moco = head()
    for step, ids in enumerate([[0, 1, 2], [3, 0, 4], [2, 5, 1], [0, 0, 6]]):
        query, key = features(step).requires_grad_(), features(100 + step).requires_grad_()
        terms = expected_terms(moco, query, key, ids)
        losses = moco.loss(query, samples(ids), key_feats=key)
        np.testing.assert_allclose(losses['loss_rgb'].item(), terms.mean(), rtol=1e-10, atol=1e-14)
        assert losses['queue_fill'] == pytest.approx(min(3 * step, LENGTH) / LENGTH)
    losses['loss_rgb'].backward()
    assert key.grad is None
    assert query.grad.abs().sum() > 0
    assert all(p.grad is None for p in moco.key_projector.parameters())
    assert all(p.grad is not None for p in moco.projector.parameters())


def test_top1_counts_queries_that_are_nearest_to_their_own_key():
    moco = head()
    moco.loss(features(0), samples([0, 1, 2]), key_feats=features(1))
    query = features(2)
    # A query's own features as key: cosine 1, nothing is nearer.
    hit = moco.loss(query, samples([3, 4, 5]), key_feats=query)
    assert hit['top1_rgb'] == 1
    # The queue now holds the key of each query under another video; its own points elsewhere.
    miss = moco.loss(query, samples([6, 7, 8]), key_feats=-query)
    assert miss['top1_rgb'] == 0


def test_clips_side_by_side_equal_queries_and_keys_given_apart():
    both = features(0, clips=3).unflatten(0, (3, 3))
    first, second = head(num_clips=3), head()
    ids = samples([0, 1, 2])
    for _ in range(2):
        joint = first.loss(both.flatten(0, 1), ids, loss_aux={})
        apart = second.loss(both[:, 0], ids, key_feats=both[:, 1])
    for name, value in apart.items():
        assert torch.equal(joint[name], value), name


def test_wrong_number_of_clips():
    with pytest.raises(ValueError, match='3 samples with 2 clips each need 6 clips, got 3'):
        head().loss(features(0), samples([0, 1, 2]))
    with pytest.raises(ValueError, match='num_clips'):
        head(num_clips=1)


def test_samples_without_a_video_id_have_no_siblings():
    moco = head()
    anonymous = samples([0, 1, 2])
    for sample in anonymous:
        del sample.video_id
    for _ in range(2):
        losses = moco.loss(features(0), anonymous, key_feats=features(1))
    assert losses['loss_rgb'] > 0
    assert moco.queue.usable(torch.tensor([-1])).all()


@pytest.fixture
def recognizer():
    torch.manual_seed(0)
    cls_head = dict(type='ssvrl_mm.MoCoHead', projector=projector(), queue_length=LENGTH)
    with DefaultScope.overwrite_default_scope('mmaction'):
        return MODELS.build(
            dict(type='Recognizer3D', backbone=dict(type=TinyBackbone), cls_head=cls_head)
        )


def test_trains_and_predicts_inside_mmactions_recognizer(recognizer):
    optimizer = torch.optim.SGD(recognizer.parameters(), lr=0.1)
    rng = torch.Generator().manual_seed(0)
    clips = torch.randn(2, 2, 3, 4, 8, 8, generator=rng)
    losses = []
    for step in range(30):
        result = recognizer(clips, samples([2 * step, 2 * step + 1]), mode='loss')
        losses.append(result['loss_rgb'].item())
        optimizer.zero_grad()
        result['loss_rgb'].backward()
        optimizer.step()
    reference = recognizer.cls_head
    assert min(losses[-5:]) < losses[3]
    assert int(reference.queue.fill) == LENGTH
    assert int(reference.key_projector['rgb'].step) == 30

    recognizer.eval()
    with torch.no_grad():
        predicted = recognizer(clips, samples([0, 1]), mode='predict')
        maps = recognizer.backbone(clips.flatten(0, 1))
    expected = maps.numpy().mean(axis=(2, 3, 4)).reshape(2, 2, 6).mean(axis=1)
    for sample, feature in zip(predicted, expected, strict=True):
        assert sample.features['rgb'].shape == (1, 6)
        np.testing.assert_allclose(sample.features['rgb'][0], feature, rtol=1e-5)
