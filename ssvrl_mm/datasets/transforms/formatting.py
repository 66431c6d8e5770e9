"""Packing of clips into the tensors and the data sample that a model takes."""

from collections.abc import Sequence

import numpy as np
import torch
from mmaction.datasets.transforms import PackActionInputs
from mmaction.structures import ActionDataSample
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.views import split_views
from ssvrl_mm.registry import TRANSFORMS

_META_KEYS = (
    'video_id',
    'recording_id',
    'filename',
    'role',
    'original_shape',
    'img_shape',
    'total_frames',
    'frame_inds',
    'motion_inds',
    'iframe_inds',
    'iframe_distance',
    'frame_interval',
    'num_clips',
    'clip_times',
)


@TRANSFORMS.register_module()
class PackSSLInputs(BaseTransform):
    """Packs the streams of V clips of T frames, as small integers and halves, for the GPU.

    **Required keys:** ``num_clips`` and any of the streams; V is ``num_clips``, or of a stream
    named in ``stream_views`` the number of its views. The result is
    ``dict(inputs, data_samples)``; ``inputs`` holds, for the streams present,

    - ``imgs`` as ``rgb``: uint8 (V, 3, ceil(T / rgb_interval), H, W);
    - ``motion`` as ``motion``: float16 (V, 2, T, h, w), px per frame of the H x W frame; at the
      resolution of the motion grid, which covers the frame. Cells that are not valid hold what the
      reader put there: zero, or held and propagated motion;
    - ``motion_valid`` as ``motion_valid``: bool (V, 1, T, h, w), if asked for;
    - ``residuals`` as ``residual``: int16 (V, 3, T, H, W);
    - ``flow`` as ``flow``: float16 (V, 2, T, h, w), px of the H x W frame over the reader's
      ``flow_span``; at the resolution of its grid, ``flow_cell`` px per value;
    - ``flow_valid`` as ``flow_valid``: bool (V, 1, T, h, w), if asked for;
    - ``flow_peak`` as ``flow_peak``: float32 (V, T), px of the H x W frame: the longest vector of
      each map of flow before it was cropped;
    - ``iframes`` as ``iframe``: uint8 (V, 3, H, W), or (V, 3, n, H, W) with n > 1 per clip.

    In memory, pictures keep their channels last (``torch.channels_last_3d``); motion is contiguous.

    ``data_samples`` is an ``ActionDataSample`` with ``gt_label`` (1,) unless the label is unknown,
    the meta keys that are there, and what ``extra_keys`` name.

    Args:
        meta_keys: Copied to the data sample's metainfo, where they are there.
        extra_keys: What transforms of yours wrote for the model, labels for instance: arrays and
            numbers become tensors of the data sample (``sample.your_key``, at least one axis) and
            go to the device with it; anything else goes to the metainfo.
        with_valid: Whether to pack ``motion_valid`` and ``flow_valid``.
        motion_target: Motion is no input but what the model has to predict: it goes to the data
            sample as ``motion_target``, a tensor like ``motion``.
        rgb_interval: RGB keeps one frame in so many, from the first of each clip on; all the others
            keep every frame. Motion is cheap, and RGB changes slowly.

    Raises:
        KeyError: No stream is there, no motion for ``motion_target``, or one of ``extra_keys`` is
            missing.
        ValueError: ``rgb_interval`` below 1, or both ``motion_target`` and ``with_valid``.

    Example:
        >>> packed = PackSSLInputs()(dict(imgs=[np.zeros((8, 8, 3), np.uint8)] * 6, num_clips=2))
        >>> packed['inputs']['rgb'].shape
        torch.Size([2, 3, 3, 8, 8])
    """

    def __init__(
        self,
        meta_keys: Sequence[str] = _META_KEYS,
        with_valid: bool = False,
        rgb_interval: int = 1,
        motion_target: bool = False,
        extra_keys: Sequence[str] = (),
    ) -> None:
        if rgb_interval < 1:
            raise ValueError(f'rgb_interval must be at least 1, got {rgb_interval}')
        if motion_target and with_valid:
            raise ValueError('with_valid is for motion that is an input: not with motion_target')
        self.meta_keys = tuple(meta_keys)
        self.extra_keys = tuple(extra_keys)
        self.with_valid = with_valid
        self.rgb_interval = rgb_interval
        self.motion_target = motion_target

    def transform(self, results: dict) -> dict:
        """Packs."""
        inputs = {}
        for key, name in (('imgs', 'rgb'), ('residuals', 'residual'), ('iframes', 'iframe')):
            if key in results:
                interval = self.rgb_interval if name == 'rgb' else 1
                inputs[name] = _pack_images(split_views(results, key), interval)
        if 'iframe' in inputs and inputs['iframe'].shape[2] == 1:
            inputs['iframe'] = inputs['iframe'].squeeze(2)
        for key in ('motion', 'flow'):
            if key not in results or (key == 'motion' and self.motion_target):
                continue
            inputs[key] = pack_motion(results, key)
            if self.with_valid:
                valid = torch.from_numpy(np.ascontiguousarray(results[f'{key}_valid']))
                inputs[f'{key}_valid'] = _pack(valid.unsqueeze(-1), len(inputs[key]))
        if 'flow' in inputs and 'flow_peak' in results:
            peaks = np.asarray(results['flow_peak'], np.float32)
            inputs['flow_peak'] = torch.from_numpy(peaks).unflatten(0, (len(inputs['flow']), -1))
        if not inputs:
            raise KeyError(f'nothing to pack: no stream among {sorted(results)}')

        data_sample = ActionDataSample()
        label = results.get('label', -1)
        if not isinstance(label, int | np.integer) or label >= 0:
            data_sample.set_gt_label(label)
        if self.motion_target:
            set_motion_target(data_sample, results)
        data_sample.set_metainfo({key: results[key] for key in self.meta_keys if key in results})
        for key in self.extra_keys:
            _set_extra(data_sample, key, results)
        return dict(inputs=inputs, data_samples=data_sample)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(meta_keys={self.meta_keys}, with_valid={self.with_valid}, '
            f'rgb_interval={self.rgb_interval}, motion_target={self.motion_target}, '
            f'extra_keys={self.extra_keys})'
        )


@TRANSFORMS.register_module()
class PackMotionTarget(PackActionInputs):
    """mmaction2's ``PackActionInputs`` that also packs motion, for the model to predict.

    **Required keys:** those of ``PackActionInputs``, and ``motion``. The data sample gets
    the field ``motion_target``: float16 (V, 2, T, h, w), px per frame of the frame as cropped; at
    the resolution of the motion grid, which covers the frame.

    Any recogniser trains with motion prediction as a regulariser on such samples. Keys, arguments
    and the rest of the result are those of ``PackActionInputs``.

    Raises:
        KeyError: There is no motion.

    Example:
        >>> pipeline = [
        ...     dict(type='OpenCompressedVideo'),
        ...     dict(type='SampleContextMotion', num_negatives=0, iframe_window=None),
        ...     dict(type='ClipRandomResizedCrop', size=112), dict(type='ClipFlip'),
        ...     dict(type='DecodeCompressedVideo', streams=('rgb', 'motion')),
        ...     dict(type='FormatShape', input_format='NCTHW'), dict(type='PackMotionTarget')]
    """

    def transform(self, results: dict) -> dict:
        """Packs."""
        packed = super().transform(results)
        set_motion_target(packed['data_samples'], results)
        return packed


def _set_extra(data_sample: ActionDataSample, key: str, results: dict) -> None:
    if key not in results:
        raise KeyError(f'extra_keys: no {key!r} among {sorted(results)}')
    value = results[key]
    if isinstance(value, np.ndarray | np.generic | torch.Tensor | bool | int | float):
        data_sample.set_field(torch.atleast_1d(torch.as_tensor(value)), key)
    else:
        data_sample.set_metainfo({key: value})


def set_motion_target(data_sample: ActionDataSample, results: dict) -> None:
    """Gives a data sample the motion of a pipeline's results as ``motion_target``.

    Raises:
        KeyError: There is no motion.
    """
    if 'motion' not in results:
        raise KeyError(f'no motion to predict: no motion among {sorted(results)}')
    data_sample.set_field(pack_motion(results), 'motion_target')


def pack_motion(results: dict, key: str = 'motion') -> torch.Tensor:
    """``motion`` or ``flow`` of a pipeline's results as float16 (V, 2, T, h, w)."""
    # A transform of the user's may have left a mirrored view, which torch does not take.
    motion = torch.from_numpy(np.ascontiguousarray(results[key])).half()
    return _pack(motion, len(split_views(results, key)))


def _pack(frames: torch.Tensor, num_clips: int) -> torch.Tensor:
    """(V*T, H, W, C) -> contiguous (V, C, T, H, W)."""
    return frames.unflatten(0, (num_clips, -1)).movedim(-1, 1).contiguous()


def _pack_images(clips: Sequence[tuple[int, Sequence[np.ndarray]]], interval: int) -> torch.Tensor:
    """V lists of T (H, W, 3) -> (V, 3, T, H, W), whose channels stay last in memory."""
    images = [image for _, clip in clips for image in clip[::interval]]
    packed = _joined(images)
    if packed is None:
        packed = np.stack(images)
    packed = packed.reshape(len(clips), -1, *packed.shape[1:])
    return torch.from_numpy(packed).movedim(-1, 1)


def _joined(images: Sequence[np.ndarray]) -> np.ndarray | None:
    """The array that images lie in one after the other, if there is one: nothing is copied."""
    whole, first = images[0].base, images[0]
    if whole is None or whole.shape != (len(images), *first.shape) or not whole.flags.carray:
        return None
    start, strides = whole.__array_interface__['data'][0], whole.strides[1:]
    lies_there = all(
        image.base is whole
        and (image.shape, image.strides) == (first.shape, strides)
        and image.__array_interface__['data'][0] == start + place * first.nbytes
        for place, image in enumerate(images)
    )
    return whole if lies_there else None
