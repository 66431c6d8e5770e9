"""From a collated batch of small integers to the normalised tensors that models take."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
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

# The streams of pictures, whose channels lie last in memory, as convolutions like it best.
_PICTURES = ('rgb', 'residual', 'iframe')

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
    - ``flow`` (N, V, 2, T, h, w) and ``flow_valid``: like motion, with settings of their own.

    In memory the channels of ``rgb``, ``iframe`` and ``residual`` lie last. A stream of another
    name goes to the device as it is. The bitstream is not to be trusted: a vector that is not a
    number counts as no motion, an infinite one as the largest, so that one damaged cell does not
    spoil the whole batch.

    Args:
        rgb: ``mean`` and ``std`` of the channels, on the scale 0 to 255, as usual for Kinetics by
            default; and ``remove_still`` (default False): a pixel that never changes becomes 0, so
            that small networks and short trainings see what moves.
        motion: ``clip`` (px per frame, default 20) and ``size``: ``'rgb'`` (default) for the size
            of the RGB clips or, without RGB, as it is; one number or (height, width); None for
            as it is.
        residual: ``scale``, default 255.
        flow: ``clip`` (px over its span, default 20; None leaves it in px) and ``size``, as of
            motion, by default None.
        augment: Arguments of :class:`~.utils.photometric.PhotometricAugmentation`: each clip of
            each video gets its own draw, the frames of a clip share it. None: no augmentation.
        non_blocking: Whether copies to the device may overlap with the host's work.

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
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self._set_rgb(**(rgb or {}))
        self._set_motion(**(motion or {}))
        self._set_residual(**(residual or {}))
        self._set_flow(**(flow or {}))
        self.augment = PhotometricAugmentation(**augment) if augment is not None else None

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
            # Fractions of 255, the scale that kornia works on.
            scaled = torch.tensor(values, dtype=torch.float32).view(3, 1, 1, 1) / 255
            self.register_buffer(name, scaled, persistent=False)

    def _set_motion(self, clip: float = 20.0, size: _SizeOption = 'rgb') -> None:
        if clip <= 0:
            raise ValueError(f'motion needs clip > 0: {clip}')
        self.motion_clip = clip
        self.motion_size = _checked_size('motion', size)

    def _set_flow(self, clip: float | None = 20.0, size: _SizeOption = None) -> None:
        if clip is not None and clip <= 0:
            raise ValueError(f'flow needs clip > 0 or None: {clip}')
        self.flow_clip = clip
        self.flow_size = _checked_size('flow', size)

    def _set_residual(self, scale: float = 255.0) -> None:
        if scale <= 0:
            raise ValueError(f'residual needs scale > 0: {scale}')
        self.residual_scale = scale

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
        streams = {name: self._stack(name, stream) for name, stream in inputs.items()}
        shown = streams['rgb'].shape[-2:] if 'rgb' in streams else None
        motion_size, flow_size = (
            shown if size == 'rgb' else size for size in (self.motion_size, self.flow_size)
        )
        for name, stream in streams.items():
            if name in ('rgb', 'iframe'):
                chosen = _augmented_clips(data, stream.shape[:2]) if name == 'rgb' else None
                stream = self._images(stream, training, chosen)
                if name == 'rgb' and self.remove_still:
                    stream = stream - stream.mean(dim=3, keepdim=True)
            elif name == 'motion':
                stream = scale_motion(stream, self.motion_clip, motion_size)
            elif name == 'motion_valid':
                stream = _resize(stream.float(), motion_size).bool()
            elif name == 'flow':
                stream = scale_motion(stream, self.flow_clip, flow_size)
            elif name == 'flow_valid':
                stream = _resize(stream.float(), flow_size).bool()
            elif name == 'residual':
                stream = stream.float() / self.residual_scale
            if name in _PICTURES:
                streams[name] = stream.movedim(2, -1).contiguous().movedim(-1, 2)
            else:
                streams[name] = stream.contiguous()
        rest = {key: self.cast_data(value) for key, value in data.items() if key != 'inputs'}
        return {'inputs': streams, 'data_samples': None, **rest}

    def _stack(self, name: str, stream: Any) -> Tensor:
        """One tensor on the device, leading N; checks the shape."""
        stream = self.cast_data(stream)
        if not isinstance(stream, Tensor):
            shapes = {tuple(clip.shape) for clip in stream}
            if len(shapes) != 1:
                raise ValueError(f'{name!r} differs in shape within the batch: {sorted(shapes)}')
            if name in _PICTURES:
                stream = torch.stack([clip.movedim(1, -1) for clip in stream]).movedim(-1, 2)
            else:
                stream = torch.stack(list(stream))
        axes, channels = _LAYOUTS.get(name, ((stream.dim(),), None))
        if stream.dim() not in axes or (channels and stream.shape[2] != channels):
            raise ValueError(
                f'{name!r} must be (N, V, {channels}, [T,] H, W), got {tuple(stream.shape)}'
            )
        return stream

    def _images(self, images: Tensor, training: bool, chosen: Tensor | None = None) -> Tensor:
        shape = images.shape
        clips = images.flatten(0, 1).float() / 255
        clips = clips.unsqueeze(2) if clips.dim() == 4 else clips
        if training and self.augment is not None:
            if chosen is None:
                clips = self.augment(clips)
            elif len(chosen):
                chosen = chosen.to(clips.device)
                clips[chosen] = self.augment(clips[chosen])
        return ((clips - self.mean) / self.std).reshape(shape)


def _augmented_clips(data: Mapping[str, Any], shape: Sequence[int]) -> Tensor | None:
    """The numbers, among N x V, of the clips to augment; None where no sample chooses."""
    marks = [getattr(sample, 'augmented_clips', None) for sample in data.get('data_samples') or ()]
    chosen = [torch.as_tensor(mark) for mark in marks if mark is not None]
    if not chosen:
        return None
    count = shape[1]
    if len(chosen) != shape[0] or any(len(mark) != count for mark in chosen):
        raise ValueError(
            f'augmented_clips must mark each of the {count} clips of all {shape[0]} samples, got '
            f'{[None if mark is None else len(mark) for mark in marks]}'
        )
    return torch.stack(chosen).flatten().nonzero()[:, 0]


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
    largest = torch.finfo(torch.float16).max if clip is None else clip
    motion = motion.float().nan_to_num(nan=0.0, posinf=largest, neginf=-largest)
    return _resize(motion if clip is None else motion.clamp(-clip, clip) / clip, size)


def _resize(stream: Tensor, size: Sequence[int] | None) -> Tensor:
    """Nearest-neighbour resize of the last two axes of (N, V, C, T, h, w)."""
    if size is None or tuple(stream.shape[-2:]) == tuple(size):
        return stream
    # Sample at the centres of the target's pixels ('nearest' alone shifts by half a cell).
    images = F.interpolate(stream.flatten(0, 2), size=tuple(size), mode='nearest-exact')
    return images.unflatten(0, stream.shape[:3])
