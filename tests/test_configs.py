"""Every config loads, its names resolve and what it describes can be built."""

from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, PARAM_SCHEDULERS, DefaultScope
from torch import nn
from torch.optim import SGD

from ssvrl_mm.registry import DATASETS, MODELS

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
# What is trained without labels; test_downstream.py looks at what comes after.
RUNNABLE = sorted(
    path for path in CONFIGS.glob('*/*.py') if path.parent.name not in ('_base_', 'downstream')
)


def name_of(path):
    return path.relative_to(CONFIGS).with_suffix('').as_posix()


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def datasets_of(dataloader):
    dataset = dataloader.dataset
    return dataset.get('datasets', [dataset])


def shrink(model):
    """The model with narrow networks and a short queue, so that building it takes no time."""
    model = model.to_dict() if hasattr(model, 'to_dict') else dict(model)
    for name in [name for name in model if name.startswith('backbone') and model[name]]:
        model[name]['width'] = 0.125
    return model


@pytest.mark.parametrize('path', RUNNABLE, ids=name_of)
def test_everything_a_config_names_can_be_built(path):
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'ssvrl_mm'
    model = MODELS.build(shrink(cfg.model))
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]:
        HOOKS.build(hook)
    for split in ('train', 'val', 'test'):
        dataloader = cfg.get(f'{split}_dataloader')
        # A split has all of its three parts or none.
        parts = ('cfg',) if split == 'train' else ('cfg', 'evaluator')
        assert all((cfg.get(f'{split}_{part}') is None) == (dataloader is None) for part in parts)
        if dataloader is None:
            continue
        for dataset in datasets_of(dataloader):
            assert DATASETS.get(dataset.type) is not None
            Compose(dataset.pipeline)
        if split != 'train':
            Evaluator(cfg[f'{split}_evaluator'])
            assert [dataset.role for dataset in datasets_of(dataloader)] == ['gallery', 'query']


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('_base_/**/*.py')), ids=name_of)
def test_every_base_is_used(path):
    others = (config for config in CONFIGS.glob('**/*.py') if config != path)
    reserved = {
        'hmdb51_retrieval',
        'kinetics400_classification',
        'sthv2_classification',
        'sthv2_ssl',
    }
    used = any(f'/{path.name}' in config.read_text() for config in others)
    assert used or path.stem in reserved


# Section 4.2 and Tables 3 of the paper: epochs, first epoch of cross guidance, queue, k, mining.
PAPER = {
    's3d_k400': (250, 200, 16384, 5, 'intersection'),
    's3d_ucf101': (500, 300, 2048, 5, 'intersection'),
    's3d_ucf101_init': (300, None, 2048, 5, 'intersection'),
    's3d_ucf101_cross': (200, 0, 2048, 5, 'intersection'),
    's3d_ucf101_wo-init': (200, 0, 2048, 5, 'intersection'),
    's3d_ucf101_k1': (500, 300, 2048, 1, 'intersection'),
    's3d_ucf101_k10': (500, 300, 2048, 10, 'intersection'),
    's3d_ucf101_k20': (500, 300, 2048, 20, 'intersection'),
    's3d_ucf101_union': (500, 300, 2048, 5, 'union'),
}


@pytest.mark.parametrize('name', PAPER)
def test_mvcgc_has_the_numbers_of_the_paper(name):
    cfg = load(f'mvcgc/{name}')
    head = cfg.model.head
    numbers = (cfg.train_cfg.max_epochs, cfg.model.cross_guidance_from, head.queue_length)
    assert (*numbers, head.k, head.mining) == PAPER[name]
    assert (head.temperature, head.momentum) == (0.07, 0.999)
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-4, weight_decay=1e-5)
    assert cfg.train_dataloader.batch_size == 32
    assert cfg.auto_scale_lr.base_batch_size == 4 * 32
    assert bool(cfg.get('load_from')) is (name == 's3d_ucf101_cross')
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert (steps['SampleClips'].clip_len, steps['SampleClips'].num_clips) == (32, 2)
    assert steps['ClipRandomResizedCrop'].size == 128
    assert [cfg.model[f'backbone_{stream}'].in_channels for stream in ('rgb', 'motion')] == [3, 2]


@pytest.mark.parametrize(
    'name, stream, decoded', [('rgb', 'rgb', 'rgb'), ('mv', 'motion', 'motion')]
)
def test_single_streams_decode_nothing_else(name, stream, decoded):
    cfg = load(f'mvcgc/s3d_ucf101_{name}_moco')
    assert cfg.model.head.stream == stream
    assert cfg.train_cfg.max_epochs == 300
    # Motion has the size that it has beside RGB.
    assert stream == 'rgb' or cfg.model.data_preprocessor.motion.size == 128
    for split in ('train', 'val', 'test'):
        for dataset in datasets_of(cfg[f'{split}_dataloader']):
            [streams] = [step.streams for step in dataset.pipeline if 'streams' in step]
            assert tuple(streams) == (decoded,)


def rates(cfg, epochs):
    """The learning rate in each epoch, from mmengine's schedulers."""
    optimizer = SGD(nn.Linear(1, 1).parameters(), lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = [
        PARAM_SCHEDULERS.build(config, default_args=dict(optimizer=optimizer))
        for config in cfg.param_scheduler
    ]
    curve = []
    for _ in range(epochs):
        curve.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return curve


# (first epoch, learning rate) of every piece of the curve.
FALLS = {
    's3d_ucf101': [(0, 1e-4), (250, 1e-5), (280, 1e-6), (300, 1e-4), (450, 1e-5), (480, 1e-6)],
    's3d_k400': [(0, 1e-4), (150, 1e-5), (180, 1e-6), (200, 1e-4), (230, 1e-5), (240, 1e-6)],
    's3d_ucf101_init': [(0, 1e-4), (250, 1e-5), (280, 1e-6)],
    's3d_ucf101_cross': [(0, 1e-4), (150, 1e-5), (180, 1e-6)],
    'coclr_s3d_ucf101': [
        *[(0, 1e-4), (250, 1e-5), (280, 1e-6)],
        *[(300, 1e-4), (380, 1e-5), (400, 1e-4), (480, 1e-5)],
        *[(500, 1e-4), (580, 1e-5), (600, 1e-4), (680, 1e-5)],
    ],
}


@pytest.mark.parametrize('name, falls', FALLS.items())
def test_learning_rate_falls_twice_in_each_stage(name, falls):
    cfg = load(f'mvcgc/{name}')
    epochs = cfg.train_cfg.max_epochs
    expected = []
    for (start, lr), (end, _) in zip(falls, [*falls[1:], (epochs, 0)], strict=True):
        expected += [lr] * (end - start)
    assert rates(cfg, epochs) == pytest.approx(expected)


def test_coclr_takes_turns_until_the_last_epoch():
    cfg = load('mvcgc/coclr_s3d_ucf101')
    model = MODELS.build(shrink(cfg.model))
    stages = [model.stage_of_epoch(epoch) for epoch in range(cfg.train_cfg.max_epochs)]
    assert stages == ['init'] * 300 + (['rgb'] * 100 + ['motion'] * 100) * 2
    assert cfg.find_unused_parameters


def test_data_are_looked_for_where_the_environment_says(monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', '/videos')
    assert load('mvcgc/s3d_k400').train_dataloader.dataset.data_root == '/videos/kinetics400'
    monkeypatch.delenv('SSVRL_DATA')
    assert load('mvcgc/s3d_k400').train_dataloader.dataset.data_root == 'data/kinetics400'


def test_model_index_lists_every_config():
    root = CONFIGS.parent
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    listed = []
    for metafile in index['Import']:
        content = yaml.safe_load((root / metafile).read_text())
        collections = {collection['Name']: collection for collection in content['Collections']}
        assert all((root / entry['README']).exists() for entry in collections.values())
        for model in content['Models']:
            assert model['In Collection'] in collections
            cfg = Config.fromfile(root / model['Config'])
            assert model['Metadata']['Epochs'] == cfg.train_cfg.max_epochs
            listed.append(model['Config'])
    assert sorted(listed) == [path.relative_to(root).as_posix() for path in RUNNABLE]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*/README.md')), ids=lambda p: p.parent.name)
def test_readme_names_every_config(path):
    text = path.read_text()
    for config in path.parent.glob('*.py'):
        assert f'({config.name})' in text
