"""The figures of a checkpoint: what a config's own evaluator and a logistic probe say of it."""

import sys
import tempfile
from pathlib import Path

from mmengine.config import Config

from ssvrl_mm.ablation import prepare_config, summarise_ablation
from ssvrl_mm.ablation.results import RunResult
from ssvrl_mm.demo.run import ProgressHook, QuietRunner
from ssvrl_mm.engine.launch import add_safety
from ssvrl_mm.engine.loader_workers import named_workers
from ssvrl_mm.evaluation.retrieval import ROW_NAMES
from ssvrl_mm.progress import Progress

#: Stream -> measure ('R@1', 'probe') -> figures in per cent: 'trained', 'random' and 'chance'.
Figures = dict[str, dict[str, dict[str, float]]]


def measure_weights(config: Path, checkpoint: Path | None, seed: int = 0) -> dict[str, float]:
    """Tests weights by the ``test_evaluator`` of their config and a probe of the same streams.

    Args:
        config: Config file.
        checkpoint: File of the weights; None: random ones.
        seed: Of random weights.

    Returns:
        The metrics, recalls and accuracies in [0, 1].

    Raises:
        AblationError: The config measures no R@1.
    """
    with tempfile.TemporaryDirectory() as folder:
        cfg = _for_test(prepare_config(config, seed, Path(folder)).cfg, folder)
        cfg.load_from = None if checkpoint is None else str(checkpoint)
        runner = QuietRunner.from_cfg(cfg)
        hook = ProgressHook()
        runner.register_hook(hook)
        name = 'random weights' if checkpoint is None else checkpoint.name
        batches = len(runner.test_loop.dataloader)
        with Progress(f'testing {name}', batches, 'batches', stream=sys.stdout) as line:
            hook.progress = line
            if checkpoint is None:
                runner.init_weights()
            with named_workers():
                return runner.test()


def _for_test(cfg: Config, folder: str) -> Config:
    cfg.work_dir = folder
    # mmengine gives runs of one name and second one log, whose folder may be gone.
    cfg.experiment_name = Path(folder).name
    # They load what the test needs, and say so where it is missing; mmengine would list the rest.
    add_safety(cfg)
    for part in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        cfg.pop(part, None)
    # Their pictures and lines go with the folder.
    cfg.vis_backends = [dict(type='LocalVisBackend')]
    cfg.visualizer = dict(type='Visualizer', vis_backends=cfg.vis_backends)
    return cfg


def figures_of(*results: RunResult) -> Figures:
    """The figures of runs of one config, the means of several seeds."""
    runs = dict(enumerate(results))
    streams = summarise_ablation({'': runs}, {}, '')['configs']['']['streams']
    return {
        stream_title(stream): {
            measure: {
                'trained': 100 * figures['trained']['mean'],
                'random': 100 * figures['random']['mean'],
                'chance': 100 * figures['chance'],
            }
            for measure, figures in measures.items()
        }
        for stream, measures in streams.items()
    }


def stream_title(stream: str) -> str:
    """What a stream is called in tables."""
    return ROW_NAMES.get(stream, stream)


def result_of(before: dict[str, float], after: dict[str, float]) -> RunResult:
    """Metrics of random and of trained weights, as an ablation has them."""
    return RunResult('', False, before, after, {}, 0.0, 0)


def largest_difference(first: Figures, second: Figures) -> tuple[float, str]:
    """The largest difference between the trained figures of two measurements, and of what."""
    return max((abs(points), where) for points, where in _differences(first, second))


def largest_fall(before: Figures, after: Figures) -> tuple[float, str]:
    """By how many points the trained figure falls that falls most, and which; 0 if none does."""
    return max((max(0.0, -points), where) for points, where in _differences(before, after))


def _differences(first: Figures, second: Figures) -> list[tuple[float, str]]:
    return [
        (second[stream][measure]['trained'] - figures['trained'], f'{stream} {measure}')
        for stream, measures in first.items()
        for measure, figures in measures.items()
    ]
