"""Clips made of shuffled segments, each sampled at a rate of its own, and how they were made."""

import math
import random
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.seeding import seeded_generators
from ssvrl_mm.datasets.transforms.clip_layout import set_clips
from ssvrl_mm.datasets.transforms.frame_order import number_of_video
from ssvrl_mm.datasets.transforms.sampling import (
    check_part,
    frames_of_part,
    random_starts,
    uniform_starts,
)
from ssvrl_mm.permutations import permutation_at
from ssvrl_mm.registry import TRANSFORMS


def random_lengths(total: int, parts: int, least: int) -> np.ndarray:
    """Lengths of parts, uniform over all that add up.

    Args:
        total: What they add up to.
        parts: How many n.
        least: What each has at least.

    Returns:
        int64 (n,).
    """
    # What is left over lies in a row with the n - 1 bars that part it: any places are as likely.
    row = total - parts * least + parts - 1
    bars = sorted(random.sample(range(row), parts - 1))
    return np.diff([-1, *bars, row]).astype(np.int64) - 1 + least


class _Clip(NamedTuple):
    """Frames (T,), the number of the order; lengths and rates (n,) in the order seen."""

    frames: np.ndarray
    order: int
    lengths: np.ndarray
    rates: np.ndarray


@TRANSFORMS.register_module()
class SampleShuffledSegments(BaseTransform):
    """Samples V clips of T frames in n segments of random lengths and rates, in a random order.

    The pretext task of Huang et al., "Self-supervised Representation Learning for Videos by
    Segmenting via Sampling Rate Order Prediction", IEEE TCSVT 2021, Fig. 1 and Sec. III-C, III-D:
    which order the segments have, and which rate each. Lengths are uniform over all that add up to
    T, rates over 1 to ``max_rate`` frames from one frame of a segment to the next. The segments
    follow each other in the video, from a random frame on; then one of the n! orders is drawn,
    their own among them.

    In a video that ends before the clip does, rates are drawn anew: up to the highest that always
    fits, (frames - 1) // (T - 1), 1 at least. Where that is still too long the clip starts over
    with the first frame of the video. The labels are of what was sampled.

    It works in pipelines of this library, behind ``OpenCompressedVideo``, and in those of mmaction2
    in the place of ``SampleFrames``, behind ``DecordInit`` or ``PyAVInit`` for instance. Labels are
    packed by ``PackSSLInputs(extra_keys=('segment_order', 'segment_lengths', 'sampling_rates'))``,
    or in mmaction2 by ``PackActionInputs(algorithm_keys=...)``.

    In test mode a clip starts where ``num_clips`` of them would lie at even distance, and whatever
    is drawn follows from the name of the video: always the same for it, and not for another one.

    **Required keys:** ``total_frames``. **Optional keys:** ``video_reader`` and ``start_index``,
    which tell the layout of frames; ``filename`` and ``video_root`` in test mode. **Added keys:**
    ``frame_inds``, (V, T) int64 in our pipelines and (V*T,) int32 in mmaction2's; ``clip_len``;
    ``frame_interval``, None; ``num_clips`` (V); the labels, int64: ``segment_order`` (V,), the
    number of the order (see :func:`~ssvrl_mm.permutations.permutation_index`), of which entry i
    says which segment of the video is seen as the i-th; ``segment_lengths`` and ``sampling_rates``
    (V, n), in frames, both in the order seen.

    Args:
        clip_len: Frames per clip T.
        num_segments: Segments of a clip n; 2 to 5 in the paper.
        max_rate: Highest rate, in frames of the video.
        min_length: Least frames of a segment.
        num_clips: Clips per video, each with lengths, rates and an order of its own: two of them
            are query and key.
        gap: Frames from the last of a segment to the first of the next in the video. 'next': as
            many as its rate, so that it begins where the former would have gone on.
        test_mode: See above.
        num_ordered: So many clips of T consecutive frames behind these, at random places, or in
            test mode at even distance: to describe the video by, where its shuffled clips are there
            to be asked for their order. All their labels are -1. V counts them.
        part: Begin and end, as shares of the video, of the part that clips come from.

    Raises:
        ValueError: An argument out of range, or segments that do not fit into a clip.

    Example:
        >>> sample = SampleShuffledSegments(clip_len=8, num_segments=2, max_rate=4, test_mode=True)
        >>> results = sample(dict(total_frames=40, filename='e.mp4', video_reader=reader))
        >>> results['frame_inds'][0], results['segment_order'], results['sampling_rates']
        (array([17, 18, 19, 20,  9, 11, 13, 15]), array([1]), array([[1, 2]]))
    """

    def __init__(
        self,
        clip_len: int = 16,
        num_segments: int = 3,
        max_rate: int = 8,
        min_length: int = 3,
        num_clips: int = 1,
        gap: int | str = 'next',
        test_mode: bool = False,
        num_ordered: int = 0,
        part: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        if num_segments < 2 or min_length < 2:
            raise ValueError(
                'num_segments and min_length must be 2 or more, as one segment has no order and '
                f'one frame no rate; got {num_segments} and {min_length}'
            )
        if clip_len < num_segments * min_length:
            raise ValueError(
                f'{num_segments} segments of {min_length} frames or more do not fit into a clip of '
                f'{clip_len}'
            )
        if min(max_rate, num_clips) < 1 or num_ordered < 0:
            raise ValueError(
                'max_rate and num_clips must be 1 or more, num_ordered 0 or more, got '
                f'{max_rate}, {num_clips} and {num_ordered}'
            )
        if gap != 'next' and (isinstance(gap, str) or gap < 1):
            raise ValueError(f"gap must be a number of frames from 1 on, or 'next', got {gap!r}")
        self.clip_len = clip_len
        self.num_segments = num_segments
        self.max_rate = max_rate
        self.min_length = min_length
        self.num_clips = num_clips
        self.gap = gap
        self.test_mode = test_mode
        self.num_ordered = num_ordered
        self.part = check_part(part)

    def transform(self, results: dict) -> dict:
        """Adds frame numbers and labels."""
        begin, total = frames_of_part(self.part, results['total_frames'])
        with seeded_generators(number_of_video(results)) if self.test_mode else nullcontext():
            clips = [self._shuffled(total, number) for number in range(self.num_clips)]
            clips += self._ordered(total)
        frames = np.stack([clip.frames for clip in clips]) % total
        set_clips(results, begin + frames, frame_interval=None)
        results['segment_order'] = np.array([clip.order for clip in clips], np.int64)
        results['segment_lengths'] = np.stack([clip.lengths for clip in clips])
        results['sampling_rates'] = np.stack([clip.rates for clip in clips])
        return results

    def _shuffled(self, total: int, number: int) -> _Clip:
        """A clip of shuffled segments, of the first ``total`` frames or beyond them."""
        n = self.num_segments
        lengths = random_lengths(self.clip_len, n, self.min_length)
        rates = self._rates(self.max_rate)
        if self._offsets(lengths, rates)[-1] >= total:
            rates = self._rates(self._highest_rate(total))
        offsets = self._offsets(lengths, rates)
        last_start = max(total - 1 - int(offsets[-1]), 0)
        if self.test_mode:
            start = uniform_starts(self.num_clips, last_start)[number]
        else:
            start = random.randint(0, last_start)
        segments = np.split(start + offsets, np.cumsum(lengths)[:-1])
        index = random.randrange(math.factorial(n))
        order = list(permutation_at(index, n))
        frames = np.concatenate([segments[i] for i in order])
        return _Clip(frames, index, lengths[order], rates[order])

    def _rates(self, highest: int) -> np.ndarray:
        return np.array([random.randint(1, highest) for _ in range(self.num_segments)], np.int64)

    def _offsets(self, lengths: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """The frames of a clip before it is shuffled, counted from its first one."""
        steps = np.repeat(rates, lengths)
        if self.gap != 'next':
            steps[np.cumsum(lengths) - 1] = self.gap
        return np.cumsum(steps) - steps

    def _highest_rate(self, total: int) -> int:
        """The highest rate, 1 at least, with which all segments fit whatever their lengths."""
        steps, room = self.clip_len - 1, total - 1
        if self.gap != 'next':
            steps -= self.num_segments - 1
            room -= (self.num_segments - 1) * int(self.gap)
        return min(max(room // steps, 1), self.max_rate)

    def _ordered(self, total: int) -> list[_Clip]:
        """Clips of consecutive frames, which have nothing to be told."""
        choose = uniform_starts if self.test_mode else random_starts
        starts = choose(self.num_ordered, max(total - self.clip_len, 0))
        none = np.full(self.num_segments, -1, np.int64)
        return [_Clip(start + np.arange(self.clip_len), -1, none, none) for start in starts]

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({options})'
