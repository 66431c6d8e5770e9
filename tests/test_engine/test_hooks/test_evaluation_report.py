"""What the hook takes from the runner; what ``tools/test.py`` makes of it is tested there."""

import hashlib
import json
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from ssvrl_mm.engine.hooks import EvaluationReportHook
from tests.processes import run_processes


class Model(BaseModel):
    """One weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return [0]


class Count(BaseMetric):
    """How many samples were shown."""

    default_prefix = 'acc'

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return {'top1': len(results) / 8}


def run_test(folder, name, model=None, **kwargs):
    """The seed of a test run with the hook, and its report; None where it wrote none."""
    loader = dict(
        dataset=[dict(inputs=torch.zeros(1))] * 4,
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=1,
    )
    runner = Runner(
        model=Model(),
        work_dir=str(folder),
        test_dataloader=loader,
        test_cfg=dict(),
        test_evaluator=[Count()],
        custom_hooks=[EvaluationReportHook(name='found')],
        default_scope='ssvrl_mm',
        default_hooks=dict(logger=None, checkpoint=None),
        experiment_name=name,
        cfg=dict(model=model or dict(type='Model')),
        **kwargs,
    )
    runner.test()
    files = sorted(Path(folder).glob('**/found.*'))
    assert [file.suffix for file in files] in ([], ['.json', '.md'])
    return runner.seed, files and dict(json.loads(files[0].read_text()), text=files[1].read_text())


def on_each(rank, folder):
    """A folder for each process, so that it shows which of them write."""
    return [
        run_test(f'{folder}/given{rank}', f'given{rank}', randomness=dict(seed=7)),
        run_test(f'{folder}/drawn{rank}', f'drawn{rank}'),
    ]


def test_first_of_two_processes_writes_their_number_and_the_seed_they_share(tmp_path):
    first, second = run_processes(on_each, tmp_path, str(tmp_path))
    assert [report for _, report in second] == [[], []]
    (given, with_seed), (drawn, without) = first
    assert given == 7 and drawn == second[1][0]
    for seed, report in ((given, with_seed), (drawn, without)):
        assert report['provenance']['seed'] == seed
        assert report['provenance']['processes'] == 2
        assert report['figures'] == {'acc/top1': 0.5}


def test_one_process_and_what_was_tested(tmp_path):
    weights = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=Model().state_dict()), weights)
    checksum = hashlib.sha256(weights.read_bytes()).hexdigest()

    seed, report = run_test(tmp_path / 'none', 'none', randomness=dict(seed=5))
    sources = report['provenance']
    assert (sources['seed'], sources['processes'], seed) == (5, 1, 5)
    assert sources['checkpoint'] == 'none: random weights'
    assert report['text'].startswith('# Evaluation of random weights\n')

    _, report = run_test(tmp_path / 'loaded', 'loaded', load_from=str(weights))
    assert report['provenance']['checkpoint'] == str(weights)
    assert report['provenance']['checkpoint_sha256'] == checksum
    assert report['text'].startswith('# Evaluation of weights.pth\n')

    # A late fusion names a checkpoint for each stream.
    model = dict(type='Model', checkpoints=dict(rgb=str(weights), motion='remote://motion.pth'))
    _, report = run_test(tmp_path / 'fused', 'fused', model)
    assert report['provenance']['checkpoints'] == {
        'rgb': dict(checkpoint=str(weights), checkpoint_sha256=checksum),
        'motion': dict(checkpoint='remote://motion.pth', checkpoint_sha256=None),
    }
    assert report['text'].startswith('# Evaluation of weights.pth and motion.pth\n')


def test_a_test_without_figures_is_not_reported():
    for nothing in ({}, None):
        EvaluationReportHook().after_test_epoch(None, nothing)
