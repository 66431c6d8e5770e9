"""The loop that measures: mmengine's own steps, some undisturbed, some by phase."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop
from torch.nn import functional as F

from ssvrl_mm.engine.device_loader import on_device, on_host
from ssvrl_mm.engine.hooks.training_amount import check_iterations
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.models.utils.key_queue import UNKNOWN_VIDEO, KeyQueue
from ssvrl_mm.progress import Progress
from ssvrl_mm.suggestions import did_you_mean
from ssvrl_mm.train_benchmark import devices
from ssvrl_mm.train_benchmark.flops import count_flops
from ssvrl_mm.train_benchmark.phases import (
    WAIT,
    PhaseClock,
    PhaseTimes,
    calls_of_step,
    within,
)
from ssvrl_mm.wrapping import unwrap_model


@dataclass
class Measurement:
    """What was measured.

    Attributes:
        stage: Stage of the training, of a model that has several.
        device: Where the steps ran.
        processes: How many trained together.
        warmup: Steps before the first that was measured.
        batch_size: Videos of a step, of this process.
        videos: Videos of all undisturbed steps, of this process; an epoch may end with fewer.
        inputs: Stream -> shape and dtype of one video, clips first, as the pipeline packs it.
        dtype: Of mixed precision; ``'float32'`` without.
        steps: Seconds of each undisturbed step.
        phases: Seconds of the phases of each synchronised step.
        flops: Operations of the forward and the backward pass of a step of this process.
        flops_error: Why they could not be counted.
        peak_memory: Bytes, see :func:`~.devices.peak_memory`.
    """

    stage: str | None
    device: torch.device
    processes: int
    warmup: int
    batch_size: int = 0
    videos: int = 0
    inputs: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    dtype: str = 'float32'
    steps: list[float] = field(default_factory=list)
    phases: list[PhaseTimes] = field(default_factory=list)
    flops: dict[str, int] | None = None
    flops_error: str = ''
    peak_memory: int = 0


class BenchmarkLoop(EpochBasedTrainLoop):
    """A training that ends after a few steps, and says what they took.

    First steps that warm up, then undisturbed ones, then as many of which each phase is timed, the
    device waited for at its borders, and one more that counts operations. Every step is mmengine's,
    with the hooks of the run, and trains. Queues of keys are filled beforehand, as they are for
    nearly all of a training.

    Args:
        runner: Runner of the training.
        dataloader: Loader of the training, or its config.
        iterations: Steps to measure, undisturbed and by phase each.
        warmup: Steps before.
        repeat: Train on the loader's first batch again and again, so that nothing waits for data.
        stage: Stage to measure; None: the first.

    Raises:
        LaunchError: The model does not have the stage.
        NothingToTrainError: A batch is larger than the dataset.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: Any,
        iterations: int,
        warmup: int,
        repeat: bool = False,
        stage: str | None = None,
    ) -> None:
        super().__init__(runner, dataloader, max_epochs=1)
        check_iterations(self.dataloader)
        self._max_iters = -1  # mmengine's word for: nobody knows
        self._model = unwrap_model(runner.model)
        self._epoch, stage = find_stage(self._model, stage)
        self._iterations = iterations
        self._repeated = next(iter(on_host(self.dataloader))) if repeat else None
        self._stream = self._endless()
        device = next(self._model.parameters()).device
        self.measurement = Measurement(stage, device, get_world_size(), warmup)

    def run(self) -> Any:
        """Measures; the figures are in ``measurement``."""
        found, runner = self.measurement, self.runner
        runner.call_hook('before_train_epoch')
        runner.model.train()
        for module in self._model.modules():
            if isinstance(module, KeyQueue):
                fill_queue(module)
        total = found.warmup + 2 * self._iterations + 1
        with Progress('measuring', total, 'steps') as self._progress:
            for batch in self._batches(found.warmup):
                self._step(batch)
            devices.forget_peak_memory(found.device)
            found.steps = self._undisturbed()
            found.peak_memory = devices.peak_memory(found.device)
            found.phases = self._by_phase()
            self._count_flops()
        dtype = getattr(runner.optim_wrapper, 'cast_dtype', None)
        found.dtype = str(dtype or torch.float32).removeprefix('torch.')
        return runner.model

    def _undisturbed(self) -> list[float]:
        batches = self._batches(self._iterations)
        marks = devices.StepMarks(self.measurement.device)
        for batch in batches:
            self._step(batch)
            marks.mark()
            self.measurement.videos += describe_batch(batch)[0]
        return marks.durations()

    def _by_phase(self) -> list[PhaseTimes]:
        clock = PhaseClock(devices.synchronizer(self.measurement.device))
        batches = self._batches(self._iterations)
        with within(calls_of_step(self.runner.model, self.runner.optim_wrapper), clock.phase):
            for _ in range(self._iterations):
                with clock.step():
                    with clock.phase(WAIT):
                        batch = next(batches)
                    self._step(batch)
        return clock.steps

    def _count_flops(self) -> None:
        found = self.measurement
        [batch] = self._batches(1)
        found.batch_size, found.inputs = describe_batch(batch)
        calls = calls_of_step(self.runner.model, self.runner.optim_wrapper)
        try:
            found.flops = count_flops(calls, lambda: self._step(batch))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # the counter knows less of torch than a model may use
            found.flops_error = f'{type(error).__name__}: {error}'

    def _step(self, batch: Any) -> None:
        self.run_iter(self._iter, batch)
        self._progress.advance()

    def _batches(self, count: int) -> Iterator[Any]:
        """The next batches; those that are repeated are made beforehand, as labels may change."""
        if self._repeated is None:
            return (next(self._stream) for _ in range(count))
        samples = self._repeated.get('data_samples')
        batches = [{**self._repeated, 'data_samples': copy.deepcopy(samples)} for _ in range(count)]
        return iter(on_device(batches))

    def _endless(self) -> Iterator[Any]:
        while True:
            yield from self.dataloader


def find_stage(model: Any, stage: str | None) -> tuple[int, str | None]:
    """The first epoch (0-based) of a stage, and the stage; of a model without stages 0 and None.

    Args:
        model: A model; one with stages has a table of them, as
            :class:`~ssvrl_mm.models.recognizers.ContrastiveRecognizer`.
        stage: A stage of the table; None: the first.

    Raises:
        LaunchError: There is no such stage.
    """
    table = getattr(model, 'stages', ())
    first_epochs: dict[str, int] = {}
    for epoch, name in table:
        first_epochs.setdefault(name, epoch)
    if stage is None:
        return 0, next(iter(first_epochs)) if len(first_epochs) > 1 else None
    if stage not in first_epochs:
        known = f'its stages are {list(first_epochs)}' if table else 'it has no stages'
        meant = did_you_mean(stage, first_epochs)
        raise LaunchError(
            f'{type(model).__name__} is not trained in a stage {stage!r}: {known}'
            + (meant and f'; {meant}')
        )
    return first_epochs[stage], stage


@torch.no_grad()
def fill_queue(queue: KeyQueue) -> None:
    """Fills a queue with random keys of videos that nobody knows."""
    generator = torch.Generator().manual_seed(0)
    keys = {
        stream: F.normalize(torch.randn(queue[stream].shape, generator=generator), dim=1)
        for stream in queue.streams
    }
    unknown = torch.full((queue.length,), UNKNOWN_VIDEO, device=queue.video_ids.device)
    queue.enqueue({s: k.to(queue.video_ids.device) for s, k in keys.items()}, unknown)


def describe_batch(batch: Mapping[str, Any]) -> tuple[int, dict[str, tuple[tuple[int, ...], str]]]:
    """The videos of a collated batch, and of each stream the shape and dtype of one video."""
    inputs = batch['inputs']
    streams = inputs if isinstance(inputs, Mapping) else {'inputs': inputs}
    described = {
        name: (tuple(clips[0].shape), str(clips[0].dtype).removeprefix('torch.'))
        for name, clips in streams.items()
    }
    return len(next(iter(streams.values()))), described
