"""The configs of Context-Motion Decoupling: numbers of the paper, shapes, pipelines."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from mmengine.runner import EpochBasedTrainLoop
from torch import nn
from torch.optim import SGD
from torch.utils.data import DataLoader

from ssvrl_mm.registry import DATASETS, MODELS
from ssvrl_mm.wrapping import innermost_datasets
from tests.clips import encode, translating

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'context_motion'
METHOD = 'context_motion_'
PRETRAINING = sorted(
    path.stem.removeprefix(METHOD)
    for path in CONFIGS.glob('*.py')
    if not any(word in path.stem for word in ('demo', 'motion-primitives'))
)
NUM_FRAMES = 75  # of 70 that a clip and what follows it take


def load(name, folder='.'):
    return Config.fromfile(CONFIGS / folder / f'{METHOD}{name}.py')


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def steps_of(cfg, split='train'):
    return {step.type: step for step in cfg[f'{split}_dataloader'].dataset.pipeline}


@pytest.mark.parametrize('name', [n for n in PRETRAINING if 'released' not in n])
def test_numbers_of_the_paper(name):
    cfg = load(name)
    videos = 512 if 'k400' in name else 64
    assert cfg.train_cfg.max_epochs == 120
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.auto_scale_lr.base_batch_size == videos
    optimizer = dict(type='SGD', lr=5e-4 * videos, momentum=0.9, weight_decay=5e-3)
    assert cfg.optim_wrapper.optimizer == optimizer
    sample = steps_of(cfg)['SampleContextMotion']
    assert (sample.clip_len, sample.frame_interval) == (16, 4)
    assert (sample.motion_len, sample.motion_gap) == (8, 2)
    assert sample.num_negatives == (0 if name.endswith(('mse', 'cross-entropy')) else 3)
    assert sample.get('target', 'future') == ('current' if name.endswith('current') else 'future')
    assert steps_of(cfg)['ClipRandomResizedCrop'] == dict(
        type='ClipRandomResizedCrop', size=112, area_range=(0.2, 1.0)
    )
    heads = [cfg.model.get(head) for head in ('context_head', 'motion_head')]
    assert sum(head.loss_weight for head in heads if head) == 1
    for head in heads:
        inner = (head or {}).get('objective', head) or {}
        if 'hidden_channels' in inner:
            assert (inner.hidden_channels, inner.out_channels) == (2048, 512)


def test_ablations_change_what_they_say():
    whole = load('c3d_ucf101').model
    assert (whole.context_head.loss_weight, whole.motion_head.loss_weight) == (0.5, 0.5)
    predictor = whole.motion_head.predictor
    assert (predictor.num_encoder_layers, predictor.num_decoder_layers) == (2, 4)
    assert load('c3d_ucf101_context').model.motion_head is None
    assert load('c3d_ucf101_motion').model.context_head is None
    assert load('c3d_ucf101_convgru').model.motion_head.predictor.type == 'ConvGRUPredictor'
    for name, objective in (('mse', 'MotionRegression'), ('cross-entropy', 'MotionClassification')):
        assert load(f'c3d_ucf101_{name}').model.motion_head.objective.type == objective
    for split in ('train', 'val', 'test'):
        dataset = load('c3d_ucf101_flow')[f'{split}_dataloader'].dataset
        options = {name: v for name, v in dataset.reader_options.items() if 'flow' in name}
        # A value for every pixel, from files.
        assert options == dict(flow_method='tvl1', flow_root='tvl1')
        assert dataset.streams == ('rgb', 'flow', 'iframe')
    assert load('c3d_ucf101_flow').model.backbones.flow == whole.backbones.motion
    assert load('c3d_ucf101_flow').model.data_preprocessor.flow == whole.data_preprocessor.motion


def validated(train_cfg):
    """The epochs that mmengine's loop validates after."""
    runner = SimpleNamespace(visualizer=SimpleNamespace())
    options = {key: value for key, value in train_cfg.items() if key != 'type'}
    loop = EpochBasedTrainLoop(runner, DataLoader([0]), **options)
    epochs = []
    for epoch in range(1, loop.max_epochs + 1):
        loop._epoch = epoch
        loop._decide_current_val_interval()
        if epoch >= loop.val_begin and (epoch % loop.val_interval == 0 or epoch == loop.max_epochs):
            epochs.append(epoch)
    return epochs


TABLES_3_AND_7 = [
    'context_motion_c3d_ucf101_correlation',
    *(
        f'benchmarks/context_motion_r2plus1d26_rgb_ucf101_{protocol}'
        for protocol in ('scratch', 'finetune', 'finetune_k400')
    ),
]


@pytest.mark.parametrize('name', TABLES_3_AND_7)
def test_epochs_of_tables_3_and_7(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    epochs = [1, 5, 10, 20, 50, 120]
    assert validated(cfg.train_cfg) == list(cfg.default_hooks.checkpoint.keep_epochs) == epochs
    # Beside them the newest one, for a run that is stopped; it owes the validation of its epoch.
    assert (cfg.default_hooks.checkpoint.interval, cfg.default_hooks.checkpoint.max_keep_ckpts) == (
        5,
        1,
    )
    assert 'ValidateOnResumeHook' in [hook.type for hook in cfg.custom_hooks]
    pipeline = innermost_datasets(cfg.val_dataloader.dataset)[-1]['pipeline']
    [sample] = [step for step in pipeline if step['type'].startswith('Sample')]
    assert (sample['num_clips'], sample['clip_len'], sample['frame_interval']) == (10, 16, 4)


def test_the_correlation_of_table_7_is_of_two_datasets(monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    cfg, whole = load('c3d_ucf101_correlation'), load('c3d_ucf101')
    assert (cfg.model, cfg.train_dataloader) == (whole.model, whole.train_dataloader)
    assert cfg.train_dataloader.dataset.data_root == 'data/ucf101'
    for split in ('val', 'test'):
        ours, theirs = (c[f'{split}_dataloader'].dataset for c in (cfg, whole))
        assert ours == dict(theirs, data_root='data/hmdb51')


@pytest.mark.parametrize('backbone', ['c3d', 'r2plus1d26', 'r3d26'])
def test_encoded_anew_differs_in_the_folder_of_videos_alone(backbone):
    ours, theirs = load(f'{backbone}_ucf101_gop12'), load(f'{backbone}_ucf101')
    for split in ('train', 'val', 'test'):
        dataset = ours[f'{split}_dataloader'].dataset
        assert dataset.data_prefix.video == 'gop12'
        dataset.data_prefix.video = 'videos'
    for key in ('model', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'default_hooks'):
        assert ours[key] == theirs[key]
    for split in ('train', 'val', 'test'):
        assert ours[f'{split}_dataloader'] == theirs[f'{split}_dataloader']


def rates(cfg, per_epoch):
    """The learning rate in every iteration."""
    optimizer = SGD(nn.Linear(1, 1).parameters(), lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = []
    for config in cfg.param_scheduler:
        defaults = dict(optimizer=optimizer, epoch_length=per_epoch)
        scheduler = PARAM_SCHEDULERS.build(config, default_args=defaults)
        schedulers.append((per_epoch if scheduler.by_epoch else 1, scheduler))
    curve = []
    for step in range(1, cfg.train_cfg.max_epochs * per_epoch + 1):
        curve.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for period, scheduler in schedulers:
            if step % period == 0:
                scheduler.step()
    return curve


def test_learning_rates():
    curve = rates(load('c3d_ucf101'), per_epoch=10)
    expected = [0.032 * 0.5 * (1 + torch.tensor(torch.pi * t / 1200).cos()) for t in range(1200)]
    assert curve == pytest.approx(torch.stack(expected).tolist(), abs=1e-6)


def released_rates(low, high, end, epochs, warm_up, per_epoch):
    """The released code's: a line, then a cosine that falls once an epoch, down to its end."""
    for epoch in range(1, epochs + 1):
        for step in range(per_epoch):
            if epoch <= warm_up:
                yield low + (high - low) * (step + (epoch - 1) * per_epoch) / (warm_up * per_epoch)
            else:
                share = (epoch - warm_up) / (epochs - warm_up)
                yield (high - end) * (math.cos(math.pi * share) + 1) / 2 + end


def test_released_learning_rates():
    steps = 20
    curve = rates(load('c3d_ucf101_released'), steps)
    expected = list(released_rates(5e-6 * 64, 5e-4 * 64, 0, 120, 5, steps))
    # Lines that end a step sooner or later.
    assert curve == pytest.approx(expected, abs=2 * 0.032 / (5 * steps))
    assert curve[5 * steps :] == pytest.approx(expected[5 * steps :], rel=1e-6, abs=1e-12)
    curve = rates(load('c3d_rgb_ucf101_finetune_released', 'benchmarks'), steps)
    expected = list(released_rates(4e-6 * 8, 1e-4 * 8, 1e-6, 120, 10, steps))
    assert curve == pytest.approx(expected, abs=2 * 8e-4 / (10 * steps))
    assert curve[10 * steps :] == pytest.approx(expected[10 * steps :], rel=1e-6)


@pytest.mark.parametrize('name', [n for n in PRETRAINING if 'released' in n])
def test_released_settings(name):
    cfg = load(name)
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=15)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.nesterov, optimizer.weight_decay) == (True, 1e-3)
    assert cfg.sync_bn == 'torch'
    assert cfg.model.data_preprocessor.motion.clip == 10
    assert (cfg.model.context_head.loss_weight, cfg.model.motion_head.loss_weight) == (1, 1)
    assert ('neck' in cfg.model) is ('26' in name)
    predictor = cfg.model.motion_head.predictor
    assert (predictor.type, predictor.channels, predictor.dropout) == ('DETRPredictor', 512, 0.1)
    for split in ('train', 'val', 'test'):
        assert cfg[f'{split}_dataloader'].dataset.reader_options == dict(
            motion='codec', iframe_motion='zero'
        )
        steps = steps_of(cfg, split)
        assert steps['SampleContextMotion'].motion_gap == 3
        resize = steps['ClipRandomResizedCrop' if split == 'train' else 'ClipResize']
        assert (resize.motion_stride, resize.motion_interpolation) == (1, 'bilinear')
        assert resize.scale_motion is False


@pytest.mark.parametrize('name', [n for n in PRETRAINING if 'released' in n])
def test_released_networks(name):
    """Their numbers of parameters, and how their perceptrons start."""
    with torch.device('meta'):
        model = build(name)
    count = {'c3d': 27_661_440, 'r2plus1d26': 26_507_471, 'r3d26': 26_498_752}
    sizes = dict(rgb=count[name.partition('_')[0]], iframe=4_905_792, motion=14_352_384)
    for stream, size in sizes.items():
        assert sum(p.numel() for p in model.backbone(stream).parameters()) == size
    torch.manual_seed(0)
    for head in ('context_head', 'motion_head'):
        part = MODELS.build(load(name).model[head])
        part.init_weights()
        convs = [m for m in part.modules() if isinstance(m, nn.Conv1d)]
        assert len(convs) == 4
        for conv in convs:  # by the number of outputs
            expected = (2 / conv.out_channels) ** 0.5
            assert conv.weight.std().item() == pytest.approx(expected, rel=0.01)
            assert conv.bias is None or conv.bias.eq(0).all()


def inputs_of(device='meta', n=2):
    """A batch as the preprocessor makes it; on 'meta' it takes no memory and no time."""
    return dict(
        rgb=torch.rand(n, 1, 3, 16, 112, 112, device=device),
        iframe=torch.rand(n, 1, 3, 112, 112, device=device),
        motion=torch.rand(n, 4, 2, 8, 112, 112, device=device),
        flow=torch.rand(n, 4, 2, 8, 112, 112, device=device),
    )


def build(name):
    return MODELS.build({**load(name).model, 'data_preprocessor': None})


@pytest.mark.parametrize('name', PRETRAINING)
def test_shapes_fit_at_full_size(name):
    cfg, inputs = load(name), inputs_of()
    with torch.device('meta'):
        model = build(name)
        maps = model.backbone('rgb')(inputs['rgb'][:, 0])
        maps = maps if model.neck is None else model.neck(maps)
        if 'iframe' in model.streams:
            context = model.backbone('iframe')(inputs['iframe'].transpose(1, 2))
        if model.motion_stream in model.streams:
            fields = inputs[model.motion_stream].flatten(0, 1)
            motion = model.backbone(model.motion_stream)(fields)
    if cfg.model.get('context_head'):
        head = cfg.model.context_head
        assert (maps.shape[1], context.shape[1]) == (head.in_channels, head.context_channels)
    if cfg.model.get('motion_head'):
        predictor, objective = cfg.model.motion_head.predictor, cfg.model.motion_head.objective
        assert tuple(maps.shape[1:]) == (predictor.in_channels, *predictor.in_size)
        if model.motion_stream in model.streams:
            assert tuple(motion.shape[1:]) == (objective.motion_channels, *predictor.out_size)


def test_a_batch_at_full_size():
    torch.manual_seed(0)
    model = build('c3d_ucf101')
    with torch.no_grad():
        losses = model(inputs_of('cpu'), [ActionDataSample()] * 2, mode='loss')
    # Noise tells a prediction nothing: of 2 x 4 clips of 49 places each it finds its own by chance.
    assert losses['loss_motion'].item() == pytest.approx(0.5 * math.log(2 * 4 * 49), rel=0.3)


@pytest.mark.parametrize('name', ['r2plus1d26_ucf101_released', 'r3d26_ucf101_released'])
def test_released_tokens_are_pairs_of_layer_3(name):
    """Four frames (T / 4) of layer 3, in pairs, of 7 x 7: 98 tokens of 2 x 1024 channels."""
    with torch.device('meta'):
        model = build(name)
        maps = model.backbone('rgb')(inputs_of()['rgb'][:, 0])
        assert [tuple(m.shape[1:]) for m in maps] == [(1024, 4, 7, 7), (2048, 2, 4, 4)]
        assert model.neck(maps).shape[1:] == (2048, 2, 7, 7)
        fields = model.backbone('motion')(inputs_of()['motion'][:, 0])
        assert fields.shape[1:] == (512, 1, 7, 7)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder for SSVRL_DATA: two training videos, one of them too short, and a test video."""
    root = tmp_path_factory.mktemp('data')
    (root / 'ucf101' / 'videos').mkdir(parents=True)
    for number, length in enumerate((NUM_FRAMES, NUM_FRAMES, 20)):
        frames = translating(length, 2 - number, 1, height=48, width=64, seed=number)
        encode(root / 'ucf101' / 'videos' / f'{number}.mp4', frames)
    (root / 'ucf101' / 'train_list.txt').write_text('0.mp4 0\n1.mp4 1\n2.mp4 0\n')
    (root / 'ucf101' / 'test_list.txt').write_text('2.mp4 0\n')
    # What is encoded anew has the same names; what another dataset is to be looked for elsewhere.
    (root / 'ucf101' / 'gop12').symlink_to('videos')
    (root / 'hmdb51').symlink_to('ucf101')
    return root


STREAMS = dict(
    rgb=(1, 3, 16, 112, 112),
    iframe=(1, 3, 112, 112),
    motion=(4, 2, 8, 28, 28),
    flow=(4, 2, 8, 112, 112),
)


@pytest.mark.parametrize('name', [n for n in PRETRAINING if n.startswith('c3d_ucf101')])
def test_pipelines_pack_what_the_model_takes(name, root, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(root))
    monkeypatch.setenv('SSVRL_FLOW', 'dis')  # TV-L1 takes seconds
    cfg = load(name)
    model = MODELS.build(small(cfg))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    # One that is long enough, and the short one.
    data = pseudo_collate([dataset[i] for i in (0, 2)])
    third = 'flow' if name.endswith('flow') else 'motion'
    assert set(data['inputs']) == {'rgb', 'iframe', third} - (
        {'motion'}
        if name.endswith('context')
        else {'iframe'}
        if name.endswith('_motion')
        else set()
    )
    for stream, batch in data['inputs'].items():
        shape = STREAMS[stream]
        if stream == 'motion' and name.endswith(('mse', 'cross-entropy')):
            shape = (1, *shape[1:])
        if stream == 'motion' and name.endswith('released'):
            shape = (*shape[:-2], 112, 112)
        assert all(tuple(x.shape) == shape for x in batch)
    model.train()
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.parameters())

    gallery, query = DATASETS.build(cfg.test_dataloader.dataset).datasets
    assert len(gallery) == 3
    [sample] = model.eval().test_step(pseudo_collate([query[0]]))
    for stream in cfg.test_evaluator.streams:
        assert sample.features[stream].shape[0] == 1


def small(cfg):
    """The model with an eighth of the channels."""
    model = cfg.model.to_dict()
    for backbone in model['backbones'].values():
        if backbone:
            backbone['width'] = 0.125
    if model.get('context_head'):
        model['context_head'].update(in_channels=64, context_channels=64, hidden_channels=32)
    if model.get('motion_head'):
        predictor = model['motion_head']['predictor']
        predictor.update(in_channels=64, channels=32)
        objective = model['motion_head']['objective']
        if 'motion_channels' in objective:
            objective.update(motion_channels=64, hidden_channels=32)
    return model
