"""Which frames make a clip, the motion that follows it, and the I-frame that shows its scene."""

import random

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.sampling import (
    check_part,
    frames_of_part,
    random_starts,
    uniform_starts,
)
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import VideoDecodeError, VideoTooShortError


@TRANSFORMS.register_module()
class SampleContextMotion(BaseTransform):
    """Samples a clip, a motion clip to be predicted from it, others to tell apart, an I-frame.

    Context-Motion Decoupling (Huang et al., CVPR 2021, Sec. 3): the clip's context is that of an
    I-frame within or near it, and its motion predicts the motion vectors of a short clip of
    consecutive frames that follows it. Motion clips from elsewhere in the video are negatives.

    Views (draws of crop and flip): clip c of C and the motion it predicts share view c, the
    negatives are views C to C + K - 1, and each I-frame has a view of its own after these. In test
    mode all streams of clip c share view c.

    In test mode the C clips lie at even distance, the I-frame is the one nearest to the middle of
    its clip, there are no negatives, and videos that are too short start over.

    **Required keys:** ``total_frames``, and ``video_reader`` for I-frames. **Optional key:**
    ``streams``; no I-frame is chosen where 'iframe' is not among them. **Added keys:**
    ``frame_inds`` (C, T), ``motion_inds`` (C + K, Tm), ``iframe_inds`` (C, 1), all int64;
    ``iframe_distance`` int64 (C,): how many frames outside its clip's span each I-frame lies, 0
    inside; ``stream_views``, ``clip_len``, ``frame_interval``, ``num_clips`` (C).

    Args:
        clip_len: Frames per clip T.
        frame_interval: Distance of a clip's frames. The motion's are consecutive.
        min_frame_interval: In a video too short for ``frame_interval``, clips have the largest
            distance that fits, down to this one. None: ``frame_interval`` in every video.
        motion_len: Frames per motion clip Tm.
        motion_gap: 'future': frames from the clip's last to the motion's first.
        target: 'future', or 'current': consecutive frames in the middle of the clip's span.
        num_negatives: Negative motion clips K per video. They begin at least ``motion_len`` frames
            away from the motion that is predicted, or as far as the video allows.
        iframe_window: I-frames are drawn from the keyframes at most so many frames before or after
            the clip's span; where there are none, the nearest is taken, as ``iframe_distance``
            tells. None: no I-frame.
        num_clips: Clips C per video.
        test_mode: See above.
        part: Begin and end, as shares of the video, of the part that frames come from. The I-frame
            too, unless the part has none.

    Raises:
        VideoTooShortError: In training, from a video without room for a clip and its motion.
        ValueError: An argument out of range.

    Example:
        >>> sample = SampleContextMotion(4, 2, motion_len=3, iframe_window=None, test_mode=True)
        >>> results = sample(dict(total_frames=21))
        >>> results['frame_inds'], results['motion_inds']
        (array([[ 5,  7,  9, 11]]), array([[13, 14, 15]]))
    """

    def __init__(
        self,
        clip_len: int = 16,
        frame_interval: int = 4,
        min_frame_interval: int | None = None,
        motion_len: int = 8,
        motion_gap: int = 2,
        target: str = 'future',
        num_negatives: int = 3,
        iframe_window: int | None = 5,
        num_clips: int = 1,
        test_mode: bool = False,
        part: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        if min(clip_len, frame_interval, motion_len, motion_gap, num_clips) < 1:
            raise ValueError(
                'clip_len, frame_interval, motion_len, motion_gap and num_clips must be 1 or more, '
                f'got {clip_len}, {frame_interval}, {motion_len}, {motion_gap} and {num_clips}'
            )
        if min_frame_interval is not None and not 1 <= min_frame_interval <= frame_interval:
            raise ValueError(
                f'min_frame_interval must be in 1..{frame_interval}, got {min_frame_interval}'
            )
        if min(num_negatives, iframe_window or 0) < 0:
            raise ValueError(
                'num_negatives and iframe_window must be 0 or more, '
                f'got {num_negatives} and {iframe_window}'
            )
        if target not in ('future', 'current'):
            raise ValueError(f"target must be 'future' or 'current', got {target!r}")
        self.clip_len = clip_len
        self.frame_interval = frame_interval
        self.min_frame_interval = (
            frame_interval if min_frame_interval is None else min_frame_interval
        )
        self.motion_len = motion_len
        self.motion_gap = motion_gap
        self.target = target
        self.num_negatives = num_negatives
        self.iframe_window = iframe_window
        self.num_clips = num_clips
        self.test_mode = test_mode
        self.part = check_part(part)

    def _extent(self, interval: int) -> tuple[int, int, int]:
        """A clip and its motion: frames before the clip, from clip to motion, and in all."""
        span = (self.clip_len - 1) * interval + 1
        offset = span - 1 + self.motion_gap
        if self.target == 'current':
            offset = (span - self.motion_len) // 2
        before = max(-offset, 0)  # the motion may begin first, and end last
        return before, offset, before + max(span, offset + self.motion_len)

    def _needed(self, interval: int) -> int:
        """Least length of a video to train on."""
        extent = self._extent(interval)[2]
        # One motion clip more than can be positive.
        return max(extent, self.motion_len + self.num_clips) if self.num_negatives else extent

    def transform(self, results: dict) -> dict:
        """Adds the frame numbers and who shares views."""
        begin, total = frames_of_part(self.part, results['total_frames'])
        interval = self.frame_interval
        while self._needed(interval) > total and interval > self.min_frame_interval:
            interval -= 1
        before, offset, extent = self._extent(interval)
        if self.test_mode:
            starts, negatives = uniform_starts(self.num_clips, max(total - extent, 0)), []
        else:
            if total < self._needed(interval):
                path = str(results.get('filename'))
                raise VideoTooShortError(path, total, self._needed(interval))
            starts = random_starts(self.num_clips, total - extent)
        clips = before + np.array(starts, np.int64)
        positives = clips + offset
        if not self.test_mode:
            negatives = self._negatives(positives, total - self.motion_len)
        motions = np.concatenate([positives, np.array(negatives, np.int64)])
        frames = clips[:, None] + np.arange(self.clip_len) * interval
        results['frame_inds'] = begin + frames % total
        results['motion_inds'] = begin + (motions[:, None] + np.arange(self.motion_len)) % total
        views = list(range(len(motions)))
        results['stream_views'] = dict(motion=views, residuals=views, flow=views)
        reads_iframes = 'iframe' in results.get('streams', ('iframe',))
        if self.iframe_window is not None and reads_iframes:
            self._add_iframes(results, begin, begin + total)
        results['clip_len'] = self.clip_len
        results['frame_interval'] = interval
        results['num_clips'] = self.num_clips
        return results

    def _negatives(self, positives: np.ndarray, last_start: int) -> list[int]:
        """Starts of motion clips away from those that are predicted, all different if it goes."""
        starts = np.arange(last_start + 1)
        distances = np.abs(starts[:, None] - positives).min(axis=1)
        allowed = starts[distances >= min(self.motion_len, distances.max())].tolist()
        if self.num_negatives <= len(allowed):
            return random.sample(allowed, self.num_negatives)
        return random.choices(allowed, k=self.num_negatives)

    def _add_iframes(self, results: dict, begin: int, end: int) -> None:
        """Chooses a keyframe for each clip."""
        found = results['video_reader'].metadata.keyframes
        if not found:
            raise VideoDecodeError(str(results.get('filename')), 'it has no keyframe')
        keyframes = np.array([k for k in found if begin <= k < end] or found, np.int64)
        chosen, distances = [], []
        for clip in results['frame_inds']:
            first, last = int(clip.min()), int(clip.max())
            distance = np.maximum(np.maximum(first - keyframes, keyframes - last), 0)
            near = np.flatnonzero(distance <= self.iframe_window)
            if self.test_mode:
                place = int(np.abs(2 * keyframes - (first + last)).argmin())
            elif len(near):
                place = int(random.choice(near))
            else:
                place = int(distance.argmin())
            chosen.append(keyframes[place])
            distances.append(distance[place])
        results['iframe_inds'] = np.array(chosen)[:, None]
        results['iframe_distance'] = np.array(distances)
        count = len(results['motion_inds'])
        views = range(self.num_clips) if self.test_mode else range(count, count + self.num_clips)
        results['stream_views']['iframes'] = list(views)

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({options})'
