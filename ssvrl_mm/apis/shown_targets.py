"""What a data sample asks of a network, in words."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ssvrl_mm.motion_pyramid import GRIDS, gop_windows
from ssvrl_mm.permutations import permutation_at

# Numbers of a target that are written out.
_MOST = 64
# Facts about the clips that help to understand a picture of them.
_STREAMS = {'frame_inds': 'frames', 'motion_inds': 'motion of frames', 'iframe_inds': 'I-frames'}
_FACTS = ('role', 'frame_interval')


def describe_sample(data_sample: Any, classes: Sequence[str] = ()) -> list[str]:
    """Label, pretext targets and what was sampled, a line each.

    Args:
        data_sample: An mmaction2 ``ActionDataSample``, or None.
        classes: Names of the classes, where they are known.

    Example:
        >>> sample = ActionDataSample().set_gt_label(1)
        >>> describe_sample(sample, ['run', 'walk'])
        ['class: walk']
    """
    if data_sample is None:
        return []
    lines = []
    metainfo = getattr(data_sample, 'metainfo', {})
    if 'gt_label' in data_sample:
        lines.append(f'class: {_class(data_sample.gt_label, classes)}')
    # Data samples keep no order.
    for name, value in sorted(data_sample.items()):
        if name == 'gt_label':
            continue
        if name == 'pmsp_labels' and _is_of_pyramid(value):
            lines += _cells(value)
        elif name in ('clip_order', 'segment_order'):
            lines.append(f'{_spaced(name)}: {_orders(name, value, data_sample)}')
        elif name == 'motion_target':
            continue  # a stream, not words
        elif isinstance(value, torch.Tensor):
            lines.append(f'{_spaced(name)}: {_numbers(value)}')
        elif isinstance(value, int | float | str | bool):
            lines.append(f'{_spaced(name)}: {value}')
    for name in _FACTS:
        if metainfo.get(name) is not None:
            lines.append(f'{_spaced(name)}: {metainfo[name]}')
    for name, words in _STREAMS.items():
        if name in metainfo:
            frames = np.asarray(metainfo[name])
            # What moves may have more views than there are clips.
            views = len(frames) if frames.ndim > 1 else metainfo.get('num_clips') or 1
            clips = frames.reshape(views, -1)
            lines.append(f'{words}: ' + ' | '.join(_frames(clip.tolist()) for clip in clips))
    return lines


def _class(value: Any, classes: Sequence[str]) -> str:
    labels = torch.as_tensor(value).flatten().tolist()
    return ', '.join(
        classes[int(label)] if 0 <= label < len(classes) else str(label) for label in labels
    )


def _orders(name: str, value: torch.Tensor, data_sample: Any) -> str:
    """Numbers of orders with the orders that they stand for; counted from 1, as people do."""
    if name == 'clip_order':
        length = int(data_sample.metainfo.get('num_clips') or 0)
    else:
        lengths = data_sample.get('segment_lengths')
        length = 0 if lengths is None else int(lengths.shape[-1])
    numbers = value.flatten().tolist()
    if not length:
        return ' | '.join(map(str, numbers))
    return ' | '.join(
        f'{number} ({" ".join(str(place + 1) for place in permutation_at(number, length))})'
        for number in numbers
    )


def _is_of_pyramid(value: Any) -> bool:
    """Whether labels (V, W, G) are of the windows and grids of the paper."""
    return isinstance(value, torch.Tensor) and value.shape[1:] == (len(gop_windows()), len(GRIDS))


def _cells(value: torch.Tensor) -> list[str]:
    """A line for each clip: where it moves most, in each window; counted from 1, as people do."""
    lines = []
    grids = ', '.join(f'{side}x{side}' for side in GRIDS)
    for number, labels in enumerate(value.tolist(), 1):
        parts = [
            f'{_window(window)}: {" ".join(str(cell + 1) for cell in cells)}'
            for window, cells in zip(gop_windows(), labels, strict=True)
        ]
        clip = f' of clip {number}' if len(value) > 1 else ''
        lines.append(
            f'cell of {grids} in which motion{clip} varies most, in GOPs ' + ', '.join(parts)
        )
    return lines


def _window(window: slice) -> str:
    return f'{window.start + 1}' + (f'-{window.stop}' if window.stop - window.start > 1 else '')


def _numbers(value: torch.Tensor) -> str:
    """Few numbers as they are, those of clips with a bar between; of many the shape."""
    if value.numel() > _MOST:
        return 'x'.join(map(str, value.shape))
    show: Callable[[Any], str] = (
        str if value.dtype != torch.bool else lambda x: 'yes' if x else 'no'
    )
    if value.is_floating_point():
        show = '{:.3g}'.format

    def joined(node: Any) -> str:
        if not isinstance(node, list):
            return show(node)
        if node and isinstance(node[0], list):
            return ', '.join(map(joined, node))
        return ' '.join(map(show, node))

    parts = value.tolist()
    return ' | '.join(map(joined, parts)) if value.dim() > 1 else joined(parts)


def _frames(numbers: Sequence[int]) -> str:
    """Numbers of frames, briefly where they are at even distance."""
    steps = set(np.diff(numbers).tolist())
    if len(numbers) < 3 or len(steps) != 1:
        shown = ' '.join(map(str, numbers[:8]))
        return shown + (f' ... {numbers[-1]}' if len(numbers) > 8 else '')
    step = steps.pop()
    return f'{numbers[0]} to {numbers[-1]}' + (f' by {step}' if step != 1 else '')


def _spaced(name: str) -> str:
    return name.replace('_', ' ')
