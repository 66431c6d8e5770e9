import math
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.ablation import RunResult
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.zoo import ZooModel, find_model, list_models, reproduction
from ssvrl_mm.zoo.reproduction import (
    ReproductionError,
    agreement,
    run_again,
    shortened,
    spread_metadata,
    train_runs_before,
)

from .trained_run import NAME, metrics


def result(recall, probe=0.5):
    after = {**metrics(1), 'retrieval/rgb_R@1': recall, 'probe/rgb_logistic': probe}
    return RunResult('', False, metrics(0), after, {}, 1.0, 10)


def test_fewer_epochs_shorten_schedule_and_stages_in_proportion(repository):
    cfg = Config.fromfile(repository / 'configs' / 'mvcgc' / 'demo.py')
    assert shortened(cfg, None) == shortened(cfg, 30) == {}
    assert shortened(cfg, 10) == {
        'train_cfg.max_epochs': 10,
        'param_scheduler': [
            dict(type='CosineAnnealingLR', T_max=10, convert_to_iter_based=True)
        ],
        'model.stages': [(0, 'init'), (8, 'cross')],
    }  # fmt: skip
    with pytest.raises(ReproductionError, match='2 epochs are too few for the stages'):
        shortened(cfg, 2)
    with pytest.raises(ReproductionError, match='0 epochs of .*demo.py, which has 30'):
        shortened(cfg, 0)
    schedulers = [
        dict(type='LinearLR', begin=0, end=4, start_factor=0.1),
        dict(type='MultiStepLR', milestones=[20, 38], end=math.inf),
    ]
    cfg = Config(dict(
        model=dict(), train_cfg=dict(max_epochs=40), param_scheduler=schedulers,
        default_hooks=dict(checkpoint=dict(keep_epochs=[38])),
    ))  # fmt: skip
    assert shortened(cfg, 4) == {
        'train_cfg.max_epochs': 4,
        'param_scheduler': [
            dict(type='LinearLR', begin=0, end=1, start_factor=0.1),
            dict(type='MultiStepLR', milestones=[2, 4], end=math.inf),
        ],
        'default_hooks.checkpoint.keep_epochs': [],
    }
    assert shortened(Config(dict(model=dict(), train_cfg=dict(max_epochs=9))), 3) == {
        'train_cfg.max_epochs': 3
    }


def test_the_spread_is_of_the_first_stream():
    runs = [result(0.60, 0.8), result(0.62, 0.9), result(0.67, 0.7)]
    assert spread_metadata(runs, 20) == {
        'seeds': 3, 'epochs': 20, 'stream': 'RGB',
        'R@1 mean': 63.0, 'R@1 std': 3.61, 'probe mean': 80.0, 'probe std': 10.0,
    }  # fmt: skip
    assert 'R@1 std' not in spread_metadata(runs[:1], 20)


SEEDS = {'seeds': 3, 'epochs': 20, 'R@1 mean': 60.0, 'R@1 std': 2.0}


def published(seeds=SEEDS, weights='a.pth'):
    figures = [{'Metrics': {'RGB R@1': 80.0, 'motion R@1': 10.0}}]
    return ZooModel(
        'm', Path('m.py'), weights, metadata={'Epochs': 60, 'Seeds': seeds}, results=figures
    )


@pytest.mark.parametrize(
    'epochs, runs, error, centre',
    [
        # Student's t of two degrees of freedom at 95 % is 4.303 (any table of it).
        (60, 1, 4.303 * 2 * math.sqrt(1 + 1), 80),
        (20, 1, 4.303 * 2 * math.sqrt(1 + 1 / 3), 60),
        (20, 3, 4.303 * 2 * math.sqrt(1 / 3 + 1 / 3), 60),
    ],
)
def test_figures_agree_within_the_spread_of_the_seeds(epochs, runs, error, centre):
    for off, holds in ((error - 0.1, True), (error + 0.3, False)):
        for sign in (-1, 1):
            new = [result((centre + sign * off) / 100)] * runs
            verdict = agreement(published(), new, epochs)
            assert verdict.holds is holds
            side = 'within' if holds else 'beyond'
            assert (
                f'published {centre:.1f}: {side} the spread of ± {error + 0.1:.1f}' in verdict.text
            )
    if epochs == 20:
        other = agreement(published({**SEEDS, 'stream': 'motion'}), [result(0.6)], 20)
        assert other.text.startswith('motion R@1 40.0, published 60.0')


@pytest.mark.parametrize(
    'model, epochs, text',
    [
        (published(weights=None), 60, 'm is not published'),
        (published(), 30, 'nothing is published of 30 epochs'),
        (published({}), 60, 'does not tell the spread of m'),
        (published({**SEEDS, 'seeds': 1}), 60, 'does not tell the spread'),
        (published({'seeds': 3, 'epochs': 20, 'R@1 mean': 60.0}), 20, 'does not tell the spread'),
        (published({'epochs': 20, 'R@1 mean': 60.0}), 20, 'does not tell the spread'),
        (published()._replace(results=[{'Task': 'Retrieval'}]), 60, 'does not tell the spread'),
    ],
)
def test_without_anything_to_compare_with_nothing_is_claimed(model, epochs, text):
    verdict = agreement(model, [result(0.6)], epochs)
    assert verdict.holds is None and text in verdict.text


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """Three configs, of which each starts from the one before; what was trained, and how."""
    configs = tmp_path / 'package' / 'configs' / 'm'
    configs.mkdir(parents=True)
    monkeypatch.setattr(reproduction, 'packaged_folder', lambda: tmp_path / 'package')
    monkeypatch.chdir(tmp_path)
    for name, before in (('a', None), ('b', 'a'), ('c', 'b')):
        start = f'work_dirs/m/{before}/epoch_2.pth'
        init = f"init_cfg=dict(checkpoint='{start}')" if before else ''
        (configs / f'{name}.py').write_text(
            f"model = dict(type='M{name}', part=dict({init}))\ntrain_cfg = dict(max_epochs=2)\n"
        )
    calls = []

    def train(command, env):
        calls.append(command)
        target = Path(command[command.index('--work-dir') + 1])
        target.mkdir(parents=True)
        cfg = Config.fromfile(command[2])
        torch.save(dict(meta=dict(cfg=cfg.pretty_text), state_dict={}), target / 'epoch_2.pth')
        return type('Done', (), dict(returncode=train.code))

    train.code = 0
    monkeypatch.setattr(reproduction.subprocess, 'run', train)
    return configs, calls, train


def test_runs_that_weights_start_from_come_first_and_once(chain):
    configs, calls, _ = chain
    cfg = Config.fromfile(configs / 'c.py')
    train_runs_before(cfg)
    assert [Path(call[2]).stem for call in calls] == ['a', 'b']
    assert calls[0][1] == str(configs.parents[1] / 'tools' / 'train.py')
    assert calls[0][3:] == ['--work-dir', 'work_dirs/m/a', '--resume', '--no-validate']
    train_runs_before(cfg)
    assert len(calls) == 2
    # One that has been trained with other settings says nothing of these.
    (configs / 'b.py').write_text(
        (configs / 'b.py').read_text().replace('max_epochs=2', 'max_epochs=3')
    )
    with pytest.raises(
        ReproductionError, match='trained with other settings than .*b.py has: train_cfg.max'
    ):
        train_runs_before(cfg)


def test_a_run_before_that_fails_is_told(chain):
    configs, calls, train = chain
    train.code = 1
    with pytest.raises(
        ReproductionError, match='the training of a did not come to work_dirs/m/a/epoch_2'
    ):
        train_runs_before(Config.fromfile(configs / 'c.py'))
    assert len(calls) == 1
    # Weights of nobody's config are asked for by whoever reads them.
    mine = dict(model=dict(init_cfg=dict(checkpoint='mine/epoch_2.pth')), load_from='x/y.pth')
    train_runs_before(Config(mine))


def test_missing_videos_are_told_before_a_run(small_zoo, monkeypatch, tmp_path):
    text = small_zoo.config.read_text()
    ours = "dict(type='MotionPrimitives', split='train', **videos)"
    missing = "dict(type='CompressedVideoDataset', ann_file='no.txt', pipeline=steps)"
    assert ours in text
    small_zoo.config.write_text(text.replace(ours, missing))
    with pytest.raises(LaunchError, match='no.txt'):
        run_again(small_zoo.config, 0, None, tmp_path)


@pytest.fixture
def tool(repository, small_zoo, run, monkeypatch, tmp_path):
    """`reproduce.py` whose runs give these recalls by seed and epochs; and what was run."""
    import importlib.util

    from ssvrl_mm.zoo import publishing

    file = repository / 'tools' / 'model_zoo' / 'reproduce.py'
    spec = importlib.util.spec_from_file_location('reproduce', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    recalls = {(0, 30): 0.5, (0, 10): 0.3, (1, 10): 0.32, (2, 10): 0.34}
    runs = []

    def instead(planned):
        key = planned.seed, planned.cfg.train_cfg.max_epochs
        runs.append(key)
        if not planned.folder.exists():
            shutil.copytree(run.folder, planned.folder)
        return result(recalls[key])

    monkeypatch.setattr(reproduction, 'execute', instead)
    monkeypatch.setattr(publishing, 'measure_weights', lambda *a: metrics(1))
    monkeypatch.setattr(publishing, 'published_text', lambda config: 'model = dict()')

    def call(*words):
        runs.clear()
        words = [
            'moco_r3d10',
            '--index',
            str(small_zoo.index),
            '--work-dir',
            str(tmp_path / 'w'),
            *words,
        ]
        return module.main(list(map(str, words)))

    call.runs, call.recalls = runs, recalls
    return call


def test_the_command_trains_measures_publishes_and_compares(tool, small_zoo, capsys):
    from ssvrl_mm.zoo.page import BEGIN, END

    with pytest.raises(SystemExit):
        tool('--publish', '--epochs', 10)
    assert 'published at its full length' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        tool('--publish', '--seeds', 1)
    assert 'one seed has no spread' in capsys.readouterr().err
    small_zoo.metafile.write_text(
        small_zoo.metafile.read_text().replace(f'{NAME}\n', f'{NAME}\n    Alias: moco_r3d10\n', 1)
    )
    with pytest.MonkeyPatch.context() as limits:
        limits.setattr('ssvrl_mm.zoo.publishing.FILE_LIMIT', 10**5)
        assert tool('--publish') == 1 and tool.runs == []
    assert 'would have 0.' in capsys.readouterr().err
    small_zoo.page.write_text(f'{BEGIN}\n{END}\n')
    assert tool('--seeds', 3, '--epochs', 10, '--publish') == 0
    assert tool.runs == [(0, 30), (0, 10), (1, 10), (2, 10)]
    said = capsys.readouterr().out
    assert '| seed 0, 30 epochs | RGB | 50.0 (10.0) | 50.0 (20.0) |' in said
    assert 'nothing to compare with' not in said and 'does not tell' not in said
    model = find_model('moco_r3d10', index=small_zoo.index)
    assert (small_zoo.out / model.weights).is_file() and (small_zoo.out / model.log).is_file()
    assert model.metadata['Seeds'] == {
        'seeds': 3, 'epochs': 10, 'stream': 'RGB',
        'R@1 mean': 32.0, 'R@1 std': 2.0, 'probe mean': 50.0, 'probe std': 0.0,
    }  # fmt: skip
    assert '32.0 ± 2.0 (3 seeds, 10 epochs)' in small_zoo.page.read_text()

    assert tool() == 0 and tool.runs == [(0, 30)]
    assert 'RGB R@1 50.0, published 50.0: within the spread' in capsys.readouterr().out
    assert tool('--epochs', 10, '--seed', 1) == 0 and tool.runs == [(1, 10)]
    assert 'RGB R@1 32.0, published 32.0: within' in capsys.readouterr().out
    tool.recalls[0, 10] = 0.45
    assert tool('--epochs', 10) == 1 and 'beyond the spread' in capsys.readouterr().out
    assert tool('--seeds', 3, '--epochs', 10) == 0
    assert tool.runs == [(0, 10), (1, 10), (2, 10)]
    assert tool('--epochs', 40) == 1
    assert '40 epochs of' in capsys.readouterr().err and tool.runs == []
    assert tool('--index', 'nowhere.yml') == 1
    assert 'nowhere.yml: cannot be read' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_the_cheapest_model_can_be_trained_again(tmp_path):
    models = {m.name: m for m in list_models().values() if m.metadata.get('Seeds')}
    if not models:
        pytest.skip('no model with a spread of its seeds is published')

    def cost(model):
        facts = model.metadata
        return facts['Training Time (hours)'] * facts['Seeds']['epochs'] / facts['Epochs']

    model = min(models.values(), key=cost)
    epochs = model.metadata['Seeds']['epochs']
    _, new = run_again(model.config, 0, epochs, tmp_path)
    verdict = agreement(model, [new], epochs)
    assert verdict.holds, verdict.text
