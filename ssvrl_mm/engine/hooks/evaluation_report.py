"""Writes what a test found, and where it comes from, beside the log."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ssvrl_mm.registry import HOOKS


@HOOKS.register_module()
class EvaluationReportHook(Hook):
    """Writes ``evaluation.json`` and ``evaluation.md`` into the folder of a test's log.

    Both hold the figures and what they come from: config with checksum, checkpoint with SHA-256,
    every data list with SHA-256, seed, number of processes, versions. ``tools/test.py`` adds this
    hook by itself.

    Args:
        name: Name of the files, without suffix.

    Example:
        >>> custom_hooks = [dict(type='EvaluationReportHook')]
    """

    # After every metric and logger.
    priority = 'LOWEST'

    def __init__(self, name: str = 'evaluation') -> None:
        self.name = name

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Writes both files, on the first process."""
        if not metrics or not is_main_process():
            return
        from ssvrl_mm.evaluation import provenance, report

        checkpoint = runner._load_from
        # A late fusion may name a checkpoint for each stream.
        by_stream = {} if checkpoint else dict(runner.cfg.model.get('checkpoints') or {})
        described = (
            {'checkpoints': {s: provenance.describe_checkpoint(p) for s, p in by_stream.items()}}
            if by_stream
            else provenance.describe_checkpoint(checkpoint)
        )
        sources = {
            **provenance.describe_config(runner.cfg),
            'seed': runner.seed,
            **described,
            'data': provenance.describe_datasets(runner.test_loop.dataloader.dataset),
            'processes': runner.world_size,
            'versions': provenance.versions(),
        }
        stem = Path(runner.log_dir) / self.name
        names = [Path(path).name for path in ([checkpoint] if checkpoint else by_stream.values())]
        title = f'Evaluation of {" and ".join(names) or "random weights"}'
        table = report.metrics_table(metrics)
        _, file = report.write_report(stem, title, metrics, table, sources)
        runner.logger.info(f'report: {file} and .json')
