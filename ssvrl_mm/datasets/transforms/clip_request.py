"""What has to be decoded for the clips of a sample, and the clips as their frames come in."""

from collections.abc import Collection, Iterable

import numpy as np

from ssvrl_mm.datasets.transforms.flow_peak import WholeFlow, set_flow_peak
from ssvrl_mm.datasets.transforms.showing import (
    ShownFrames,
    Steps,
    show_flow,
    show_motion,
)
from ssvrl_mm.datasets.transforms.views import stream_views
from ssvrl_mm.video import FrameBatch
from ssvrl_mm.video.decoding.cropping import Region, surrounding

# What shows the pixels that the reader gives of a stream.
_KEYS = {'rgb': ('imgs', 'iframes'), 'residual': ('residuals',)}


class ClipRequest:
    """The frames that a sample's clips are made of.

    Clips overlap, short videos repeat frames, and I-frames are often among the frames of the
    clips: each frame is decoded once. I-frames are read apart from all else, as keyframes alone,
    only if they are keyframes and nothing else takes decoding pixels.

    Args:
        results: Of the pipeline so far: ``frame_inds``, ``original_shape`` and ``img_shape``;
            ``motion_inds``, ``iframe_inds``, ``stream_views`` and ``view_steps`` (taken out) if
            they are there.
        streams: What is decoded: 'rgb', 'motion', 'residual', 'flow', 'iframe'.
        keyframes: Those of the video.
        flow_cell: px per value of the reader's flow.
        flow_peak: Whether to tell the longest vector of whole frames' flow.

    Attributes:
        streams: What the reader is asked for.
        frames: Frames whose RGB is read, in ascending order.
        moving: Frames whose motion, residuals and flow are read, in ascending order.
        keyframes: Keyframes to read apart from these.
        regions, residual_regions: What is needed of the RGB, or of the residuals, of frames that
            are not shown whole, by number.
    """

    def __init__(
        self,
        results: dict,
        streams: Collection[str],
        keyframes: Collection[int],
        flow_cell: int = 1,
        flow_peak: bool = False,
    ) -> None:
        self._flow_cell = flow_cell
        self._flow_peak = flow_peak
        self._shape, size = results['original_shape'], results['img_shape']
        clips = np.asarray(results['frame_inds'])
        motion = np.asarray(results.get('motion_inds', clips))
        self._fields = {
            stream: _clips_of(motion, stream, results)
            for stream in ('motion', 'flow')
            if stream in streams
        }
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
        rgb = set(clips.ravel().tolist()) if 'rgb' in streams else set()
        iframes = set(np.ravel(results['iframe_inds']).tolist()) if 'iframe' in streams else set()
        is_apart = not {'rgb', 'residual'} & set(streams) and iframes <= set(keyframes)
        self.keyframes: list[int] = sorted(iframes) if is_apart else []
        self.frames: list[int] = sorted(rgb if is_apart else rgb | iframes)
        self.moving: list[int] = np.unique(motion).tolist()
        self.streams = [name for name in streams if name not in ('rgb', 'iframe')]
        if self.frames:
            self.streams.append('rgb')
        self.regions = self._regions(self.frames, 'rgb')
        self.residual_regions = self._regions(self.moving, 'residual')

    def _regions(self, numbers: Iterable[int], stream: str) -> dict[int, Region]:
        """The parts of frames that hold all that is shown of them."""
        shown = [self._shown[key] for key in _KEYS[stream] if key in self._shown]
        regions = {}
        for number in numbers:
            boxes = [box for frames in shown for box in frames.boxes(number)]
            partial = [box for box in boxes if box]
            if partial and len(partial) == len(boxes):
                regions[number] = surrounding(partial)
        return regions

    def receive(self, stream: str, number: int, image: np.ndarray) -> None:
        """Takes a frame from the reader, see :data:`~ssvrl_mm.video.delivery.Receiver`."""
        regions = self.residual_regions if stream == 'residual' else self.regions
        left, top, *_ = regions.get(number, (0, 0))
        for key in _KEYS[stream]:
            if key in self._shown:
                self._shown[key].take(number, image, (top, left))

    def finish(self, results: dict, batch: FrameBatch) -> None:
        """Adds the clips to the results, once everything has been read."""
        for key, shown in self._shown.items():
            results[key] = shown.frames
        for stream, clips in self._fields.items():
            found = [self._field(stream, *clip, batch) for clip in clips]
            results[stream] = np.concatenate([field for field, _, _ in found])
            results[f'{stream}_valid'] = np.concatenate([mask for _, mask, _ in found])
            if stream == 'flow':
                results['flow_cell'] = found[0][2]
                if self._flow_peak:
                    set_flow_peak(results, [self._whole_flow(*clip, batch) for clip in clips])

    def _whole_flow(self, numbers: np.ndarray, steps: Steps, batch: FrameBatch) -> WholeFlow:
        """The flow of a clip as its steps scale it, and do not cut it."""
        assert batch.flow is not None
        whole = WholeFlow([batch.flow[place] for place in np.searchsorted(self.moving, numbers)])
        for step in steps:
            whole = whole.shown(step.view, step.size)
        return whole

    def _field(
        self, stream: str, numbers: np.ndarray, steps: Steps, batch: FrameBatch
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Motion or flow of a clip after its steps, its mask, and px per value of flow."""
        places = np.searchsorted(self.moving, numbers)
        field, mask = getattr(batch, stream)[places], getattr(batch, f'{stream}_valid')[places]
        shape, cell = self._shape, self._flow_cell
        for step in steps:
            if stream == 'flow':
                field, mask = show_flow(field, mask, shape, step, cell)
            else:
                field, mask = show_motion(field, mask, shape, step)
            shape, cell = step.size, step.flow_stride or cell
        return field, mask, cell


def _clips_of(numbers: np.ndarray, key: str, results: dict) -> list[tuple[np.ndarray, Steps]]:
    """The frame numbers of each clip of a stream, and the steps of what it shows."""
    if 'view_steps' not in results:
        return [(clip.ravel(), ()) for clip in numbers]
    views = stream_views(results, key)
    clips = numbers.reshape(len(views), -1)
    return [(clip, results['view_steps'][view]) for clip, view in zip(clips, views, strict=True)]
