"""The demos of segment order and VCOP from their configs, on few videos: reports, ablations."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.demo import run_demo, write_config
from ssvrl_mm.engine.runner import ToolRunner
from ssvrl_mm.evaluation.sampling_rate_error import SamplingRateError
from ssvrl_mm.registry import DATASETS, MODELS
from tests.clips import encode, translating
from tests.test_downstream import RUN, flat

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SEGMENTS, VCOP = CONFIGS / 'segment_order', CONFIGS / 'vcop'


def small(path, data, work_dir, monkeypatch):
    """A config of the demo with a video of each class to learn from, and one to be found."""
    monkeypatch.setenv('SSVRL_DATA', str(data))
    cfg = Config.fromfile(path)
    for dataloader in (cfg.train_dataloader, cfg.test_dataloader):
        dataloader.update(batch_size=8, num_workers=0, persistent_workers=False)
        few = dict(train_per_class=1, test_per_class=1, size=64)
        dataloader.dataset.spec = dict(dataloader.dataset.spec, **few)
        shrink(dataloader.dataset.pipeline)
    if cfg.model.head.get('queue_length'):
        cfg.model.head.queue_length = 16
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.train_cfg.max_epochs = 1
    cfg.work_dir = str(work_dir)
    return cfg


def spied(monkeypatch, metric):
    """The samples that a metric is going to see."""
    seen = []
    process = metric.process

    def wrapped(self, data_batch, data_samples):
        seen.extend(data_samples)
        process(self, data_batch, data_samples)

    monkeypatch.setattr(metric, 'process', wrapped)
    return seen


def shrink(pipeline):
    for step in pipeline:
        if 'size' in step:
            step.size = {64: 36, 56: 32}[step.size]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tmp_path_factory.mktemp('data')


def test_it_says_what_order_rates_and_retrieval_come_to(data, tmp_path, monkeypatch, capsys):
    path = SEGMENTS / 'segment_order_demo_no-view.py'
    cfg = small(path, data, tmp_path, monkeypatch)
    seen = spied(monkeypatch, SamplingRateError)
    figures = run_demo(cfg, tmp_path)
    assert json.loads((tmp_path / 'retrieval.json').read_text()) == figures
    assert set(figures['after']) == {'rgb'}
    tasks, rates = figures['pretext'], figures['rates']
    assert (tasks['order_chance'], tasks['num_videos'], rates['num_videos']) == (1 / 6, 16, 16)
    # By hand, of what the network said of two clips of each video, the last time that it was asked.
    asked = [s for s in seen if 'predicted_rates' in s][-16:]
    answers, truths = (torch.cat([s[f'{k}_order'] for s in asked]) for k in ('answer', 'truth'))
    assert int((truths >= 0).sum()) == 16 * 2
    assert tasks['order'] == pytest.approx(int((answers == truths).sum()) / 32)
    pairs = [(s['sampling_rates'], s['predicted_rates']) for s in asked]
    errors = [(p.double() - t)[t >= 0] for t, p in pairs]
    assert {len(error) for error in errors} == {6}
    assert rates['mse'] == pytest.approx(float(torch.cat(errors).square().mean()))
    # Of 1 to 4, drawn for two clips of 16 training videos.
    drawn = [s['sampling_rates'] for s in seen if s['role'] == 'gallery'][-16:]
    known = torch.cat([clips[clips >= 0] for clips in drawn]).double()
    assert len(known) == 16 * 6 and rates['mean'] == pytest.approx(float(known.mean()))
    assert 2 < rates['mean'] < 3 and 0.8 < rates['mse_of_constant'] < 1.8
    said = capsys.readouterr().out
    assert said.index('Pretext tasks on held-out videos') < said.index('Retrieval R@1')
    assert 'Sampling rates of segments on held-out videos' in said and 'best constant' in said

    # The same weights see the first frame of each segment alone.
    first = SEGMENTS / 'benchmarks/segment_order_demo_first-frame.py'
    cfg = small(first, data, tmp_path / 'first', monkeypatch)
    cfg.model.view_generator = None
    cfg.load_from = str(tmp_path / 'epoch_1.pth')
    found = ToolRunner.from_cfg(cfg).test()
    assert found['pretext/num_videos'] == 16 and 'rates/mse' in found


def test_vcop_says_what_order_and_retrieval_come_to(data, tmp_path, monkeypatch, capsys):
    cfg = small(VCOP / 'vcop_demo.py', data, tmp_path, monkeypatch)
    figures = run_demo(cfg, tmp_path)
    tasks = figures['pretext']
    assert (tasks['order_chance'], tasks['num_videos']) == (1 / 6, 16) and 'rates' not in figures
    assert 'Sampling rates' not in capsys.readouterr().out


def test_first_frames_are_asked_for_in_the_clips_of_the_demo():
    stills, demo = (
        Config.fromfile(SEGMENTS / f'{n}.py')
        for n in ('benchmarks/segment_order_demo_first-frame', 'segment_order_demo')
    )
    steps = [dict(step) for step in stills.test_dataloader.dataset.pipeline]
    assert steps.pop(2) == dict(type='DisorderFrames', order='first_of_segments')
    assert steps == [dict(step) for step in demo.test_dataloader.dataset.pipeline]
    stills.test_dataloader.dataset.pipeline = demo.test_dataloader.dataset.pipeline
    stills.val_dataloader = stills.test_dataloader
    assert stills.to_dict() == demo.to_dict()


def test_stills_are_learned_and_asked():
    cfg, order = (
        Config.fromfile(SEGMENTS / f'segment_order_demo_{n}.py') for n in ('stills', 'order')
    )
    still = dict(type='DisorderFrames', order='first_of_segments')
    for name in ('train', 'val', 'test'):
        loader, other = (c[f'{name}_dataloader'].dataset for c in (cfg, order))
        assert dict(loader.pipeline[2]) == still
        assert [*loader.pipeline[:2], *loader.pipeline[3:]] == list(other.pipeline)
        loader.pipeline = other.pipeline
    found, wanted = ({k: v for k, v in c.to_dict().items() if k in RUN} for c in (cfg, order))
    assert flat(found) == flat(wanted)


# What each row of Table VI leaves out of the demo or has otherwise.
ONE_CLIP = '.train_dataloader.dataset.pipeline.1.num_clips'
NO_CONTRAST = {'.model.head': None, '.model.contrast_weight': 1.0}
ROWS = {
    'no-view': {},
    'contrast': {'.model.head.similarity': None, '.model.head.criterion.temperature': 0.2},
    'rate': {**NO_CONTRAST, ONE_CLIP: 1},
    'order': {**NO_CONTRAST, '.model.rate': None, ONE_CLIP: 1},
}


@pytest.mark.parametrize('row', ROWS)
def test_rows_differ_in_what_they_leave_out(row):
    whole, cfg = (
        Config.fromfile(SEGMENTS / f'segment_order_demo{n}.py').to_dict() for n in ('', f'_{row}')
    )
    found, base = (flat({k: v for k, v in c.items() if k in RUN}) for c in (cfg, whole))
    wanted = {'.model.view_generator': None, **ROWS[row]}
    gone = tuple(f'{key}.' for key, value in wanted.items() if value is None)
    if row == 'order':
        # Nobody is asked for rates.
        gone += ('.test_evaluator.2.', '.val_evaluator.2.')
    keys = [key for key in found.keys() | base.keys() if not key.startswith(gone)]
    differ = {k: found.get(k) for k in keys if found.get(k, 'no') != base.get(k, 'no')}
    assert differ == wanted
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        MODELS.build(cfg['model'])


@pytest.mark.parametrize(
    'path, asked',
    [
        ('segment_order/segment_order_demo_no-view', ['order.mlp', 'rate.mlp']),
        ('vcop/vcop_demo', ['head.fc']),
    ],
)
def test_a_checkpoint_without_the_heads_that_are_asked_is_refused(path, asked):
    cfg = Config.fromfile(CONFIGS / f'{path}.py').model
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        for answers in (True, False):
            model = MODELS.build(dict(cfg, answers_pretext=answers))
            spared = [name.startswith(model.training_only) for name in asked]
            assert spared == [not answers] * len(asked)


@pytest.mark.parametrize('path', ['segment_order/segment_order_demo_no-view', 'vcop/vcop_demo'])
def test_videos_of_ones_own_are_cut_and_shuffled_too(path, tmp_path):
    for number in range(16):
        file = tmp_path / f'videos/{"run" if number % 2 else "walk"}/{number:02d}.mp4'
        file.parent.mkdir(parents=True, exist_ok=True)
        # Room for three clips; a clip of segments may have to be slower.
        encode(file, translating(64 if number < 2 else 30, 1, 0, 64, 64, number))
    own = write_config(CONFIGS / f'{path}.py', tmp_path / 'videos', tmp_path / 'work')
    cfg = Config.fromfile(own.config)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        gallery, query = DATASETS.build(cfg.test_dataloader.dataset).datasets
        train = DATASETS.build(cfg.train_dataloader.dataset)
    is_vcop = 'vcop' in path
    for part in (gallery, query):
        assert part[0]['inputs']['rgb'].shape[:3] == (3 if is_vcop else 5, 3, 16)
    assert train[0]['inputs']['rgb'].shape[:3] == (3 if is_vcop else 2, 3, 16)
