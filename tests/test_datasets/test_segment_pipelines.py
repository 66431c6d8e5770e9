"""Shuffled segments and clips out of real files: our pipelines, and mmaction2's own."""

import numpy as np
import pytest
import torch
from mmaction.datasets import VideoDataset
from mmengine.registry import DefaultScope

from ssvrl_mm.datasets import CompressedVideoDataset
from tests.clips import encode

LABELS = ('segment_order', 'segment_lengths', 'sampling_rates')
SEGMENTS = dict(type='ssvrl_mm.SampleShuffledSegments', num_clips=2)
TUPLES = dict(type='ssvrl_mm.SampleClipTuples')
ORDERS = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
BITS = 2 ** np.arange(7)


def numbered(length):
    """Frames whose number stands in them, a black or white bar for each of its bits."""
    bars = np.arange(length)[:, None] // BITS % 2
    rows = np.repeat(bars * 255, 16, axis=1).astype(np.uint8)
    return np.broadcast_to(rows[:, None, :, None], (length, 48, len(BITS) * 16, 3))


def numbers(inputs):
    """(V, T) of uint8 (V, 3, T, H, W)."""
    bars = torch.as_tensor(inputs).float().mean(dim=(1, 3)).unflatten(-1, (len(BITS), 16))
    return ((bars.mean(-1) > 128) * torch.as_tensor(BITS)).sum(-1).numpy()


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Of 120 and of 12 frames."""
    root = tmp_path_factory.mktemp('videos')
    for name, length in (('a.mp4', 120), ('b.mp4', 12)):
        encode(root / name, np.ascontiguousarray(numbered(length)))
    (root / 'list.txt').write_text('a.mp4 0\nb.mp4 1\n')
    return root


def theirs(videos, sample, keys, reader):
    """mmaction2's dataset, with its own steps but for one."""
    pipeline = [
        dict(type=f'{reader}Init'),
        sample,
        dict(type=f'{reader}Decode'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(
            type='PackActionInputs',
            algorithm_keys=keys,
            meta_keys=('frame_inds', 'clip_len', 'num_clips', 'frame_interval'),
        ),
    ]
    with DefaultScope.overwrite_default_scope('mmaction'):
        return VideoDataset('list.txt', pipeline, data_root=str(videos), data_prefix=dict(video=''))


def ours(videos, sample, keys, *more):
    pipeline = [
        dict(type='OpenCompressedVideo'),
        sample,
        *more,
        dict(type='DecodeCompressedVideo'),
        dict(type='PackSSLInputs', extra_keys=keys),
    ]
    return CompressedVideoDataset('list.txt', pipeline, str(videos), streams=('rgb',), seed=0)


def read_by(reader, *args):
    if reader == 'ours':
        return ours(*args)
    pytest.importorskip('decord' if reader == 'Decord' else 'av')
    return theirs(*args, reader)


def described(index, lengths, rates):
    """The frames of a clip as its labels tell them, counted from the first in the video."""
    segments, at = {}, 0
    for segment in range(3):
        seen = ORDERS[index].index(segment)
        segments[segment] = at + rates[seen] * np.arange(lengths[seen])
        at += rates[seen] * lengths[seen]
    return np.concatenate([segments[segment] for segment in ORDERS[index]])


@pytest.mark.parametrize('reader', ['Decord', 'PyAV', 'ours'])
def test_segments_show_the_frames_that_the_labels_say(videos, reader):
    dataset = read_by(reader, videos, SEGMENTS, LABELS)
    for place, total in ((0, 120), (1, 12)):
        packed = dataset[place]
        sample = packed['data_samples']
        inputs = packed['inputs']['rgb'] if reader == 'ours' else packed['inputs']
        assert inputs.shape == (2, 3, 16, 48, 112)
        assert sample.gt_label.tolist() == [place]
        shown = numbers(inputs)
        assert (shown == np.asarray(sample.frame_inds).reshape(2, 16)).all()
        labels = [np.asarray(getattr(sample, key)) for key in LABELS]
        assert [part.shape for part in labels] == [(2,), (2, 3), (2, 3)]
        assert all(part.dtype == np.int64 for part in labels)
        for frames, *told in zip(shown, *labels, strict=True):
            steps = described(*told)
            start = (frames[0] - steps[0]) % total
            assert (frames == (start + steps) % total).all()
            assert total > 16 or (start == 0 and told[2].tolist() == [1, 1, 1])


@pytest.mark.parametrize('reader', ['Decord', 'PyAV', 'ours'])
def test_clips_show_the_order_that_the_label_says(videos, reader):
    packed = read_by(reader, videos, TUPLES, ('clip_order',))[0]
    sample = packed['data_samples']
    inputs = packed['inputs']['rgb'] if reader == 'ours' else packed['inputs']
    shown = numbers(inputs)
    (index,) = np.asarray(sample.clip_order)
    starts = shown[:, 0] - shown.min()
    assert (shown == shown[:, :1] + np.arange(16)).all()
    assert starts.tolist() == [24 * i for i in ORDERS[index]]


def test_ours_are_drawn_by_seed_epoch_and_video_alone(videos):
    def labels(dataset, epoch=0):
        dataset.set_epoch(epoch)
        sample = dataset[0]['data_samples']
        return np.concatenate([np.ravel(getattr(sample, key)) for key in ('frame_inds', *LABELS)])

    first = labels(ours(videos, SEGMENTS, LABELS))
    dataset = ours(videos, SEGMENTS, LABELS)
    dataset[1]
    assert (labels(dataset) == first).all()
    assert (labels(dataset, epoch=1) != first).any()


def test_first_frames_alone(videos):
    sample = dict(SEGMENTS, num_ordered=1, test_mode=True)
    given = ours(videos, sample, LABELS)[0]
    stills = dict(type='DisorderFrames', order='first_of_segments')
    found = ours(videos, sample, LABELS, stills)[0]
    lengths = given['data_samples'].segment_lengths
    before, after = numbers(given['inputs']['rgb']), numbers(found['inputs']['rgb'])
    assert (before[2] == after[2]).all()
    for clip in range(2):
        begins = np.cumsum([0, *lengths[clip].tolist()])
        for begin, end in zip(begins[:-1], begins[1:], strict=True):
            assert set(after[clip, begin:end]) == {before[clip, begin]}
