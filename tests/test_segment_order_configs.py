"""The configs that pretrain segment order and VCOP: numbers of the paper, rows, a step of each."""

import math
import re
import shlex
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from ssvrl_mm.complexity.counting import count_stages
from ssvrl_mm.registry import DATASETS, HOOKS, MODELS
from tests.clips import encode, translating
from tests.test_downstream import RUN, flat

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SEGMENTS, VCOP = CONFIGS / 'segment_order', CONFIGS / 'vcop'
PRETRAINING = sorted(
    path
    for path in SEGMENTS.glob('*.py')
    if not any(word in path.stem for word in ('_demo', '_views', '_motion-primitives'))
)
CHANNELS = dict(c3d=512, r3d10=512, r2plus1d10=512, s3dg=1024)
# Frames and px of a clip, and what it is cut from.
CUT_FROM = {112: (128, 171), 152: (174, 232), 224: (256, 342)}


def name_of(path):
    return path.stem


@pytest.fixture(autouse=True)
def our_scope(monkeypatch):
    for variable in ('SSVRL_DATA', 'SSVRL_VIEWS', 'SSVRL_EXTRACTOR'):
        monkeypatch.delenv(variable, raising=False)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def load(name):
    return Config.fromfile(SEGMENTS / f'segment_order_{name}.py')


def steps_of(cfg):
    return {step.type: step for step in cfg.train_dataloader.dataset.pipeline}


@pytest.mark.parametrize('path', [*PRETRAINING, *sorted(VCOP.glob('*.py'))], ids=name_of)
def test_labels_stay_on_the_host(path):
    cfg = Config.fromfile(path)
    labels = steps_of(cfg)['PackSSLInputs'].get('extra_keys', ())
    assert {*labels} <= {*cfg.model.data_preprocessor.host_fields} and labels
    default = MODELS.build(dict(type='SSLDataPreprocessor')).host_fields
    assert default <= {*cfg.model.data_preprocessor.host_fields}


def difference(name, other):
    """What differs between two configs: path -> value of the first, None where it has none."""
    found, base = (
        flat({key: value for key, value in load(n).to_dict().items() if key in RUN})
        for n in (name, other)
    )
    keys = sorted(found.keys() | base.keys())
    return {key: found.get(key) for key in keys if found.get(key, 'no') != base.get(key, 'no')}


@pytest.mark.parametrize('path', PRETRAINING, ids=name_of)
def test_pretraining_has_the_numbers_of_the_paper(path):
    cfg, stem = Config.fromfile(path), path.stem
    is_kinetics = '_k400' in stem
    epochs, fall, batch = (30, 20, 32) if is_kinetics else (300, 200, 16)
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[0].milestones) == (epochs, [fall])
    assert cfg.param_scheduler[0].gamma == 0.1
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == batch
    optimizer = dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4)
    assert cfg.optim_wrapper.optimizer == optimizer

    dataset, steps = cfg.train_dataloader.dataset, steps_of(cfg)
    assert dataset.data_root == f'data/{"kinetics400" if is_kinetics else "ucf101"}'
    shape = re.search(r'_(\d+)x(\d+)', stem)
    frames, size = map(int, shape.groups()) if shape else (16, 112)
    sample = steps['SampleShuffledSegments']
    assert (sample.clip_len, sample.num_segments, sample.max_rate) == (frames, 3, 8)
    assert sample.num_clips == (2 if cfg.model.get('head') else 1)
    cut = (steps['ClipRandomCrop'].size, tuple(steps['ClipResize'].size))
    assert cut == (size, CUT_FROM[size])
    assert steps['ClipFlip'].flip_ratio == 0.5
    # Brightness, contrast and saturation.
    jitter = dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.0, p=0.8)
    assert cfg.model.data_preprocessor.augment == dict(color_jitter=jitter)
    channels = CHANNELS[stem.split('_')[2]]
    model = cfg.model
    if model.order:
        assert (model.order.loss_weight, model.order.in_channels) == (1, channels)
    if model.rate:
        assert (model.rate.loss_weight, model.rate.in_channels) == (0.3, channels)
        assert model.rate.task == 'regression'
    if model.head:
        assert model.get('contrast_weight', 1) == 1
        is_cosine = stem.endswith('_contrast')
        assert model.head.projector.out_channels == (128 if is_cosine else 129)
        assert model.head.projector.in_channels == channels
        assert model.head.queue_length == (16384 if is_kinetics else 4096)
    names_no_view = any(
        stem.endswith(end) for end in ('_no-view', '_order', '_rate', '_contrast', '-only')
    )
    assert bool(model.get('view_generator')) is not names_no_view


ALONE = {'train_dataloader.dataset.pipeline.1.num_clips': 1}
NO_HEAD = {'model.head': None, **ALONE}
# What each row of Tables VI and VII leaves out or has otherwise than all of it.
ROWS = {
    '_no-view': {},
    '_contrast': {
        'model.head.similarity': None,
        'model.head.projector.out_channels': 128,
        'model.head.criterion.temperature': 0.07,
    },
    '_rate': NO_HEAD,
    '_order': {**NO_HEAD, 'model.rate': None},
    '_rate-only': {**NO_HEAD, 'model.order': None},
    '_contrast-only': {'model.order': None, 'model.rate': None},
}


@pytest.mark.parametrize('row', ROWS)
def test_rows_differ_from_the_whole_in_what_they_say(row):
    found = difference(f'r2plus1d10_ucf101{row}', 'r2plus1d10_ucf101')
    wanted = {'model.view_generator': None, **ROWS[row]}
    # A part that is gone is gone with all that is below it.
    gone = tuple(f'.{key}.' for key, value in wanted.items() if value is None)
    found = {key[1:]: value for key, value in found.items() if not key.startswith(gone)}
    assert found == wanted


@pytest.mark.parametrize('network', ['c3d', 'r3d10', 'r2plus1d10', 's3dg'])
def test_backbones_differ_in_the_network_alone(network):
    found = difference(f'{network}_ucf101', 'c3d_ucf101')
    heads = ('.model.order.', '.model.rate.', '.model.head.projector.')
    assert all(
        key.startswith(('.model.backbones.', '.model.view_generator.init_cfg.', *heads))
        or (network == 's3dg' and key.startswith(('.val_', '.test_')))
        for key in found
    )
    for key, value in found.items():
        if key.startswith(heads):
            assert (network, value) == ('s3dg', 1024)


# Parameters in millions, Table X without heads, and multiply-adds in G, Table VIII: as near as the
# paper counts; VCOP's three clips as the page counts them.
@pytest.mark.parametrize(
    'network, parameters, multiply_adds, of_vcop',
    [
        ('c3d', 27.7, 38.6, 115.5),
        ('r3d10', 14.2, 19.9, 59.7),
        ('r2plus1d10', 14.4, 21.5, 64.1),
    ],
)
def test_networks_of_table_8(network, parameters, multiply_adds, of_vcop):
    with torch.device('meta'):
        backbone = MODELS.build(load(f'{network}_ucf101_order').model.backbones.rgb)
    stages = count_stages(backbone, (3, 16, 112, 112))
    counted = (
        sum(getattr(stage, name) for stage in stages) for name in ('parameters', 'multiply_adds')
    )
    assert next(counted) / 1e6 == pytest.approx(parameters, abs=0.17)
    clip = next(counted) / 1e9
    assert clip == pytest.approx(multiply_adds, abs=0.15)
    assert round(3 * clip, 1) == of_vcop


# As the page counts them in M, Table X: networks and heads that are trained, and the generator.
@pytest.mark.parametrize(
    'name, without_view, with_view',
    [
        ('c3d_ucf101', 28.3, 28.8),
        ('r3d10_ucf101', 15.0, 15.5),
        ('r2plus1d10_ucf101', 15.0, 15.5),
        ('s3dg_ucf101_64x152', 9.8, 10.4),
    ],
)
def test_parameters_of_table_10(name, without_view, with_view):
    for row, wanted in (('_no-view', without_view), ('', with_view)):
        with torch.device('meta'):
            model = MODELS.build(load(f'{name}{row}').model)
        parts = [p for n, p in model.named_parameters() if p.requires_grad or 'view_' in n]
        assert round(sum(p.numel() for p in parts) / 1e6, 1) == wanted
        line = next(
            line
            for line in (SEGMENTS / 'README.md').read_text().splitlines()
            if f'[segment_order_{name}{row}]' in line and 'counted: ' in line and ' M |' in line
        )
        assert f'counted: {wanted} M' in line


# What the paper leaves open of VCOP is as in its released code.
@pytest.mark.parametrize('network', ['c3d', 'r3d10', 'r2plus1d10'])
def test_vcop_has_the_numbers_of_its_code(network):
    cfg = Config.fromfile(VCOP / f'vcop_{network}_ucf101.py')
    assert cfg.model.backbones == load(f'{network}_ucf101').model.backbones
    assert (cfg.train_cfg.max_epochs, cfg.get('param_scheduler')) == (300, None)
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 8
    optimizer = dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4)
    assert cfg.optim_wrapper.optimizer == optimizer
    sample = steps_of(cfg)['SampleClipTuples']
    assert (sample.clip_len, sample.num_clips, sample.gap) == (16, 3, 8)
    head = cfg.model.head
    assert (head.num_clips, head.hidden_channels, head.dropout) == (3, 512, 0.5)
    assert cfg.model.data_preprocessor.augment is None and 'ClipFlip' not in steps_of(cfg)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two videos of UCF101's names."""
    root = tmp_path_factory.mktemp('data')
    (root / 'ucf101/videos').mkdir(parents=True)
    names = [f'v_Toy_g{number:02d}_c01.mp4' for number in range(2)]
    for number, name in enumerate(names):
        frames = translating(90, 2 - number, 1, height=40, width=48, seed=number)
        encode(root / 'ucf101/videos' / name, frames)
    lines = ''.join(f'{name} {number}\n' for number, name in enumerate(names))
    (root / 'ucf101/train_list.txt').write_text(lines)
    return root


def shrink(cfg):
    """A narrow network and few pixels; else as it is."""
    model = cfg.model
    if model.type == 'ViewSynthesizer':
        model.feature_extractor.width = 0.125
        model.flow_estimator.channels = (8, 8, 8)
    else:
        model.backbones.rgb.width = 0.125
        channels = MODELS.build(model.backbones.rgb).out_channels
        for part in ('order', 'rate', 'head'):
            if model.get(part):
                holder = model[part].get('projector') or model[part]
                holder.in_channels = channels if isinstance(channels, int) else channels[-1]
        if 'queue_length' in (model.get('head') or ()):
            model.head.queue_length = 8
    if model.get('view_generator'):
        model.view_generator.update(channels=(4, 8, 8), latent_channels=4)
    for step in cfg.train_dataloader.dataset.pipeline:
        if 'size' in step:
            step.size = 32 if step.type == 'ClipRandomCrop' else (36, 44)
    return cfg


def trained(cfg):
    """The losses of a second step, after all of it has been built and differentiated; the model."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in cfg.default_hooks.values():
        HOOKS.build(hook)
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, seed=0))
    data = model.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), True)
    model.train()
    model(**data, mode='loss')  # fills the memory
    losses = model(**data, mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
    return {key: value.item() for key, value in losses.items()}, model


ALL = {'loss_order', 'loss_rate', 'loss_rgb'}
TRAINED = {
    'c3d_ucf101_order': {'loss_order'},
    'r2plus1d10_ucf101_contrast': ALL,
    'r2plus1d10_ucf101_contrast-only': {'loss_rgb'},
}


@pytest.mark.parametrize('name', TRAINED)
def test_a_step_of_training(name, root, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    losses, _ = trained(shrink(load(name)))
    assert {key for key in losses if key.startswith('loss')} == TRAINED[name]
    if 'loss_order' in losses:
        # Nothing is known yet.
        assert losses['loss_order'] == pytest.approx(math.log(6), rel=0.3)
    if 'loss_rate' in losses:
        assert losses['loss_rate'] == pytest.approx(0.3 * losses['mse_rate'])


def test_the_three_runs_of_a_row_with_views(root, tmp_path, monkeypatch):
    """Without views; the generator of views, whose f is the first network; all, with its views."""
    monkeypatch.setenv('SSVRL_DATA', str(root))

    def run(row, variable=None):
        cfg = shrink(load(f'r3d10_ucf101{row}'))
        losses, model = trained(cfg)
        path = tmp_path / f'weights{row}.pth'
        torch.save(dict(state_dict=model.state_dict(), meta={}), path)
        if variable:
            monkeypatch.setenv(variable, str(path))
        return losses, model

    losses, first = run('_no-view', 'SSVRL_EXTRACTOR')
    assert set(losses) >= ALL
    _, views = run('_views', 'SSVRL_VIEWS')
    extractor = views.feature_extractor.state_dict()
    for name, weight in first.backbone_rgb.state_dict().items():
        assert torch.equal(extractor[name], weight)
    losses, whole = run('')
    assert set(losses) >= ALL
    generator = whole.view_generator.state_dict()
    for name, weight in views.view_generator.state_dict().items():
        assert torch.equal(generator[name], weight)
    assert not any(p.requires_grad for p in whole.view_generator.parameters())


def test_a_step_of_vcop(root, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    losses, _ = trained(shrink(Config.fromfile(VCOP / 'vcop_r3d10_ucf101.py')))
    assert losses['loss_clip_order'] == pytest.approx(math.log(6), rel=0.3)


def commands_with_options():
    """(line, config, options) of every command of the page that changes a config."""
    blocks = re.findall(r'```shell\n(.*?)```', (SEGMENTS / 'README.md').read_text(), re.DOTALL)
    for line in '\n'.join(blocks).replace('\\\n', ' ').splitlines():
        if '--cfg-options' in line and not line.startswith('#'):
            words = shlex.split(line)
            yield words[2], words[words.index('--cfg-options') + 1 :]


@pytest.mark.parametrize('number', range(4))
def test_options_of_the_page_train(number, root, monkeypatch):
    """Tables III to V: segments, rates, classes."""
    monkeypatch.setenv('SSVRL_DATA', str(root))
    commands = list(commands_with_options())
    assert len(commands) == 4
    config, options = commands[number]
    cfg = Config.fromfile(CONFIGS.parent / config)
    parsed = dict(option.split('=', 1) for option in options)
    given = {key: DictAction._parse_iterable(value) for key, value in parsed.items()}
    before = flat(cfg.to_dict())
    # Nothing but what the config has.
    assert all(f'.{key}' in before for key in given)
    cfg.merge_from_dict(given)
    cfg.model.view_generator = None
    losses, _ = trained(shrink(cfg))
    assert set(losses) >= ALL
