import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import MODELS

CMD = ['rgb', 'iframe', 'motion']
STREAMS = {
    **{'rgb': ['rgb'], 'motion': ['motion'], 'two_view': ['rgb', 'motion']},
    **{f'context_motion_{network}': CMD for network in ('c3d', 'r2plus1d26', 'r3d26')},
}
NAMES = [f'{view}_{data}' for view in STREAMS for data in ('ucf101', 'hmdb51')]


def test_every_config_is_looked_at(repository):
    found = {path.stem for path in (repository / 'configs/downstream/retrieval').glob('*.py')}
    assert found == set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_configs_report_every_preset_of_the_views_they_decode(name, repository):
    cfg = Config.fromfile(repository / f'configs/downstream/retrieval/{name}.py')
    view, _, data = name.rpartition('_')
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        metrics = Evaluator(cfg.test_evaluator).metrics
        for part in [key for key in cfg.model if key.startswith('backbone')]:
            cfg.model[part].width = 0.125
        model = MODELS.build(cfg.model)
    assert [metric.preset for metric in metrics] == ['clean', 'coclr', 'vcop']
    assert all(metric.topk == (1, 5, 10, 20, 50) for metric in metrics)
    assert list(model.streams) == STREAMS[view] and not model.average_clips
    for stream in model.streams:
        first = next(model.backbone(stream).parameters())
        assert first.shape[1] == (2 if stream == 'motion' else 3)
    datasets = cfg.test_dataloader.dataset.datasets
    assert [dataset.role for dataset in datasets] == ['gallery', 'query']
    for dataset in datasets:
        assert data in dataset.data_root
        sampling, decoding = dataset.pipeline[1:3]
        assert sampling.num_clips == 10
        decoded = {'rgb': 'rgb', 'motion': 'motion', 'iframe': 'iframe'}
        assert set(decoding.streams) == {decoded[stream] for stream in STREAMS[view]}
    for metric in metrics:
        used = {stream for streams in metric.streams.values() for stream in streams}
        assert used == set(STREAMS[view])
