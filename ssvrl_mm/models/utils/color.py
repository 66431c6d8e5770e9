"""Colour jitter of clips, in place and by few passes over the pixels.

Pixels stay on the scale they came in, and ``gain * pixel + shift`` is what they mean, in [0, 1]. A
change that is the same for all three channels of a frame is one of gain and shift; only what it
cuts off below 0 and above 1 touches the pixels. Luma, saturation and hue change in the pixels as
they do in what they mean, whatever gain and shift.

Clips are (N, 3, T, H, W) float32; gain (N, 1, 1, 1, 1) and shift (N, 1, T, 1, 1) belong to them.
Nothing here waits for the device.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

# Of red, green and blue, by ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)

# Where a factor is 0 pixels tell nothing any more; the bounds that cut them off are numbers still.
_LEAST_GAIN = 1e-12


class Factors(NamedTuple):
    """How the colours of a clip change; as it stands here, not at all.

    Attributes:
        brightness: Factor of the pixels, at least 0.
        contrast: Factor of their distance from the mean luma of the frame, at least 0.
        saturation: Factor of their distance from their own luma, at least 0.
        hue: Part of the circle by which the hue turns, in [-0.5, 0.5].
    """

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0


def jitter_colors(
    clips: Tensor, gain: Tensor, shift: Tensor, factors: Sequence[Factors], order: Sequence[int]
) -> None:
    """Changes the colours of clips in place: ``clips``, ``gain`` and ``shift``.

    After each of the steps, what is below 0 or above 1 is cut off.

    Args:
        clips: (N, 3, T, H, W).
        gain: (N, 1, 1, 1, 1).
        shift: (N, 1, T, 1, 1).
        factors: N, one for each clip.
        order: The steps in their order, by their places in :class:`Factors`.
    """
    steps = (_brighten, _change_contrast, _change_saturation, _turn_hue)
    # All in one copy; a turn of the hue is first one by whole thirds of the circle.
    thirds = [round(3 * each.hue) for each in factors]
    values = [
        (*each[:3], 6 * each.hue - 2 * third) for each, third in zip(factors, thirds, strict=True)
    ]
    on_device = torch.tensor(values, dtype=torch.float32, device='cpu').to(
        clips.device, non_blocking=True
    )
    for place in order:
        if all(each[place] == Factors()[place] for each in factors):
            continue
        if place == 3:
            _turn_by_thirds(clips, thirds)
        steps[place](clips, gain, shift, on_device[:, place].view(-1, 1, 1, 1, 1))


def luma(clips: Tensor) -> Tensor:
    """(N, 3, ...) -> (N, 1, ...)."""
    red, green, blue = clips.split(1, dim=1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])


def _brighten(clips: Tensor, gain: Tensor, shift: Tensor, factor: Tensor) -> None:
    gain.mul_(factor)
    shift.mul_(factor)
    _cut_off(clips, gain, shift)


def _change_contrast(clips: Tensor, gain: Tensor, shift: Tensor, factor: Tensor) -> None:
    mean = luma(clips.mean(dim=(-2, -1), keepdim=True)).mul_(gain).add_(shift)
    gain.mul_(factor)
    shift.lerp_(mean, 1 - factor)
    _cut_off(clips, gain, shift)


def _change_saturation(clips: Tensor, gain: Tensor, shift: Tensor, factor: Tensor) -> None:
    clips.lerp_(luma(clips), 1 - factor)
    _cut_off(clips, gain, shift)


def _turn_by_thirds(clips: Tensor, thirds: Sequence[int]) -> None:
    """A third takes red to green to blue to red."""
    for clip, count in zip(clips, thirds, strict=True):
        if count:
            clip.copy_(clip.roll(count, dims=0))


def _turn_hue(clips: Tensor, gain: Tensor, shift: Tensor, sixths: Tensor) -> None:
    """Turns the hue of the hexagon of HSV by at most a sixth; stays within [0, 1].

    In each sixth of the circle, one channel is the largest, one the smallest, and the one in the
    middle moves by ``sixths * (largest - smallest)``, until it meets one of them; what is left of
    the turn moves this one back. All of it is one line, where ``side`` is 1 or -1, the sign of the
    difference of the two other channels, next less previous:

        x' = clamp(2 x - middle - side * sixths * (largest - smallest), smallest, largest)
    """
    smallest, largest = torch.aminmax(clips, dim=1, keepdim=True)
    sides = torch.empty_like(clips)
    for channel in range(3):
        following, previous = clips[:, (channel + 1) % 3], clips[:, (channel + 2) % 3]
        torch.sub(following, previous, out=sides[:, channel])
    spread = largest - smallest
    torch.copysign(spread, sides, out=sides)
    less_middle = torch.add(smallest, largest, out=spread).sub_(clips.sum(dim=1, keepdim=True))
    two = torch.full((1,), 2.0, device=clips.device)
    torch.addcmul(less_middle, clips, two, out=clips)
    clips.addcmul_(sides, sixths, value=-1)
    torch.clamp(clips, smallest, largest, out=clips)


def _cut_off(clips: Tensor, gain: Tensor, shift: Tensor) -> None:
    gain = gain.clamp_min(_LEAST_GAIN)
    clips.clamp_(min=-shift / gain, max=(1 - shift) / gain)
