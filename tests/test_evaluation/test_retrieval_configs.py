from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope

from ssvrl_mm.engine import launch
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import HOOKS, MODELS
from ssvrl_mm.wrapping import innermost_datasets

STREAMS = {
    'mvcgc_s3d': ['rgb', 'motion'],
    'mvcgc_s3d_flow': ['rgb', 'flow'],
    **{f'context_motion_{n}': ['rgb', 'iframe', 'motion'] for n in ('c3d', 'r2plus1d26', 'r3d26')},
    # For checkpoints without I- or M-network.
    'context_motion_c3d_rgb': ['rgb'],
}
# Neither is reported in its paper.
UNREPORTED = ('mvcgc_s3d_flow_retrieval_hmdb51', 'context_motion_c3d_rgb_retrieval_ucf101')
NAMES = [f'{network}_retrieval_{data}' for network in STREAMS for data in ('ucf101', 'hmdb51')]
NAMES = [name for name in NAMES if name not in UNREPORTED]
ABLATIONS = ('current', 'cross-entropy', 'mse', 'convgru', 'context', 'motion', 'flow')
# Under the protocol of CoCLR, with the streams of each.
COCLR = {
    'mvcgc_s3d_retrieval_ucf101_coclr': ['rgb', 'motion'],
    'mvcgc_s3d_retrieval_hmdb51_coclr': ['rgb', 'motion'],
    'mvcgc_s3d_flow_retrieval_ucf101_coclr': ['rgb', 'flow'],
    'mvcgc_s3d_flow_retrieval_hmdb51_coclr': ['rgb', 'flow'],
    'mvcgc_s3d_rgb_retrieval_ucf101_coclr': ['rgb'],
    'mvcgc_s3d_motion_retrieval_ucf101_coclr': ['motion'],
}
MSCL = [
    f'mscl_{network}_rgb_retrieval_{data}_coclr'
    for network in ('r3d18', 's3d')
    for data in ('ucf101', 'hmdb51')
]
# One network of all streams, and one of I-frames that nobody trains.
IMRNET = [
    f'imrnet_{n}_retrieval_{data}' for n in ('r18', 'imagenet') for data in ('ucf101', 'hmdb51')
]
# Segment order and VCOP, by the networks that both have.
ORDER = [
    f'{method}_{network}_rgb_retrieval_{data}'
    for method in ('segment_order', 'vcop')
    for network in ('c3d', 'r3d10', 'r2plus1d10')
    for data in ('ucf101', 'hmdb51')
]
# Of a classifier's backbone, for its features in the plane.
SUPERVISED = 'segment_order_r2plus1d10_rgb_retrieval_ucf101_supervised'


def test_every_config_is_looked_at(repository):
    found = (repository / 'configs').glob('*/benchmarks/*_retrieval_*.py')
    assert {path.stem for path in found} == {
        *(*NAMES, *COCLR, *IMRNET, *MSCL, *ORDER),
        SUPERVISED,
    }


@pytest.mark.parametrize('name', ORDER)
def test_segment_order_and_vcop_are_searched_clip_by_clip(name, repository):
    [path] = (repository / 'configs').glob(f'*/benchmarks/{name}.py')
    cfg = Config.fromfile(path)
    method, _, network = name.partition('_rgb_')[0].rpartition('_')
    trained = Config.fromfile(path.parents[1] / f'{method}_{network}_ucf101.py')
    assert cfg.model.backbones == trained.model.backbones
    assert trained.test_dataloader.dataset.pipeline == cfg.test_dataloader.dataset.pipeline
    [metric], datasets = parts_of(cfg, ['rgb'], name.split('_')[-1])
    assert metric.preset == 'vcop'
    launch.check_presets(cfg, ['test_dataloader', 'val_dataloader'])
    for dataset in datasets:
        assert sampling_of(dataset) == dict(
            type='SampleClips', clip_len=16, num_clips=10, test_mode=True
        )
        sizes = [step['size'] for step in dataset['pipeline'] if 'size' in step]
        assert sizes == [(128, 171), 112]


@pytest.mark.parametrize('name', IMRNET)
def test_imrnet_searches_by_all_streams_and_what_it_is_compared_with_by_i_frames(name, repository):
    cfg = Config.fromfile(repository / f'configs/imrnet/benchmarks/{name}.py')
    is_trained = '_r18_' in name
    if is_trained:
        cfg.model.backbone.width = 0.125
    else:
        assert cfg.model.backbones.iframe == dict(
            type='FrameResNet', depth=152, pretrained='torchvision://resnet152'
        )
        cfg.model.backbones.iframe.update(depth=18, pretrained=None)
        cfg.model.head.channels.iframe = 512
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        metrics = Evaluator(cfg.test_evaluator).metrics
        model = MODELS.build(cfg.model)
    assert [metric.preset for metric in metrics] == ['clean', 'vcop']
    for metric in metrics:
        assert metric.topk == (1, 5, 10, 20, 50)
        # None: all streams together, and each.
        assert metric.streams == (None if is_trained else dict(iframe=['iframe']))
    streams = ('iframe', 'motion', 'residual') if is_trained else ('iframe',)
    assert model.streams == streams and not model.average_clips
    for dataset in innermost_datasets(cfg.test_dataloader.dataset):
        assert name.split('_')[-1] in dataset['data_root']
        assert tuple(dataset['streams']) == streams
        sample = sampling_of(dataset)
        assert (sample['num_clips'], sample['num_gops'], sample['test_mode']) == (10, 5, True)
    # A checkpoint that lacks a weight of the network ends in an error.
    part = 'backbone.' if is_trained else 'backbone_iframe.'
    weights = {key: w for key, w in model.state_dict().items() if key.startswith(part)}
    load_for_a_test(cfg, model, weights)
    one = next(name for name, _ in model.named_parameters() if name.startswith(part))
    del weights[one]
    with pytest.raises(WeightsError, match=rf'1 are missing \({one}\)'):
        load_for_a_test(cfg, model, weights)


@pytest.mark.parametrize('name', NAMES)
def test_configs_report_both_presets_of_the_streams_they_decode(name, repository):
    network, _, data = name.partition('_retrieval_')
    [path] = (repository / 'configs').glob(f'*/benchmarks/{name}.py')
    cfg = Config.fromfile(path)
    metrics, datasets = parts_of(cfg, STREAMS[network], data)
    assert [metric.preset for metric in metrics] == ['clean', 'vcop']
    for dataset in datasets:
        assert sampling_of(dataset)['num_clips'] == 10


@pytest.mark.parametrize('name', COCLR)
def test_coclr_has_a_moving_window_and_one_random_clip_of_each_gallery_video(name, repository):
    cfg = Config.fromfile(repository / f'configs/mvcgc/benchmarks/{name}.py')
    [metric], (gallery, query) = parts_of(cfg, COCLR[name], name.split('_')[-2])
    assert metric.preset == 'coclr'
    launch.check_presets(cfg, ['test_dataloader', 'val_dataloader'])
    # A random clip that is the same in every test.
    assert sampling_of(gallery) == dict(type='SampleClips', clip_len=32, num_clips=1)
    assert (gallery['seed'], query.get('seed')) == (0, None)
    window = dict(type='SampleClips', clip_len=32, stride=32 // 2 - 1, test_mode=True)
    assert sampling_of(query) == window
    # Windows are as many as a video is long.
    assert cfg.test_dataloader.batch_size == 1
    for dataset in (gallery, query):
        sizes = [step for step in dataset['pipeline'] if step['type'].startswith('Clip')]
        assert sizes[1]['size'] / sizes[0]['short_side'] == pytest.approx(224 / 256, abs=2e-3)


@pytest.mark.parametrize('name', MSCL)
def test_mscl_is_searched_as_coclr_is_by_the_clips_of_its_pretraining(name, repository):
    cfg = Config.fromfile(repository / f'configs/mscl/benchmarks/{name}.py')
    network = dict(s3d=dict(type='S3D'), r3d18=dict(type='VideoResNet', arch='r3d', depth=18))
    wanted = network[name.split('_')[1]]
    assert {key: cfg.model.backbones.rgb[key] for key in wanted} == wanted
    [metric], (gallery, query) = parts_of(cfg, ['rgb'], name.split('_')[-2])
    assert metric.preset == 'coclr'
    launch.check_presets(cfg, ['test_dataloader', 'val_dataloader'])
    clip = dict(type='SampleClips', clip_len=8, frame_interval=8)
    assert sampling_of(gallery) == dict(clip, num_clips=1)
    assert (gallery['seed'], query.get('seed')) == (0, None)
    # Of 64 frames half are 32.
    assert sampling_of(query) == dict(clip, stride=32 - 1, test_mode=True)
    assert cfg.test_dataloader.batch_size == 1
    for dataset in (gallery, query):
        sizes = [step for step in dataset['pipeline'] if step['type'].startswith('Clip')]
        assert sizes[1]['size'] / sizes[0]['short_side'] == 224 / 256


def parts_of(cfg, streams, data):
    """Metrics and datasets of a config, after what all retrievals have in common."""
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        metrics = Evaluator(cfg.test_evaluator).metrics
        for backbone in filter(None, cfg.model.backbones.values()):
            backbone.width = 0.125
        model = MODELS.build(cfg.model)
    assert all(metric.topk == (1, 5, 10, 20, 50) for metric in metrics)
    assert list(model.streams) == streams and not model.average_clips
    for stream in model.streams:
        first = next(model.backbone(stream).parameters())
        assert first.shape[1] == (2 if stream in ('motion', 'flow') else 3)
    datasets = innermost_datasets(cfg.test_dataloader.dataset)
    assert [dataset['role'] for dataset in datasets] == ['gallery', 'query']
    for dataset in datasets:
        assert data in dataset['data_root']
        [decode] = [s for s in dataset['pipeline'] if s['type'] == 'DecodeCompressedVideo']
        assert 'streams' not in decode
        assert set(dataset['streams']) == set(streams)
    for metric in metrics:
        # None: whatever the model gives.
        used = {stream for names in (metric.streams or {}).values() for stream in names}
        assert used in (set(), set(streams))

    # Weights that the checkpoint lacks end in an error, not in figures; heads take no part in them.
    networks = {
        name: weight
        for name, weight in model.state_dict().items()
        if name.startswith(tuple(f'backbone_{stream}.' for stream in streams))
    }
    load_for_a_test(cfg, model, networks)
    for stream in streams:
        part = f'backbone_{stream}'
        others = {name: w for name, w in networks.items() if not name.startswith(f'{part}.')}
        way_out = f'.* Nothing of {part} is there: .* Take the con' if others else 'holds no state'
        with pytest.raises(WeightsError, match=f'a.pth: {way_out}'):
            load_for_a_test(cfg, model, others)
        one = next(name for name, _ in model.named_parameters() if name.startswith(f'{part}.'))
        with pytest.raises(WeightsError, match=rf'1 are missing \({one}\)'):
            load_for_a_test(cfg, model, {name: w for name, w in networks.items() if name != one})
    return metrics, datasets


def sampling_of(dataset):
    [step] = [step for step in dataset['pipeline'] if step['type'].startswith('Sample')]
    return step


def load_for_a_test(cfg, model, weights):
    """What `tools/test.py` does with a checkpoint of these weights."""
    launch.add_safety(cfg)
    hooks = [*cfg.default_hooks.values(), *cfg.get('custom_hooks', ())]
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        guards = [HOOKS.build(hook) for hook in hooks if 'StrictCheckpoint' in hook['type']]
    assert guards
    runner = SimpleNamespace(model=model, _load_from='a.pth', _resume=False, _train_loop={})
    for guard in guards:
        guard.after_load_checkpoint(runner, dict(state_dict=dict(weights)))


def test_ablations_are_searched_by_their_v_network(repository):
    """Tables 1 and 4 on HMDB51: as the whole method, but for the networks that some lack."""
    folder = repository / 'configs/context_motion'
    cfg = Config.fromfile(folder / 'benchmarks/context_motion_c3d_rgb_retrieval_hmdb51.py')
    whole = Config.fromfile(folder / 'benchmarks/context_motion_c3d_retrieval_hmdb51.py')
    assert cfg.test_dataloader.dataset == dict(whole.test_dataloader.dataset, streams=('rgb',))
    for evaluator, other in zip(cfg.test_evaluator, whole.test_evaluator, strict=True):
        assert evaluator == dict(other, streams=('rgb',))
    assert cfg.model.data_preprocessor == whole.model.data_preprocessor
    for name in ABLATIONS:
        trained = Config.fromfile(folder / f'context_motion_c3d_ucf101_{name}.py')
        assert cfg.model.backbones.rgb == trained.model.backbones.rgb == whole.model.backbones.rgb
