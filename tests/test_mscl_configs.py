"""The configs that pretrain MSCL: numbers of the paper and its code, and a step of each kind."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import DATASETS, HOOKS, MODELS
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools.motion_scoring import score_motion
from tests.clips import encode, translating
from tests.test_downstream import RUN, flat

MSCL = Path(__file__).resolve().parents[1] / 'configs/mscl'
SMALL = ('_demo', '_motion-primitives')
PRETRAINING = sorted(
    path for path in MSCL.glob('*.py') if not any(word in path.stem for word in SMALL)
)
MINI = [path for path in PRETRAINING if '_mini' in path.stem]
SIZE, FRAMES = 32, 140
FRA = dict(type='FlowRotation', low=math.pi / 3, high=5 * math.pi / 3)


def name_of(path):
    return path.stem


@pytest.fixture(autouse=True)
def our_scope(monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def steps_of(cfg):
    return {step.type: step for step in cfg.train_dataloader.dataset.pipeline}


def settings(name):
    cfg = Config.fromfile(MSCL / f'{name}.py').to_dict()
    return flat({key: value for key, value in cfg.items() if key in RUN})


def difference(name, other):
    """What differs between two configs: path -> value of the first, None where it has none."""
    found, base = settings(name), settings(other)
    keys = sorted(found.keys() | base.keys())
    return {key: found.get(key) for key in keys if found.get(key, 'no') != base.get(key, 'no')}


@pytest.mark.parametrize('path', PRETRAINING, ids=name_of)
def test_pretraining_has_the_numbers_of_the_paper(path):
    cfg, stem = Config.fromfile(path), path.stem
    is_released = stem.endswith('_released')
    data, span = ('ucf101', 8) if 'ucf101' in stem else ('kinetics400', 16)
    epochs = 600 if data == 'ucf101' else 100 if '_mini' in stem else 200
    if stem in ('mscl_r3d18_k400_400e', 'mscl_r3d18_k400_released'):
        epochs = 400
    assert cfg.train_cfg.max_epochs == epochs
    [schedule] = cfg.param_scheduler
    assert (schedule.type, schedule.T_max, schedule.get('eta_min', 0)) == (
        'CosineAnnealingLR',
        epochs,
        0,
    )
    batch = 32 if 'slowonly' in stem else 128
    assert 4 * cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == batch
    lr = {'mscl_r3d18_k400_released': 0.02, 'mscl_slowonly50_k400_released': 0.0075}
    optimizer = dict(type='SGD', lr=lr.get(stem, 0.01), momentum=0.9, weight_decay=1e-4)
    assert cfg.optim_wrapper.optimizer == optimizer
    assert ('clip_grad' in cfg.optim_wrapper) is is_released
    head = cfg.model.head
    assert head.queue_length == 65536
    assert head.criterion == dict(type='InfoNCELoss', temperature=0.07)
    assert [p.out_channels for p in head.projector.values()] == [128, 128]

    dataset, steps = cfg.train_dataloader.dataset, steps_of(cfg)
    assert dataset.data_root == f'data/{data}' and tuple(dataset.streams) == ('rgb', 'flow')
    sample = steps['SampleMotionClips']
    has_mds = sample.function != 'none'
    assert (sample.clip_len, sample.num_clips, sample.frame_interval) == (8, 2, span)
    size = 224 if 'slowonly' in stem else 112
    crop = steps['ClipRandomResizedCrop']
    assert (crop.size, tuple(crop.area_range)) == (size, (0.2, 1.0))
    assert steps['ClipFlip'].flip_ratio == 0.5
    # The colours of RGB alone.
    jitter = dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8)
    augment = dict(color_jitter=jitter, grayscale_p=0.2, blur=dict(sigma=(0.1, 2.0), p=0.5))
    assert cfg.model.data_preprocessor.augment == augment
    assert cfg.model.data_preprocessor.flow == dict(normalize='peak', size='rgb')
    # Flow reaches as far as the next frame; half as far in the released code.
    options = dataset.reader_options
    flow_span = 8 if is_released else span
    assert sample.motion_offset == options.flow_span == flow_span
    is_vectors = stem.endswith('_mv')
    method = 'vectors' if is_vectors else 'raft'
    assert options.flow_method == method and steps['DecodeCompressedVideo'].flow_peak
    assert options.get('flow_root') == (None if is_vectors else f'raft_{flow_span}')
    assert crop.get('flow_stride') == (4 if is_vectors else None)
    if has_mds:
        folder = f'motion_scores/{method}_{flow_span}{"_released" if is_released else ""}'
        assert (sample.scores_root, sample.flow_method) == (folder, method)
    assert dataset.ann_file == ('mini_' if '_mini' in stem else '') + 'train_list.txt'


def test_networks_of_the_paper_at_their_size():
    """On 'meta', which takes no memory and no time: the maps that the part list names."""
    for name, rgb in (
        ('mscl_r3d18_ucf101', [(128, 4, 28), (256, 2, 14), (512, 1, 7)]),
        ('mscl_s3d_ucf101', [(480, 4, 14), (832, 2, 7), (1024, 1, 3)]),
    ):
        model = Config.fromfile(MSCL / f'{name}.py').model
        with torch.device('meta'):
            networks = {s: MODELS.build(b) for s, b in model.backbones.items()}
            neck = MODELS.build(model.neck)
            maps = networks['rgb'](torch.rand(1, 3, 8, 112, 112))
            flow = networks['flow'](torch.rand(1, 3, 8, 112, 112))
            merged = neck(maps)
        assert [tuple(m.shape[1:]) for m in maps] == [(c, t, s, s) for c, t, s in rgb]
        assert tuple(merged.shape[1:]) == (128, 4, rgb[0][2], rgb[0][2])
        # Every map of flow by itself, an eighth of the channels.
        assert tuple(flow.shape[1:]) == (64, 8, 7, 7)
    for name, channels, size in (
        ('mscl_r3d18_k400_released', 128, 112),
        ('mscl_slowonly50_k400_released', 256, 224),
    ):
        model = Config.fromfile(MSCL / f'{name}.py').model
        with torch.device('meta'):
            maps = MODELS.build(model.backbones.rgb)(torch.rand(1, 3, 8, size, size))
            flow = MODELS.build(model.backbones.flow)(torch.rand(1, 3, 8, size, size))
            merged = MODELS.build(model.neck)(maps)
        assert tuple(flow.shape[1:3]) == (channels, 4) and tuple(merged.shape[1:3]) == (128, 4)


# Of what the part list calls the released code's own.
RELEASED = {
    '.model.backbones.flow.width': 0.25,
    '.model.contrast_augmented': True,
    '.model.head.age_decay': 0.99999,
    '.model.head.momentum.momentum': 0.994,
    '.model.head.momentum.total_steps': 'training',
    '.model.head.projector.flow.in_channels': 128,
    '.model.head.local.projections': None,
    '.optim_wrapper.optimizer.lr': 0.02,
    '.optim_wrapper.clip_grad.max_norm': 40,
    '.optim_wrapper.clip_grad.norm_type': 2,
    '.train_dataloader.dataset.reader_options.flow_root': 'raft_8',
    '.train_dataloader.dataset.reader_options.flow_span': 8,
}


def test_released_differs_from_the_paper_in_what_its_code_does():
    found = difference('mscl_r3d18_k400_released', 'mscl_r3d18_k400_400e')
    strides = [found.pop(f'.model.backbones.flow.temporal_strides.{i}') for i in range(5)]
    # The stem takes every second map.
    assert strides == [2, 1, 1, 1, 1]
    angles = [found.pop(f'.model.flow_augment.angles.{j}') for j in range(8)]
    np.testing.assert_allclose(angles, [(0.2 + 0.2 * j) * math.pi for j in range(8)])
    assert found.pop('.model.flow_augment.low') is found.pop('.model.flow_augment.high') is None
    sampling = '.train_dataloader.dataset.pipeline.1.'
    sample = {k.removeprefix(sampling): found.pop(k) for k in [*found] if k.startswith(sampling)}
    assert sample == dict(
        motion_offset=8,
        shorten=None,
        scores_root='motion_scores/raft_8_released',
        distance=2,
        weight='max',
        score_interval=8,
        missing='zero',
    )
    projection = '.model.head.local.projections.'
    gone = [found.pop(k) for k in [*found] if k.startswith(projection)]
    assert gone == [None] * 4
    assert found == RELEASED


# What each row leaves out or has otherwise than all of MSCL.
NO_FRA = {'flow_augment': None}
NO_LOCAL = {'flow_augment': None, 'neck': None, 'head.local': None}
NO_INTER = {'head.weights.inter': 0}
NO_TPN = {**NO_FRA, 'neck': dict(type='FrameProjection', in_channels=128, out_channels=128)}
IN_3D = {'backbones.flow.arch': 'r3d', 'backbones.flow.temporal_strides': (1, 1, 2, 1, 1)}
EQ10 = {'num_augmentations': 3, 'head.local.negatives': 'augmentations', **NO_INTER}
SHIFT = dict(type='FlowShift', max_share=0.25, per='map')
ROWS = {
    '': {},
    '_intra': {**NO_LOCAL, **NO_INTER},
    '_inter': NO_LOCAL,
    '_inter_flow-3d': {**NO_LOCAL, 'backbones.flow.arch': 'r3d'},
    '_local': {**NO_FRA, **NO_INTER},
    '_inter-local': NO_FRA,
    '_fra': {},
    '_mds': NO_FRA,
    '_mds-w': NO_FRA,
    '_mds-d': NO_FRA,
    '_flow-3d': {**NO_TPN, **IN_3D},
    '_flow-3d-reflect': {**NO_TPN, **IN_3D, 'backbones.flow.temporal_padding': 'reflect'},
    '_no-tpn': NO_TPN,
    '_local_boundary': {
        **NO_FRA,
        **NO_INTER,
        'input_transforms.flow': dict(type='FlowBoundary'),
    },
    '_local_shift': {**EQ10, 'flow_augment': SHIFT},
    '_local_rotate': {**EQ10, 'flow_augment': dict(FRA, per='map')},
    '_local_shift-rotate': {
        **EQ10,
        'flow_augment': [SHIFT, dict(type='FlowRotation', per='map')],
    },
}
FUNCTIONS = {'': 'dw', '_mds': 'dw', '_mds-w': 'w', '_mds-d': 'd'}


@pytest.mark.parametrize('path', MINI, ids=name_of)
def test_rows_of_the_ablations_differ_in_what_they_ablate_alone(path):
    cfg, row = Config.fromfile(path), path.stem.removeprefix('mscl_r3d18_mini')
    expected = Config.fromfile(MSCL / 'mscl_r3d18_k400.py')
    for key, value in ROWS[row].items():
        *parents, last = key.split('.')
        node = expected.model
        for parent in parents:
            node = node[parent]
        node[last] = value
    assert flat(cfg.model.to_dict()) == flat(expected.model.to_dict())
    # Clips are drawn alike, but for the scores.
    steps, whole = steps_of(cfg), steps_of(expected)
    scores = {'function', 'scores_root', 'flow_method'}
    sample, chosen = (each.pop('SampleMotionClips') for each in (steps, whole))
    assert sample.pop('function') == FUNCTIONS.get(row, 'none')
    assert {*sample} & scores == (scores - {'function'} if row in FUNCTIONS else set())
    assert sample == {key: chosen[key] for key in sample}
    assert {*chosen} - scores == {*sample} - scores
    assert steps == whole
    MODELS.build(shrink(cfg).model)


def test_every_row_has_a_config():
    assert {path.stem for path in MINI} == {f'mscl_r3d18_mini{row}' for row in ROWS}


def test_modist_is_the_contrast_without_local_terms():
    found = difference('mscl_r3d18_k400_modist', 'mscl_r3d18_k400')
    model = {key for key, value in found.items() if key.startswith('.model.') and value is not None}
    assert model == {'.model.backbones.flow.arch', '.model.head.same_modality'}
    cfg = Config.fromfile(MSCL / 'mscl_r3d18_k400_modist.py').model
    assert (cfg.backbones.flow.arch, cfg.head.same_modality) == ('r3d', False)
    assert cfg.neck is cfg.flow_augment is cfg.head.local is None


@pytest.mark.parametrize('data', ['ucf101', 'k400'])
def test_vectors_take_the_place_of_flow_and_nothing_else_changes(data):
    keys = difference(f'mscl_r3d18_{data}_mv', f'mscl_r3d18_{data}')
    dataset = '.train_dataloader.dataset.'
    assert set(keys) == {
        f'{dataset}reader_options.flow_method',
        f'{dataset}reader_options.flow_root',
        f'{dataset}pipeline.1.scores_root',
        f'{dataset}pipeline.1.flow_method',
        f'{dataset}pipeline.2.flow_stride',
    }


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two videos and scores of them, of their vectors in RAFT's place."""
    root = tmp_path_factory.mktemp('data')
    folder = root / 'ucf101'
    (folder / 'videos').mkdir(parents=True)
    names = [f'v_Toy_g{number:02d}_c01.mp4' for number in range(2)]
    for number, name in enumerate(names):
        frames = translating(FRAMES, 2 - number, 1, height=40, width=48, seed=number)
        video = encode(folder / 'videos' / name, frames)
        for kind, span, options in (
            ('raft_8', 8, {}),
            ('raft_8_released', 8, dict(distance=2, weight='max')),
            ('raft_16', 16, {}),
        ):
            target = folder / 'motion_scores' / kind / f'{name}.scores'
            score_motion(video, target, options=FlowOptions('vectors', span=span), **options)
    for span in (8, 16):
        (folder / f'motion_scores/vectors_{span}').symlink_to(f'raft_{span}')
    lines = ''.join(f'{name} {number}\n' for number, name in enumerate(names))
    for name in ('train_list.txt', 'mini_train_list.txt'):
        (folder / name).write_text(lines)
    (root / 'kinetics400').symlink_to('ucf101')
    return root


def shrink(cfg):
    """Narrow networks, few pixels, and vectors in the place of RAFT's flow; else as it is."""
    model, dataset = cfg.model, cfg.train_dataloader.dataset
    narrow = dict(base_channels=8) if 'SlowOnly' in model.backbones.rgb.type else dict(width=0.125)
    model.backbones.rgb.update(narrow)
    with torch.device('meta'):
        maps = MODELS.build(model.backbones.rgb)(torch.rand(2, 3, 8, SIZE, SIZE))
    channels = [m.shape[1] for m in maps]
    if model.neck:
        model.neck.in_channels = channels
        if model.neck.type == 'FrameProjection':
            model.neck.in_channels = channels[0]
    model.head.projector.rgb.in_channels = channels[-1]
    model.head.queue_length = 8
    options = {k: v for k, v in dataset.reader_options.items() if k != 'flow_root'}
    dataset.reader_options = dict(options, flow_method='vectors')
    for step in dataset.pipeline:
        if step.type == 'ClipRandomResizedCrop':
            step.update(size=SIZE, flow_stride=4)
        if 'flow_method' in step:
            step.flow_method = 'vectors'
    return cfg


INTRA, INTER = {'rgb', 'flow'}, {'rgb_flow', 'flow_rgb'}
AUGMENTED = {'augmented', 'rgb_augmented', 'augmented_rgb'}
# Terms of the loss, and the candidates of the local one: T' of the clip, as many augmented ones.
TRAINED = {
    'mscl_r3d18_ucf101': (INTRA | INTER, 2 * 4),
    'mscl_s3d_ucf101': (INTRA | INTER, 2 * 4),
    'mscl_r3d18_k400_mv': (INTRA | INTER, 2 * 4),
    'mscl_r3d18_k400_modist': (INTRA | INTER, None),
    'mscl_r3d18_k400_released': (INTRA | INTER | AUGMENTED, 2 * 4),
    'mscl_slowonly50_k400_released': (INTRA | INTER | AUGMENTED, 2 * 4),
    'mscl_r3d18_mini_flow-3d-reflect': (INTRA | INTER, 4),
    'mscl_r3d18_mini_no-tpn': (INTRA | INTER, 4),
    'mscl_r3d18_mini_local_boundary': (INTRA, 4),
    'mscl_r3d18_mini_local_shift-rotate': (INTRA, 1 + 3),
}


@pytest.mark.parametrize('name', TRAINED)
def test_a_step_of_training(name, root, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    cfg = shrink(Config.fromfile(MSCL / f'{name}.py'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in cfg.default_hooks.values():
        HOOKS.build(hook)
    # What SetEpochHook tells.
    for module in model.modules():
        if hasattr(module, 'set_progress'):
            module.set_progress(0.5)
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, seed=0))
    data = model.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), True)
    shape = {s: tuple(x.shape) for s, x in data['inputs'].items()}
    assert shape == dict(rgb=(2, 2, 3, 8, SIZE, SIZE), flow=(2, 2, 2, 8, SIZE, SIZE))
    assert data['inputs']['flow'].norm(dim=2).max() <= 1 + 1e-3
    model.train()
    terms, candidates = TRAINED[name]
    model(**data, mode='loss')  # fills the memory
    losses = model(**data, mode='loss')
    found = {key.removeprefix('loss_') for key in losses if key.startswith('loss_')}
    assert found == terms | ({'local'} if candidates else set())
    # Nothing is known yet: cosines / 0.07 are off by their spread at most.
    if candidates:
        assert losses['loss_local'].item() == pytest.approx(math.log(candidates), abs=2)
    loss, _ = model.parse_losses(losses)
    loss.backward()
    for part, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), part
