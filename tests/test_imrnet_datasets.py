"""The data of IMRNet's configs: the paper's numbers, and samples of real files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import DATASETS
from ssvrl_mm.video import GOPStructureError
from tests.clips import H264_B, encode, translating

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / '_base_' / 'datasets'
TRAINING = ('ucf101', 'kinetics400')
DATA = ('ucf101', 'hmdb51', 'kinetics400')
SPLITS = ('train', 'val', 'test')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Folders of all data sets: a video whose groups are of 12 pictures, and one with B-frames."""
    root = tmp_path_factory.mktemp('data')
    frames = translating(80, 2, -1, 96, 128)
    for name in DATA:
        folder = root / name
        for videos in ('videos', 'gop12_30fps'):
            (folder / videos).mkdir(parents=True)
            options = {'sc_threshold': '1000000000'}
            encode(folder / videos / 'a.avi', frames, 'mpeg4', options=options)
        encode(folder / 'videos' / 'b.mp4', frames, gop=50, options=H264_B)
        for split in SPLITS:
            (folder / f'{split}_list.txt').write_text('a.avi 0\nb.mp4 1\n')
    return root


@pytest.fixture
def load(data, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(data))

    def load_config(name):
        return Config.fromfile(CONFIGS / f'{name}.py')

    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield load_config


def shapes(sample):
    return {name: tuple(stream.shape) for name, stream in sample['inputs'].items()}


def clip_shapes(clips, motion_cells=56):
    return {
        'iframe': (clips, 3, 5, 224, 224),
        'motion': (clips, 2, 25, motion_cells, motion_cells),
        'residual': (clips, 3, 25, 224, 224),
    }


@pytest.mark.parametrize('name', TRAINING)
def test_pretraining(load, name):
    cfg = load(f'{name}_imrnet')
    loader = cfg.train_dataloader
    assert loader.batch_size == 25 and f'/{name}' in loader.dataset.data_root
    steps = {step.type: step for step in loader.dataset.pipeline}
    assert steps['SampleGOPs'].mode == 'virtual' and 'fps' not in steps['SampleGOPs']
    assert steps['ClipMultiScaleCrop'].scales == (0.975, 0.9, 0.85)
    assert steps['ClipFlip'].flip_ratio == 0.5
    dataset = DATASETS.build(loader.dataset)
    for number in range(2):
        sample = dataset[number]
        assert shapes(sample) == clip_shapes(1)
        labels = sample['data_samples'].pmsp_labels
        assert labels.shape == (1, 9, 3) and labels.dtype == torch.int64
        assert sample['inputs']['motion'].abs().max() > 0


@pytest.mark.parametrize(
    ('name', 'protocol', 'clips'),
    [
        *((name, None, 3) for name in DATA),
        ('ucf101', 'one_clip', 1),
        ('ucf101', 'three_crops', 3),
        ('ucf101', 'ten_clips', 30),
    ],
)
def test_classification(load, monkeypatch, name, protocol, clips):
    if protocol:
        monkeypatch.setenv('SSVRL_TEST_PROTOCOL', protocol)
    cfg = load(f'{name}_imrnet_classification')
    for split, count in (('train', 1), ('val', 1), ('test', clips)):
        if split != 'test' and protocol:
            continue
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        assert dataset.test_mode == (split != 'train')
        sample = dataset[1 - (clips > 3)]
        assert shapes(sample) == clip_shapes(count) and sample['data_samples'].gt_label.numel()
        listed = 'val' if name == 'kinetics400' else 'test'
        wanted = 'train' if split == 'train' else listed
        assert cfg[f'{split}_dataloader'].dataset.ann_file == f'{wanted}_list.txt'


@pytest.mark.parametrize('name', ['ucf101', 'hmdb51'])
def test_retrieval(load, name):
    cfg = load(f'{name}_imrnet_retrieval')
    assert cfg.val_dataloader == cfg.test_dataloader and f'/{name}' in cfg.retrieval_root
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    assert len(dataset) == 4 and shapes(dataset[0]) == clip_shapes(10)


def test_files_encoded_anew(load):
    """The same clips as of any video, but only of files whose groups are of 12 pictures."""
    cfg, virtual = load('kinetics400_imrnet_gop12'), load('kinetics400_imrnet')
    listed = cfg.train_dataloader.dataset
    assert listed.data_prefix == dict(video='gop12_30fps')
    assert listed.data_root == virtual.train_dataloader.dataset.data_root
    (sample,) = (step for step in listed.pipeline if step.type == 'SampleGOPs')
    assert sample['mode'] == 'real'
    listed.update(ann_file='', seed=0)
    virtual.train_dataloader.dataset.update(seed=0)
    found = DATASETS.build(listed)[0]
    expected = DATASETS.build(virtual.train_dataloader.dataset)[0]
    for name, stream in expected['inputs'].items():
        np.testing.assert_array_equal(found['inputs'][name], stream)
    listed.update(ann_file='test_list.txt', data_prefix=dict(video='videos'), test_mode=True)
    with pytest.raises(GOPStructureError, match='it has B-frames'):
        DATASETS.build(listed)[1]
