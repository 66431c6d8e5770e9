"""Which frames of a video make its clips."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import VideoTooShortError


def random_starts(num_clips: int, last_start: int, min_gap: int = 0) -> list[int]:
    """Starts of clips, uniform over all that keep their distance.

    Args:
        num_clips: Clips V.
        last_start: Latest start that is allowed.
        min_gap: Least distance between two starts, lowered to what the room allows.

    Returns:
        V starts in 0..last_start, in random order.
    """
    if num_clips > 1:
        min_gap = min(min_gap, last_start // (num_clips - 1))
    room = last_start - min_gap * (num_clips - 1)
    # Sorted draws from the room left over, moved apart by the gaps.
    draws = sorted(random.randint(0, room) for _ in range(num_clips))
    starts = [draw + number * min_gap for number, draw in enumerate(draws)]
    random.shuffle(starts)
    return starts


def uniform_starts(num_clips: int, last_start: int) -> list[int]:
    """Starts from 0 to ``last_start`` at even distance, rounded; a single one in the middle."""
    if num_clips == 1:
        return [last_start // 2]
    return np.rint(np.arange(num_clips) * (last_start / (num_clips - 1))).astype(int).tolist()


def window_starts(stride: int, last_start: int) -> list[int]:
    """Starts of a window moved by ``stride``; the last one reaches the end of the video."""
    starts = list(range(0, last_start + 1, stride))
    return starts if starts[-1] == last_start else [*starts, last_start]


def check_part(part: Sequence[float]) -> tuple[float, float]:
    """Begin and end of a part of a video, as shares; ValueError unless they rise within 0..1."""
    if len(part) != 2 or not 0 <= part[0] < part[1] <= 1:
        raise ValueError(f'part must be two increasing shares in 0..1, got {part}')
    return part[0], part[1]


def frames_of_part(part: tuple[float, float], total_frames: int) -> tuple[int, int]:
    """The first frame of a part, and how many there are: at least one."""
    begin, end = (int(share * total_frames) for share in part)
    return begin, max(end - begin, 1)


@TRANSFORMS.register_module()
class SampleClips(BaseTransform):
    """Samples V clips of T frames from a video.

    In training the V clips are drawn at random, each anywhere in the video: two clips of one video
    are query and key of contrastive learning. In test mode they lie at even distance from the first
    to the last possible place, or as a moving window.

    A clip spans ``(clip_len - 1) * frame_interval + 1`` frames, and the ``motion_offset`` that flow
    reaches beyond the last of them. In a shorter video ``shorten`` lowers the interval first; where
    that is not enough every clip starts at the first frame and is filled up by ``out_of_bound``,
    with frames that have their flow in the video. The span of flow is never lowered: flow means the
    same in every video, and what is stored has one span.

    **Required keys:** ``total_frames``. **Added keys:** ``frame_inds`` int64 (V, T), ``clip_len``,
    ``frame_interval`` (of this video), ``num_clips`` (V); with ``motion_offset`` this, and
    ``motion_inds`` int64 (V, T).

    Args:
        clip_len: Frames per clip T.
        frame_interval: Distance of a clip's frames. Motion stays that since the frame before in
            the video, in px per frame.
        num_clips: Clips per video V.
        test_mode: Even distances instead of random places.
        stride: Test mode: frames the window moves by. V then follows from the length of the video
            and ``num_clips`` is not used.
        out_of_bound: Too short videos: 'loop' starts over, 'repeat_last' repeats the last frame.
        independent: Training: the probability that the V clips are drawn apart; otherwise all are
            the same frames, which differ in their crops alone. True (always), False (never), or
            0.5 as in the code of CoCLR.
        min_gap: Training: least distance of two clips' starts, as far as the video allows.
        part: Begin and end, as shares of the video, of the part that clips come from: with
            ``(0, .5)`` and ``(.5, 1)`` one half of a video can look for the other.
        motion_offset: The ``flow_span`` of the reader, or None: motion and flow are those of the
            clip's own frames. With k > 0 the flow of time i is that of frame i + k, where the
            motion from frame i to it ends; with k < 0 it is that of frame i, where the motion to
            frame i + abs(k) begins. The video has both frames.
        shorten: 'stride': where a clip does not fit, ``frame_interval`` is lowered to the largest
            that does, 1 at least. None: it stays.

    Raises:
        ValueError: An argument out of range.
        VideoTooShortError: From a video that has no two frames ``motion_offset`` apart.

    Example:
        >>> sample = SampleClips(clip_len=4, num_clips=3, test_mode=True)
        >>> sample(dict(total_frames=10))['frame_inds']
        array([[0, 1, 2, 3],
               [3, 4, 5, 6],
               [6, 7, 8, 9]])
    """

    def __init__(
        self,
        clip_len: int,
        frame_interval: int = 1,
        num_clips: int = 2,
        test_mode: bool = False,
        stride: int | None = None,
        out_of_bound: str = 'loop',
        independent: float = True,
        min_gap: int = 0,
        part: tuple[float, float] = (0.0, 1.0),
        motion_offset: int | None = None,
        shorten: str | None = None,
    ) -> None:
        if min(clip_len, frame_interval, num_clips) < 1 or min_gap < 0:
            raise ValueError(
                'clip_len, frame_interval and num_clips must be 1 or more, min_gap 0 or more, got '
                f'{clip_len}, {frame_interval}, {num_clips} and {min_gap}'
            )
        if not 0 <= independent <= 1:
            raise ValueError(f'independent must be a probability, got {independent}')
        if stride is not None and (stride < 1 or not test_mode):
            raise ValueError(f'stride must be 1 or more and needs test_mode=True, got {stride}')
        if out_of_bound not in ('loop', 'repeat_last'):
            raise ValueError(f"out_of_bound must be 'loop' or 'repeat_last', got {out_of_bound!r}")
        if motion_offset == 0 or not (motion_offset is None or hasattr(motion_offset, '__index__')):
            raise ValueError(
                f'motion_offset must be a whole number other than 0, or None, got {motion_offset!r}'
            )
        if shorten not in (None, 'stride'):
            raise ValueError(f"shorten must be 'stride' or None, got {shorten!r}")
        self.clip_len = clip_len
        self.frame_interval = frame_interval
        self.num_clips = num_clips
        self.test_mode = test_mode
        self.stride = stride
        self.out_of_bound = out_of_bound
        self.independent = independent
        self.min_gap = min_gap
        self.part = check_part(part)
        self.motion_offset = motion_offset
        self.shorten = shorten

    def _starts(self, last_start: int, interval: int, results: Mapping[str, Any]) -> Sequence[int]:
        """The first frames of the clips, of those from 0 to ``last_start``.

        Args:
            last_start: The last that a clip may start at.
            interval: Distance of a clip's frames in this video.
            results: The sample.
        """
        if self.stride is not None:
            return window_starts(self.stride, last_start)
        if self.test_mode:
            return uniform_starts(self.num_clips, last_start)
        if self.independent in (0, 1):
            apart = bool(self.independent)
        else:
            apart = random.random() < self.independent
        if not apart:
            return random_starts(1, last_start) * self.num_clips
        return random_starts(self.num_clips, last_start, self.min_gap)

    def _interval(self, count: int) -> int:
        """The distance of a clip's frames where these are some of ``count``."""
        if self.shorten is None or self.clip_len == 1:
            return self.frame_interval
        return max(min(self.frame_interval, (count - 1) // (self.clip_len - 1)), 1)

    def transform(self, results: dict) -> dict:
        """Adds the frame numbers."""
        begin, total = frames_of_part(self.part, results['total_frames'])
        offset = self.motion_offset or 0
        # Those from which flow leads on to a frame of the video.
        count = total - abs(offset)
        if count < 1:
            raise VideoTooShortError(results.get('filename', ''), total, abs(offset) + 1)
        interval = self._interval(count)
        offsets = np.arange(self.clip_len) * interval
        starts = self._starts(max(count - 1 - int(offsets[-1]), 0), interval, results)
        frames = np.asarray(starts, np.int64)[:, None] + offsets
        frames = frames % count if self.out_of_bound == 'loop' else frames.clip(max=count - 1)
        results['frame_inds'] = begin + frames
        if offset:
            results['motion_offset'] = offset
            results['motion_inds'] = begin + frames + max(offset, 0)
        results['clip_len'] = self.clip_len
        results['frame_interval'] = interval
        results['num_clips'] = len(frames)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(clip_len={self.clip_len}, '
            f'frame_interval={self.frame_interval}, num_clips={self.num_clips}, '
            f'test_mode={self.test_mode}, stride={self.stride}, '
            f'out_of_bound={self.out_of_bound!r}, independent={self.independent}, '
            f'min_gap={self.min_gap}, part={self.part}, motion_offset={self.motion_offset}, '
            f'shorten={self.shorten!r})'
        )
