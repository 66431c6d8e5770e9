"""The presets look for what the tools write."""

from pathlib import Path

import pytest
from mmengine.config import Config

from ssvrl_mm.datasets.official import HMDB51, UCF101, Kinetics400, SomethingSomethingV2
from ssvrl_mm.wrapping import innermost_datasets

PRESETS = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
DATASETS = (UCF101(), HMDB51(), Kinetics400(), SomethingSomethingV2())


def datasets_of(cfg):
    for split in ('train', 'val', 'test'):
        dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset')
        yield from ((split, Config(part)) for part in innermost_datasets(dataset))


LISTED = sorted(path for data in DATASETS for path in PRESETS.glob(f'{data.name}_*.py'))
# MotionPrimitives is written by itself, without lists; the others belong to any dataset.
UNLISTED = {
    'motion_primitives',
    'motion_primitives_classification',
    'motion_primitives_clip_order',
    'motion_primitives_clips',
    'motion_primitives_imrnet',
    'motion_primitives_mscl',
    'motion_primitives_segment_order',
    'optical_flow',
    'coclr_views',
}


def folder_of(path):
    """Where the videos of a preset are: some are encoded anew, IMRNet's at another rate."""
    if '_coviar_' in path.stem or path.stem.endswith('_context_motion_gop12'):
        return 'gop12'
    return 'gop12_30fps' if path.stem.endswith('_gop12') else 'videos'


def test_every_preset_is_looked_at():
    assert {path.stem for path in LISTED} | UNLISTED == {path.stem for path in PRESETS.glob('*.py')}


@pytest.mark.parametrize('path', LISTED, ids=lambda path: path.stem)
def test_presets_name_lists_that_the_tools_write(path, monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    [dataset] = [d for d in DATASETS if path.stem.startswith(d.name)]
    found = list(datasets_of(Config.fromfile(path)))
    assert found
    for split, part in found:
        assert part.data_root == f'data/{dataset.name}'
        assert part.data_prefix == dict(video=folder_of(path))
        # Mini-Kinetics is a part of the training list, which a command of the page makes.
        mini = 'mini_' if path.stem == 'kinetics400_mini_mscl' else ''
        assert part.ann_file.removeprefix(mini) in dataset.counts
        if split == 'train':
            assert part.ann_file == f'{mini}train_list.txt'


@pytest.mark.parametrize('name', ['kinetics400', 'sthv2'])
def test_benchmarks_without_test_labels_are_tested_on_validation_videos(name):
    cfg = Config.fromfile(PRESETS / f'{name}_classification.py')
    assert cfg.test_dataloader.dataset.ann_file == 'val_list.txt'


def test_something_something_is_not_mirrored(monkeypatch):
    monkeypatch.delenv('SSVRL_TEST_PROTOCOL', raising=False)
    kinetics, something = (
        {
            split: [step.type for step in part.pipeline]
            for split, part in datasets_of(Config.fromfile(PRESETS / f'{name}_classification.py'))
        }
        for name in ('kinetics400', 'sthv2')
    )
    assert 'ClipFlip' in kinetics['train'] and 'ClipTenCrop' in kinetics['test']
    assert [s for s in kinetics['train'] if s != 'ClipFlip'] == something['train']
    assert 'ClipThreeCrop' in something['test']
    monkeypatch.setenv('SSVRL_TEST_PROTOCOL', 'ten_crops')
    with pytest.raises(KeyError, match='ten_crops'):
        Config.fromfile(PRESETS / 'sthv2_classification.py')


@pytest.mark.parametrize('name', ['kinetics400', 'sthv2'])
def test_motion_of_vp9_files_is_estimated(name):
    # Segment order reads no motion.
    paths = [p for p in LISTED if p.stem.startswith(name) and '_segment_order' not in p.stem]
    assert paths
    for path in paths:
        # What is encoded anew is MPEG-4.
        motion = 'auto' if folder_of(path) == 'videos' else 'codec'
        for _, part in datasets_of(Config.fromfile(path)):
            assert part.reader_options.motion == motion
            assert part.reader_options.get('iframe_motion', 'hold') == 'hold'


def test_another_split_by_option():
    cfg = Config.fromfile(PRESETS / 'ucf101_retrieval.py')
    option = 'test_dataloader.dataset.query.ann_file'
    cfg.merge_from_dict({option: 'test_list_split2.txt'})
    gallery, query = innermost_datasets(cfg.test_dataloader.dataset)
    assert (gallery['ann_file'], query['ann_file']) == ('train_list.txt', 'test_list_split2.txt')


def test_the_page_of_mvcgc_prepares_what_its_configs_read(repository, monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    method = (repository / 'configs/mvcgc/README.md').read_text()
    for name in ('ucf101', 'kinetics400'):
        train = Config.fromfile(PRESETS / f'{name}_ssl.py').train_dataloader.dataset
        command = f'tools/data/{name}/prepare.py --archives archives --out {train.data_root}'
        page = (repository / f'docs/datasets/{name}.md').read_text()
        assert command in method and command in page
        assert f'{train.data_root}/{train.data_prefix.video}' in method
        assert train.ann_file in method and train.ann_file in page
    assert 'data/kinetics400/videos' in (repository / 'docs/datasets/kinetics400.md').read_text()
