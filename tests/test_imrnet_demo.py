"""IMRNet's demo from its config, on few videos: what it reports, and what its weights start."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.demo import Target, Trial, run, run_demo
from ssvrl_mm.engine.runner import ToolRunner
from ssvrl_mm.models.heads import CTPHead, PMSPHead
from ssvrl_mm.models.utils.correspondence import TYPES
from ssvrl_mm.motion_pyramid import GRIDS, WINDOWS
from ssvrl_mm.registry import MODELS

IMRNET = Path(__file__).resolve().parents[1] / 'configs/imrnet'


def small(name, data, work_dir, monkeypatch):
    """A config of the demo with a video of each class to learn from, and one to be found."""
    monkeypatch.setenv('SSVRL_DATA', str(data))
    cfg = Config.fromfile(IMRNET / f'{name}.py')
    spec = dict(cfg.spec, train_per_class=1, test_per_class=1, size=64)
    for dataloader in (cfg.train_dataloader, cfg.test_dataloader):
        dataloader.update(batch_size=8, num_workers=0, persistent_workers=False)
        dataloader.dataset.spec = spec
    cfg.train_dataloader.dataset.pop('indices', None)
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.train_cfg.max_epochs = 1
    cfg.work_dir = str(work_dir)
    return cfg


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tmp_path_factory.mktemp('data')


def test_it_says_what_tasks_and_retrieval_come_to(data, tmp_path, monkeypatch, capsys):
    cfg = small('imrnet_demo', data, tmp_path, monkeypatch)
    figures = run_demo(cfg, tmp_path)
    assert json.loads((tmp_path / 'retrieval.json').read_text()) == figures
    assert set(figures['after']) == {'fused', 'iframe', 'motion', 'residual'}
    levels = [f'pmsp_s{s}_t{t}' for s in GRIDS for t in WINDOWS]
    tasks = {*levels, *(f'{name}_most_frequent' for name in (*levels, 'ctp'))}
    types = {f'ctp_{name}' for name in (*TYPES, 'balanced')}
    assert set(figures['pretext']) == tasks | types | {'ctp', 'num_videos'}
    assert figures['pretext']['num_videos'] == 16
    assert figures['pretext']['ctp_most_frequent'] == 0.25
    said = capsys.readouterr().out
    assert said.index('Pretext tasks on held-out videos') < said.index('Retrieval R@1')
    assert 'all streams' in said and 'pmsp_s4_t5' in said

    # Its weights start a classifier.
    monkeypatch.setenv('SSVRL_PRETRAINED', str(tmp_path / 'epoch_1.pth'))
    finetune = small('benchmarks/imrnet_demo_finetune', data, tmp_path / 'finetune', monkeypatch)
    finetune.test_dataloader.batch_size = 1
    runner = ToolRunner.from_cfg(finetune)
    runner.model.init_weights()
    learned = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)['state_dict']
    for name, weight in runner.model.backbone.state_dict().items():
        assert weight.equal(learned[f'backbone.{name}']), name
    assert runner.test()['acc/num_videos'] == 16


@pytest.mark.parametrize(
    'target, videos',
    [(Target.CLASS, 'held-out videos'), (Target.HALF, 'the training videos themselves')],
)
def test_tasks_are_said_to_be_of_the_videos_that_were_tested(
    target, videos, tmp_path, monkeypatch, capsys
):
    metrics = {'chance_R@1': 0.5, 'fused_R@1': 0.5, 'num_query': 8, 'pretext/ctp': 0.25}
    metrics |= {'pretext/ctp_most_frequent': 0.25, 'pretext/num_videos': 8}
    trial = Trial(None, metrics, metrics)
    monkeypatch.setattr(run, 'train_between_tests', lambda cfg, further: trial)
    run_demo(None, tmp_path, target)
    assert f'Pretext tasks on {videos} after training' in capsys.readouterr().out


@pytest.mark.parametrize(
    'name, heads', [('imrnet_demo_pmsp', [PMSPHead]), ('imrnet_demo_ctp', [CTPHead])]
)
def test_each_task_alone_is_the_same_but_for_the_other(name, heads):
    whole, alone = (Config.fromfile(IMRNET / f'{n}.py') for n in ('imrnet_demo', name))
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = MODELS.build(alone.model)
    assert [type(head) for head in model.heads.values()] == heads
    for part in ('train_dataloader', 'test_dataloader', 'optim_wrapper', 'train_cfg'):
        assert alone[part] == whole[part]
    assert alone.model.backbone == whole.model.backbone
    for task, head in alone.model.heads.items():
        assert head == whole.model.heads[task]


def test_from_scratch_and_finetuned_differ_in_their_start_alone():
    names = ('imrnet_demo_scratch', 'imrnet_demo_finetune')
    scratch, finetune = (Config.fromfile(IMRNET / f'benchmarks/{name}.py') for name in names)
    assert scratch.model.backbone.init_cfg is None
    assert finetune.model.backbone.init_cfg.prefix == 'backbone.'
    finetune.model.backbone.init_cfg = None
    assert finetune.to_dict() == scratch.to_dict()
    # 8 videos of each of 16 classes; the list has 40 of each, class by class.
    chosen = [number // 40 for number in scratch.train_dataloader.dataset.indices]
    assert [chosen.count(label) for label in range(16)] == [8] * 16
