"""What is to be run: a config, made ready for an ablation, a seed and a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ssvrl_mm.ablation.identity import identity_of
from ssvrl_mm.ablation.resuming import keep_newest
from ssvrl_mm.engine.config_checks import check_options
from ssvrl_mm.engine.loader_workers import settle_workers

#: How the folder of a run ends that is evaluated during training, too.
VALIDATED = '-val'
# Settings that an ablation writes itself, and what decides them.
_OURS = {
    'randomness.seed': 'the number of --seeds decides it',
    'work_dir': '--work-dir decides it',
    'resume': 'a run goes on from the checkpoint that it has left, and from no other',
    'default_hooks.checkpoint.interval': 'one checkpoint is kept, the newest',
    'default_hooks.checkpoint.max_keep_ckpts': 'one checkpoint is kept, the newest',
}


class AblationError(ValueError):
    """A config that cannot stand in an ablation; the message says why."""


@dataclass(frozen=True)
class Run:
    """One config with one seed.

    Attributes:
        name: Of the config.
        seed: Of weights, order and clips.
        cfg: The config as it is run.
        folder: Where its log, checkpoint and result go; results of other options lie elsewhere.
        sha256: What tells that a result is of it, see :mod:`ssvrl_mm.ablation.identity`.
    """

    name: str
    seed: int
    cfg: Config
    folder: Path
    sha256: str

    @property
    def validates(self) -> bool:
        """Whether it is evaluated during training, too."""
        return self.cfg.get('val_cfg') is not None


def prepare_config(
    file: str | Path,
    seed: int,
    work_dir: Path,
    options: Mapping[str, Any] | None = None,
    validate: bool = False,
) -> Run:
    """Reads a config and makes it ready: seed, folder, a probe beside its retrieval, checkpoints.

    Args:
        file: Config whose ``test_evaluator`` holds a ``VideoRetrieval`` with R@1.
        seed: Of the run.
        work_dir: Of the ablation; the run gets ``WORK_DIR/NAME/seed_N-HASH``, with the first eight
            digits of its identity, and ``-val`` behind them where it validates.
        options: Settings that override the config's.
        validate: Whether to keep the evaluations during training.

    Raises:
        AblationError: The config has no training or no such evaluator, or is to validate and never
            does; nothing reads one of the options, or the ablation decides it.
    """
    name = Path(file).stem
    cfg = Config.fromfile(file)
    _merge(cfg, options or {}, file)
    cfg.randomness = dict(cfg.get('randomness') or {}, seed=seed)
    cfg.resume = False
    for part in ('train_cfg', 'train_dataloader', 'test_cfg', 'test_dataloader', 'test_evaluator'):
        if cfg.get(part) is None:
            raise AblationError(f'{file} has no {part}: an ablation trains and tests')
    hooks = cfg.get('default_hooks') or {}
    if hooks.get('checkpoint'):
        # How often is not part of what a run is: results are of it whatever is saved in between.
        hooks['checkpoint'].interval = -1
    if validate:
        _check_validation(cfg, file)
    else:
        cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_evaluator = _with_probe(cfg.test_evaluator, file)
    settle_workers(cfg)
    sha256 = identity_of(cfg)
    keep_newest(cfg)
    folder = work_dir / name / f'seed_{seed}-{sha256[:8]}{VALIDATED if validate else ""}'
    cfg.work_dir = str(folder)
    return Run(name, seed, cfg, folder, sha256)


def _merge(cfg: Config, options: Mapping[str, Any], file: str | Path) -> None:
    """Overrides settings, none of them in vain."""
    problems = check_options(cfg, options)
    for option, value in options.items():
        below = [f'{option}.{key}' for key in value] if isinstance(value, Mapping) else []
        problems += [f'{key}: {_OURS[key]}' for key in (option, *below) if key in _OURS]
    if problems:
        raise AblationError('\n'.join([f'--cfg-options of {file}:', *problems]))
    cfg.merge_from_dict(dict(options))


def _check_validation(cfg: Config, file: str | Path) -> None:
    """Checks that a config is evaluated during training at least once."""
    for part in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        if cfg.get(part) is None:
            raise AblationError(f'{file} has no {part}: no column val/... can be filled')
    steps = 'max_epochs' if 'max_epochs' in cfg.train_cfg else 'max_iters'
    begin, end = cfg.train_cfg.get('val_begin', 1), cfg.train_cfg.get(steps)
    if end is not None and begin > end:
        raise AblationError(
            f'{file} is not evaluated during training, so that no column val/... can be filled: '
            f'its train_cfg has val_begin={begin} and {steps}={end}'
        )


def _with_probe(evaluator: Any, file: str | Path) -> list[Any]:
    """The metrics of an evaluator and the probe of the same streams."""
    metrics = list(evaluator) if isinstance(evaluator, list | tuple) else [evaluator]
    retrievals = [m for m in metrics if str(m.get('type')).rpartition('.')[2] == 'VideoRetrieval']
    if not retrievals:
        raise AblationError(f'the test_evaluator of {file} has no VideoRetrieval: no R@1')
    if 1 not in retrievals[0].get('topk', (1,)):
        raise AblationError(f'{file}: the topk of its VideoRetrieval lacks 1: no R@1')
    probe = dict(type='ssvrl_mm.FeatureProbe', streams=retrievals[0].get('streams'))
    return [*metrics, probe]
