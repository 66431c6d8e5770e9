"""The heads that tell orders, against transcriptions in numpy."""

import numpy as np
import pytest
import torch

from ssvrl_mm.models.heads import ClipOrderHead, SamplingRateHead, SegmentOrderHead
from ssvrl_mm.models.heads.labelled_head import described_by

from ..segments import cross_entropy, linear, segment_samples, stacked


def head(kind=SegmentOrderHead, **kwargs):
    torch.manual_seed(0)
    return kind(in_channels=4, hidden_channels=5, **kwargs).double()


def maps(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, 2, 3, 3, generator=generator, dtype=torch.double)


def pooled(feats):
    return feats.numpy().mean(axis=(2, 3, 4))


@pytest.mark.parametrize('num_segments, classes', [(2, 2), (3, 6), (4, 24), (5, 120)])
@pytest.mark.parametrize('activation', [dict(type='ReLU'), dict(type='Tanh'), None])
def test_segment_orders_equal_equations_2_to_4(num_segments, classes, activation):
    model = head(num_segments=num_segments, activation=activation, loss_weight=0.7)
    feats, samples = maps(6), segment_samples(3, num_clips=2, num_segments=num_segments)
    losses = model.loss(feats, samples)
    between = {'ReLU': lambda x: np.maximum(x, 0), 'Tanh': np.tanh, None: lambda x: x}
    hidden = between[activation and activation['type']](linear(model.mlp.fc1, pooled(feats)))
    logits = linear(model.mlp.fc2, hidden)
    assert logits.shape == (6, classes)
    labels = stacked(samples, 'segment_order')
    terms = cross_entropy(logits, labels)
    assert losses['loss_order'].item() == pytest.approx(0.7 * terms.mean(), rel=1e-9)
    assert losses['top1_order'].item() == (logits.argmax(axis=1) == labels).mean()
    np.testing.assert_allclose(model(feats).detach(), logits, rtol=1e-9)


def test_one_layer_where_nothing_is_hidden():
    torch.manual_seed(0)
    model, feats = SegmentOrderHead(4, hidden_channels=None).double(), maps(2)
    expected = linear(model.mlp.fc1, pooled(feats))
    np.testing.assert_allclose(model(feats).detach(), expected, rtol=1e-9)
    assert len(model.mlp) == 1


def test_the_narrowest_heads_are_of_one_channel():
    for kind in (SegmentOrderHead, ClipOrderHead):
        assert kind(in_channels=4, hidden_channels=1)(torch.rand(3, 4)).shape[1] == 6
        with pytest.raises(ValueError, match='hidden_channels must be at least 1'):
            kind(in_channels=4, hidden_channels=0)


def test_sizes_are_the_papers():
    def count(module):
        return sum(p.numel() for p in module.parameters())

    assert count(SegmentOrderHead()) == 512 * 512 + 512 + 512 * 6 + 6
    assert count(ClipOrderHead()) == 1024 * 512 + 512 + 3 * 512 * 6 + 6
    assert ClipOrderHead().dropout.p == 0.5


def vcop(model, clips):
    """VCOP's order head of one video: features (n, C) -> (n!,)."""
    pairs = []
    for i in range(len(clips)):
        for j in range(i + 1, len(clips)):
            both = np.concatenate([clips[i], clips[j]])[None]
            pairs.append(np.maximum(linear(model.pair_fc, both)[0], 0))
    return linear(model.fc, np.concatenate(pairs)[None])[0]


@pytest.mark.parametrize('num_clips', [2, 3, 4])
def test_clip_orders_equal_vcop(num_clips):
    model = head(ClipOrderHead, num_clips=num_clips, loss_weight=0.5).eval()
    feats, samples = maps(3 * num_clips), segment_samples(3)
    for sample in samples:
        sample.set_field(sample.clip_order % 2, 'clip_order')
    losses = model.loss(feats, samples, loss_aux={})
    logits = np.stack([vcop(model, clips) for clips in pooled(feats).reshape(3, num_clips, 4)])
    labels = stacked(samples, 'clip_order')
    expected = 0.5 * cross_entropy(logits, labels).mean()
    assert losses['loss_clip_order'].item() == pytest.approx(expected, rel=1e-9)
    assert losses['top1_clip_order'].item() == (logits.argmax(axis=1) == labels).mean()


def test_dropout_is_of_pairs_that_have_been_joined():
    model = head(ClipOrderHead)
    seen = []
    model.dropout.register_forward_hook(lambda _, args, out: seen.append((args[0], out)))
    model(maps(6))
    ((given, dropped),) = seen
    assert given.shape == (2, 15) and (given >= 0).all()
    kept = dropped != 0
    assert not kept.all()
    torch.testing.assert_close(dropped[kept], 2 * given[kept])


def test_features_of_fewer_clips_are_those_of_the_first():
    model, samples = head(), segment_samples(4, num_clips=3)
    first = segment_samples(4)
    for sample, whole in zip(first, samples, strict=True):
        sample.set_field(whole.segment_order[:1], 'segment_order')
    expected, found = model.loss(maps(4), first), model.loss(maps(4), samples)
    assert found['loss_order'] == expected['loss_order']


def test_losses_are_computed_in_full_precision():
    model = head().float()
    feats, samples = maps(4).float(), segment_samples(4)
    expected = model.loss(feats, samples)['loss_order']
    with torch.autocast('cpu', torch.bfloat16):
        found = model.loss(feats, samples)['loss_order']
        assert model.loss(feats.bfloat16(), samples)['loss_order'].dtype == torch.float32
    assert found.dtype == torch.float32 and found == expected


def test_labels_are_arrays_tensors_or_numbers_of_any_width():
    model, samples = head(), segment_samples(3)
    expected = model.loss(maps(3), samples)['loss_order']
    for convert in (lambda x: x.numpy(), lambda x: x.to(torch.int32), lambda x: x.numpy()[0]):
        given = segment_samples(3)
        for sample in given:
            sample.set_field(convert(sample.segment_order), 'segment_order')
        assert model.loss(maps(3), given)['loss_order'] == expected


def with_orders(*orders):
    return segment_samples(2, segment_order=torch.tensor(orders))


@pytest.mark.parametrize(
    'samples, message',
    [
        (with_orders(6), r"'segment_order' must be from 0 to 5, got \[6\]: 3 parts have 6 orders"),
        (with_orders(-2), r'from 0 to 5, got \[-2\].* of SampleShuffledSegments in the pipeline'),
        (with_orders(-1), r'-1 of clips that are not to be asked about: .* num_ordered=0'),
        (with_orders(float('nan')), r'from 0 to 5, got \[nan\]'),
        (with_orders(1.5), r'whole numbers, got \[1.5, 1.5\]'),
        (with_orders([1, 2]), r"'segment_order' of shape \('clips',\) of each video, got \[\(1, 2"),
        (segment_samples(3), r'features of 2 clips of 3 videos need'),
        (segment_samples(1), r'features of 2 clips of 1 videos need .* got \[\(1,\)\]'),
        (segment_samples(2, num_segments=4), "'segment_lengths' are of 4 segments: 3 parts have"),
        (
            segment_samples(2, segment_lengths=torch.ones(1, 3), sampling_rates=torch.ones(1, 2)),
            "'sampling_rates' are of 2 segments",
        ),
    ],
)
def test_wrong_labels_are_told_with_what_to_do(samples, message):
    with pytest.raises(ValueError, match=message):
        head().loss(maps(2), samples)


def test_clips_that_describe_a_video_are_none_to_learn_the_order_of():
    samples = segment_samples(1, clip_order=torch.tensor([-1]))
    with pytest.raises(ValueError, match='-1 of clips that are not to be asked about'):
        head(ClipOrderHead).loss(maps(3), samples)


def test_losses_weigh_what_the_paper_says():
    """lambda_1 = 1 and lambda_2 = 0.3 (Section IV-D)."""
    torch.manual_seed(0)
    order, rate = SegmentOrderHead(4), SamplingRateHead(4)
    feats, samples = torch.randn(2, 4), segment_samples(2)
    terms = cross_entropy(order(feats).detach().numpy(), stacked(samples, 'segment_order'))
    assert order.loss(feats, samples)['loss_order'].item() == pytest.approx(terms.mean(), rel=1e-5)
    errors = rate(feats).detach().numpy() - stacked(samples, 'sampling_rates')
    expected = 0.3 * np.square(errors).mean()
    assert rate.loss(feats, samples)['loss_rate'].item() == pytest.approx(expected, rel=1e-5)


def test_missing_labels_are_told_with_what_to_do():
    samples = segment_samples(2)
    del samples[1].segment_order
    for given in (samples, [], None):
        with pytest.raises(
            KeyError, match=r"extra_keys=\('segment_order',\)\) or .* algorithm_keys=\('segment_or"
        ):
            head().loss(maps(2), given)


def test_clips_that_are_not_so_many_of_each_video():
    model = head(ClipOrderHead)
    with pytest.raises(ValueError, match=r'takes 3 clips of every video, got 4: let the pipeline'):
        model(maps(4))
    with pytest.raises(ValueError, match=r'got 6 of 3 videos: .*SampleClipTuples.*num_clips=3'):
        model.loss(maps(6), segment_samples(3))
    with pytest.raises(KeyError, match='clip_order'):
        model.loss(maps(6), [])


@pytest.mark.parametrize(
    'kind, kwargs, message',
    [
        (SegmentOrderHead, dict(num_segments=1), 'num_segments must lie between 2 and 8, got 1'),
        (SegmentOrderHead, dict(num_segments=9), 'num_segments must lie between 2 and 8, got 9'),
        (ClipOrderHead, dict(num_clips=1), 'num_clips must lie between'),
        (SegmentOrderHead, dict(hidden_channels=0), 'hidden_channels must be at least 1, or None'),
        (ClipOrderHead, dict(hidden_channels=0), 'hidden_channels must be at least 1, got 0'),
        (ClipOrderHead, dict(dropout=2), 'dropout'),
        (SegmentOrderHead, dict(in_channels=0), 'channels'),
    ],
)
def test_wrong_arguments(kind, kwargs, message):
    with pytest.raises(ValueError, match=message):
        kind(**kwargs)


def test_features_of_other_channels_are_refused():
    with pytest.raises(ValueError, match="needs maps .* of {'rgb': 4} channels"):
        head().loss(torch.rand(2, 5), segment_samples(2))


def test_answers_are_of_those_that_are_not_of_the_gallery():
    model, feats = head(), maps(6)
    samples = segment_samples(3, num_clips=2)
    samples[1].set_metainfo(dict(role='gallery'))
    best = model(feats).argmax(dim=1).reshape(3, 2)
    for given in (samples, segment_samples(3, num_clips=2)):
        model.predict(feats, given)
    for i, sample in enumerate(samples):
        assert sample.truth_order.tolist() == sample.segment_order.tolist()
        asked = [name for name in ('answer_order', 'choices_order') if hasattr(sample, name)]
        assert len(asked) == (0 if i == 1 else 2)
        if asked:
            assert sample.answer_order.tolist() == best[i].tolist()
            assert sample.choices_order.tolist() == [6]
    alone = segment_samples(1, num_clips=2)
    alone[0].set_metainfo(dict(role='gallery'))
    model.predict(feats[:2], alone)
    assert hasattr(alone[0], 'truth_order') and not hasattr(alone[0], 'answer_order')


def test_clips_without_label_describe_the_video_and_are_not_asked():
    model, feats = head(), maps(6)
    samples = segment_samples(2, segment_order=torch.tensor([4, -1, -1]))
    model.predict(feats, samples)
    for sample, rows in zip(samples, pooled(feats).reshape(2, 3, 4), strict=True):
        assert sample.truth_order.tolist() == [4, -1, -1] and len(sample.answer_order) == 3
        np.testing.assert_allclose(sample.features['rgb'][0], rows[1:].mean(axis=0), rtol=1e-5)
    samples[0].set_field(torch.tensor([4, 3, -1]), 'segment_order')
    with pytest.raises(ValueError, match=r'differ in how many clips .* \[1, 2\]'):
        model.predict(feats, samples)


def test_labels_of_another_number_of_clips_describe_nothing():
    """Of three crops of every clip, nobody says which ones the labels are of."""
    samples = segment_samples(2, segment_order=torch.tensor([4, -1, -1]))
    for rows in (18, 4):
        with pytest.raises(ValueError, match=f'of 6 clips in 2 videos, .* of .*{rows}'):
            described_by(dict(rgb=maps(rows)), samples, 'segment_order')


def test_labels_of_segments_may_be_lists():
    for key, found in (('segment_lengths', [[5, 5, 6]]), ('sampling_rates', torch.tensor(3))):
        samples = segment_samples(2)
        for sample in samples:
            sample.set_field(found, key)
        if key == 'segment_lengths':
            head().loss(maps(2), samples)
        else:
            with pytest.raises(ValueError, match="'sampling_rates' are of 1 segments"):
                head().loss(maps(2), samples)


def test_videos_without_labels_are_described_by_all_their_clips():
    model, feats, samples = head(), maps(6), segment_samples(2)
    for sample in samples:
        del sample.segment_order
    model.predict(feats, samples)
    for sample, rows in zip(samples, pooled(feats).reshape(2, 3, 4), strict=True):
        np.testing.assert_allclose(sample.features['rgb'][0], rows.mean(axis=0), rtol=1e-5)
        assert not hasattr(sample, 'truth_order')
