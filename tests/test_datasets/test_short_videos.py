"""Videos without room for what training samples: left out, and no failures."""

import random
from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from ssvrl_mm.datasets import BadVideosError, CompressedVideoDataset
from ssvrl_mm.datasets.transforms import OpenCompressedVideo
from ssvrl_mm.video import VideoTooShortError
from tests.clips import encode, translating

SAMPLE = dict(type='SampleContextMotion', clip_len=4, motion_len=4, num_negatives=1)  # 18 frames
PIPELINE = [
    dict(type='OpenCompressedVideo'),
    SAMPLE,
    dict(type='DecodeCompressedVideo', streams=('rgb', 'motion', 'iframe')),
    dict(type='ClipRandomResizedCrop', size=32),
    dict(type='PackSSLInputs'),
]
LENGTHS = [8, 24, 9, 10, 18, 11, 12, 17]


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    """Eight clips, of which numbers 1 and 4 are long enough; and three files that are no video."""
    root = tmp_path_factory.mktemp('clips')
    for number, length in enumerate(LENGTHS):
        encode(root / f'{number}.mp4', translating(length, 2, 1, 48, 64, seed=number))
    names = [f'{number}.mp4' for number in range(8)]
    (root / 'list.txt').write_text('\n'.join(names))
    (root / 'short.txt').write_text('0.mp4\n2.mp4\n3.mp4')
    for name in 'abc':
        (root / f'{name}.mp4').touch()
    (root / 'mixed.txt').write_text('\n'.join([*names, 'a.mp4', 'b.mp4', 'c.mp4']))
    return root


@pytest.fixture
def opened(monkeypatch):
    """How often each file is opened, by its name."""
    counts = Counter()
    transform = OpenCompressedVideo.transform

    def count(self, results):
        counts[results['filename'].rpartition('/')[2]] += 1
        return transform(self, results)

    monkeypatch.setattr(OpenCompressedVideo, 'transform', count)
    return counts


@pytest.fixture
def messages(monkeypatch):
    """What is logged."""
    found = []
    log = 'ssvrl_mm.datasets.compressed_video.print_log'
    monkeypatch.setattr(log, lambda text, **_: found.append(text))
    return found


def build(root, ann_file='list.txt', pipeline=PIPELINE, **options):
    options.setdefault('seed', 0)
    return CompressedVideoDataset(ann_file, pipeline, data_root=str(root), **options)


def test_training_goes_on_with_the_rest(clips, opened, messages):
    # The strictest limits, as too short videos are no failures.
    dataset = build(clips, max_retries=0, max_failed_share=0.0, min_tried=1)
    ids = Counter()
    for epoch in range(6):
        dataset.set_epoch(epoch)
        assert dataset[1]['data_samples'].video_id == 1
        ids.update(dataset[index]['data_samples'].video_id for index in range(8))
    assert set(ids) == {1, 4} and min(ids.values()) > 10
    assert dataset.failures.failed == 0 and dataset.failures.tried == 6 * 9
    assert len(dataset.too_short) == 6
    assert [opened[f'{number}.mp4'] for number in (0, 2, 3, 5, 6, 7)] == [1] * 6
    first, summary = messages
    assert '0.mp4: is too short: 8 frames, at least 18 are needed' in first
    assert summary == '6 of 8 videos are too short and left out so far'


def test_stand_ins_do_not_depend_on_what_is_known(clips):
    def draws(results):
        # Draws before the length is known, as a transform of somebody's might.
        results['drawn'] = random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002
        return results

    keys = ('video_id', 'drawn', 'frame_inds', 'motion_inds', 'iframe_inds')
    pack = dict(type='PackSSLInputs', meta_keys=keys)
    pipeline = [PIPELINE[0], draws, *PIPELINE[1:-1], pack]

    def facts(sample):
        return [np.asarray(sample['data_samples'].get(key)).tolist() for key in keys]

    fresh = [
        facts(build(clips, pipeline=pipeline, serialize_data=False)[index]) for index in range(8)
    ]
    dataset = build(clips, pipeline=pipeline)
    for index in (7, 3, 0, 5, 2, 6, 1, 4):
        assert facts(dataset[index]) == fresh[index]
    assert len(dataset.too_short) == 6
    assert [facts(dataset[index]) for index in range(8)] == fresh


def test_workers_share_what_they_find(clips):
    expected = [build(clips, serialize_data=False)[index]['inputs']['rgb'] for index in range(8)]
    dataset = build(clips)
    loader = DataLoader(dataset, 2, num_workers=2, collate_fn=pseudo_collate)
    got = [rgb for batch in loader for rgb in batch['inputs']['rgb']]
    assert all(torch.equal(a, b) for a, b in zip(got, expected, strict=True))
    assert len(dataset.too_short) == 6 and dataset.failures.failed == 0


def test_only_short_videos_stop_the_run(clips, opened):
    dataset = build(clips, 'short.txt')
    with pytest.raises(BadVideosError, match=r'all 3 videos are too short .*such as .*\d\.mp4'):
        dataset[0]
    assert opened == {'0.mp4': 1, '2.mp4': 1, '3.mp4': 1}


def test_unreadable_videos_are_still_failures(clips):
    dataset = build(clips, 'mixed.txt', max_failed_share=1.0)
    for index in range(11):
        assert dataset[index]['data_samples'].video_id in (1, 4)
    names = {path.rpartition('/')[2] for path in dataset.failures.examples}
    assert names == {'a.mp4', 'b.mp4', 'c.mp4'} and dataset.failures.failed >= 3
    with pytest.raises(BadVideosError, match=r'1 videos in a row(.|\n)*1 of 1 samples failed'):
        build(clips, 'mixed.txt', max_retries=0)[8]


def test_a_subset_counts_its_own(clips):
    dataset = build(clips)
    dataset[0]
    found = len(dataset.too_short)
    part = dataset.get_subset([0, 1, 2])
    assert len(part.too_short) == 0
    assert part[2]['data_samples'].video_id == 1
    assert len(part.too_short) <= 2 and len(dataset.too_short) == found
    dataset.get_subset_([4, 5])
    assert len(dataset.too_short) == 0 and dataset[1]['data_samples'].video_id == 4
    lazy = build(clips, lazy_init=True)
    lazy.set_epoch(1)
    assert len(lazy) == 8 and lazy[0]['data_samples'].video_id in (1, 4)


def test_in_tests_they_raise_or_start_over(clips):
    with pytest.raises(VideoTooShortError, match=r'0\.mp4'):
        build(clips, test_mode=True)[0]
    pipeline = [PIPELINE[0], dict(SAMPLE, test_mode=True), *PIPELINE[2:]]
    dataset = build(clips, pipeline=pipeline, test_mode=True)
    assert [sample['data_samples'].video_id for sample in dataset] == list(range(8))
