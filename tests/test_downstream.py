"""Every config that evaluates a backbone trains and tests: pipeline, pretrained weights, crops."""

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
from ssvrl_mm.wrapping import retrieval_parts
from tests.clips import encode, translating

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
MVCGC, CONTEXT = CONFIGS / 'mvcgc/benchmarks', CONFIGS / 'context_motion/benchmarks'
CLASSIFIERS = [
    path
    for path in [*sorted(CONTEXT.glob('*.py')), *sorted(MVCGC.glob('*.py'))]
    # Those from Kinetics-400 differ in their checkpoint alone.
    if not any(f'_{word}_' in path.stem for word in ('retrieval', 'demo', 'k400'))
]
# Whose differences from the first are looked at line by line, so that they are not trained as well.
SECOND_DATASET = [path for path in CLASSIFIERS if '_hmdb51_' in path.stem]
FIRST_DATASET = [path for path in CLASSIFIERS if path not in SECOND_DATASET]
STREAMS = {
    'rgb': ('rgb',),
    'motion': ('motion',),
    'two_stream': ('rgb', 'motion'),
    'flow': ('flow',),
    'rgb-flow': ('rgb', 'flow'),
    'flow-low': ('flow',),
    'mv-coviar': ('motion',),
    'mv-coviar-per-frame': ('motion',),
}
# Frames of a video: two windows of 8 that move by 8; the paper's are of 32 and move by 16.
NUM_FRAMES = 16


def name_of(path):
    return path.stem


def parts_of(path):
    """The stream, the dataset and the protocol in the name of a config."""
    for stream in STREAMS:
        for dataset in ('ucf101', 'hmdb51'):
            if f'_{stream}_{dataset}_' in path.stem:
                return stream, dataset, path.stem.partition(f'_{stream}_{dataset}_')[2]
    raise ValueError(path)


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two training videos and a test video."""
    root = tmp_path_factory.mktemp('data')
    lines = [f'{number}.mp4 {number}\n' for number in range(3)]
    for dataset in ('ucf101', 'hmdb51'):
        (root / dataset / 'videos').mkdir(parents=True)
        (root / dataset / 'gop12').symlink_to('videos')
        for number in range(3):
            frames = translating(NUM_FRAMES, 2 - number, 1, height=48, width=64, seed=number)
            encode(root / dataset / 'videos' / f'{number}.mp4', frames)
        (root / dataset / 'train_list.txt').write_text(''.join(lines[:2]))
        (root / dataset / 'test_list.txt').write_text(lines[2])
    return root


def shrink(cfg):
    """Narrow networks, short clips of few pixels; nothing else changes."""
    for classifier in classifiers(cfg.model):
        classifier.backbone.width = 0.125
        classifier.cls_head.in_channels = channels_of(classifier.backbone)
        for field in {'motion', 'flow'} & classifier.data_preprocessor.keys():
            classifier.data_preprocessor[field].size = 32
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
        backbone.init_cfg.checkpoint = str(path)
    return parts


def classifiers(model):
    return list(model.classifiers.values()) if 'classifiers' in model else [model]


def load(path, root, monkeypatch, protocol=None):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    monkeypatch.setenv('SSVRL_FLOW', 'dis')
    if protocol:
        monkeypatch.setenv('SSVRL_TEST_PROTOCOL', protocol)
    return shrink(Config.fromfile(path))


def videos(cfg, split):
    return DATASETS.build(cfg[f'{split}_dataloader'].dataset)


@pytest.mark.parametrize('path', FIRST_DATASET, ids=name_of)
def test_config_starts_from_pretrained_weights_trains_and_tests(path, root, tmp_path, monkeypatch):
    cfg = load(path, root, monkeypatch)
    stream, _, protocol = parts_of(path)
    parts = save_pretrained(cfg, tmp_path / 'pretrained.pth')
    assert bool(parts) is (protocol not in ('scratch', 'regularized'))
    model = MODELS.build(cfg.model)
    model.init_weights()
    build_optim_wrapper(model, cfg.optim_wrapper)
    for hook in cfg.custom_hooks:
        HOOKS.build(hook)

    recognizers = list(getattr(model, 'classifiers', dict(only=model)).values())
    assert tuple(r.data_preprocessor.stream for r in recognizers) == STREAMS[stream]
    for recognizer in recognizers:
        weights = recognizer.backbone.state_dict()
        part = f'backbone_{recognizer.data_preprocessor.stream}.'
        for name, value in parts[part].state_dict().items() if parts else ():
            assert torch.equal(weights[name], value)
        frozen = not any(p.requires_grad for p in recognizer.backbone.parameters())
        assert frozen is (protocol == 'linear')
        assert recognizer.cls_head.feature_norm == (('l2', 'batch') if frozen else ())
        assert (recognizer.cls_head.dropout is None) is frozen

    train = videos(cfg, 'train')
    data = pseudo_collate([train[index] for index in range(2)])
    assert set(data['inputs']) == set(STREAMS[stream])
    model.train()
    loss, log = model.parse_losses(model(**model.data_preprocessor(data, True), mode='loss'))
    loss.backward()
    assert ('loss_motion' in log) is (protocol == 'regularized')
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


# What a run goes by; the other names of a config file are what it is written with.
RUN = (
    'model',
    *(f'{split}_{part}' for split in ('train', 'val', 'test') for part in ('dataloader', 'cfg')),
    *('val_evaluator', 'test_evaluator', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'),
    *('default_hooks', 'custom_hooks', 'env_cfg', 'randomness', 'load_from'),
)


# Table 3 of Context-Motion Decoupling, which is of UCF101: when is validated, by what, what stays.
TABLE_3 = ('.train_cfg.', '.val_dataloader.dataset.pipeline.', '.default_hooks.checkpoint.')


@pytest.mark.parametrize('path', SECOND_DATASET, ids=name_of)
def test_hmdb51_differs_in_folder_classes_and_its_own_schedule_alone(path, monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    cfg, other = (
        flat({k: v for k, v in Config.fromfile(p).to_dict().items() if k in RUN})
        for p in (path, path.with_stem(path.stem.replace('hmdb51', 'ucf101')))
    )
    if '_r2plus1d26_' in path.stem and parts_of(path)[2] != 'regularized':
        cfg, other = (
            {k: v for k, v in settings.items() if not k.startswith(TABLE_3)}
            for settings in (cfg, other)
        )
    assert cfg.keys() == other.keys()
    differ = {key: value for key, value in cfg.items() if value != other[key]}
    folders = {f'.{split}_dataloader.dataset.data_root' for split in ('train', 'val', 'test')}
    assert {key for key, value in differ.items() if value == 'data/hmdb51'} == folders
    classes = {key for key, value in differ.items() if value == 51}
    assert classes and all(key.endswith('.cls_head.num_classes') for key in classes)
    schedule = {key for key in differ if key.startswith('.optim_wrapper.')}
    if path.parent == CONTEXT:  # Context-Motion Decoupling's learning rate
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
@pytest.mark.parametrize('stream', ['rgb', 'motion', 'two_stream', 'flow'])
def test_protocols(root, monkeypatch, protocol, clips, stream):
    path = MVCGC / f'mvcgc_s3d_{stream}_ucf101_linear.py'
    cfg = load(path, root, monkeypatch, protocol)
    for name in ('test', 'val'):
        [sample] = videos(cfg, name)
        for tensor in sample['inputs'].values():
            assert len(tensor) == (clips if name == 'test' else 1)
    unchanged = Config.fromfile(path)
    [step] = [s for s in unchanged.test_dataloader.dataset.pipeline if s.type == 'SampleClips']
    assert (step.clip_len, step.get('stride')) == (32, 16 if protocol == 'ten_crops' else None)


def numbers(path):
    cfg = Config.fromfile(path)
    optimizer = cfg.optim_wrapper.optimizer
    return cfg.train_cfg.max_epochs, optimizer.lr, optimizer.weight_decay


@pytest.mark.parametrize('path', [p for p in CLASSIFIERS if p.parent == MVCGC], ids=name_of)
def test_mvcgc_has_the_numbers_of_the_paper(path):
    if parts_of(path)[2] == 'linear':
        assert numbers(path) == (100, 0.1, 1e-3)
    else:
        assert numbers(path) == (500, 1e-3 if path.stem.startswith('coclr_') else 0.1, 1e-3)
    for classifier in classifiers(Config.fromfile(path).model):
        jitter = dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.3)
        assert classifier.data_preprocessor.augment == dict(color_jitter=jitter)


@pytest.mark.parametrize('backbone', ['c3d', 'r2plus1d26', 'r3d26'])
@pytest.mark.parametrize('protocol', ['finetune', 'finetune_k400', 'scratch', 'regularized'])
def test_context_motion_has_the_numbers_of_the_paper(backbone, protocol):
    paths = {
        dataset: CONTEXT / f'context_motion_{backbone}_rgb_{dataset}_{protocol}.py'
        for dataset in ('ucf101', 'hmdb51')
    }
    assert numbers(paths['ucf101']) == (120, 1e-4 * 8, 3e-3)
    assert numbers(paths['hmdb51']) == (120, 2e-4 * 8, 2e-3)
    cfg = Config.fromfile(paths['ucf101'])
    assert cfg.train_dataloader.batch_size == 8
    assert cfg.model.cls_head.dropout_ratio == 0.3
    assert [s.type for s in cfg.param_scheduler] == ['CosineAnnealingLR']
    for split, num_clips in (('train', None), ('test', 10)):
        pipeline = cfg[f'{split}_dataloader'].dataset.pipeline
        [step] = [step for step in pipeline if step.type.startswith('Sample')]
        assert (step.clip_len, step.frame_interval) == (16, 4)
        assert split == 'train' or step.num_clips == num_clips
        assert {step.size for step in pipeline if 'size' in step} == {112}
    assert ('neck' in cfg.model) is (protocol == 'regularized')
    if protocol.startswith('finetune'):
        pretrained = f'context_motion_{backbone}_{protocol.partition("_")[2] or "ucf101"}'
        for path in paths.values():
            start = Config.fromfile(path).model.backbone.init_cfg
            assert start.checkpoint == f'work_dirs/context_motion/{pretrained}/epoch_120.pth'
            assert start.prefix == 'backbone_rgb.'
    if protocol == 'regularized':
        # The head of pretraining, with a weight of its own.
        pretraining = CONFIGS / f'context_motion/context_motion_{backbone}_ucf101.py'
        head = Config.fromfile(pretraining).model.motion_head
        assert dict(cfg.model.neck.head) == dict(head, loss_weight=0.2)


def test_plateau_divides_by_ten_twice():
    cfg = Config.fromfile(MVCGC / 'mvcgc_s3d_rgb_ucf101_linear.py')
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


def test_coclr_finetunes_as_its_code_does():
    # Command line of its README, defaults of its options.
    cfg = shrink(Config.fromfile(MVCGC / 'coclr_s3d_rgb_ucf101_finetune.py'))
    model = MODELS.build(cfg.model)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    assert type(optimizer) is torch.optim.Adam
    assert (cfg.auto_scale_lr.base_batch_size, cfg.train_dataloader.batch_size) == (2 * 32, 32)
    assert cfg.model.cls_head.dropout_ratio == 0.9
    rates = {id(group['params'][0]): group['lr'] for group in optimizer.param_groups}
    for name, parameter in model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(1e-4 if 'backbone' in name else 1e-3)
    [schedule] = cfg.param_scheduler
    assert schedule == dict(type='MultiStepLR', milestones=[400, 450], gamma=0.1)


@pytest.mark.parametrize('name', ['mvcgc_demo_linear', 'mvcgc_demo_finetune'])
def test_demo_follows_the_pretraining_demo(name):
    demo = Config.fromfile(CONFIGS / 'mvcgc/demo.py')
    cfg = Config.fromfile(MVCGC / f'{name}.py')
    for stream, classifier in cfg.model.classifiers.items():
        backbone = {key: v for key, v in classifier.backbone.items() if key != 'init_cfg'}
        assert backbone == demo.model.backbones[stream]
        assert classifier.cls_head.in_channels == demo.model.head.projector.in_channels
        init_cfg = classifier.backbone.init_cfg
        assert init_cfg.checkpoint == f'work_dirs/demo/epoch_{demo.train_cfg.max_epochs}.pth'
        assert init_cfg.prefix == f'backbone_{stream}.'
        settings = {
            k: v for k, v in classifier.data_preprocessor.items() if k not in ('type', 'stream')
        }
        pretraining = demo.model.data_preprocessor.items()
        assert settings == {k: v for k, v in pretraining if k not in ('type', 'flow')}
    for split in ('train', 'test'):
        ours, theirs = (c[f'{split}_dataloader'].dataset for c in (cfg, demo))
        assert ours.streams == theirs.streams and ours.reader_options == theirs.reader_options
        # The second clip of a video, and its distance to the first, are pretraining's alone.
        for step in theirs.pipeline:
            if split == 'train' and step.type == 'SampleClips':
                step.num_clips, _ = 1, step.pop('min_gap')
        assert ours.pipeline == theirs.pipeline
    assert cfg.test_dataloader.dataset.split == 'test'


@pytest.mark.parametrize('name', ['context_motion_demo_scratch', 'context_motion_demo_regularized'])
def test_demo_of_the_regulariser_differs_from_scratch_in_it_alone(name):
    demo = Config.fromfile(CONFIGS / 'context_motion/context_motion_demo.py')
    cfg = Config.fromfile(CONTEXT / f'{name}.py')
    assert cfg.model.backbone == demo.model.backbones.rgb
    assert cfg.model.cls_head.in_channels == demo.model.context_head.in_channels
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
    [query] = [d for d in retrieval_parts(demo.test_dataloader.dataset) if d['role'] == 'query']
    tested = [
        dict(step, iframe_window=None, num_negatives=0) if 'iframe_window' in step else step
        for step in query['pipeline']
    ]
    assert cfg.test_dataloader.dataset.pipeline == tested
    is_regularized = name.endswith('regularized')
    assert ('neck' in cfg.model) is is_regularized
    if is_regularized:
        neck = cfg.model.neck
        assert dict(neck.head) == dict(demo.model.motion_head, loss_weight=0.2)
        assert neck.backbone_motion == demo.model.backbones.motion
        assert (neck.clip, neck.size) == (1.0, 16)
        scratch = Config.fromfile(CONTEXT / 'context_motion_demo_scratch.py')
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
