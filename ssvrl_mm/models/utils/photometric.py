"""Photometric augmentation of clips on the device they are on."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import ceil

import torch
from torch import Tensor, nn

from ssvrl_mm.models.utils.blur import blur_clips, gaussian_kernels
from ssvrl_mm.models.utils.color import jitter_colors, luma
from ssvrl_mm.models.utils.photometric_draws import Draw, PhotometricDraws
from ssvrl_mm.models.utils.precision import without_autocast

# Whether clips are jittered, blurred, turned grey, in an order in which the jittered ones lie side
# by side, the blurred ones as well, and the grey ones in two parts: parts are views, not copies.
_KINDS = [
    (True, False, False),
    (True, False, True),
    (True, True, True),
    (True, True, False),
    (False, True, False),
    (False, True, True),
    (False, False, True),
]


class PhotometricAugmentation(nn.Module):
    """Colour jitter, random grey, random Gaussian blur: one draw per clip, for all its frames.

    The augmentations of MoCo v2 in their order. Each computes the clips that it was drawn for and
    no others. The jitter takes its steps in a random order, the same for all clips of a call.

    All draws come from torch's global generator of the CPU, so that seeding it fixes them, whatever
    device clips and module are on; nothing waits for the device. Draws and results are those that
    kornia's ``VideoSequential`` of ``ColorJitter``, ``RandomGrayscale`` and ``RandomGaussianBlur``
    has on a CPU.

    Args:
        color_jitter: ``brightness``, ``contrast``, ``saturation``, ``hue`` (each the largest
            change, hue as a part of the circle, at most 0.5; or a range of factors, of hue of
            changes) and the probability ``p``. Not given: 0, and ``p`` 1. None: no jitter.
        grayscale_p: Probability of turning a clip grey.
        blur: ``sigma``, the range of the standard deviation in px, and the probability ``p``
            (1 when not given). The kernel reaches to three times the largest sigma. None: no blur.

    Raises:
        TypeError: If a setting has a name that is not known.
        ValueError: If a probability or a range is none.

    Example:
        >>> augment = PhotometricAugmentation(color_jitter=dict(hue=0.1, p=0.8), grayscale_p=0.2)
        >>> augment(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 3, 16, 112, 112])
    """

    def __init__(
        self,
        color_jitter: dict | None = None,
        grayscale_p: float = 0.0,
        blur: dict | None = None,
    ) -> None:
        super().__init__()
        self.draw = PhotometricDraws(color_jitter, grayscale_p, blur)
        self._blur_radius = ceil(3 * self.draw.largest_sigma)

    @torch.no_grad()
    def forward(
        self,
        clips: Tensor | Sequence[Tensor],
        white: float = 1.0,
        mean: Tensor | float = 0.0,
        std: Tensor | float = 1.0,
        chosen: Sequence[int] | None = None,
    ) -> Tensor:
        """Augments clips, and normalises them on the way.

        Args:
            clips: N of (3, T, H, W), in one tensor or one by one: RGB from 0 to ``white``, in any
                type and layout.
            white: Their largest value.
            mean: Is taken from the augmented clips in [0, 1]: (3, 1, 1, 1) or one number.
            std: What divides them then.
            chosen: Numbers of those to augment; the others are normalised alone. None: all.

        Returns:
            Clips (N, 3, T, H, W) float32, whose channels lie last in memory.

        Raises:
            ValueError: If frames are too small for the blur.
        """
        numbers = range(len(clips)) if chosen is None else chosen
        draws, order = self.draw(len(numbers))
        drawn = {n: draw for n, draw in zip(numbers, draws, strict=True) if draw != Draw()}
        numbers = sorted(drawn, key=lambda number: _KINDS.index(drawn[number].kind))
        draws = [drawn[number] for number in numbers]

        first = clips[0]
        new = partial(torch.full, dtype=torch.float32, device=first.device)
        # Of the last place are the clips that stay.
        gain = new((len(draws) + 1, 1, 1, 1, 1), 1 / white)
        shift = new((len(draws) + 1, 1, first.shape[1], 1, 1), 0.0)
        # The trainer calls this under autocast, which would round the blurred pixels to halves.
        with without_autocast(first):
            pixels = torch.empty((len(draws), *first.shape), device=first.device)
            for row, number in zip(pixels, numbers, strict=True):
                row.copy_(clips[number])
            if first.is_floating_point():
                pixels[: sum(draw.jitter is not None for draw in draws)].clamp_(0, white)
            rows = self._change(pixels, gain, shift, draws, order)
            places = {number: place for place, number in enumerate(numbers)}
            scale, bias = gain / std, (shift - mean) / std
            normalized = pixels.new_empty((len(clips), *first.shape[1:], 3)).movedim(-1, 1)
            for number, out in enumerate(normalized):
                place = places.get(number, -1)
                source = clips[number] if place < 0 else rows[place]
                torch.addcmul(bias[place], source, scale[place], out=out)
        return normalized

    def _change(
        self,
        pixels: Tensor,
        gain: Tensor,
        shift: Tensor,
        draws: Sequence[Draw],
        order: Sequence[int],
    ) -> list[Tensor]:
        """Carries draws out; ``pixels``, ``gain`` and ``shift`` change in place.

        Returns:
            The pixels (3, T, H, W) of each clip.
        """
        rows = list(pixels)
        for part in _runs([draw.jitter is not None for draw in draws]):
            factors = [draw.jitter for draw in draws[part] if draw.jitter is not None]
            jitter_colors(pixels[part], gain[part], shift[part], factors, order)
        for part in _runs([draw.grey for draw in draws]):
            pixels[part].copy_(luma(pixels[part]))
        for part in _runs([draw.sigma is not None for draw in draws]):
            sigmas = [draw.sigma for draw in draws[part] if draw.sigma is not None]
            kernels = gaussian_kernels(sigmas, self._blur_radius).to(
                pixels.device, non_blocking=True
            )
            rows[part] = blur_clips(pixels[part], kernels)
        return rows


def _runs(marks: Sequence[bool]) -> list[slice]:
    """Where marks that are set lie side by side."""
    padded = [False, *marks, False]
    borders = [place for place, (a, b) in enumerate(pairwise(padded)) if a != b]
    return [slice(*borders[i : i + 2]) for i in range(0, len(borders), 2)]
