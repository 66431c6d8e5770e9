"""The heads that classify or contrast clips by their streams, against transcriptions."""

import numpy as np
import pytest
import torch
from mmengine.dist import all_reduce, get_world_size

from ssvrl_mm.models.heads import (
    ClipContrastHead,
    ClipOrderHead,
    CTPHead,
    PMSPHead,
    PretextClassificationHead,
    SamplingRateHead,
    SegmentOrderHead,
)
from ssvrl_mm.models.utils import GlobalBatch
from tests.processes import run_processes

from ..in_batch import cosine
from ..joint import CHANNELS, labelled, log_softmax, maps, mlp
from ..tiny import CRITERION

ROTATIONS = np.array([[3, 1], [0, 2], [2, 2]])


def double(kind, *args, **kwargs):
    torch.manual_seed(0)
    return kind(*args, **kwargs).double()


def ctp(num_types=4, **kwargs):
    return double(CTPHead, CHANNELS, num_types, **kwargs)


def embeddings(feats):
    """(M, 15), from numpy."""
    return np.concatenate([x.numpy().mean(axis=(2, 3, 4)) for x in feats.values()], axis=1)


def log_probabilities(layers, feats):
    return np.stack([log_softmax(mlp(layers, x)) for x in embeddings(feats)])


@pytest.mark.parametrize('weighted', [False, True])
def test_types_equal_a_transcription(weighted):
    head, feats = ctp(loss_weight=0.5), maps(0, 8)
    types = np.array([0, 0, 0, 0, 3, 1, 3, 3])
    weights = np.array([0.5] * 4 + [1.5] * 4) if weighted else np.ones(8)
    given = dict(weights=torch.from_numpy(weights).float()) if weighted else {}
    losses = head.loss(feats, labelled(4), types=torch.from_numpy(types), **given)
    scores = log_probabilities(head.mlp, feats)
    expected = 0.5 * -(weights * scores[range(8), types]).mean()
    assert losses['loss_ctp'].item() == pytest.approx(expected, rel=1e-9)
    right = scores.argmax(axis=1) == types
    of = {
        name: right[types == k].mean() for k, name in ((0, 'aligned'), (1, 'random'), (3, 'shift'))
    }
    assert {n: v.item() for n, v in losses.items() if n != 'loss_ctp'} == pytest.approx(
        {
            'top1_ctp': right.mean(),
            **{f'top1_ctp_{name}': value for name, value in of.items()},
            'balanced_ctp': np.mean(list(of.values())),
            'chance_ctp': 0.5,
        }
    )


def test_two_types():
    losses = ctp(2).loss(maps(0, 4), labelled(2), types=torch.tensor([0, 0, 1, 1]))
    assert {'top1_ctp_aligned', 'top1_ctp_random'} < set(losses)
    for types in ([0, 0, 2, 1], [0, -1, 1, 1], [0, 0, 1]):
        with pytest.raises(ValueError, match='4 rows need as many types within 0..1'):
            ctp(2).loss(maps(0, 4), labelled(2), types=torch.tensor(types))
    with pytest.raises(ValueError, match='as many weights'):
        ctp(2).loss(maps(0, 2), labelled(2), types=torch.tensor([0, 1]), weights=torch.ones(3))
    with pytest.raises(ValueError, match='2 or 4, got 3'):
        ctp(3)


@pytest.mark.parametrize('weights', [None, [2.0, 0, 1, 0, 3, 0]])
def test_classes_equal_a_transcription(weights):
    head = double(PretextClassificationHead, 4, CHANNELS, 'rotation', loss_weight=2.0)
    feats, labels = maps(1, 6), ROTATIONS.ravel()
    given = labelled(3, 2, rotation=ROTATIONS)
    w = np.array(weights or [1.0] * 6)
    losses = head.loss(feats, given, weights=None if weights is None else torch.tensor(weights))
    scores = log_probabilities(head.mlp, feats)
    expected = 2 * -(w * scores[range(6), labels]).mean()
    right = (scores.argmax(axis=1) == labels)[w > 0].mean()
    assert {n: v.item() for n, v in losses.items()} == pytest.approx(
        dict(loss_rotation=expected, top1_rotation=right)
    )


def test_labels_that_are_missing_or_too_many_are_refused():
    head = double(PretextClassificationHead, 2, CHANNELS, 'backwards')
    with pytest.raises(KeyError, match="needs 'backwards' in every data sample"):
        head.loss(maps(0, 2), labelled(2))
    with pytest.raises(ValueError, match=r"'backwards' of 2 clips must be \(2,\), got \(4,\)"):
        head.loss(maps(0, 2), labelled(2, backwards=[[0, 1], [1, 0]]))
    with pytest.raises(ValueError, match='at least 2'):
        double(PretextClassificationHead, 1, CHANNELS, 'backwards')


def test_contrast_equals_a_transcription():
    head, feats = double(ClipContrastHead, CHANNELS, CRITERION, out_channels=4), maps(2, 10)
    losses = head.loss(feats, labelled(5))
    rows = np.stack([mlp(head.projector, x) for x in embeddings(feats)])
    terms, nearest = [], []
    for queries, candidates in ((rows[::2], rows[1::2]), (rows[1::2], rows[::2])):
        for i, query in enumerate(queries):
            weights = np.exp([cosine(query, other) / 0.07 for other in candidates])
            terms.append(-np.log(weights[i] / weights.sum()))
            nearest.append(weights.argmax() == i)
    assert losses['loss_contrast'].item() == pytest.approx(np.mean(terms), rel=1e-9)
    assert losses['top1_contrast'].item() == pytest.approx(np.mean(nearest))
    halved = double(ClipContrastHead, CHANNELS, CRITERION, out_channels=4, loss_weight=0.5)
    assert halved.loss(feats, labelled(5))['loss_contrast'].item() == pytest.approx(
        np.mean(terms) / 2
    )
    assert double(ClipContrastHead, CHANNELS, CRITERION).projector.out_channels == 128


def test_contrast_is_of_two_clips_of_each_video():
    head = double(ClipContrastHead, CHANNELS, CRITERION)
    for clips, videos in ((4, 4), (5, 2), (4, 0)):
        with pytest.raises(ValueError, match=rf'num_clips=2\), got {clips} clips of {videos}'):
            head.loss(maps(0, clips), labelled(videos))
    with pytest.raises(ValueError, match="mixing='single_pass'"):
        head.loss(maps(0, 4), labelled(2), weights=torch.ones(4))


def cases():
    """Head, rows of a video, what its loss takes besides of rows of all videos."""
    types, weights = torch.tensor([0, 2, 0, 1, 0, 3, 0, 2]), torch.tensor([0.5, 1.5] * 4)
    aligned = torch.tensor([4.0, 0, 4, 4])
    return {
        'pmsp': (double(PMSPHead, CHANNELS), 1, {}),
        'pmsp_weighted': (double(PMSPHead, CHANNELS), 1, dict(weights=aligned)),
        'ctp': (ctp(), 2, dict(types=types, weights=weights)),
        'rotation': (double(PretextClassificationHead, 4, CHANNELS, 'rotation'), 1, {}),
        'contrast': (double(ClipContrastHead, CHANNELS, CRITERION), 2, {}),
        'segment_order': (double(SegmentOrderHead, CHANNELS['motion'], stream='motion'), 1, {}),
        'rate': (double(SamplingRateHead, CHANNELS['motion'], stream='motion'), 1, {}),
        'clip_order': (double(ClipOrderHead, CHANNELS['motion'], stream='motion').eval(), 3, {}),
    }


LABELS = dict(
    rotation=[[3], [0], [1], [1]],
    segment_order=[[5], [0], [1], [1]],
    sampling_rates=[[[1, 2, 3]], [[4, 8, 4]], [[2, 2, 2]], [[7, 1, 1]]],
    clip_order=[[5], [0], [1], [1]],
)


def gradients(rank, splits):
    """The mean of losses and gradients over processes, as data parallelism takes it."""
    results = []
    for split in splits:
        start = sum(split[:rank])
        for name, (head, rows, extra) in cases().items():
            own = slice(start * rows, (start + split[rank]) * rows)
            feats = {s: x[own].clone() for s, x in maps(3, 4 * rows).items() if s in head.streams}
            feats = {s: x.requires_grad_() for s, x in feats.items()}
            given = labelled(4, **LABELS)[start : start + split[rank]]
            batch = GlobalBatch(split[rank], torch.device('cpu'))
            losses = head.loss(feats, given, batch=batch, **{k: v[own] for k, v in extra.items()})
            loss = next(value for key, value in losses.items() if key.startswith('loss_'))
            loss.backward()
            found = [loss.detach().clone(), *(p.grad for p in head.parameters())]
            for value in found:
                all_reduce(value)
                value /= get_world_size()
            results.append((name, found, {s: x.grad / get_world_size() for s, x in feats.items()}))
    return results


def test_loss_and_gradients_do_not_depend_on_the_split(tmp_path):
    splits = ([2, 2], [3, 1])
    alone = {name: rest for name, *rest in gradients(0, [[4]])}
    first, second = run_processes(gradients, tmp_path, splits)
    assert len(first) == len(second) == 2 * len(alone)
    for (name, found, feats), (_, _, others) in zip(first, second, strict=True):
        wanted, wanted_feats = alone[name]
        assert all(value.any() for value in wanted)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)
        for stream, gradient in wanted_feats.items():
            both = torch.cat([feats[stream], others[stream]])
            torch.testing.assert_close(both, gradient, rtol=1e-9, atol=1e-12)


def test_groups_side_by_side_keep_their_order():
    head, feats = ctp(num_gops=5), maps(0, 2)
    expected = np.concatenate(
        [
            x.numpy().reshape(2, x.shape[1], 5, -1).mean(axis=3).reshape(2, -1)
            for x in feats.values()
        ],
        axis=1,
    )
    np.testing.assert_allclose(head.embed(feats).numpy(), expected, rtol=1e-10)
    assert head.loss(feats, labelled(2), types=torch.tensor([0, 2]))['loss_ctp'] > 0
    shuffled = {s: x.flip(2) if s != 'iframe' else x for s, x in feats.items()}
    assert not torch.allclose(head.embed(feats), head.embed(shuffled))
    # The mean over all frames does not know.
    torch.testing.assert_close(ctp().embed(feats), ctp().embed(shuffled))
    with pytest.raises(ValueError, match='frames must divide into 5 groups'):
        head.embed({s: x[:, :, :4] for s, x in feats.items()})
    with pytest.raises(ValueError, match='num_gops must be 1 or more'):
        ctp(num_gops=0)
