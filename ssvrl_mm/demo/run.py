"""Runs the demo: a random network, training, and what came of it."""

import json
import logging
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner

import ssvrl_mm.datasets
import ssvrl_mm.models  # noqa: F401 - what a Runner would import in the middle of a step
from ssvrl_mm.demo.summary import Target, format_summary, summarise
from ssvrl_mm.engine.checkpoint_files import load_checkpoint_file, newest_checkpoint
from ssvrl_mm.engine.hooks import ValidateOnResumeHook
from ssvrl_mm.engine.runner import ToolRunner
from ssvrl_mm.evaluation import format_pretext, format_rates
from ssvrl_mm.evaluation.provenance import file_sha256
from ssvrl_mm.models.recognizers import ContrastiveRecognizer
from ssvrl_mm.models.utils.checkpoint_reading import CheckpointFileError
from ssvrl_mm.progress import Progress

# Random weights may well give features that are all alike: no reason to warn a newcomer.
_COLLAPSED = 'features have collapsed'


class QuietRunner(ToolRunner):
    """A Runner whose console shows warnings alone; progress lines and a table say the rest."""

    console_level = logging.WARNING

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """The logger, whose console leaves out what the table says."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(lambda record: _COLLAPSED not in record.getMessage())
        return logger


class ProgressHook(Hook):
    """Moves the line of the step that the demo is at."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def before_train(self, runner: Runner) -> None:
        """The iterations that a resumed training has behind it."""
        self._advance(runner.iter)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """One more iteration."""
        self._advance()

    def after_test_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """One more batch of videos."""
        self._advance()

    def _advance(self, steps: int = 1) -> None:
        if self.progress is not None and steps:
            self.progress.advance(steps)


def say(text: str) -> None:
    """Prints a line at once, whoever reads it."""
    print(text, flush=True)


class Trial(NamedTuple):
    """A network before and after its training.

    Attributes:
        runner: The Runner, which has what was logged.
        before: Metrics of the random network, of the config's test evaluator.
        after: The same of the trained one.
    """

    runner: QuietRunner
    before: dict[str, float]
    after: dict[str, float]


def train_between_tests(
    cfg: Config, further: Sequence[BaseMetric] = (), resume_from: Path | None = None
) -> Trial:
    """Tests the random network, trains it and tests again, with a line that tells how far it is.

    Args:
        cfg: Config with its work dir.
        further: Evaluators of both tests beside those of the config.
        resume_from: Checkpoint of this training that it goes on from, bit for bit.
    """
    # Threads that share a core with the loader's worker wait more than they compute.
    if 'OMP_NUM_THREADS' not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - cfg.train_dataloader.num_workers))

    runner = QuietRunner.from_cfg(cfg)
    hook = ProgressHook()
    runner.register_hook(hook)
    say(f'log: {runner.logger.log_file} (environment, config and every step)')
    # Builds the datasets, and writes MotionPrimitives where it is missing.
    batches = len(runner.test_loop.dataloader)
    runner.test_loop.evaluator.metrics.extend(further)
    with Progress('1/3 random network', batches, 'batches', stream=sys.stdout) as line:
        hook.progress = line
        runner.init_weights()
        before = runner.test()

    def loss() -> str:
        scalars = runner.message_hub.log_scalars
        if 'train/loss' not in scalars:
            return ''
        told = f'loss {scalars["train/loss"].current():.2f}'
        # Where another stage begins, the loss is of something else, and may jump.
        model = runner.model
        staged = isinstance(model, ContrastiveRecognizer) and len(model.stages) > 1
        return f'{told} ({model.stage_of_epoch(runner.epoch)})' if staged else told

    if resume_from is not None:
        _resume(runner, resume_from)
    # train() builds its loop anew from the config, or takes this one.
    steps = runner.train_loop.max_iters
    with Progress('2/3 training', steps, 'steps', stream=sys.stdout, note=loss) as line:
        hook.progress = line
        runner.train()
    with Progress('3/3 retrieval', batches, 'batches', stream=sys.stdout) as line:
        hook.progress = line
        after = runner.test()
    return Trial(runner, before, after)


def _resume(runner: Runner, checkpoint: Path) -> None:
    """Lets the next training go on from a checkpoint, after a test of the random network."""
    runner._resume, runner._load_from, runner._has_loaded = True, str(checkpoint), False
    if not any(isinstance(hook, ValidateOnResumeHook) for hook in runner.hooks):
        runner.register_hook(ValidateOnResumeHook())


def run_demo(
    cfg: Config, work_dir: Path, target: Target = Target.CLASS, base: Path | None = None
) -> dict:
    """Evaluates the random network, trains it and evaluates again.

    Args:
        cfg: Config of the demo, with its work dir.
        work_dir: Where ``retrieval.json`` goes.
        target: What a query looks for.
        base: Config file that the report compares with; None: the one of its name.

    Returns:
        The figures, see :func:`~ssvrl_mm.demo.summary.summarise`; and ``pretext``, those of a
        :class:`~ssvrl_mm.evaluation.PretextAccuracy`, and ``rates``, those of a
        :class:`~ssvrl_mm.evaluation.SamplingRateError`; and ``checkpoint_sha256`` of the trained
        network's file, None where it was not kept.
    """
    # Here, as a report says what the summary says.
    from ssvrl_mm.report.of_demo import feature_keeper, report_demo

    keeper = feature_keeper(say)
    trial = train_between_tests(cfg, [keeper] if keeper else [])
    figures = summarise(trial.before, trial.after)
    # Halves of a video are of those that were trained on.
    videos = 'held-out videos' if target is Target.CLASS else 'the training videos themselves'
    pretext, rates = (_of_prefix(trial.after, prefix) for prefix in ('pretext/', 'rates/'))
    if pretext:
        figures['pretext'] = pretext
        say(
            f'\nPretext tasks on {videos} after training, in per cent, ± at 95 %; beside '
            f'them the most frequent answer of the training videos\n{format_pretext(pretext)}'
        )
    if rates:
        figures['rates'] = rates
        say(f'\nSampling rates of segments on {videos}, ± at 95 %\n{format_rates(rates)}')
    checkpoint = tested_checkpoint(work_dir, trial)
    figures['checkpoint_sha256'] = file_sha256(checkpoint) if checkpoint else None
    (work_dir / 'retrieval.json').write_text(json.dumps(figures, indent=2) + '\n')
    say(f'\n{format_summary(figures, target)}')
    if keeper:
        report_demo(cfg, work_dir, keeper, say, base, checkpoint)
    return figures


def tested_checkpoint(work_dir: Path, trial: Trial) -> Path | None:
    """The file with the weights that were tested last; None where they were not kept.

    A checkpoint of an earlier step is not it, although it is the newest one.

    Args:
        work_dir: Where checkpoints are.
        trial: What was done.
    """
    try:
        newest = newest_checkpoint(work_dir)
        if newest is None:
            return None
        meta = load_checkpoint_file(str(newest.path), 'cpu').get('meta') or {}
    except (AttributeError, CheckpointFileError, OSError, pickle.UnpicklingError):
        return None
    return newest.path if meta.get('iter') == trial.runner.iter else None


def _of_prefix(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    """The metrics of an evaluator by their own names."""
    return {k.removeprefix(prefix): v for k, v in metrics.items() if k.startswith(prefix)}
