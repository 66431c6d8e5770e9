"""Trains a model of the zoo again, and says whether its figures come out as published."""

import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from ssvrl_mm.ablation import Run, RunResult, execute, prepare_config, spread_of
from ssvrl_mm.engine.checkpoint_files import load_checkpoint_file
from ssvrl_mm.engine.launch import check_files
from ssvrl_mm.engine.starting_points import starting_weights
from ssvrl_mm.evaluation.optional import require
from ssvrl_mm.packaged_files import packaged_folder
from ssvrl_mm.zoo.index import ZooModel
from ssvrl_mm.zoo.measuring import Figures, figures_of
from ssvrl_mm.zoo.run_record import differing_settings

# Figures are published to a tenth of a point.
_ROUNDING = 0.1
# What a schedule counts in epochs, or in iterations, of which there are as many fewer.
_TIMES = ('T_max', 'begin', 'end', 'milestones', 'step_size')


class ReproductionError(RuntimeError):
    """A model cannot be trained again; the message says why."""


class Agreement(NamedTuple):
    """Whether new figures are the published ones within their spread.

    Attributes:
        holds: None where there is nothing to compare with.
        text: What was compared, in words.
    """

    holds: bool | None
    text: str


def run_again(config: Path, seed: int, epochs: int | None, work_dir: Path) -> tuple[Run, RunResult]:
    """Tests a random network, trains it and tests it again; what was done before is not redone.

    Runs that its weights start from come first, each in the folder that its config names.

    Args:
        config: Config of the model.
        seed: Of the run.
        epochs: A shorter length, see :func:`shortened`; None: that of the config.
        work_dir: The run gets a folder in it.

    Raises:
        AblationError: The config does not train, or measures no R@1.
        LaunchError: Files of the data are missing.
        ReproductionError: A run before it failed, or is of another config.
        RunFailedError: The run failed; the message says where its errors are.
    """
    cfg = Config.fromfile(config)
    train_runs_before(cfg)
    run = prepare_config(config, seed, work_dir, shortened(cfg, epochs))
    check_files(run.cfg, ['train_dataloader', 'test_dataloader'])
    return run, execute(run)


def shortened(cfg: Config, epochs: int | None) -> dict[str, Any]:
    """Options that train a config for fewer epochs, its schedule and its stages in proportion.

    Args:
        cfg: The config.
        epochs: How many; None: as many as it has.

    Returns:
        Setting -> value, none where nothing changes.

    Raises:
        ReproductionError: It has no more epochs, or not enough for its stages remain.

    Example:
        >>> shortened(Config.fromfile('configs/mvcgc/demo.py'), 10)['model.stages']
        [(0, 'init'), (8, 'cross')]
    """
    whole = (cfg.get('train_cfg') or {}).get('max_epochs')
    if epochs is None or epochs == whole:
        return {}
    if whole is None or not 0 < epochs < whole:
        raise ReproductionError(f'{epochs} epochs of {cfg.filename}, which has {whole}')
    share = epochs / whole
    options: dict[str, Any] = {'train_cfg.max_epochs': epochs}
    schedulers = cfg.get('param_scheduler')
    if schedulers is not None:
        options['param_scheduler'] = _scaled(cfg.to_dict()['param_scheduler'], share)
    stages = cfg.model.get('stages')
    if stages:
        starts = [round(share * start) for start, _ in stages]
        if len(set(starts)) < len(starts) or starts[-1] >= epochs:
            raise ReproductionError(f'{epochs} epochs are too few for the stages {list(stages)}')
        names = [name for _, name in stages]
        options['model.stages'] = list(zip(starts, names, strict=True))
    if (cfg.get('default_hooks') or {}).get('checkpoint', {}).get('keep_epochs'):
        options['default_hooks.checkpoint.keep_epochs'] = []
    return options


def _scaled(node: Any, share: float) -> Any:
    """Schedulers whose times are shorter."""
    if isinstance(node, list | tuple):
        return [_scaled(part, share) for part in node]
    return {key: _shorter(value, share) if key in _TIMES else value for key, value in node.items()}


def _shorter(value: Any, share: float) -> Any:
    if isinstance(value, list | tuple):
        return [_shorter(part, share) for part in value]
    if not isinstance(value, int | float) or not math.isfinite(value) or not value:
        return value
    return max(1, round(share * value))


def train_runs_before(cfg: Config) -> None:
    """Trains what the weights of a config start from and is not there yet, the first run first.

    A checkpoint ``work_dirs/METHOD/NAME/epoch_N.pth`` is that of the packaged config NAME.

    Raises:
        ReproductionError: Such a run failed, or the checkpoint is one of other settings.
    """
    configs = packaged_folder() / 'configs'
    starts = filter(None, [cfg.get('load_from'), *starting_weights(cfg.get('model'))])
    for checkpoint in dict.fromkeys(map(Path, starts)):
        found = sorted(configs.rglob(f'{checkpoint.parent.name}.py'))
        if len(found) != 1:
            continue  # a file of somebody's own, which is there or is asked for
        before = Config.fromfile(found[0])
        if not checkpoint.exists():
            train_runs_before(before)
            _train(found[0], checkpoint)
        meta = load_checkpoint_file(str(checkpoint)).get('meta') or {}
        differing = differing_settings(str(meta.get('cfg')), before)
        if differing:
            raise ReproductionError(
                f'{checkpoint} was trained with other settings than {found[0]} has: '
                f'{differing[0]}. Move its folder away, and it is trained anew'
            )


def _train(config: Path, checkpoint: Path) -> None:
    """Trains a config by the tool, going on from what an interrupted run has left."""
    print(f'training {config.stem} first: weights start from {checkpoint}', flush=True)
    root = packaged_folder()
    command = [root / 'tools' / 'train.py', config, '--work-dir', checkpoint.parent, '--resume']
    paths = filter(None, [str(Path(__file__).parents[2]), os.environ.get('PYTHONPATH')])
    done = subprocess.run(
        [sys.executable, *map(str, command), '--no-validate'],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
    )
    if done.returncode or not checkpoint.exists():
        raise ReproductionError(f'the training of {config.stem} did not come to {checkpoint}')


def spread_metadata(results: Sequence[RunResult], epochs: int) -> dict[str, Any]:
    """What a metafile says of the spread over seeds, of the first stream, in per cent.

    Args:
        results: One per seed.
        epochs: That they were trained for.
    """
    stream = next(iter(figures_of(results[0])))
    facts: dict[str, Any] = {'seeds': len(results), 'epochs': epochs, 'stream': stream}
    for measure in figures_of(results[0])[stream]:
        found = [figures_of(result)[stream][measure]['trained'] for result in results]
        spread = spread_of(found)
        facts[f'{measure} mean'] = round(spread.mean, 1)
        if len(found) > 1:
            facts[f'{measure} std'] = round(spread.deviation, 2)
    return facts


def agreement(model: ZooModel, results: Sequence[RunResult], epochs: int) -> Agreement:
    """Compares R@1 of the first stream with what is published.

    Seeds of the metafile give the standard deviation s of one run, from n of them. The mean of k
    new runs and the published figure, of m runs, are of one distribution unless they differ by
    more than ``t s sqrt(1/k + 1/m)``, with t of Student's distribution of n - 1 degrees of freedom
    at 95 %.

    Args:
        model: Of the index.
        results: The new runs.
        epochs: That they were trained for.
    """
    if model.weights is None:
        return Agreement(None, f'{model.name} is not published: there is nothing to compare with')
    parts = [part.get('Metrics') or {} for part in model.results]
    metrics = {name: value for part in parts for name, value in part.items()}
    seeds: Mapping[str, Any] = model.metadata.get('Seeds') or {}
    new = figures_of(*results)
    stream = seeds.get('stream') or next(iter(new))
    published: float | None
    if epochs == model.metadata.get('Epochs'):
        published, runs = metrics.get(f'{stream} R@1'), 1
    elif epochs == seeds.get('epochs'):
        published, runs = seeds.get('R@1 mean'), seeds.get('seeds', 0)
    else:
        return Agreement(None, f'nothing is published of {epochs} epochs')
    deviation, count = seeds.get('R@1 std'), seeds.get('seeds', 0)
    if published is None or deviation is None or count < 2 or stream not in new:
        return Agreement(None, f'the metafile does not tell the spread of {model.name}')
    found = new[stream]['R@1']['trained']
    stats: Any = require('scipy.stats', 'scipy', 'the spread of figures')
    error = stats.t.ppf(0.975, count - 1) * deviation * math.sqrt(1 / len(results) + 1 / runs)
    error += _ROUNDING
    holds = bool(abs(found - published) <= error)
    return Agreement(
        holds,
        f'{stream} R@1 {found:.1f}, published {published:.1f}: '
        f'{"within" if holds else "beyond"} the spread of ± {error:.1f} at 95 %',
    )


def figure_rows(title: str, figures: Figures) -> list[list[str]]:
    """Rows of a table: stream, R@1 and probe, random weights beside."""
    rows = []
    for stream, measures in figures.items():
        cells = [f'{found["trained"]:.1f} ({found["random"]:.1f})' for found in measures.values()]
        rows.append([title, stream, *cells])
    return rows
