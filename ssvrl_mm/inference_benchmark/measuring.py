"""Measuring set-ups in turns, and statistics of what was measured."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ssvrl_mm.inference_benchmark.base import Setup
from ssvrl_mm.inference_benchmark.videos import Video
from ssvrl_mm.video import VideoError

Spread = dict[str, float]


@dataclass(frozen=True)
class Run:
    """One video from file to output in one set-up.

    Args:
        video: The file.
        round: Which round, from 0.
        store_s, read_s: Seconds.
        network_s: Seconds; None where there is no network.
        stores: Whether the set-up stores anything.
        bytes: Size of all files that are read, after storing.
    """

    video: str
    round: int
    store_s: float
    read_s: float
    network_s: float | None
    stores: bool
    bytes: int

    @property
    def pre_processing_s(self) -> float:
        """What has to be done to the video first: storing or, on the fly, reading."""
        return self.store_s if self.stores else self.read_s

    @property
    def inference_s(self) -> float | None:
        """Forwarding, and reading what was stored for it."""
        if self.network_s is None:
            return None
        return self.network_s + (self.read_s if self.stores else 0.0)

    @property
    def total_s(self) -> float | None:
        """Pre-processing and inference."""
        inference = self.inference_s
        return None if inference is None else self.pre_processing_s + inference


@dataclass(frozen=True)
class Clock:
    """What time is.

    Args:
        now: Seconds, from some beginning.
        wait: Called before each look at it: waits for what still runs elsewhere.
    """

    now: Callable[[], float] = time.perf_counter
    wait: Callable[[], object] = bool

    def measure(self, task: Callable[..., Any], *args: Any) -> tuple[Any, float]:
        """What a task returns, and the seconds that it took."""
        self.wait()
        started = self.now()
        result = task(*args)
        self.wait()
        return result, self.now() - started


def measure(
    setups: Mapping[str, Setup],
    videos: Sequence[Video],
    rounds: int,
    scratch: Path,
    clock: Clock | None = None,
) -> Iterator[tuple[str, Run | VideoError]]:
    """Measures set-ups, which take turns within each video of each round.

    Before a set-up is measured for the first time it reads and forwards once, to warm up.

    Args:
        setups: What is measured, by name.
        videos: The videos.
        rounds: Measurements of each set-up with each video.
        scratch: Where set-ups store; what they have stored is deleted after each measurement.
        clock: Wall time by default.

    Yields:
        The name of a set-up with its run, or with what is wrong with a video, which this set-up
        then does without.

    Raises:
        OSError: Files cannot be written.
    """
    clock = clock or Clock()
    shuffle = random.Random(0).shuffle
    order = list(setups)
    warm: set[str] = set()
    failed: set[tuple[str, str]] = set()
    for number in range(rounds):
        for video in videos:
            shuffle(order)
            for name in order:
                if (name, video.path) in failed:
                    continue
                try:
                    run = _run(setups[name], video, number, scratch, clock, name not in warm)
                except VideoError as error:
                    failed.add((name, video.path))
                    yield name, error
                    continue
                warm.add(name)
                yield name, run


def _run(
    setup: Setup, video: Video, number: int, scratch: Path, clock: Clock, warms_up: bool
) -> Run:
    with TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        store_s = 0.0
        if setup.store is not None:
            _, store_s = clock.measure(setup.store, video, folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        if setup.needs_video:
            size += Path(video.path).stat().st_size
        if warms_up:
            packed = setup.read(video, folder)
            if setup.network is not None:
                setup.network(packed)
            del packed
        packed, read_s = clock.measure(setup.read, video, folder)
        network_s = None
        if setup.network is not None:
            _, network_s = clock.measure(setup.network, packed)
    return Run(video.path, number, store_s, read_s, network_s, setup.store is not None, size)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles (linear between values)."""
    first, median, third = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return {'median': median, 'q1': first, 'q3': third}


def summarise(runs: Sequence[Run], ours: Sequence[Run]) -> dict[str, Any]:
    """Statistics of the runs of a set-up.

    Args:
        runs: Of the set-up, at least one.
        ours: Of the set-up that it is compared to.

    Returns:
        Per part of the time its spread in seconds, those of the ratios to ``ours`` in the same
        round with the same video, and ``bytes`` per video. Parts and ratios that there are not are
        None.
    """
    summary: dict[str, Any] = {}
    parts = ('store_s', 'read_s', 'network_s', 'pre_processing_s', 'inference_s', 'total_s')
    for part in parts:
        summary[part] = _spread_of(getattr(run, part) for run in runs)
    partners = {(run.video, run.round): run for run in ours}
    for part in ('pre_processing_s', 'total_s'):
        ratios = (
            _ratio(getattr(run, part), getattr(partners[run.video, run.round], part))
            for run in runs
            if (run.video, run.round) in partners
        )
        summary[f'x_{part.removesuffix("_s")}'] = _spread_of(ratios)
    summary['bytes'] = float(np.mean([run.bytes for run in runs]))
    return summary


def per_frame_ms(runs: Sequence[Run], frames: int) -> dict[str, Spread | None]:
    """Milliseconds per frame of a clip: of reading it, of the networks, and of both.

    Storing is left out: Yu et al. (ICLR 2021, Table 2) have re-encoded videos already.

    Args:
        runs: Of a set-up, each of one clip.
        frames: Of a clip.
    """
    scale = 1000 / frames
    read = [scale * run.read_s for run in runs]
    network = [None if run.network_s is None else scale * run.network_s for run in runs]
    pairs = zip(read, network, strict=True)
    return {
        'pre_processing_ms': _spread_of(iter(read)),
        'inference_ms': _spread_of(iter(network)),
        'total_ms': _spread_of(None if own is None else first + own for first, own in pairs),
    }


def _ratio(own: float | None, other: float | None) -> float | None:
    return None if own is None or other is None else own / other


def _spread_of(values: Iterator[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return spread(known) if known else None
