"""The configs of IMRNet: numbers of the paper, pipelines, starting weights."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from torch import nn
from torch.optim import SGD

from ssvrl_mm.registry import DATASETS, HOOKS, METRICS, MODELS
from ssvrl_mm.wrapping import innermost_datasets
from tests.clips import encode, translating

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
IMRNET, COVIAR = CONFIGS / 'imrnet', CONFIGS / 'coviar'
PRETRAINING = sorted(
    path
    for folder in (IMRNET, COVIAR)
    for path in folder.glob('*_k400*.py')
    if 'supervised' not in path.stem
)
SUPERVISED = sorted(IMRNET.glob('*_supervised.py'))
CLASSIFIERS = sorted(
    path
    for path in IMRNET.glob('benchmarks/*.py')
    if not any(word in path.stem for word in ('_retrieval_', '_demo_'))
)
STREAMS = ('iframe', 'motion', 'residual')
SIZE = 32  # px, of 224


def name_of(path):
    return path.stem


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two training videos and a test video of 72 frames in six groups."""
    root = tmp_path_factory.mktemp('data')
    (root / 'ucf101' / 'videos').mkdir(parents=True)
    for number in range(3):
        # What moves is not the whole frame, so that there are places with more motion than others.
        frames = translating(72, 0, 0, height=40, width=64, seed=9)
        frames[:, 8:32, 20:44] = translating(72, 2 - number, 1, height=24, width=24, seed=number)
        encode(root / 'ucf101' / 'videos' / f'{number}.mp4', frames, codec='mpeg4', gop=12)
    (root / 'ucf101' / 'train_list.txt').write_text('0.mp4 0\n1.mp4 1\n')
    (root / 'ucf101' / 'test_list.txt').write_text('2.mp4 0\n')
    (root / 'ucf101' / 'val_list.txt').symlink_to('test_list.txt')
    for folder in ('gop12', 'gop12_30fps'):
        (root / 'ucf101' / folder).symlink_to('videos')
    for dataset in ('hmdb51', 'kinetics400'):
        (root / dataset).symlink_to('ucf101')
    return root


def load(path, root, monkeypatch):
    """A config on the small videos, with narrow networks and few pixels; nothing else changes."""
    monkeypatch.setenv('SSVRL_DATA', str(root))
    monkeypatch.setenv('SSVRL_FLOW', 'dis')  # TV-L1 takes seconds
    cfg = Config.fromfile(path)
    for backbone in networks(cfg.model.backbone):
        if backbone.type == 'CoViAR':
            backbone.depths = dict(iframe=18)
        elif backbone.type == 'FrameResNet':
            backbone.depth, cfg.model.cls_head.in_channels = 18, 512
        elif backbone.type != 'SideBySideBackbone':
            backbone.width = 0.125
    if cfg.model.get('cls_head', {}).get('type') == 'ClassificationHead':
        plain = dict(cfg.model.backbone, init_cfg=None)
        cfg.model.cls_head.in_channels = sum(MODELS.build(plain).out_channels.values())
    for options in cfg.model.data_preprocessor.values():
        if isinstance(options, dict) and isinstance(options.get('size'), int):
            options.size = SIZE
    for split in ('train', 'val', 'test'):
        for dataset in innermost_datasets((cfg.get(f'{split}_dataloader') or {}).get('dataset')):
            for step in dataset['pipeline']:
                step.update(
                    {
                        key: small
                        for key, small in (('size', SIZE), ('short_side', 36))
                        if key in step
                    }
                )
    return cfg


def networks(backbone):
    """A backbone and what lies inside."""
    inner = [backbone.backbone, *backbone.further.values()] if 'further' in backbone else []
    return [backbone, *inner]


def steps_of(cfg, split='train'):
    return {step.type: step for step in cfg[f'{split}_dataloader'].dataset.pipeline}


def rates(cfg, per_epoch):
    """The learning rate in every iteration."""
    optimizer = SGD(nn.Linear(1, 1).parameters(), lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = [
        PARAM_SCHEDULERS.build(c, default_args=dict(optimizer=optimizer, epoch_length=per_epoch))
        for c in cfg.param_scheduler
    ]
    curve = []
    for _ in range(cfg.train_cfg.max_epochs * per_epoch):
        curve.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return curve


def warmed_up_cosine(lr, epochs, warm_up, per_epoch):
    """A line from a hundredth, then half a period of a cosine."""
    first = warm_up * per_epoch
    for step in range(epochs * per_epoch):
        if step < first:
            yield lr * (0.01 + 0.99 * step / first)
        else:
            share = (step - first) / (epochs * per_epoch - first)
            yield lr * (1 + math.cos(math.pi * share)) / 2


# The task of a pretraining by the end of its name: heads, and what the pipeline adds to a sample.
TASKS = {
    'imrnet_r18_k400': ({'pmsp': 9, 'ctp': 4}, ('pmsp_labels',)),
    'imrnet_r18_k400_gop12': ({'pmsp': 9, 'ctp': 4}, ('pmsp_labels',)),
    '_pmsp': ({'pmsp': 9}, ('pmsp_labels',)),
    '_ctp': ({'ctp': 4}, ()),
    '_ctp-binary': ({'ctp': 2}, ()),
    '_rotation': ({'rotation': 4}, ('rotation',)),
    '_aot': ({'aot': 2}, ('backwards',)),
    '_infonce': ({'contrast': 128}, ()),
}


def task_of(path):
    return TASKS.get(path.stem) or TASKS['_' + path.stem.rpartition('_')[2]]


@pytest.mark.parametrize('path', PRETRAINING, ids=name_of)
def test_pretraining_has_the_numbers_of_the_paper(path, monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    cfg = Config.fromfile(path)
    assert cfg.train_cfg.max_epochs == 20
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == (25, 4 * 25)
    optimizer = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
    assert cfg.optim_wrapper.optimizer == optimizer
    dataset, steps = cfg.train_dataloader.dataset, steps_of(cfg)
    assert (dataset.data_root, dataset.streams) == ('data/kinetics400', STREAMS)
    sample = steps['SampleGOPs']
    assert (sample.num_gops, sample.gop_size) == (5, 12)
    assert tuple(sample.positions) == (2, 4, 6, 8, 10)
    assert sample.get('num_clips', 1) == (2 if path.stem.endswith('infonce') else 1)
    crop = steps['ClipMultiScaleCrop']
    assert (crop.size, tuple(crop.scales)) == (224, (0.975, 0.9, 0.85))
    assert steps['ClipFlip'].flip_ratio == 0.5
    assert 'augment' not in cfg.model.data_preprocessor
    heads, extra_keys = task_of(path)
    assert list(cfg.model.heads) == list(heads)
    assert all(head.get('loss_weight', 1) == 1 for head in cfg.model.heads.values())
    assert tuple(steps['PackSSLInputs'].get('extra_keys', ())) == extra_keys
    assert ('PMSPLabels' in steps) is ('pmsp_labels' in extra_keys)
    # Of CoViAR the vectors are accumulated, as in its finetuning.
    is_coviar = path.parent == COVIAR
    assert bool(dataset.reader_options.get('accumulate')) is is_coviar
    folder = 'gop12' if is_coviar else 'gop12_30fps' if 'gop12' in path.stem else 'videos'
    assert dataset.data_prefix.video == folder
    assert sample.get('mode', 'virtual') == ('real' if folder == 'gop12_30fps' else 'virtual')


@pytest.mark.parametrize('path', [p for p in PRETRAINING if p.parent == COVIAR], ids=name_of)
def test_coviar_is_pretrained_as_imrnet_is(path):
    cfg = Config.fromfile(path)
    task = path.stem.removeprefix('coviar_k400_')
    other = Config.fromfile(IMRNET / f'imrnet_r18_k400_{task}.py')
    heads = cfg.model.to_dict()['heads']
    # Frame by frame the order of groups is seen by a head that keeps them apart.
    groups = [head.pop('num_gops', None) for head in heads.values()]
    assert groups == [5 if task in ('ctp', 'aot') else None]
    for head in heads.values():
        head.pop('hidden_channels', None)
    assert heads == other.model.to_dict()['heads']
    mixing = other.model.get('correspondence')
    assert cfg.model.get('correspondence') == mixing or mixing == dict(mixing='two_passes')
    ours, theirs = (c.train_dataloader.dataset for c in (cfg, other))
    assert ours.pipeline == theirs.pipeline
    for part in ('train_cfg', 'optim_wrapper', 'param_scheduler', 'default_hooks'):
        assert cfg[part] == other[part]
    assert cfg.model.backbone == dict(type='CoViAR')
    assert cfg.model.data_preprocessor.motion == dict(clip=20.0, size='rgb', coviar=True)


@pytest.mark.parametrize(
    'path',
    # Of CoViAR one: its tasks are IMRNet's.
    [p for p in PRETRAINING if p.parent == IMRNET or p.stem.endswith('ctp')],
    ids=name_of,
)
def test_pretraining_learns_from_what_the_pipeline_packs(path, root, monkeypatch):
    cfg = load(path, root, monkeypatch)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    assert model.streams == STREAMS
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]:
        HOOKS.build(hook)
    assert all(
        cfg.get(f'{s}_{part}') is None
        for s in ('val', 'test')
        for part in ('cfg', 'dataloader', 'evaluator')
    )
    heads, _ = task_of(path)
    for name, count in heads.items():
        head = model.heads[name]
        if name == 'pmsp':
            assert len(head.mlps) == count
        elif name == 'contrast':
            assert head.projector(torch.rand(2, head.width)).shape[1] == count
        else:
            assert head.num_classes == count
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    data = model.data_preprocessor(pseudo_collate([dataset[0], dataset[1]]), True)
    clips = 2 if 'contrast' in heads else 1
    shapes = {stream: tuple(batch.shape) for stream, batch in data['inputs'].items()}
    assert shapes == dict(
        iframe=(2, clips, 3, 5, SIZE, SIZE),
        motion=(2, clips, 2, 25, SIZE, SIZE),
        residual=(2, clips, 3, 25, SIZE, SIZE),
    )
    losses = model.train()(**data, mode='loss')
    # Nothing is known yet: all answers are as likely.
    cells = sum(math.log(s * s) for s in (2, 3, 4)) / 3
    expected = dict(pmsp=cells, ctp=math.log(heads.get('ctp', 4)), rotation=math.log(4))
    expected.update(backwards=math.log(2), contrast=math.log(2))
    for name in [name for name in losses if name.startswith('loss_')]:
        assert 0 < losses[name].item() < 2 * expected[name.removeprefix('loss_')]
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_learning_rates():
    pretraining = Config.fromfile(IMRNET / 'imrnet_r18_k400.py')
    benchmarks = IMRNET / 'benchmarks'
    for cfg, lr, epochs, warm_up in (
        (pretraining, 0.1, 20, 5),
        (Config.fromfile(IMRNET / 'imrnet_r18_k400_supervised.py'), 0.1, 20, 5),
        (Config.fromfile(benchmarks / 'imrnet_r18_ucf101_finetune.py'), 0.01, 500, 30),
        (Config.fromfile(benchmarks / 'imrnet_r18_hmdb51_finetune.py'), 0.01, 300, 30),
        (Config.fromfile(benchmarks / 'imrnet_r50_hmdb51_scratch.py'), 0.1, 300, 30),
    ):
        expected = list(warmed_up_cosine(lr, epochs, warm_up, 4))
        # The line ends a step sooner or later.
        assert rates(cfg, 4) == pytest.approx(expected, abs=1.01 * lr / (4 * warm_up))
        assert rates(cfg, 4)[-1] < lr / 1000


# Table 1 and Table 3: what a classifier differs in from the whole IMRNet, and what it starts from.
CONNECTIONS = {
    'no-connection': dict(connection='none'),
    'unidirectional': dict(connection='unidirectional'),
    'no-conv': dict(lateral_conv=False),
    'no-attention': dict(attention=False),
}


@pytest.mark.parametrize('path', [*SUPERVISED, *CLASSIFIERS], ids=name_of)
def test_classifiers_have_the_numbers_of_the_paper(path, monkeypatch):
    for variable in ('SSVRL_DATA', 'SSVRL_PRETRAINED', 'SSVRL_TEST_PROTOCOL'):
        monkeypatch.delenv(variable, raising=False)
    cfg, stem = Config.fromfile(path), path.stem
    data = next(d for d in ('ucf101', 'hmdb51', 'k400') if d in stem)
    epochs, classes, folder = {
        'k400': (20, 400, 'kinetics400'),
        'ucf101': (500, 101, 'ucf101'),
        'hmdb51': (300, 51, 'hmdb51'),
    }[data]
    assert cfg.train_cfg.max_epochs == epochs
    assert (cfg.model.cls_head.num_classes, cfg.model.cls_head.dropout_ratio) == (classes, 0.5)
    from_random = 'scratch' in stem or path in SUPERVISED
    optimizer = dict(type='SGD', lr=0.1 if from_random else 0.01, momentum=0.9, weight_decay=1e-4)
    assert cfg.optim_wrapper.optimizer == optimizer
    assert (cfg.train_dataloader.batch_size, cfg.auto_scale_lr.base_batch_size) == (25, 100)
    has_flow = '_i3d_' in stem
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert dataset.data_root == f'data/{folder}'
        assert dataset.streams == (*STREAMS, *(['flow'] if has_flow else []))
    test = steps_of(cfg, 'test')
    assert (test['ClipResize'].short_side, test['ClipThreeCrop'].size) == (256, 224)
    assert test['SampleGOPs'].num_clips == 1 and cfg.model.cls_head.average_clips == 'prob'
    backbone, start = cfg.model.backbone, cfg.model.backbone.init_cfg
    imrnet = backbone.backbone if has_flow else backbone
    ablation = CONNECTIONS.get(stem.rpartition('_')[2], {})
    depth = 50 if '_r50_' in stem else 18
    settings = {key: value for key, value in imrnet.items() if key != 'init_cfg'}
    assert settings == dict(type='IMRNet', depth=depth, **ablation)
    if has_flow:
        assert backbone.further == dict(flow=dict(type='S3D', in_channels=2, separable=False))
    width = {18: 512 + 2 * 32, 50: 2048 + 2 * 128}[depth] + 1024 * has_flow
    assert cfg.model.cls_head.in_channels == width
    if from_random:
        assert start is None
        return
    run = 'imrnet_r18_k400'
    if stem.endswith('_k400'):
        run = f'imrnet_{"r50_i3d" if has_flow else f"r{depth}"}_k400_supervised'
    assert (start.checkpoint, start.prefix) == (f'work_dirs/imrnet/{run}/epoch_20.pth', 'backbone.')
    monkeypatch.setenv('SSVRL_PRETRAINED', 'mine.pth')
    assert Config.fromfile(path).model.backbone.init_cfg.checkpoint == 'mine.pth'


# What trains: of either dataset the numbers are looked at above.
TRAINED = [
    'imrnet_r18_ucf101_finetune',
    'imrnet_r18_hmdb51_scratch_unidirectional',
]


@pytest.mark.parametrize('name', TRAINED)
def test_classifiers_train_and_test(name, root, tmp_path, monkeypatch):
    checkpoint = tmp_path / 'pretrained.pth'
    monkeypatch.setenv('SSVRL_PRETRAINED', str(checkpoint))
    cfg = load(IMRNET / f'benchmarks/{name}.py', root, monkeypatch)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    expected = None
    if 'finetune' in name:
        # What a pretraining saves, heads and all, or a classifier of other classes.
        torch.manual_seed(1)
        expected = MODELS.build(dict(cfg.model.backbone, init_cfg=None)).state_dict()
        saved = {f'backbone.{key}': value for key, value in expected.items()}
        torch.save(dict(state_dict={**saved, 'heads.ctp.weight': torch.ones(1)}), checkpoint)
    model.init_weights()
    for key, value in (expected or {}).items():
        assert torch.equal(model.backbone.state_dict()[key], value)
    build_optim_wrapper(model, cfg.optim_wrapper)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    data = pseudo_collate([dataset[0], dataset[1]])
    loss, log = model.train().parse_losses(
        model(**model.data_preprocessor(data, True), mode='loss')
    )
    loss.backward()
    classes = cfg.model.cls_head.num_classes
    assert log['loss_cls'].item() == pytest.approx(math.log(classes), rel=0.2)
    assert all(p.grad is not None for p in model.backbone.parameters())
    [sample] = DATASETS.build(cfg.test_dataloader.dataset)
    assert all(len(clips) == 3 for clips in sample['inputs'].values())
    [result] = model.eval().test_step(pseudo_collate([sample]))
    assert result.pred_score.sum().item() == pytest.approx(1, abs=1e-4)
    metric = METRICS.build(cfg.test_evaluator)
    metric.process(None, [result.to_dict()])
    assert 'acc/top1' in metric.evaluate(1)


def test_flow_beside_imrnet(root, tmp_path, monkeypatch):
    """At full size on 'meta', which takes no memory and no time; the pipeline with few pixels."""
    path = IMRNET / 'benchmarks/imrnet_r50_i3d_ucf101_finetune_k400.py'
    with torch.device('meta'):
        backbone = MODELS.build(dict(Config.fromfile(path).model.backbone, init_cfg=None))
        shapes = dict(iframe=(3, 5), motion=(2, 25), residual=(3, 25), flow=(2, 25))
        maps = backbone({s: torch.rand(1, *shape, 224, 224) for s, shape in shapes.items()})
    assert {stream: tuple(x.shape[1:]) for stream, x in maps.items()} == dict(
        iframe=(2048, 5, 7, 7),
        motion=(128, 25, 7, 7),
        residual=(128, 25, 7, 7),
        # 25, halved and rounded up by the first two strides, down by the last.
        flow=(1024, 3, 7, 7),
    )
    cfg = load(path, root, monkeypatch)
    assert (
        innermost_datasets(cfg.train_dataloader.dataset)[0]['reader_options']['motion'] == 'codec'
    )
    data = pseudo_collate([DATASETS.build(cfg.train_dataloader.dataset)[0]])
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    inputs = preprocessor(data, True)['inputs']
    for stream, (channels, length) in shapes.items():
        assert tuple(inputs[stream].shape) == (1, 1, channels, length, SIZE, SIZE)
        assert inputs[stream].dtype == torch.float32
    # One rate of all parts: what is pretrained together is finetuned together.
    both = tmp_path / 'both.pth'
    monkeypatch.setenv('SSVRL_PRETRAINED', str(both))
    start = Config.fromfile(path).model.backbone.init_cfg
    assert (start.type, start.checkpoint, start.prefix) == (
        'PretrainedBackbone',
        str(both),
        'backbone.',
    )
