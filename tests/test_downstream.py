"""Every downstream config trains and tests: pipeline, preprocessor, pretrained weights, crops."""

import math
from pathlib import Path

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope

from ssvrl_mm.registry import DATASETS, HOOKS, METRICS, MODELS
from tests.clips import encode, translating

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'downstream'
CLASSIFIERS = [path for path in sorted(CONFIGS.glob('*/*.py')) if path.parent.name != 'retrieval']
GRID = [path for path in CLASSIFIERS if 'ucf101' in path.stem]
SECOND_GRID = [path for path in CLASSIFIERS if 'hmdb51' in path.stem]
STREAMS = dict(
    rgb=('rgb',),
    motion=('motion',),
    flow=('motion',),
    residual=('residual',),
    two_view=('rgb', 'motion'),
)
# What config files keep of their making.
LOCAL = ('data_root', 'classifier', 'probe', 'sample', 'pretrained', 'resnet', 'checkpoint', 'rgb')
# Frames of a video: two windows of 8 that move by 8; the paper's are of 32 and move by 16.
NUM_FRAMES = 16


def name_of(path):
    return path.relative_to(CONFIGS).with_suffix('').as_posix()


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two training videos and a test video."""
    root = tmp_path_factory.mktemp('data')
    (root / 'ucf101' / 'videos').mkdir(parents=True)
    for number in range(3):
        frames = translating(NUM_FRAMES, 2 - number, 1, height=48, width=64, seed=number)
        encode(root / 'ucf101' / 'videos' / f'{number}.mp4', frames)
    lines = [f'{number}.mp4 {number}\n' for number in range(3)]
    (root / 'ucf101' / 'train_list.txt').write_text(''.join(lines[:2]))
    (root / 'ucf101' / 'test_list.txt').write_text(lines[2])
    return root


def shrink(cfg):
    """Narrow networks, short clips of few pixels; nothing else changes."""
    for classifier in classifiers(cfg.model):
        classifier.backbone.width = 0.125
        classifier.cls_head.in_channels = channels_of(classifier.backbone)
        classifier.data_preprocessor.motion.size = 32
        if 'neck' in classifier:
            neck = classifier.neck
            neck.size, neck.backbone_motion.width = 32, 0.125
            sizes = dict(in_size=(1, 2, 2), out_size=(1, 2, 2))
            neck.head.predictor.update(in_channels=channels_of(classifier.backbone), **sizes)
            neck.head.objective.motion_channels = channels_of(neck.backbone_motion)
    for split in ('train', 'val', 'test'):
        for step in cfg[f'{split}_dataloader'].dataset.pipeline:
            small = dict(clip_len=8, size=32, short_side=36, frame_interval=1, motion_len=4)
            for key, value in small.items():
                if key in step:
                    step[key] = value
            if step.get('stride'):
                step.stride = 8
    return cfg


def channels_of(backbone):
    channels = MODELS.build(dict(backbone, init_cfg=None)).out_channels
    return channels if isinstance(channels, int) else channels[-1]


def save_pretrained(cfg, path):
    """A checkpoint with a part for every backbone of a config; what each of them should become."""
    torch.manual_seed(1)
    starts = [c.backbone for c in classifiers(cfg.model) if c.backbone.get('init_cfg')]
    parts = {b.init_cfg.prefix: MODELS.build(dict(b, init_cfg=None)) for b in starts}
    weights = {p + n: w for p, part in parts.items() for n, w in part.state_dict().items()}
    torch.save(dict(state_dict=weights), path)
    for backbone in starts:
        assert backbone.init_cfg.type == 'PretrainedBackbone'
        assert backbone.init_cfg.checkpoint.startswith('work_dirs/')
        backbone.init_cfg.checkpoint = str(path)
    return parts


def classifiers(model):
    return list(model.classifiers.values()) if 'views' in model else [model]


def load(path, root, monkeypatch, protocol=None):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    if protocol:
        monkeypatch.setenv('SSVRL_TEST_PROTOCOL', protocol)
    return shrink(Config.fromfile(path))


def videos(cfg, split):
    return DATASETS.build(cfg[f'{split}_dataloader'].dataset)


@pytest.mark.parametrize('path', GRID, ids=name_of)
def test_config_starts_from_pretrained_weights_trains_and_tests(path, root, tmp_path, monkeypatch):
    cfg = load(path, root, monkeypatch)
    stream, _, mode = path.stem.partition('_ucf101_')
    parts = save_pretrained(cfg, tmp_path / 'pretrained.pth')
    assert bool(parts) is (mode not in ('scratch', 'regularized'))
    model = MODELS.build(cfg.model)
    model.init_weights()
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in cfg.custom_hooks:
        HOOKS.build(hook)

    views = list(model.classifiers.values()) if stream == 'two_view' else [model]
    assert tuple(view.data_preprocessor.stream for view in views) == STREAMS[stream]
    for view in views:
        part = 'backbone_motion.' if view.data_preprocessor.stream == 'motion' else 'backbone_rgb.'
        for name, value in parts[part].state_dict().items() if parts else ():
            assert torch.equal(view.backbone.state_dict()[name], value)
        frozen = not any(p.requires_grad for p in view.backbone.parameters())
        assert frozen is (mode == 'linear')
        if path.parent.name.startswith('s3d'):  # elsewhere nobody normalises features
            assert view.cls_head.feature_norm == (('l2', 'batch') if frozen else ())
        assert (view.cls_head.dropout is None) is frozen

    train = videos(cfg, 'train')
    data = pseudo_collate([train[index] for index in range(2)])
    assert set(data['inputs']) == set(STREAMS[stream])
    model.train()
    loss, log = model.parse_losses(model(**model.data_preprocessor(data, True), mode='loss'))
    loss.backward()
    assert ('loss_motion' in log) is (mode == 'regularized')
    for name in [name for name in log if name.startswith('loss_cls')]:
        # Scores of a new classifier are near zero: all classes are alike.
        assert log[name].item() == pytest.approx(math.log(101), rel=0.15)

    [sample] = videos(cfg, 'test')
    [result] = model.eval().test_step(pseudo_collate([sample]))
    assert result.pred_score.shape == (101,)
    assert result.pred_score.sum().item() == pytest.approx(1, abs=1e-4)
    metric = METRICS.build(cfg.test_evaluator)
    metric.process(None, [result.to_dict()])
    assert set(metric.evaluate(1)) >= {'acc/top1', 'acc/top5', 'acc/mean1', 'acc/loss'}


def flat(node, prefix=''):
    """Every setting of a config by its path."""
    if not isinstance(node, dict | list | tuple) or not node:
        return {prefix: node}
    items = node.items() if isinstance(node, dict) else enumerate(node)
    return {k: v for key, value in items for k, v in flat(value, f'{prefix}.{key}').items()}


@pytest.mark.parametrize('path', SECOND_GRID, ids=name_of)
def test_hmdb51_differs_in_folder_classes_and_its_own_schedule_alone(path, monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    cfg, other = (
        flat({k: v for k, v in Config.fromfile(p).to_dict().items() if k not in LOCAL})
        for p in (path, path.with_stem(path.stem.replace('hmdb51', 'ucf101')))
    )
    assert cfg.keys() == other.keys()
    differ = {key: value for key, value in cfg.items() if value != other[key]}
    folders = {f'.{split}_dataloader.dataset.data_root' for split in ('train', 'val', 'test')}
    assert {key for key, value in differ.items() if value == 'data/hmdb51'} == folders
    classes = {key for key, value in differ.items() if value == 51}
    assert classes and all(key.endswith('.cls_head.num_classes') for key in classes)
    schedule = {key for key in differ if key.startswith('.optim_wrapper.')}
    if not path.parent.name.startswith('s3d'):  # Context-Motion Decoupling's learning rate
        optimizer = '.optim_wrapper.optimizer'
        assert schedule == {f'{optimizer}.lr', f'{optimizer}.weight_decay'}
        assert differ[f'{optimizer}.lr'] == 2e-4 * 8
        assert differ[f'{optimizer}.weight_decay'] == 2e-3
        folders |= schedule
    assert set(differ) == folders | classes


@pytest.mark.parametrize(
    'protocol, clips',
    [('one_clip', 1), ('ten_clips', 10), ('three_crops', 3), ('ten_crops', 2 * 10)],
)
@pytest.mark.parametrize('stream', ['rgb', 'flow', 'two_view'])
def test_protocols(root, monkeypatch, protocol, clips, stream):
    cfg = load(CONFIGS / f's3d/{stream}_ucf101_finetune.py', root, monkeypatch, protocol)
    for name in ('test', 'val'):
        [sample] = videos(cfg, name)
        for tensor in sample['inputs'].values():
            assert len(tensor) == (clips if name == 'test' else 1)
    unchanged = Config.fromfile(CONFIGS / f's3d/{stream}_ucf101_finetune.py')
    [step] = [s for s in unchanged.test_dataloader.dataset.pipeline if s.type == 'SampleClips']
    assert (step.clip_len, step.get('stride')) == (32, 16 if protocol == 'ten_crops' else None)


def numbers(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    optimizer = cfg.optim_wrapper.optimizer
    return cfg.train_cfg.max_epochs, optimizer.lr, optimizer.weight_decay


def test_schedules_have_the_numbers_of_the_papers():
    for stream in STREAMS:
        for dataset in ('ucf101', 'hmdb51'):
            assert numbers(f's3d/{stream}_{dataset}_finetune') == (500, 0.1, 1e-3)
            assert numbers(f's3d/{stream}_{dataset}_linear') == (100, 0.1, 1e-3)
    assert numbers('s3d/rgb_ucf101_finetune_context_motion') == (120, 1e-4 * 8, 3e-3)
    assert numbers('s3d/rgb_ucf101_finetune_imrnet')[::2] == (500, 1e-4)
    assert numbers('s3d/rgb_ucf101_finetune_segment_order') == (300, 1e-3, 5e-4)
    for method, batch, dropout in (('context_motion', 8, 0.3), ('imrnet', 25, 0.9)):
        cfg = Config.fromfile(CONFIGS / f's3d/rgb_ucf101_finetune_{method}.py')
        assert cfg.train_dataloader.batch_size == batch
        assert cfg.model.cls_head.dropout_ratio == dropout


@pytest.mark.parametrize('backbone', ['c3d', 'r2plus1d26', 'r3d26'])
@pytest.mark.parametrize('mode', ['finetune', 'scratch', 'regularized'])
def test_context_motion_has_the_numbers_of_the_paper(backbone, mode):
    assert numbers(f'{backbone}/rgb_ucf101_{mode}') == (120, 1e-4 * 8, 3e-3)
    assert numbers(f'{backbone}/rgb_hmdb51_{mode}') == (120, 2e-4 * 8, 2e-3)
    cfg = Config.fromfile(CONFIGS / f'{backbone}/rgb_ucf101_{mode}.py')
    assert cfg.train_dataloader.batch_size == 8
    assert cfg.model.cls_head.dropout_ratio == 0.3
    assert [s.type for s in cfg.param_scheduler] == ['CosineAnnealingLR']
    for split, num_clips in (('train', None), ('test', 10)):
        pipeline = cfg[f'{split}_dataloader'].dataset.pipeline
        [step] = [step for step in pipeline if step.type.startswith('Sample')]
        assert (step.clip_len, step.frame_interval) == (16, 4)
        assert split == 'train' or step.num_clips == num_clips
        assert {step.size for step in pipeline if 'size' in step} == {112}
    if mode == 'regularized':
        assert cfg.model.neck.head.loss_weight == 0.2


def test_plateau_divides_by_ten_twice():
    cfg = Config.fromfile(CONFIGS / 's3d/rgb_ucf101_linear.py')
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=cfg.optim_wrapper.optimizer.lr)
    [scheduler] = [
        PARAM_SCHEDULERS.build(c, default_args=dict(optimizer=optimizer))
        for c in cfg.param_scheduler
    ]
    rates = []
    for _ in range(50):
        scheduler.step()
        scheduler.step({'acc/loss': 1.0})
        rates.append(optimizer.param_groups[0]['lr'])
    assert sorted(set(rates), reverse=True) == pytest.approx([0.1, 0.01, 0.001])


def test_coclr_trains_the_backbone_at_a_tenth():
    cfg = shrink(Config.fromfile(CONFIGS / 's3d/rgb_ucf101_finetune_coclr.py'))
    model = MODELS.build(cfg.model)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    rates = {id(group['params'][0]): group['lr'] for group in optimizer.param_groups}
    for name, parameter in model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(0.01 if 'backbone' in name else 0.1)


@pytest.mark.parametrize('name', ['demo_linear', 'demo_finetune'])
def test_demo_follows_the_pretraining_demo(name):
    demo = Config.fromfile(CONFIGS.parent / 'mvcgc/demo.py')
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    for stream, view in cfg.model.classifiers.items():
        backbone = {key: v for key, v in view.backbone.items() if key != 'init_cfg'}
        assert backbone == demo.model[f'backbone_{stream}']
        init_cfg = view.backbone.init_cfg
        assert init_cfg.checkpoint == f'work_dirs/demo/epoch_{demo.train_cfg.max_epochs}.pth'
        assert init_cfg.prefix == f'backbone_{stream}.'
        settings = {k: v for k, v in view.data_preprocessor.items() if k not in ('type', 'stream')}
        assert settings == {k: v for k, v in demo.model.data_preprocessor.items() if k != 'type'}
    steps, reference = (c.train_dataloader.dataset.pipeline for c in (cfg, demo))
    assert [s for s in steps if s.type != 'SampleClips'] == [
        s for s in reference if s.type != 'SampleClips'
    ]
    assert [dict(s, num_clips=2) for s in steps if s.type == 'SampleClips'] == [
        s for s in reference if s.type == 'SampleClips'
    ]
    assert cfg.test_dataloader.dataset.split == 'test'


@pytest.mark.parametrize('name', ['demo_scratch', 'demo_regularized'])
def test_demo_of_the_regulariser_differs_from_scratch_in_it_alone(name):
    demo = Config.fromfile(CONFIGS.parent / 'context_motion/demo.py')
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    assert cfg.model.backbone == demo.model.backbone_rgb
    settings = {k: v for k, v in cfg.model.data_preprocessor.items() if k not in ('type', 'stream')}
    assert settings == {k: v for k, v in demo.model.data_preprocessor.items() if k != 'type'}
    assert cfg.optim_wrapper == demo.optim_wrapper
    # Of 40 videos of each class, one after the other; as many steps of 32 videos.
    labelled = cfg.train_dataloader.dataset.indices
    assert [sum(i // 40 == label for i in labelled) for label in range(16)] == [8] * 16
    assert cfg.train_cfg.max_epochs * (len(labelled) // 32) == demo.train_cfg.max_epochs * 20
    assert cfg.test_dataloader.dataset.split == 'test'
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert steps['SampleContextMotion'].iframe_window is None
    assert ('neck' in cfg.model) is (name == 'demo_regularized')
    if name == 'demo_regularized':
        neck = cfg.model.neck
        assert neck.head.loss_weight == 0.2
        assert (neck.clip, neck.size) == (1.0, 16)
        scratch = Config.fromfile(CONFIGS / 'demo_scratch.py')
        without = {key: value for key, value in cfg.model.items() if key != 'neck'}
        assert without == dict(scratch.model.items())
        assert cfg.test_dataloader == scratch.test_dataloader
        assert steps['PackSSLInputs'].motion_target
    model = MODELS.build(cfg.model).train()
    inputs = torch.randint(0, 255, (4, 1, 3, 8, 56, 56), dtype=torch.uint8)
    samples = [ActionDataSample().set_gt_label(label) for label in range(4)]
    for sample in samples:
        sample.set_field(torch.randn(2, 2, 8, 14, 14), 'motion_target')
    data = model.data_preprocessor(dict(inputs=dict(rgb=inputs), data_samples=samples), True)
    losses = model(**data, mode='loss')
    assert ('loss_motion' in losses) is ('neck' in cfg.model)
