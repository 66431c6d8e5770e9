"""What has to be decoded for the clips of a sample, and the clips as their frames come in."""

from collections.abc import Collection

import numpy as np

from ssvrl_mm.datasets.transforms.showing import ShownFrames, Steps, show_motion
from ssvrl_mm.datasets.transforms.views import stream_views
from ssvrl_mm.video import FrameBatch


class ClipRequest:
    """The frames that a sample's clips are made of.

    Clips overlap, short videos repeat frames, and I-frames are often among the frames of the
    clips: each frame is decoded once.

    Args:
        results: Of the pipeline so far: ``frame_inds``, ``original_shape`` and ``img_shape``;
            ``motion_inds``, ``iframe_inds``, ``stream_views`` and ``view_steps`` (taken out) if
            they are there.
        streams: What is decoded: 'rgb', 'motion', 'residual', 'iframe'.

    Attributes:
        frames: Frames whose RGB is read, or whose times are, in ascending order.
        moving: Frames whose motion and residuals are read, in ascending order.
        keyframes: Keyframes to read apart from these.
    """

    def __init__(self, results: dict, streams: Collection[str]) -> None:
        self._reads_motion = 'motion' in streams
        self._shape, size = results['original_shape'], results['img_shape']
        clips = np.asarray(results['frame_inds'])
        motion = np.asarray(results.get('motion_inds', clips))
        self._motion = _clips_of(motion, 'motion', results)
        self._shown: dict[str, ShownFrames] = {}
        for stream, key, numbers, dtype in (
            ('rgb', 'imgs', clips, np.uint8),
            ('residual', 'residuals', motion, np.int16),
            ('iframe', 'iframes', results.get('iframe_inds'), np.uint8),
        ):
            if stream in streams:
                parts = _clips_of(np.asarray(numbers), key, results)
                self._shown[key] = ShownFrames(parts, size, dtype)
        results.pop('view_steps', None)
        iframes = np.unique(results['iframe_inds']) if 'iframe' in streams else clips[:0]
        wanted = [clips.ravel(), iframes.ravel()] if 'rgb' in streams else [clips.ravel()]
        self.frames: list[int] = np.unique(np.concatenate(wanted)).tolist()
        self.moving: list[int] = np.unique(motion).tolist()
        self.keyframes: list[int] = [] if 'rgb' in streams else iframes.tolist()

    def receive(self, stream: str, number: int, image: np.ndarray) -> None:
        """Takes a frame from the reader, see :data:`~ssvrl_mm.video.delivery.Receiver`."""
        for key in ('residuals',) if stream == 'residual' else ('imgs', 'iframes'):
            if key in self._shown:
                self._shown[key].take(number, image)

    def finish(self, results: dict, batch: FrameBatch) -> None:
        """Adds the clips to the results, once everything has been read."""
        for key, shown in self._shown.items():
            results[key] = shown.frames
        if not self._reads_motion:
            return
        assert batch.motion is not None and batch.motion_valid is not None
        fields: list[np.ndarray] = []
        masks: list[np.ndarray | None] = []
        for numbers, steps in self._motion:
            places = np.searchsorted(self.moving, numbers)
            field: np.ndarray = batch.motion[places]
            mask: np.ndarray | None = batch.motion_valid[places]
            shape = self._shape
            for step in steps:
                field, mask = show_motion(field, mask, shape, step)
                shape = step.size
            fields.append(field)
            masks.append(mask)
        results['motion'] = np.concatenate(fields)
        results['motion_valid'] = np.concatenate(masks)  # type: ignore[arg-type]


def _clips_of(numbers: np.ndarray, key: str, results: dict) -> list[tuple[np.ndarray, Steps]]:
    """The frame numbers of each clip of a stream, and the steps of what it shows."""
    if 'view_steps' not in results:
        return [(clip.ravel(), ()) for clip in numbers]
    views = stream_views(results, key)
    clips = numbers.reshape(len(views), -1)
    return [(clip, results['view_steps'][view]) for clip, view in zip(clips, views, strict=True)]
