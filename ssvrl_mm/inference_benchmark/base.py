"""A way from a video file to the output of networks, and what all of them have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssvrl_mm.inference_benchmark.networks import PerFrame
from ssvrl_mm.inference_benchmark.videos import Video


@dataclass(frozen=True)
class Options:
    """What set-ups have in common.

    Args:
        protocol: Which clips are shown, see :data:`~ssvrl_mm.inference_benchmark.clips.PROTOCOLS`.
        width: Factor on the channels of the networks.
        device: Where networks compute.
        threads: Threads of PyTorch and OpenCV; vectors are read by one.
        flow_method: How flow is computed.
    """

    protocol: str = 'one_clip'
    width: float = 1.0
    device: str = 'cpu'
    threads: int = 1
    flow_method: str = 'tvl1'


@dataclass(frozen=True)
class Setup:
    """A way to go from a video file to the output of networks.

    Args:
        what: It, in words.
        read: Reads what the networks take: of a video, and of the folder that ``store`` wrote to.
        network: Forwards it; None if the library has no such networks.
        store: What is done once to each video before it can be read, into an empty folder; None:
            nothing is.
        needs_video: Whether the video itself is read after that.
        remark: What is not measured.
        per_frame: What its networks compute; None where no paper says what a frame takes.
    """

    what: str
    read: Callable[[Video, Path], Any]
    network: Callable[[Any], Any] | None = None
    store: Callable[[Video, Path], object] | None = None
    needs_video: bool = True
    remark: str = ''
    per_frame: PerFrame | None = None


class SetupUnavailableError(RuntimeError):
    """A set-up that cannot run here; says why."""


class GpuMissingError(RuntimeError):
    """Networks are to compute on a GPU, and there is none."""
