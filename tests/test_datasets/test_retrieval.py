"""Gallery and query as one dataset: as two that are concatenated, wherever datasets are walked."""

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset

from ssvrl_mm.apis import VideoSource
from ssvrl_mm.apis.video_samples import VideoSamples, pipeline_of
from ssvrl_mm.datasets import CompressedVideoDataset, RetrievalDataset
from ssvrl_mm.engine import launch
from ssvrl_mm.evaluation.provenance import describe_datasets, file_sha256
from ssvrl_mm.registry import DATASETS
from ssvrl_mm.wrapping import walk_datasets
from tests.clips import encode, translating

PIPELINE = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=4, num_clips=2, test_mode=True),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs'),
]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('videos')
    for number in range(5):
        path = root / 'videos' / f'{number}.mp4'
        path.parent.mkdir(exist_ok=True)
        encode(path, translating(8, number - 2, 1, 48, 64, seed=number))
    (root / 'train_list.txt').write_text('0.mp4 0\n1.mp4 1\n2.mp4 0\n')
    (root / 'test_list.txt').write_text('3.mp4 1\n4.mp4 0\n')
    return root


def config(root, **shared):
    return dict(
        type='RetrievalDataset',
        data_root=str(root),
        data_prefix=dict(video='videos'),
        pipeline=PIPELINE,
        gallery=dict(ann_file='train_list.txt'),
        query=dict(ann_file='test_list.txt'),
        **shared,
    )


def test_it_is_the_two_datasets_one_after_the_other(root):
    dataset = DATASETS.build(config(root, streams=('motion',)))
    parts = [
        CompressedVideoDataset(
            f'{split}_list.txt',
            PIPELINE,
            data_root=str(root),
            data_prefix=dict(video='videos'),
            streams=('motion',),
            role=role,
            test_mode=True,
        )
        for split, role in (('train', 'gallery'), ('test', 'query'))
    ]
    assert len(dataset) == 5
    for ours, theirs in zip(dataset, ConcatDataset(parts), strict=True):
        assert set(ours['inputs']) == {'motion'}
        assert torch.equal(ours['inputs']['motion'], theirs['inputs']['motion'])
        for key in ('filename', 'role', 'video_id'):
            assert ours['data_samples'].get(key) == theirs['data_samples'].get(key)
    assert [part.role for part in dataset.datasets] == ['gallery', 'query']
    assert all(part.test_mode for part in dataset.datasets)


def test_a_part_may_differ_and_be_of_another_type(root, tmp_path):
    longer = [dict(step, clip_len=6) if 'clip_len' in step else step for step in PIPELINE]
    dataset = DATASETS.build(
        dict(config(root), query=dict(ann_file='test_list.txt', pipeline=longer, test_mode=False))
    )
    gallery, query = dataset.datasets
    assert (gallery.test_mode, query.test_mode) == (True, False)
    frames = [part[0]['inputs']['rgb'].shape[2] for part in (gallery, query)]
    assert frames == [4, 6]
    spec = dict(train_per_class=1, test_per_class=1, num_frames=16, size=64)
    primitives = RetrievalDataset(
        dict(split='train'),
        dict(split='test'),
        dataset_type='MotionPrimitives',
        data_root=str(tmp_path / 'motion_primitives'),
        spec=spec,
        lazy_init=True,
    )
    assert not any(part._fully_initialized for part in primitives.datasets)
    primitives.full_init()
    assert [(part.role, len(part)) for part in primitives.datasets] == [
        ('gallery', 16),
        ('query', 16),
    ]


def test_missing_files_of_both_parts_are_named(root, tmp_path):
    wrong = dict(config(root), data_root=str(tmp_path))
    wrong['query'] = dict(ann_file='other_list.txt')
    with pytest.raises(launch.LaunchError) as caught:
        launch.check_files(Config(dict(test_dataloader=dict(dataset=wrong))), ['test_dataloader'])
    for name in ('train_list.txt', 'other_list.txt', 'videos'):
        assert str(caught.value).count(str(tmp_path / name)) == 1
    launch.check_files(
        Config(dict(test_dataloader=dict(dataset=config(root)))), ['test_dataloader']
    )


def test_a_report_and_a_source_of_features_find_the_parts(root):
    described = describe_datasets(DATASETS.build(config(root)))
    assert [(part['role'], part['videos']) for part in described] == [('gallery', 3), ('query', 2)]
    cfg = Config(dict(test_dataloader=dict(dataset=config(root, streams=('motion',)))))
    source = VideoSource.from_config(cfg, 'query')
    assert source.entries == [('3.mp4', 1), ('4.mp4', 0)]
    assert source.sha256 == file_sha256(root / 'test_list.txt')
    # Videos outside of the dataset are read as those in it.
    [sample] = VideoSamples([dict(filename=str(root / 'videos/3.mp4'))], pipeline_of(cfg))
    assert sample.error is None
    assert set(sample.packed['inputs']) == {'motion'}


def test_seed_and_epoch_reach_the_parts(root):
    dataset = DATASETS.build(config(root))
    found = [part for part in walk_datasets(dataset) if hasattr(part, 'set_seed')]
    assert found == dataset.datasets


def test_a_random_clip_of_the_gallery_follows_from_the_seed_and_the_video(root):
    clip = [PIPELINE[0], dict(type='SampleClips', clip_len=4, num_clips=1), PIPELINE[-1]]
    clip[2:2] = [dict(type='DecodeCompressedVideo', streams=('motion',))]
    given = config(root)

    def starts(seed):
        lists = dict(ann_file='train_list.txt', pipeline=clip, seed=seed)
        dataset = DATASETS.build(dict(given, gallery=lists))
        samples = [dataset[index]['data_samples'] for index in (2, 0, 1, 0)]
        assert all(sample.frame_inds.shape == (1, 4) for sample in samples)
        return [int(sample.frame_inds[0, 0]) for sample in samples]

    found, other = starts(0), starts(2)
    assert found == starts(0) != other
    assert found[1] == found[3] and other[1] == other[3]
    assert len(set(found)) > 1, 'not the same place in all videos'
    # Whoever reads other videos as a config does takes the clips of its queries.
    cfg = Config(dict(test_dataloader=dict(dataset=dict(given, gallery=dict(pipeline=clip)))))
    assert pipeline_of(cfg) == PIPELINE
