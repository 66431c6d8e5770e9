import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import MODELS
from ssvrl_mm.wrapping import innermost_datasets

STREAMS = {
    'mvcgc_s3d': ['rgb', 'motion'],
    'mvcgc_s3d_flow': ['rgb', 'flow'],
    **{f'context_motion_{n}': ['rgb', 'iframe', 'motion'] for n in ('c3d', 'r2plus1d26', 'r3d26')},
}
NAMES = [f'{network}_retrieval_{data}' for network in STREAMS for data in ('ucf101', 'hmdb51')]
NAMES.remove('mvcgc_s3d_flow_retrieval_hmdb51')  # the paper does not report it


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
        for backbone in cfg.model.backbones.values():
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
    # Weights that the checkpoint lacks end in an error, not in figures.
    assert 'StrictCheckpointHook' in [hook.type for hook in cfg.custom_hooks]
