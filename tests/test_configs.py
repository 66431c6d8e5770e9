"""Every config: flat, of a name of its own, and what it describes can be built."""

import re
from collections import Counter
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, PARAM_SCHEDULERS, DefaultScope
from torch import nn
from torch.optim import SGD

from ssvrl_mm.engine.launch import default_work_dir
from ssvrl_mm.registry import DATASETS, MODELS
from ssvrl_mm.wrapping import innermost_datasets

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
BASES = sorted(CONFIGS.glob('_base_/**/*.py'))
LEAVES = sorted(set(CONFIGS.glob('**/*.py')) - set(BASES))
# test_downstream.py has what follows.
RUNNABLE = [path for path in LEAVES if path.parent.name != 'benchmarks']
ELSEWHERE = [
    path
    for path in RUNNABLE
    if path.parent.name in ('imrnet', 'coviar', 'mscl', 'segment_order', 'vcop')
]


def name_of(path):
    return path.relative_to(CONFIGS).with_suffix('').as_posix()


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def bases_of(path):
    """The files that a config names as its bases."""
    found = re.search(r'^_base_ = (\[.*?\]|.*?)$', path.read_text(), re.MULTILINE | re.DOTALL)
    names = re.findall(r"'([^']+)'", found[1]) if found else []
    return [(path.parent / name).resolve() for name in names]


def depth_of(path):
    return 1 + max((depth_of(base) for base in bases_of(path)), default=0)


def family_of(path):
    """Method and backbone of a leaf: ``('context_motion', 'r3d26')``."""
    found = re.search(r'(s3dg?|c3d|r2plus1d\d+|r3d\d+)(?=_)', path.stem)
    return path.relative_to(CONFIGS).parts[0], found and found[1]


@pytest.mark.parametrize('path', LEAVES, ids=name_of)
def test_leaves_are_flat(path):
    assert depth_of(path) <= 3
    for base in bases_of(path):
        # Of the leaves of other methods and backbones a leaf inherits nothing.
        assert base in BASES or family_of(base) == family_of(path)


@pytest.mark.parametrize('path', LEAVES, ids=name_of)
def test_leaves_change_no_pipeline_by_its_place(path):
    assert not re.search(r'(pipeline|steps|datasets)\w*\[[\d:-]', path.read_text())


def test_no_name_is_there_twice():
    # `mim` and the default work dir go by them.
    names = Counter(path.stem for path in LEAVES)
    assert [name for name, count in names.items() if count > 1] == []
    assert {path.stem for path in BASES} & set(names) == set()
    folders = Counter(default_work_dir(path) for path in LEAVES)
    assert max(folders.values()) == 1


@pytest.mark.parametrize('path', LEAVES, ids=name_of)
def test_names_begin_with_their_method(path):
    method = path.relative_to(CONFIGS).parts[0]
    if path.parent.name == 'benchmarks' or method != 'mvcgc':
        # CoCLR is the baseline of MVCGC, and its configs are there.
        methods = {'mvcgc': ('mvcgc_', 'coclr_')}.get(method, (f'{method}_',))
        assert path.stem.startswith(methods)


def test_every_base_is_used():
    """By a config, or by a config that docs/finetuning.md shows and that test_docs.py builds."""
    users = [base for path in (*LEAVES, *BASES) for base in bases_of(path)]
    page = (CONFIGS.parent / 'docs/finetuning.md').read_text()
    users += [(CONFIGS / name).resolve() for name in re.findall(r"'\./(_base_/\S+?)'", page)]
    assert [name_of(path) for path in BASES if path not in users] == []


def checkpoints_of(node):
    """Every path of a checkpoint below a config."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ('checkpoint', 'load_from') and value:
                yield value
            elif key != 'default_hooks':
                yield from checkpoints_of(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from checkpoints_of(value)


@pytest.mark.parametrize('path', LEAVES, ids=name_of)
def test_checkpoints_are_those_that_another_config_leaves(path):
    written = {default_work_dir(other): other for other in LEAVES}
    # `make demo` has a folder of its own.
    written['work_dirs/demo'] = CONFIGS / 'mvcgc/demo.py'
    for checkpoint in checkpoints_of(Config.fromfile(path).to_dict()):
        folder, _, file = checkpoint.rpartition('/')
        last = Config.fromfile(written[folder]).train_cfg.max_epochs
        assert file == f'epoch_{last}.pth'


def shrink(model):
    """The model with narrow networks, so that building it takes no time."""
    model = model.to_dict()
    for backbone in model['backbones'].values():
        if backbone:
            backbone['width'] = 0.125
    return model


@pytest.mark.parametrize('path', [p for p in RUNNABLE if p not in ELSEWHERE], ids=name_of)
def test_everything_a_config_names_can_be_built(path):
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'ssvrl_mm'
    model = MODELS.build(shrink(cfg.model))
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]:
        HOOKS.build(hook)
    # A test of a checkpoint without one of the networks ends in an error.
    assert cfg.default_hooks.strict_checkpoint == dict(type='StrictCheckpointHook')
    assert not any(f'backbone_{s}.'.startswith(model.training_only) for s in model.streams)
    # The stages follow the epoch.
    assert cfg.default_hooks.set_epoch.type == 'SetEpochHook'
    for split in ('train', 'val', 'test'):
        dataloader = cfg.get(f'{split}_dataloader')
        # A split has all of its three parts or none.
        parts = ('cfg',) if split == 'train' else ('cfg', 'evaluator')
        assert all((cfg.get(f'{split}_{part}') is None) == (dataloader is None) for part in parts)
        if dataloader is None:
            continue
        datasets = innermost_datasets(dataloader.dataset)
        for dataset in datasets:
            assert DATASETS.get(dataset['type']) is not None
            # Training may decode motion as what is predicted, without a network for it.
            predicts = split == 'train' and cfg.model.get('motion_head')
            targets = {model.motion_stream} if predicts else set()
            assert set(dataset['streams']) == set(model.streams) | targets
            Compose(dataset['pipeline'])
        if split != 'train':
            Evaluator(cfg[f'{split}_evaluator'])
            assert [dataset['role'] for dataset in datasets] == ['gallery', 'query']


# Section 4.2 and Table 3 of the paper: epochs, stages, queue, k, mining.
BOTH = [(0, 'init'), (300, 'cross')]
PAPER = {
    's3d_k400': (250, [(0, 'init'), (200, 'cross')], 16384, 5, 'intersection'),
    's3d_ucf101': (500, BOTH, 2048, 5, 'intersection'),
    's3d_ucf101_flow': (500, BOTH, 2048, 5, 'intersection'),
    's3d_ucf101_init': (300, [(0, 'init')], 2048, 5, 'intersection'),
    's3d_ucf101_cross': (200, [(0, 'cross')], 2048, 5, 'intersection'),
    's3d_ucf101_wo-init': (200, [(0, 'cross')], 2048, 5, 'intersection'),
    's3d_ucf101_k1': (500, BOTH, 2048, 1, 'intersection'),
    's3d_ucf101_k10': (500, BOTH, 2048, 10, 'intersection'),
    's3d_ucf101_k20': (500, BOTH, 2048, 20, 'intersection'),
    's3d_ucf101_union': (500, BOTH, 2048, 5, 'union'),
}


@pytest.mark.parametrize('name', PAPER)
def test_mvcgc_has_the_numbers_of_the_paper(name):
    cfg = load(f'mvcgc/{name}')
    head = cfg.model.head
    numbers = (cfg.train_cfg.max_epochs, [tuple(row) for row in cfg.model.stages])
    assert (*numbers, head.queue_length, head.k, head.mining) == PAPER[name]
    assert (head.criterion, head.momentum) == (dict(type='InfoNCELoss', temperature=0.07), 0.999)
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-4, weight_decay=1e-5)
    assert cfg.train_dataloader.batch_size == 32
    assert cfg.auto_scale_lr.base_batch_size == 4 * 32
    assert bool(cfg.get('load_from')) is (name == 's3d_ucf101_cross')
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert (steps['SampleClips'].clip_len, steps['SampleClips'].num_clips) == (32, 2)
    assert steps['ClipRandomResizedCrop'].size == 128
    streams = ('rgb', 'flow' if 'flow' in name else 'motion')
    assert [cfg.model.backbones[stream].in_channels for stream in streams] == [3, 2]


@pytest.mark.parametrize(
    'name, stream',
    [
        ('rgb', 'rgb'),
        ('mv', 'motion'),
        ('mv-coviar', 'motion'),
        ('mv-coviar-per-frame', 'motion'),
        ('flow', 'flow'),
        ('flow-low', 'flow'),
    ],
)
def test_single_streams_decode_nothing_else(name, stream):
    cfg = load(f'mvcgc/s3d_ucf101_{name}_moco')
    assert cfg.model.head.stream == stream and list(cfg.model.backbones) == [stream]
    assert cfg.train_cfg.max_epochs == 300
    # Motion and flow have the size that they have beside RGB.
    assert stream == 'rgb' or cfg.model.data_preprocessor[stream].size == 128
    for split in ('train', 'val', 'test'):
        for dataset in innermost_datasets(cfg[f'{split}_dataloader'].dataset):
            assert tuple(dataset['streams']) == (stream,)
            assert not any('streams' in step for step in dataset['pipeline'])


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
FALLS['coclr_s3d_ucf101_flow'] = FALLS['coclr_s3d_ucf101']
FALLS['coclr_s3d_ucf101_released'] = [(e, 10 * lr) for e, lr in FALLS['coclr_s3d_ucf101']]
FALLS['coclr_s3d_k400_flow'] = FALLS['coclr_s3d_k400_released'] = [
    *[(0, 1e-3), (250, 1e-4), (280, 1e-5)],
    *[(300, 1e-3), (340, 1e-4), (350, 1e-3), (390, 1e-4)],
]


@pytest.mark.parametrize('name, falls', FALLS.items())
def test_learning_rate_falls_twice_in_each_stage(name, falls):
    cfg = load(f'mvcgc/{name}')
    epochs = cfg.train_cfg.max_epochs
    expected = []
    for (start, lr), (end, _) in zip(falls, [*falls[1:], (epochs, 0)], strict=True):
        expected += [lr] * (end - start)
    assert rates(cfg, epochs) == pytest.approx(expected)
    # A stage begins where the rate is whole again.
    whole = [start for start, lr in falls if lr == falls[0][1]]
    assert [start for start, _ in cfg.model.stages] == whole


@pytest.mark.parametrize(
    'name, other, turns, length',
    [
        ('ucf101', 'motion', 2, 100),
        ('ucf101_flow', 'flow', 2, 100),
        ('ucf101_released', 'flow', 2, 100),
        ('k400_flow', 'flow', 1, 50),
        ('k400_released', 'flow', 1, 50),
    ],
)
def test_coclr_takes_turns_until_the_last_epoch(name, other, turns, length):
    cfg = load(f'mvcgc/coclr_s3d_{name}')
    starts = [start for start, _ in cfg.model.stages] + [cfg.train_cfg.max_epochs]
    stages = []
    for (start, stage), end in zip(cfg.model.stages, starts[1:], strict=True):
        stages += [stage] * (end - start)
    assert stages == ['init'] * 300 + (['rgb'] * length + [other] * length) * turns
    assert cfg.find_unused_parameters


@pytest.mark.parametrize('data, queue, batch', [('ucf101', 2048, 64), ('k400', 16384, 128)])
def test_coclr_released_differs_from_the_paper_in_what_its_code_does(data, queue, batch):
    released, paper = (load(f'mvcgc/coclr_s3d_{data}_{name}') for name in ('released', 'flow'))
    differ = dict(own_key_p=0.1, fixed_guide=True, sibling_positives=True)
    assert released.model.head == dict(paper.model.head, **differ)
    assert released.model.head.queue_length == queue
    for part in ('backbones', 'stages', 'data_preprocessor'):
        assert released.model[part] == paper.model[part]
    assert (released.auto_scale_lr.base_batch_size, released.train_dataloader.batch_size) == (
        batch,
        32,
    )
    assert released.optim_wrapper.optimizer == dict(type='Adam', lr=1e-3, weight_decay=1e-5)
    assert released.custom_hooks == [dict(type='RestartStagesHook')]
    # The views differ: half of them the same frames, one of which keeps its colours.
    ours, theirs = (cfg.train_dataloader.dataset for cfg in (released, paper))
    assert {k: v for k, v in ours.items() if k != 'pipeline'} == {
        k: v for k, v in theirs.items() if k != 'pipeline'
    }
    steps = [dict(step) for step in ours.pipeline]
    assert steps[1].pop('independent') == 0.5
    assert steps.pop(2) == dict(type='ChooseAugmentedClips', p=0.3)
    assert steps[-1].pop('extra_keys') == ('augmented_clips',)
    assert steps == [dict(step) for step in theirs.pipeline]


def test_data_are_looked_for_where_the_environment_says(monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', '/videos')
    assert load('mvcgc/s3d_k400').train_dataloader.dataset.data_root == '/videos/kinetics400'
    monkeypatch.delenv('SSVRL_DATA')
    assert load('mvcgc/s3d_k400').train_dataloader.dataset.data_root == 'data/kinetics400'
