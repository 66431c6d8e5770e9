"""Configs of the model zoo: data that are said in full, schedules that follow the epochs."""

import math
from copy import deepcopy
from functools import cache

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS

from ssvrl_mm.datasets.motion_primitives import MotionPrimitivesSpec
from ssvrl_mm.wrapping import innermost_datasets

from .test_configs import CONFIGS, LEAVES, name_of

ZOO = [path for path in LEAVES if path.stem.endswith('_motion-primitives')]
DEMOS = [path for path in LEAVES if path.stem == 'demo' or path.stem.endswith('_demo')]


@cache
def config_of(path):
    return Config.fromfile(path)


@cache
def models_of(metafile):
    return yaml.safe_load(metafile.read_text(encoding='utf-8'))['Models']


def entry_of(path):
    metafile = CONFIGS / path.relative_to(CONFIGS).parts[0] / 'metafile.yml'
    return next(model for model in models_of(metafile) if model['Name'] == path.stem)


def datasets_of(cfg):
    for split in ('train', 'val', 'test'):
        if loader := cfg.get(f'{split}_dataloader'):
            yield from innermost_datasets(loader.dataset)


@pytest.mark.parametrize('path', ZOO, ids=name_of)
def test_data_are_said_in_full_and_in_the_index(path):
    for dataset in datasets_of(config_of(path)):
        assert {'num_frames', 'pace', 'codecs', 'seed'} <= set(dataset['spec'])
        # A published model's entry says the rest, too.
        said = entry_of(path)['Metadata']['Data Spec']
        assert {**said, **dataset['spec']} == said


def test_a_folder_holds_the_same_videos_for_every_config():
    # Otherwise each would write them anew.
    specs = {}
    for path in [*ZOO, *DEMOS]:
        for dataset in datasets_of(config_of(path)):
            spec = MotionPrimitivesSpec(**dataset.get('spec', {}))
            assert specs.setdefault(dataset['data_root'], spec) == spec, path
    assert len(specs) == 3


@pytest.mark.parametrize('path', ZOO, ids=name_of)
def test_fewer_epochs_have_the_whole_cosine_and_a_validation_at_the_end(path):
    cfg = deepcopy(config_of(path))
    cfg.merge_from_dict({'train_cfg.max_epochs': 3})
    loop = cfg.train_cfg
    validated = [
        epoch
        for epoch in range(1, 4)
        if epoch >= loop.get('val_begin', 1) and (epoch % loop.val_interval == 0 or epoch == 3)
    ]
    assert validated == [3]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    (cosine,) = cfg.param_scheduler
    # As the runner does: what has no end ends with the training.
    kind = PARAM_SCHEDULERS.get(cosine.pop('type'))
    assert cosine.pop('convert_to_iter_based')
    scheduler = kind.build_iter_from_epoch(optimizer, epoch_length=2, **{'end': 3, **cosine})
    for step in range(6):
        expected = (1 + math.cos(math.pi * step / 6)) / 2
        assert optimizer.param_groups[0]['lr'] == pytest.approx(expected)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize('path', ZOO, ids=name_of)
def test_the_index_says_how_wide_the_network_is(path):
    width = entry_of(path)['Metadata']['Width']
    model = config_of(path).model
    networks = [model.backbone] if 'backbone' in model else model.backbones.values()
    # The widest of several.
    assert width == max(network.width for network in networks)
    # Percent, rounded half up.
    assert f'-w{math.floor(100 * width + 0.5)}_' in path.name
