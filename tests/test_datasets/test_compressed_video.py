import random
import shutil
from typing import ClassVar

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.fileio import BaseStorageBackend, register_backend
from torch.utils.data import DataLoader

from ssvrl_mm.datasets import BadVideosError, CompressedVideoDataset, VideoListError
from ssvrl_mm.registry import DATASETS
from ssvrl_mm.video import CompressedVideoReader, VideoError
from tests.clips import encode, translating

SHIFTS = [(2, 0), (-2, 0), (0, 2), (0, -2), (3, 1), (-1, -3)]

PIPELINE = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=4, num_clips=2),
    dict(type='DecodeCompressedVideo'),
    dict(type='ClipRandomResizedCrop', size=32, area_range=(0.5, 1.0)),
    dict(type='ClipFlip'),
    dict(type='PackSSLInputs'),
]


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    """Six clips of 20 frames, of a texture that moves by SHIFTS[i], in two classes."""
    root = tmp_path_factory.mktemp('clips')
    for number, (dx, dy) in enumerate(SHIFTS):
        folder = root / 'videos' / ('even', 'odd odd')[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        encode(folder / f'clip {number}.mp4', translating(20, dx, dy, 64, 80, seed=number))
    lines = [f'{("even", "odd odd")[n % 2]}/clip {n}.mp4 {n % 2}\n' for n in range(6)]
    (root / 'list.txt').write_text(''.join(lines))
    (root / 'classes.txt').write_text('even\nodd odd\n')
    return root


@pytest.fixture
def spoilt(clips, tmp_path):
    """The clips and three files that are none: empty, text, and an MP4 without its index."""
    root = tmp_path / 'spoilt'
    shutil.copytree(clips, root)
    (root / 'videos/empty.mp4').touch()
    (root / 'videos/text.mp4').write_text('no video at all\n' * 100)
    whole = (root / 'videos/even/clip 0.mp4').read_bytes()
    (root / 'videos/cut.mp4').write_bytes(whole[: len(whole) // 2])
    with open(root / 'list.txt', 'a') as file:
        file.write('empty.mp4 0\ntext.mp4 0\ncut.mp4 1\n')
    return root


def build(root, ann_file='list.txt', pipeline=PIPELINE, **options):
    options = dict(data_root=str(root), data_prefix=dict(video='videos'), **options)
    return CompressedVideoDataset(ann_file, pipeline, **options)


def test_streams_and_reader_options_reach_every_sample(clips):
    packed = build(clips, streams=('motion',))[0]['inputs']
    assert set(packed) == {'motion'}
    codec, still = (
        build(clips, seed=0, streams=('motion',), reader_options=options)[1]['inputs']['motion']
        for options in (None, dict(normalize_time=False, motion='estimate', flow_method='dis'))
    )
    assert codec.shape == still.shape and not torch.equal(codec, still)
    with pytest.raises(ValueError, match='streams must be some of'):
        build(clips, streams=('optical',))
    plain = build(clips)
    assert len(plain.pipeline.transforms) == len(PIPELINE)
    assert set(plain[0]['inputs']) == {'rgb', 'motion'}


def test_samples_of_a_list(clips):
    dataset = build(clips, pipeline=[], role='gallery')
    assert len(dataset) == 6
    assert dataset.metainfo['classes'] == ['even', 'odd odd']
    info = dataset[3]
    assert info['filename'] == str(clips / 'videos/odd odd/clip 3.mp4')
    assert (info['label'], info['video_id'], info['role']) == (1, 3, 'gallery')
    assert dataset[-1]['video_id'] == 5
    assert 'role' not in build(clips, pipeline=[])[0]
    with pytest.raises(IndexError, match='index 6 .* 6 videos'):
        dataset[6]


def test_a_subset_keeps_the_ids_of_the_list(clips):
    assert [info['video_id'] for info in build(clips, pipeline=[], indices=[4, 1])] == [4, 1]


def test_samples_of_a_folder(clips):
    dataset = DATASETS.build(
        dict(type='CompressedVideoDataset', data_root=str(clips / 'videos'), pipeline=[])
    )
    assert dataset.metainfo['classes'] == ['even', 'odd odd']
    assert [info['label'] for info in dataset] == [0, 0, 0, 1, 1, 1]
    # The classes of another split decide when they are given.
    classes = ['none', 'odd odd', 'even']
    dataset = build(clips, '', pipeline=[], metainfo=dict(classes=classes))
    assert [info['label'] for info in dataset] == [2, 2, 2, 1, 1, 1]
    with pytest.raises(VideoListError, match=r"\['odd odd'\] are not among the classes \['even'\]"):
        build(clips, '', metainfo=dict(classes=['even']))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(ann_file='no_list.txt'), r'no_list\.txt.*build_video_list\.py'),
        (dict(ann_file='', data_prefix=dict(video='nowhere')), 'nowhere.*data_root'),
        (
            dict(ann_file='list.txt', data_prefix=dict(video='nowhere')),
            r"video='.*nowhere'.*looked for '.*nowhere/even/clip 0\.mp4'",
        ),
        (
            dict(ann_file='list.txt', metainfo=dict(classes=['even'])),
            r"'odd odd/clip 1\.mp4' has label 1, but there are 1 classes",
        ),
        (dict(ann_file='list.txt', metainfo=dict(classes='none.txt')), r'class names at none\.txt'),
    ],
)
def test_mistakes_are_told_when_the_dataset_is_built(clips, options, message):
    options.setdefault('data_prefix', dict(video='videos'))
    with pytest.raises(VideoListError, match=message):
        CompressedVideoDataset(data_root=str(clips), **options)


def test_arguments_are_checked(clips):
    for options in (dict(role='probe'), dict(seed=-3), dict(max_retries=-1)):
        with pytest.raises(ValueError, match='must be'):
            build(clips, **options)


def samples_of(loader):
    """Every sample of a loader as bytes, by video id."""
    samples = {}
    for batch in loader:
        pairs = zip(batch['inputs']['rgb'], batch['inputs']['motion'], strict=True)
        for sample, (rgb, motion) in zip(batch['data_samples'], pairs, strict=True):
            frames = sample.frame_inds.tobytes()
            samples[sample.video_id] = frames + rgb.numpy().tobytes() + motion.numpy().tobytes()
    return samples


@pytest.mark.parametrize('context', ['fork', 'spawn'])
def test_samples_depend_on_seed_and_epoch_alone(clips, context):
    expected = []
    for epoch in range(2):
        dataset = build(clips, seed=7)
        dataset.set_epoch(epoch)
        random.seed(epoch)  # the global generators do not matter
        expected.append(samples_of(DataLoader(dataset, 2, collate_fn=pseudo_collate)))
    assert len(expected[0]) == 6
    assert all(expected[0][key] != expected[1][key] for key in range(6))

    for workers in (1, 2) if context == 'fork' else (2,):
        dataset = build(clips)
        dataset.set_seed(7)
        loader = DataLoader(
            dataset,
            2,
            shuffle=True,
            num_workers=workers,
            collate_fn=pseudo_collate,
            multiprocessing_context=context,
            persistent_workers=True,
        )
        for epoch in (0, 1, 0):
            dataset.set_epoch(epoch)  # reaches the workers that are already there
            assert samples_of(loader) == expected[epoch]
        dataset.set_seed(8)
        other = samples_of(loader)
        assert all(other[key] != expected[0][key] for key in range(6))
        del loader


def test_without_a_seed_the_global_generators_decide(clips):
    dataset = build(clips)

    def draw(seed):
        random.seed(seed)
        return dataset[0]['inputs']['rgb']

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))
    state = random.getstate()
    build(clips, seed=3)[0]
    assert random.getstate() == state


def test_batches_hold_the_motion_of_the_clips(clips):
    pipeline = [
        *PIPELINE[:3],
        dict(type='ClipResize', size=(128, 160)),
        dict(type='ClipCenterCrop', size=96),
        PIPELINE[-1],
    ]
    loader = DataLoader(
        build(clips, pipeline=pipeline), 3, num_workers=2, collate_fn=pseudo_collate
    )
    seen = 0
    for batch in loader:
        for rgb, motion, sample in zip(
            *batch['inputs'].values(), batch['data_samples'], strict=True
        ):
            assert rgb.shape == (2, 3, 4, 96, 96) and rgb.dtype == torch.uint8
            assert motion.shape == (2, 2, 4, 24, 24) and motion.dtype == torch.float16
            assert sample.gt_label.item() == sample.video_id % 2
            # Twice the size: twice the motion.
            median = motion.float().permute(1, 0, 2, 3, 4).flatten(1).median(1).values
            expected = 2 * np.float32(SHIFTS[sample.video_id])
            assert median.numpy() == pytest.approx(expected, abs=0.51)
            seen += 1
    assert seen == 6


def test_bad_videos_are_replaced_logged_and_counted(spoilt, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'ssvrl_mm.datasets.compressed_video.print_log', lambda text, **_: messages.append(text)
    )
    dataset = build(spoilt, seed=0, max_failed_share=1.0)
    samples = [dataset[index] for index in range(9)]
    ids = [sample['data_samples'].video_id for sample in samples]
    assert ids[:6] == [0, 1, 2, 3, 4, 5]
    assert set(ids[6:]) <= set(range(6))
    for name in ('empty.mp4', 'text.mp4', 'cut.mp4'):
        (message,) = (text for text in messages if name in text)  # once, whatever the retries
        assert 'VideoOpenError: ' in message
    # The same stand-ins again.
    again = [build(spoilt, seed=0)[index] for index in (6, 7, 8)]
    assert [sample['data_samples'].video_id for sample in again] == ids[6:]

    assert dataset.failures.failed >= 3
    assert dataset.failures.tried == 9 + dataset.failures.failed
    assert set(dataset.failures.examples) == {
        str(spoilt / 'videos' / name) for name in ('empty.mp4', 'text.mp4', 'cut.mp4')
    }


def test_failures_of_all_workers_are_counted(spoilt):
    dataset = build(spoilt, seed=0, max_failed_share=1.0)
    sizes = [len(batch['data_samples']) for batch in loader_of(dataset)]
    assert sum(sizes) == 9
    assert dataset.failures.failed >= 3
    assert dataset.failures.tried == 9 + dataset.failures.failed


def loader_of(dataset):
    return DataLoader(dataset, 2, num_workers=2, collate_fn=pseudo_collate)


def test_too_many_bad_videos_stop_the_run(spoilt):
    dataset = build(spoilt, seed=0, min_tried=9, max_failed_share=0.2)
    with pytest.raises(BadVideosError, match=r'more than max_failed_share=20%(.|\n)*empty\.mp4'):
        for _ in range(3):
            for index in range(9):
                dataset[index]


def test_only_bad_videos_stop_the_run_at_once(spoilt):
    (spoilt / 'bad_list.txt').write_text('empty.mp4\ntext.mp4\ncut.mp4\n')
    dataset = build(spoilt, 'bad_list.txt', max_retries=4)
    with pytest.raises(BadVideosError, match=r'5 videos in a row(.|\n)*5 of 5 samples failed'):
        dataset[0]


@pytest.mark.parametrize('name', ['empty.mp4', 'text.mp4', 'cut.mp4'])
def test_a_test_does_not_leave_out_a_video_in_silence(spoilt, name):
    index = 6 + ['empty.mp4', 'text.mp4', 'cut.mp4'].index(name)
    dataset = build(spoilt, test_mode=True)
    with pytest.raises(VideoError, match=name) as error:
        dataset[index]
    assert any('skip_bad' in note for note in error.value.__notes__)


def test_unreadable_videos_can_be_left_out_beforehand(spoilt):
    (spoilt / 'mixed.txt').write_text(
        'empty.mp4\neven/clip 2.mp4 0\ntext.mp4\nodd odd/clip 1.mp4 1'
    )
    dataset = build(spoilt, 'mixed.txt', test_mode=True, skip_bad=True)
    ids = [dataset[index]['data_samples'].video_id for index in range(len(dataset))]
    assert ids == [1, 3]
    (spoilt / 'bad_list.txt').write_text('empty.mp4\ntext.mp4\n')
    with pytest.raises(BadVideosError, match='none of the 2 videos'):
        build(spoilt, 'bad_list.txt', skip_bad=True)


def test_readers_are_closed_whatever_happens(clips, monkeypatch):
    closed, close = [], CompressedVideoReader.close
    monkeypatch.setattr(
        CompressedVideoReader, 'close', lambda self: (closed.append(self), close(self))[1]
    )

    def fail(results):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build(clips, pipeline=[PIPELINE[0], fail])[0]
    assert len(closed) == 1
    # A pipeline that never decodes.
    results = build(clips, pipeline=PIPELINE[:2])[0]
    assert len(closed) == 2 and 'video_reader' not in results


def test_a_copy_counts_and_seeds_for_itself(clips):
    dataset = build(clips, seed=1)
    part = dataset.get_subset([0, 1])
    part.set_seed(2)
    part[0]
    assert dataset.failures.tried == 0 and part.failures.tried == 1
    assert not torch.equal(dataset[0]['inputs']['rgb'], part[0]['inputs']['rgb'])


def test_real_clips(clips_dir):
    """UCF101, HMDB51 and Kinetics files, one of which a naive open refuses."""
    pipeline = [
        dict(type='OpenCompressedVideo'),
        dict(type='SampleClips', clip_len=8, num_clips=3, test_mode=True),
        dict(type='DecodeCompressedVideo'),
        dict(type='ClipResize', short_side=128),
        dict(type='ClipTenCrop', size=112),
        dict(type='PackSSLInputs', with_valid=True),
    ]
    dataset = CompressedVideoDataset(
        data_root=str(clips_dir / 'action'), pipeline=pipeline, test_mode=True
    )
    for sample in dataset:
        inputs = sample['inputs']
        assert inputs['rgb'].shape == (30, 3, 8, 112, 112)
        assert inputs['motion'].shape == (30, 2, 8, 28, 28)
        assert inputs['motion_valid'].shape == (30, 1, 8, 28, 28)
        # Each crop's mirror image follows it after the clips of one crop.
        mirrored = inputs['rgb'].unflatten(0, (5, 2, 3))
        assert torch.equal(mirrored[:, 1], mirrored[:, 0].flip(-1))
        assert inputs['motion'].abs().max() > 0.2


def test_videos_need_not_be_files(clips, monkeypatch):
    """A list of URIs, which a file backend fetches in the workers."""
    folder, uri = clips / 'videos', 'test-store://bucket/videos'
    stored = {
        f'{uri}/{path.relative_to(folder)}': path.read_bytes() for path in folder.glob('*/*.mp4')
    }
    monkeypatch.setattr(Store, 'stored', stored)
    expected = samples_of(DataLoader(build(clips, seed=7), 2, collate_fn=pseudo_collate))
    for backend_args in (None, dict(backend='test_store')):
        first = dict(type='OpenCompressedVideo', backend_args=backend_args)
        dataset = CompressedVideoDataset(
            str(clips / 'list.txt'),
            [first, *PIPELINE[1:]],
            data_prefix=dict(video=uri),
            seed=7,
        )
        loader = DataLoader(dataset, 2, num_workers=1, collate_fn=pseudo_collate)
        assert samples_of(loader) == expected


class Store(BaseStorageBackend):
    """What an object store holds."""

    stored: ClassVar[dict[str, bytes]] = {}

    def get(self, filepath):
        return self.stored[filepath]

    def get_text(self, filepath, encoding='utf-8'):
        raise NotImplementedError


register_backend('test_store', Store, prefixes='test-store', force=True)
