"""What is to be run: a config, made ready for an ablation, a seed and a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ssvrl_mm.engine.loader_workers import settle_workers
from ssvrl_mm.evaluation.provenance import config_sha256

# Neither where results go, nor what is looked at in between, changes them.
_NOT_IDENTITY = ('work_dir', 'val_cfg', 'val_dataloader', 'val_evaluator')


class AblationError(ValueError):
    """A config that cannot stand in an ablation; the message says why."""


@dataclass(frozen=True)
class Run:
    """One config with one seed.

    Attributes:
        name: Of the config.
        seed: Of weights, order and clips.
        cfg: The config as it is run.
        folder: Where its log, checkpoint and result go.
    """

    name: str
    seed: int
    cfg: Config
    folder: Path

    @property
    def sha256(self) -> str:
        """What tells whether a result is of this config: the resolved config, seed and all."""
        return config_sha256(self.cfg, ignore=_NOT_IDENTITY)

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
    """Reads a config and makes it ready: seed, folder, probe beside its retrieval, one checkpoint.

    Args:
        file: Config whose ``test_evaluator`` holds a ``VideoRetrieval`` with R@1.
        seed: Of the run.
        work_dir: Of the ablation; the run gets ``WORK_DIR/NAME/seed_N``.
        options: Settings that override the config's.
        validate: Whether to keep the evaluations during training.

    Raises:
        AblationError: The config has no training or no such evaluator.
    """
    name = Path(file).stem
    cfg = Config.fromfile(file)
    cfg.merge_from_dict(dict(options or {}))
    folder = work_dir / name / f'seed_{seed}'
    cfg.work_dir = str(folder)
    cfg.randomness = dict(cfg.get('randomness') or {}, seed=seed)
    cfg.resume = False
    for part in ('train_cfg', 'train_dataloader', 'test_cfg', 'test_dataloader', 'test_evaluator'):
        if cfg.get(part) is None:
            raise AblationError(f'{file} has no {part}: an ablation trains and tests')
    hooks = cfg.get('default_hooks') or {}
    if hooks.get('checkpoint'):
        # One checkpoint, at the end: few videos make for hundreds of short epochs.
        hooks['checkpoint'].interval = -1
    if not validate:
        cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_evaluator = _with_probe(cfg.test_evaluator, file)
    settle_workers(cfg)
    return Run(name, seed, cfg, folder)


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
