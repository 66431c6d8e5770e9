"""The data of the configs of segment order and VCOP: the papers' numbers, samples of real files."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import DATASETS
from ssvrl_mm.wrapping import innermost_datasets
from tests.clips import encode, translating

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / '_base_' / 'datasets'
LABELS = ('segment_order', 'segment_lengths', 'sampling_rates')
# Table III's n and Sec. IV: clips of 16 frames in 3 segments of 3 or more, rates up to 8.
PAPER = dict(clip_len=16, num_segments=3, max_rate=8, min_length=3, gap='next', num_clips=2)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Folders of all data sets, with two videos each."""
    root = tmp_path_factory.mktemp('data')
    for name in ('ucf101', 'hmdb51', 'kinetics400'):
        folder = root / name
        (folder / 'videos').mkdir(parents=True)
        for number, length in enumerate((130, 40)):
            frames = translating(length, 1, -1, 48, 64, seed=number)
            encode(folder / 'videos' / f'v_A_g0{number}_c01.avi', frames, 'mpeg4')
        lines = ''.join(f'v_A_g0{number}_c01.avi {number}\n' for number in range(2))
        for split in ('train', 'test'):
            (folder / f'{split}_list.txt').write_text(lines)
    (root / '72').mkdir()
    encode(root / '72' / 'a.mp4', translating(72, 1, -1, 112, 112))
    return root


@pytest.fixture
def load(data, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(data))

    def load_config(name):
        return Config.fromfile(CONFIGS / f'{name}.py')

    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield load_config


def steps_of(dataset):
    return {step.type: dict(step) for step in dataset.pipeline}


@pytest.mark.parametrize('name, batch', [('ucf101', 16), ('kinetics400', 32)])
def test_pretraining_has_the_numbers_of_the_paper(load, data, name, batch):
    cfg = load(f'{name}_segment_order')
    loader = cfg.train_dataloader
    steps = steps_of(loader.dataset)
    assert steps['SampleShuffledSegments'] == dict(PAPER, type='SampleShuffledSegments')
    assert (steps['ClipResize']['size'], steps['ClipRandomCrop']['size']) == ((128, 171), 112)
    assert steps['ClipFlip']['flip_ratio'] == 0.5
    assert (loader.batch_size, loader.dataset.streams) == (batch, ('rgb',))
    dataset = DATASETS.build(dict(loader.dataset, seed=0))
    assert dataset.data_root == str(data / name)
    sample = dataset[0]
    assert sample['inputs']['rgb'].shape == (2, 3, 16, 112, 112)
    shapes = [tuple(getattr(sample['data_samples'], key).shape) for key in LABELS]
    assert shapes == [(2,), (2, 3), (2, 3)]
    # Of UCF101 by its names; Kinetics' videos are all of other recordings.
    recordings = {dataset.get_data_info(i)['recording_id'] for i in range(2)}
    assert len(recordings) == 2 and (loader.dataset.group is None) is (name == 'kinetics400')


def test_held_out_videos_are_asked_and_described(load):
    cfg = load('ucf101_segment_order')
    dataset = DATASETS.build(
        dict(cfg.train_dataloader.dataset, pipeline=cfg.pretext_pipeline, test_mode=True)
    )
    sample = dataset[1]
    assert sample['inputs']['rgb'].shape == (11, 3, 16, 112, 112)
    told = sample['data_samples']
    assert (told.segment_order >= 0).tolist() == [True] + [False] * 10
    assert (told.sampling_rates[1:] == -1).all()
    # Those that retrieval takes.
    retrieval = DATASETS.build(load('ucf101_segment_order_retrieval').test_dataloader.dataset)
    other = retrieval[1]
    assert (other['inputs']['rgb'] == sample['inputs']['rgb'][1:]).all()


@pytest.mark.parametrize('name', ['ucf101', 'hmdb51'])
def test_retrieval_is_clip_by_clip(load, data, name):
    cfg = load(f'{name}_segment_order_retrieval')
    assert dict(cfg.test_evaluator) == dict(
        type='VideoRetrieval', topk=(1, 5, 10, 20, 50), preset='vcop'
    )
    parts = innermost_datasets(cfg.test_dataloader.dataset)
    assert [(part['role'], part['ann_file']) for part in parts] == [
        ('gallery', 'train_list.txt'),
        ('query', 'test_list.txt'),
    ]
    assert {part['data_root'] for part in parts} == {str(data / name)}
    assert cfg.val_dataloader == cfg.test_dataloader
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
    assert sample['inputs']['rgb'].shape == (10, 3, 16, 112, 112)
    frames = sample['data_samples'].frame_inds
    assert (np.diff(frames) == 1).all()
    # As the code of VCOP has it, up to rounding: clips whose middles are from 8 to 122.
    assert np.abs(frames[:, 8] - np.linspace(8, 122, 10)).max() <= 0.5


@pytest.mark.parametrize('name, total, held', [('ucf101', 9537, 800), ('hmdb51', 3570, 400)])
def test_finetuning_holds_out_as_many_videos_as_vcop(load, data, name, total, held, tmp_path):
    cfg = load(f'{name}_segment_order_classification')
    loaders = [cfg[f'{split}_dataloader'] for split in ('train', 'val', 'test')]
    assert [loader.batch_size for loader in loaders] == [8, 1, 1]
    assert {loader.dataset.data_root for loader in loaders} == {str(data / name)}
    # The lists of split 1 are that long; none of their videos is opened.
    (tmp_path / '0.mp4').touch()
    lines = [f'{number}.mp4 {number % 51}\n' for number in range(total)]
    (tmp_path / 'train_list.txt').write_text(''.join(lines))
    here = dict(data_root=str(tmp_path), data_prefix=dict(video=''), pipeline=[])
    parts = [DATASETS.build({**loader.dataset, **here}) for loader in loaders[:2]]
    assert [len(part) for part in parts] == [total - held, held]
    # Real videos: one of the two is left to learn from.
    train, val, test = (DATASETS.build(loader.dataset) for loader in loaders)
    assert [len(train), len(val), len(test)] == [1, 1, 2]
    assert train[0]['inputs']['rgb'].shape == val[0]['inputs']['rgb'].shape == (1, 3, 16, 112, 112)
    found = test[0]
    assert found['inputs']['rgb'].shape == (10, 3, 16, 112, 112)
    assert (np.diff(found['data_samples'].frame_inds) == 1).all()
    steps = steps_of(cfg.train_dataloader.dataset)
    assert (steps['ClipResize']['size'], steps['ClipFlip']['flip_ratio']) == ((128, 171), 0.5)
    assert steps['SampleClips'] == dict(type='SampleClips', clip_len=16, num_clips=1)


def test_vcop_has_the_numbers_of_its_code(load):
    cfg = load('ucf101_clip_order')
    loader = cfg.train_dataloader
    steps = steps_of(loader.dataset)
    assert loader.batch_size == 8 and 'ClipFlip' not in steps
    assert steps['SampleClipTuples'] == dict(
        type='SampleClipTuples', clip_len=16, num_clips=3, gap=8
    )
    assert (steps['ClipResize']['size'], steps['ClipRandomCrop']['size']) == ((128, 171), 112)
    dataset = DATASETS.build(dict(loader.dataset, seed=0))
    # The second video has no room for 64 frames.
    for index in range(2):
        sample = dataset[index]
        assert sample['inputs']['rgb'].shape == (3, 3, 16, 112, 112)
        assert sample['data_samples'].clip_order.shape == (1,)
        assert sample['data_samples'].video_id == 0
    assert len(dataset.too_short) == 1


@pytest.mark.parametrize('name', ['segment_order', 'clip_order'])
def test_demos_read_motion_primitives(load, data, name):
    cfg = load(f'motion_primitives_{name}')
    assert cfg.val_dataloader == cfg.test_dataloader
    assert cfg.steps_per_epoch * cfg.train_dataloader.batch_size == 640
    # The folder that MSCL's demo has, as they are the same videos.
    other = load('motion_primitives_mscl').train_dataloader.dataset
    own = dict(type='CompressedVideoDataset', data_root=str(data / '72'), seed=0)
    samples = []
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        dataset = loader.dataset
        assert (dataset.data_root, dataset.spec) == (other.data_root, other.spec)
        assert dataset.streams == ('rgb',)
        chosen = {key: dataset[key] for key in ('streams', 'reader_options', 'pipeline')}
        samples.append(DATASETS.build({**own, **chosen})[0])
    train, test = samples
    if name == 'clip_order':
        assert train['inputs']['rgb'].shape == test['inputs']['rgb'].shape == (3, 3, 16, 56, 56)
        assert test['data_samples'].clip_order.shape == (1,)
        return
    assert train['inputs']['rgb'].shape == (2, 3, 16, 56, 56)
    rates = train['data_samples'].sampling_rates
    assert int(rates.min()) >= 1 and int(rates.max()) <= 4
    assert test['inputs']['rgb'].shape == (5, 3, 16, 56, 56)
    assert (test['data_samples'].segment_order >= 0).tolist() == [True] * 2 + [False] * 3
    assert test['data_samples'].frame_inds[2:, 0].tolist() == [0, 28, 56]
    # What a first-frame baseline sees.
    stills = [cfg.open_video, cfg.test_sample, cfg.first_frames, *cfg.read_test_clips]
    shown = DATASETS.build({**own, 'streams': ('rgb',), 'pipeline': stills})[0]
    frames = [len(set(clip)) for clip in shown['data_samples'].frame_inds.tolist()]
    assert frames == [3, 3, 16, 16, 16]
