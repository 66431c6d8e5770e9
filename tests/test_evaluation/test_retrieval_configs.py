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


def test_every_config_is_looked_at(repository):
    found = (repository / 'configs').glob('*/benchmarks/*_retrieval_*.py')
    assert {path.stem for path in found} == set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_configs_report_every_preset_of_the_streams_they_decode(name, repository):
    network, _, data = name.partition('_retrieval_')
    [path] = (repository / 'configs').glob(f'*/benchmarks/{name}.py')
    cfg = Config.fromfile(path)
    streams = STREAMS[network]
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        metrics = Evaluator(cfg.test_evaluator).metrics
        for backbone in filter(None, cfg.model.backbones.values()):
            backbone.width = 0.125
        model = MODELS.build(cfg.model)
    assert [metric.preset for metric in metrics] == ['clean', 'coclr', 'vcop']
    assert all(metric.topk == (1, 5, 10, 20, 50) for metric in metrics)
    assert list(model.streams) == streams and not model.average_clips
    for stream in model.streams:
        first = next(model.backbone(stream).parameters())
        assert first.shape[1] == (2 if stream in ('motion', 'flow') else 3)
    datasets = innermost_datasets(cfg.test_dataloader.dataset)
    assert [dataset['role'] for dataset in datasets] == ['gallery', 'query']
    for dataset in datasets:
        assert data in dataset['data_root']
        steps = {step['type']: step for step in dataset['pipeline']}
        [sampling] = [step for kind, step in steps.items() if kind.startswith('Sample')]
        assert sampling['num_clips'] == 10
        assert 'streams' not in steps['DecodeCompressedVideo']
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
