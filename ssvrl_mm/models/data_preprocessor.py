"""From a collated batch of small integers to the normalised tensors that models take."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import BaseDataElement
from mmengine.utils import is_seq_of
from torch import Tensor
from torch.nn import functional as F

from ssvrl_mm.registry import MODELS

from .utils.photometric import PhotometricAugmentation

# Number of axes of a batch of the stream, and channels on its third axis.
_LAYOUTS = {
    'rgb': ((6,), 3),
    'motion': ((6,), 2),
    'motion_valid': ((6,), 1),
    'residual': ((6,), 3),
    'flow': ((6,), 2),
    'flow_valid': ((6,), 1),
    'iframe': ((5, 6), 3),
}

#: CoViAR stores zero as 128 of 255, and subtracts a half.
COVIAR_OFFSET = 128 / 255 - 0.5

_LEAST_HALF = 2.0**-24

_SizeOption = Literal['rgb'] | int | Sequence[int] | None


@MODELS.register_module()
class SSLDataPreprocessor(BaseDataPreprocessor):
    """Stacks the streams of a batch, moves them to the device, augments and normalises them.

    Every stream leads with N videos and V clips of each:

    - ``rgb`` (N, V, 3, T, H, W): augmented (training only; where the data samples hold
      ``augmented_clips`` (V,) bool, those clips alone), then ``(x - mean) / std``, then, with
      ``remove_still``, less its own mean over the clip's frames;
    - ``iframe`` (N, V, 3, H, W) or (N, V, 3, n, H, W): augmented with draws of its own and
      normalised like ``rgb``, still parts included;
    - ``motion`` (N, V, 2, T, h, w): clipped to +-``clip`` px per frame, divided by ``clip``, and
      resized to ``size`` by nearest neighbour, which repeats a block's vector on its pixels;
    - ``motion_valid`` (N, V, 1, T, h, w): resized like ``motion``, bool as before;
    - ``residual`` (N, V, 3, T, H, W): divided by ``scale``;
    - ``flow`` (N, V, 2, T, h, w) and ``flow_valid``: like motion, with settings of their own; or
      each map divided by the length of the longest vector of its whole frame, ``flow_peak``
      (N, V, T), which ends here.

    In memory the channels of ``rgb``, ``iframe`` and ``residual`` lie last. A stream of another
    name goes to the device as it is. The bitstream is not to be trusted: a vector that is not a
    number counts as no motion, an infinite one as the largest, so that one damaged cell does not
    spoil the whole batch.

    Args:
        rgb: ``mean`` and ``std`` of the channels, on the scale 0 to 255, as usual for Kinetics by
            default; and ``remove_still`` (default False): a pixel that never changes becomes 0, so
            that small networks and short trainings see what moves.
        motion: ``clip`` (px per frame, default 20) and ``size``: ``'rgb'`` (default) for the size
            of the RGB clips, without them of the I-frames, or without either as it is; one number
            or (height, width); None for as it is. ``coviar`` (default False): as networks of
            `CoViAR <https://arxiv.org/abs/1712.00636>`_ see it, ``(127.5 x + 128) / 255 - .5`` of
            what is x otherwise.
        residual: ``scale``, default 255; or ``coviar`` (default False): +128, cut to 0 to 255,
            ``(x / 255 - .5) / std`` with ``std`` of RGB.
        flow: ``clip`` (px over its span, default 20; None leaves it in px) and ``size``, as of
            motion, by default None; ``normalize``: 'clip' (default), or 'peak' to divide by
            ``flow_peak`` instead, so that no vector is longer than 1, as MSCL takes flow.
        augment: Arguments of :class:`~.utils.photometric.PhotometricAugmentation`: each clip of
            each video gets its own draw, the frames of a clip share it. None: no augmentation.
        non_blocking: Whether copies to the device may overlap with the host's work.
        host_fields: Fields of the data samples that stay on the host; all others go to the device.
            Labels of classes by default, which no pretext task needs.

    Raises:
        TypeError: If a stream's settings have a name that is not known.
        ValueError: If a setting is out of range.

    Example:
        >>> preprocessor = SSLDataPreprocessor(motion=dict(clip=20, size='rgb'))
        >>> clips = dict(rgb=[torch.zeros(2, 3, 8, 64, 64, dtype=torch.uint8)] * 4,
        ...              motion=[torch.zeros(2, 2, 8, 8, 8, dtype=torch.float16)] * 4)
        >>> inputs = preprocessor(dict(inputs=clips))['inputs']
        >>> inputs['rgb'].shape, inputs['motion'].shape
        (torch.Size([4, 2, 3, 8, 64, 64]), torch.Size([4, 2, 2, 8, 64, 64]))
    """

    def __init__(
        self,
        rgb: dict | None = None,
        motion: dict | None = None,
        residual: dict | None = None,
        augment: dict | None = None,
        non_blocking: bool = True,
        flow: dict | None = None,
        host_fields: Sequence[str] = ('gt_label', 'augmented_clips'),
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.host_fields = frozenset(host_fields)
        self._set_rgb(**(rgb or {}))
        self._set_motion(**(motion or {}))
        self._set_residual(**(residual or {}))
        self._set_flow(**(flow or {}))
        self.augment = PhotometricAugmentation(**(augment or {}))

    def _set_rgb(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        remove_still: bool = False,
    ) -> None:
        self.remove_still = remove_still
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f'rgb needs three means and three positive stds: {mean}, {std}')
        for name, values in (('mean', mean), ('std', std)):
            # Fractions of 255, the scale of what is augmented.
            scaled = torch.tensor(values, dtype=torch.float32).view(3, 1, 1, 1) / 255
            self.register_buffer(name, scaled, persistent=False)

    def _set_motion(
        self, clip: float = 20.0, size: _SizeOption = 'rgb', coviar: bool = False
    ) -> None:
        if clip <= 0:
            raise ValueError(f'motion needs clip > 0: {clip}')
        self.motion_as_coviar = coviar
        self.motion_clip = clip
        self.motion_size = _checked_size('motion', size)

    def _set_flow(
        self, clip: float | None = 20.0, size: _SizeOption = None, normalize: str = 'clip'
    ) -> None:
        if clip is not None and clip <= 0:
            raise ValueError(f'flow needs clip > 0 or None: {clip}')
        if normalize not in ('clip', 'peak'):
            raise ValueError(f"flow needs normalize 'clip' or 'peak': {normalize!r}")
        if normalize == 'peak' and clip != 20.0:
            raise ValueError(f"flow needs clip={clip}, or normalize='peak', not both")
        self.flow_clip = clip
        self.divides_by_peak = normalize == 'peak'
        self.flow_size = _checked_size('flow', size)

    def _set_residual(self, scale: float = 255.0, coviar: bool = False) -> None:
        if scale <= 0:
            raise ValueError(f'residual needs scale > 0: {scale}')
        self.residual_scale = scale
        self.residual_as_coviar = coviar

    @torch.no_grad()
    def forward(self, data: dict, training: bool = False) -> dict:
        """Makes a batch ready.

        Args:
            data: ``inputs``: dict of streams, each a tensor or a list of N tensors (whatever the
                collate function makes); and ``data_samples`` or nothing.
            training: Whether to augment.

        Returns:
            ``dict(inputs, data_samples)`` on the device; the streams listed above in float32.

        Raises:
            TypeError: If ``inputs`` is no dict.
            ValueError: If the tensors of a stream differ in shape, or have a wrong one; if some
                data samples hold ``augmented_clips`` and others do not, or not one per clip.
        """
        inputs = data['inputs']
        if not isinstance(inputs, Mapping):
            raise TypeError(f'inputs must be a dict of streams, not {type(inputs).__name__}')
        videos = {name: self._videos(name, stream) for name, stream in inputs.items()}
        peaks = videos.pop('flow_peak', None)
        pictures = next((videos[name] for name in ('rgb', 'iframe') if name in videos), None)
        shown = None if pictures is None else pictures[0].shape[-2:]
        motion_size, flow_size = (
            shown if size == 'rgb' else size for size in (self.motion_size, self.flow_size)
        )
        streams = {}
        for name, stream in videos.items():
            if name in ('rgb', 'iframe'):
                chosen = _augmented_clips(data, stream) if name == 'rgb' else None
                streams[name] = self._images(stream, chosen if training else [])
            elif name == 'residual':
                streams[name] = self._residuals(stream)
            else:
                stacked = _stacked(stream)
                if name == 'motion':
                    stacked = scale_motion(stacked, self.motion_clip, motion_size)
                    if self.motion_as_coviar:
                        stacked = stacked / 2 + COVIAR_OFFSET
                elif name == 'flow' and self.divides_by_peak:
                    if peaks is None:
                        raise ValueError(
                            "flow=dict(normalize='peak') needs the input 'flow_peak': "
                            'DecodeCompressedVideo(flow_peak=True)'
                        )
                    stacked = _resize(divide_by_peak(stacked, _stacked(peaks)), flow_size)
                elif name == 'flow':
                    stacked = scale_motion(stacked, self.flow_clip, flow_size)
                elif name in ('motion_valid', 'flow_valid'):
                    size = motion_size if name == 'motion_valid' else flow_size
                    stacked = _resize(stacked.float(), size).bool()
                streams[name] = stacked.contiguous()
        if self.remove_still and 'rgb' in streams:
            streams['rgb'] -= streams['rgb'].mean(dim=3, keepdim=True)
        rest = {key: self._cast_samples(value) for key, value in data.items() if key != 'inputs'}
        return {'inputs': streams, 'data_samples': None, **rest}

    def _videos(self, name: str, stream: Any) -> Sequence[Tensor] | Tensor:
        """N tensors on the device, or one that leads with N; checks the shape."""
        stream = self.cast_data(stream)
        if isinstance(stream, Tensor):
            shape = tuple(stream.shape)
        else:
            shapes = {tuple(video.shape) for video in stream}
            if len(shapes) != 1:
                raise ValueError(f'{name!r} differs in shape within the batch: {sorted(shapes)}')
            shape = (len(stream), *shapes.pop())
        axes, channels = _LAYOUTS.get(name, ((len(shape),), None))
        if len(shape) not in axes or (channels and shape[2] != channels):
            raise ValueError(f'{name!r} must be (N, V, {channels}, [T,] H, W), got {shape}')
        return stream

    def _images(self, videos: Sequence[Tensor] | Tensor, chosen: Sequence[int] | None) -> Tensor:
        """Augments those that are chosen, all where there is no choice; normalises all."""
        clips = [clip for video in videos for clip in video]
        still = clips[0].dim() == 3
        if still:
            clips = [clip.unsqueeze(1) for clip in clips]
        images = self.augment(clips, 255, self.mean, self.std, chosen)
        images = images.squeeze(2) if still else images
        return images.unflatten(0, (len(videos), -1))

    def _residuals(self, videos: Sequence[Tensor] | Tensor) -> Tensor:
        count, _, *rest = videos[0].shape
        residuals = self.mean.new_empty((len(videos), count, *rest, 3)).movedim(-1, 2)
        for residual, video in zip(residuals, videos, strict=True):
            if self.residual_as_coviar:
                shifted = video.clamp(-128, 127) / 255 + COVIAR_OFFSET
                torch.div(shifted, self.std, out=residual)
            else:
                torch.div(video, self.residual_scale, out=residual)
        return residuals

    def _cast_samples(self, samples: Any) -> Any:
        """Copies data samples, with the fields that are not of the host on the device."""
        if not isinstance(samples, Sequence) or not is_seq_of(samples, BaseDataElement):
            return self.cast_data(samples)
        return [self._cast_sample(sample) for sample in samples]

    def _cast_sample(self, sample: BaseDataElement) -> BaseDataElement:
        sample = sample.new()
        for name, field in sample.items():
            if name not in self.host_fields and hasattr(field, 'to'):
                sample.set_data({name: self.cast_data(field)})
        return sample


def _augmented_clips(
    data: Mapping[str, Any], videos: Sequence[Tensor] | Tensor
) -> list[int] | None:
    """The numbers, among N x V, of the clips to augment; None where no sample chooses."""
    marks = [getattr(sample, 'augmented_clips', None) for sample in data.get('data_samples') or ()]
    if all(mark is None for mark in marks):
        return None
    count = len(videos[0])
    if len(marks) != len(videos) or any(mark is None or len(mark) != count for mark in marks):
        raise ValueError(
            f'augmented_clips must mark each of the {count} clips of all {len(videos)} samples, '
            f'got {[None if mark is None else len(mark) for mark in marks]}'
        )
    flags = [flag for mark in marks for flag in torch.as_tensor(mark).tolist()]
    return [number for number, flag in enumerate(flags) if flag]


def _checked_size(stream: str, size: _SizeOption) -> tuple[int, int] | Literal['rgb'] | None:
    if size == 'rgb' or size is None:
        return size
    sides = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    if len(sides) != 2 or not all(
        isinstance(side, int | np.integer) and side > 0 for side in sides
    ):
        raise ValueError(
            f"{stream} needs size 'rgb', one number, (height, width) or None: {size!r}"
        )
    return int(sides[0]), int(sides[1])


def scale_motion(motion: Tensor, clip: float | None, size: Sequence[int] | None = None) -> Tensor:
    """Brings motion to [-1, 1] and to a size.

    Args:
        motion: (N, V, 2, T, h, w) in px per frame. What is not a number counts as no motion.
        clip: Largest motion in px per frame; what is beyond is cut off. None leaves motion in px,
            but for what is not finite.
        size: (H, W) that blocks are repeated to; None: as it is.

    Returns:
        (N, V, 2, T, H, W) float32.
    """
    if clip is None:
        largest = torch.finfo(torch.float16).max
        motion = motion.float().nan_to_num(nan=0.0, posinf=largest, neginf=-largest)
    else:
        # In float32 at once, by the divisor's type.
        motion = motion / torch.full((1,), clip, dtype=torch.float32, device=motion.device)
        motion = motion.clamp_(-1, 1).nan_to_num_(nan=0.0)
    return _resize(motion, size)


def divide_by_peak(flow: Tensor, peaks: Tensor) -> Tensor:
    """Brings each map of flow to vectors of length 1 at most.

    Args:
        flow: (N, V, 2, T, h, w) in px. What is not a number counts as no motion.
        peaks: (N, V, T), what divides each map: the longest vector of the whole frame. Where it is
            0, nothing moves.

    Returns:
        (N, V, 2, T, h, w) float32.

    Raises:
        ValueError: ``peaks`` do not fit.
    """
    if peaks.shape != (*flow.shape[:2], flow.shape[3]):
        raise ValueError(
            f"'flow_peak' must be (N, V, T) of 'flow' {tuple(flow.shape)}, got {tuple(peaks.shape)}"
        )
    flow = scale_motion(flow, None)
    peaks = peaks.float()[:, :, None, :, None, None]
    # Below what halves can tell from 0 nothing moves.
    flow = flow / torch.where(peaks > _LEAST_HALF, peaks, 1.0)
    # Halves are rounded, and the longest vector may have grown.
    return flow / torch.hypot(*flow.unbind(2)).clamp_(min=1).unsqueeze(2)


def _stacked(stream: Sequence[Tensor] | Tensor) -> Tensor:
    return stream if isinstance(stream, Tensor) else torch.stack(list(stream))


def _resize(stream: Tensor, size: Sequence[int] | None) -> Tensor:
    """Nearest-neighbour resize of the last two axes of (N, V, C, T, h, w)."""
    if size is None or tuple(stream.shape[-2:]) == tuple(size):
        return stream
    # Sample at the centres of the target's pixels ('nearest' alone shifts by half a cell).
    images = F.interpolate(stream.flatten(0, 2), size=tuple(size), mode='nearest-exact')
    return images.unflatten(0, stream.shape[:3])
