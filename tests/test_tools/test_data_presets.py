"""The presets look for what the tools write."""

from pathlib import Path

import pytest
from mmengine.config import Config

from ssvrl_mm.datasets.official import HMDB51, UCF101, Kinetics400, SomethingSomethingV2

PRESETS = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
DATASETS = (UCF101(), HMDB51(), Kinetics400(), SomethingSomethingV2())


def datasets_of(cfg):
    for split in ('train', 'val', 'test'):
        dataset = cfg.get(f'{split}_dataloader', {}).get('dataset')
        if dataset is not None:
            yield from ((split, part) for part in dataset.get('datasets', [dataset]))


# MotionPrimitives is written by itself, without lists.
LISTED = sorted(path for path in PRESETS.glob('*.py') if path.stem != 'motion_primitives')


@pytest.mark.parametrize('path', LISTED, ids=lambda path: path.stem)
def test_presets_name_lists_that_the_tools_write(path, monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    [dataset] = [d for d in DATASETS if path.stem.startswith(d.name)]
    found = list(datasets_of(Config.fromfile(path)))
    assert found
    for split, part in found:
        assert part.data_root == f'data/{dataset.name}'
        assert part.data_prefix == dict(video='videos')
        assert part.ann_file in dataset.counts
        if split == 'train':
            assert part.ann_file == 'train_list.txt'


@pytest.mark.parametrize('name', ['kinetics400', 'sthv2'])
def test_benchmarks_without_test_labels_are_tested_on_validation_videos(name):
    cfg = Config.fromfile(PRESETS / f'{name}_classification.py')
    assert cfg.test_dataloader.dataset.ann_file == 'val_list.txt'


def test_something_something_is_not_mirrored():
    steps = {
        name: [step.type for step in cfg.train_dataloader.dataset.pipeline]
        for name in ('kinetics400', 'sthv2')
        for cfg in [Config.fromfile(PRESETS / f'{name}_classification.py')]
    }
    assert 'ClipFlip' in steps['kinetics400']
    assert [s for s in steps['kinetics400'] if s != 'ClipFlip'] == steps['sthv2']


def test_another_split_by_option():
    cfg = Config.fromfile(PRESETS / 'ucf101_retrieval.py')
    option = 'test_dataloader.dataset.datasets.1.ann_file'
    cfg.merge_from_dict({option: 'test_list_split2.txt'})
    gallery, query = cfg.test_dataloader.dataset.datasets
    assert (gallery.ann_file, query.ann_file) == ('train_list.txt', 'test_list_split2.txt')
