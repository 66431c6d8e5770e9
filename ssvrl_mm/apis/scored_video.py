"""What motion differential sampling makes of a video, ready to be drawn."""

import os
from typing import NamedTuple

import numpy as np

from ssvrl_mm.datasets.motion_scores import clip_scores, starts_above_median
from ssvrl_mm.video import CompressedVideoReader, VideoTooShortError
from ssvrl_mm.video.motion.differential import (
    FUNCTIONS,
    CoarseMap,
    MotionDifferential,
    foreground_weights,
    motion_boundary,
)
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools.motion_scoring import maps_of_flow


class ScoredVideo(NamedTuple):
    """Scores of a video's clips, and some of its frames.

    Attributes:
        shown: Of N frames at even distance the pixels, uint8 RGB (N, h, w, 3), the flow that begins
            in them (N, gh, gw, 2) px, the weights of its foreground (N, gh, gw), and their numbers.
        scores: float64 (S,), of the clips that start at 0..S-1.
        chosen: The starts of the clips above the median.
        num_frames: Of the video.
        interval: From one of a clip's frames to the next: the span, or what a short video allows.
        clip_frames: From the first to the last of a clip, both counted.
    """

    shown: tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]
    scores: np.ndarray
    chosen: np.ndarray
    num_frames: int
    interval: int
    clip_frames: int


def read_scored_video(
    path: str | os.PathLike,
    options: FlowOptions,
    clip_len: int = 8,
    distance: int | None = None,
    weight: str = 'softmax',
    function: str = 'dw',
    num_shown: int = 8,
) -> ScoredVideo:
    """Scores a video as ``tools/data/score_motion.py`` and ``SampleMotionClips`` do.

    Where a clip does not fit, its frames are closer, as ``shorten='stride'`` has them.

    Args:
        path: The video.
        options: Which flow, and its file where it is stored; its span, above 0, is also the
            distance of a clip's frames.
        clip_len: Frames of a clip.
        distance: Frames from a map of flow to the map that it is compared with; None: the span.
        weight: 'softmax' or 'max'.
        function: 'w', 'd' or 'dw'.
        num_shown: Frames to show; fewer where they would not be different ones. Each is in the
            middle of a part of the video; but the last one, if no flow begins there any more, is
            the last one where flow begins.

    Raises:
        VideoTooShortError: The video has no two frames a span apart.
        VideoError: It cannot be read, or has no such flow.
        FlowFileError: The file of flow is of another video or of other options.
    """
    with CompressedVideoReader(
        path,
        flow_method=options.method,
        flow_scale=options.scale,
        flow_cell=options.cell,
        flow_span=options.span,
        flow_file=options.file,
    ) as reader:
        facts, total = reader.metadata, len(reader)
        num_maps = total - options.span
        if num_maps < 1:
            raise VideoTooShortError(facts.path, total, options.span + 1)
        size, cell = (facts.height, facts.width), options.px_per_value
        times = _times(total, num_maps, num_shown)
        differential = MotionDifferential(size, cell, distance or options.span, weight)
        kept: list[np.ndarray] = []
        begin = 0
        for flow in maps_of_flow(reader, options):
            differential.add(flow)
            end = begin + len(flow)
            kept += [flow[time - begin].copy() for time in times if begin <= time < end]
            begin = end
        frames = reader.get_frames_at(times, streams=('rgb',)).rgb
    assert frames is not None
    shown = np.stack(kept)
    weights = foreground_weights(CoarseMap(size, cell)(motion_boundary(shown, cell)), weight)
    values = differential.values[:, FUNCTIONS.index(function)]
    room = num_maps - 1
    interval = max(min(options.span, room // max(clip_len - 1, 1)), 1)
    last_start = max(room - (clip_len - 1) * interval, 0)
    scores = clip_scores(values, last_start, clip_len, interval)
    return ScoredVideo(
        (frames, shown, weights, times),
        scores,
        starts_above_median(scores),
        total,
        interval,
        min((clip_len - 1) * interval + 1, num_maps),
    )


def _times(total: int, num_maps: int, count: int) -> list[int]:
    """The frames in the middle of parts of a video: of as many, up to ``count``, as differ."""
    while True:
        middles = (np.arange(count) + 0.5) * total / count
        times = np.minimum(middles.astype(int), num_maps - 1).tolist()
        if len(set(times)) == count:
            return times
        count -= 1
