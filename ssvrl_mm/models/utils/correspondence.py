"""Clips whose motion and residuals belong to their I-frames, and clips where they do not."""

from collections.abc import Mapping
from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor

#: How motion and residuals go with the I-frames, in the order of their labels.
TYPES = ('aligned', 'random', 'shuffle', 'shift')
MIXINGS = ('two_passes', 'all', 'single_pass')
_MOST_GOPS = 8


class Arrangement(NamedTuple):
    """What takes the place of what, M rows of a whole number of passes over a batch, on the CPU.

    Attributes:
        types: (M,) int64, places in :data:`TYPES`.
        sources: (M,) int64, the clip of the batch whose motion and residuals a row shows.
        order: (M, G) int64, the groups of pictures that they come from.
        weights: (M,) float32, weights of the rows for the classification of types, on average 1.
        aligned_weights: (M,) float32 weights of the rows for tasks on aligned clips alone, of the
            first pass on average 1 in expectation; None: the first pass is aligned.
    """

    types: Tensor
    sources: Tensor
    order: Tensor
    weights: Tensor
    aligned_weights: Tensor | None


class Correspondence:
    """Draws and makes the types of correspondence that CTP tells apart.

    Yu et al., "Self-Supervised Learning of Compressed Video Representations", ICLR 2021, Eq. (5).
    I-frames stay; motion and residuals, always together, are

    0. ``aligned``: as they are;
    1. ``random``: those of another video of this process's batch, the same clip of it;
    2. ``shuffle``: their groups of pictures in another order, which is no cyclic shift either;
    3. ``shift``: their groups cyclically shifted by 1 to G - 1.

    Frames within a group stay in order. Draws are on the CPU generator.

    Args:
        num_types: 4, or 2 for the first two types.
        mixing: Which types a step shows of every clip. ``'two_passes'``: aligned, and one of the
            others, drawn evenly for each clip; weights give all types the same expected share of
            the loss. ``'all'``: every type, as many passes as Eq. (5) has terms. ``'single_pass'``:
            one of all types, drawn evenly; tasks on aligned clips see a share of the batch then.
        num_gops: Groups of pictures G of a clip.
        fixed: The stream that stays as it is.

    Raises:
        ValueError: An unknown setting.

    Example:
        >>> correspondence = Correspondence()
        >>> arrangement = correspondence.draw(4)
        >>> arrangement.types[:4].tolist(), len(arrangement.types)
        ([0, 0, 0, 0], 8)
        >>> clips = dict(iframe=torch.rand(4, 3, 5, 8, 8), motion=torch.rand(4, 2, 25, 8, 8))
        >>> correspondence.arrange(clips, arrangement)['motion'].shape
        torch.Size([8, 2, 25, 8, 8])
    """

    def __init__(
        self,
        num_types: int = 4,
        mixing: str = 'two_passes',
        num_gops: int = 5,
        fixed: str = 'iframe',
    ) -> None:
        if num_types not in (2, len(TYPES)):
            raise ValueError(f'num_types must be 2 or {len(TYPES)}, got {num_types}')
        if mixing not in MIXINGS:
            raise ValueError(f'mixing must be one of {MIXINGS}, got {mixing!r}')
        if not 3 <= num_gops <= _MOST_GOPS:
            raise ValueError(f'num_gops must lie within 3..{_MOST_GOPS}, got {num_gops}')
        self.num_types = num_types
        self.mixing = mixing
        self.num_gops = num_gops
        self.fixed = fixed
        self.shifts = torch.stack([torch.arange(num_gops).roll(-k) for k in range(num_gops)])
        cyclic = set(map(tuple, self.shifts.tolist()))
        others = [order for order in permutations(range(num_gops)) if order not in cyclic]
        self.shuffles = torch.tensor(others)

    def draw(self, num_videos: int, num_clips: int = 1) -> Arrangement:
        """Draws the types of a batch and what they take.

        Args:
            num_videos: Videos N of this process's batch.
            num_clips: Clips V of each, side by side.

        Raises:
            ValueError: for a single video, which has no other to take motion from.
        """
        if num_videos < 2:
            raise ValueError(
                'the type "random" takes motion and residuals of another video, and this process '
                'has a batch of one: give it two or more, and drop_last=True to the dataloader'
            )
        clips = num_videos * num_clips
        aligned_weights = None
        if self.mixing == 'all':
            types = torch.arange(self.num_types).repeat_interleave(clips)
            weights = torch.ones(len(types))
        elif self.mixing == 'two_passes':
            others = torch.randint(1, self.num_types, (clips,))
            types = torch.cat([torch.zeros_like(others), others])
            # Half of the rows are aligned, and should weigh as much as one type of all.
            share = 2 / self.num_types
            weights = torch.where(types == 0, share, 2 - share)
        else:
            types = torch.randint(self.num_types, (clips,))
            weights = torch.ones(clips)
            aligned_weights = self.num_types * (types == 0).float()
        sources, order = self._take(types, num_videos, num_clips)
        return Arrangement(types, sources, order, weights, aligned_weights)

    def _take(self, types: Tensor, num_videos: int, num_clips: int) -> tuple[Tensor, Tensor]:
        """Sources and order of rows of the given types; every row draws for every type."""
        count, clips = len(types), num_videos * num_clips
        own = torch.arange(count) % clips
        further = torch.randint(1, num_videos, (count,)) * num_clips
        sources = torch.where(types == 1, (own + further) % clips, own)
        order = self.shifts[:1].expand(count, -1)
        shuffled = self.shuffles[torch.randint(len(self.shuffles), (count,))]
        shifted = self.shifts[torch.randint(1, self.num_gops, (count,))]
        order = torch.where((types == 2)[:, None], shuffled, order)
        return sources, torch.where((types == 3)[:, None], shifted, order)

    def arrange(self, clips: Mapping[str, Tensor], arrangement: Arrangement) -> dict[str, Tensor]:
        """Makes the rows.

        Args:
            clips: Stream -> (N * V, C, T, H, W); of all but the fixed stream T is a multiple of G.
            arrangement: What was drawn for them.

        Returns:
            Stream -> (M, C, T, H, W), in memory with the channels last but for the fixed stream.

        Raises:
            ValueError: for frames that do not divide into groups, or rows that do not divide into
                passes.
        """
        moved = {stream: x for stream, x in clips.items() if stream != self.fixed}
        frames = {stream: x.shape[2] for stream, x in moved.items()}
        if not moved or any(length % self.num_gops for length in frames.values()):
            raise ValueError(
                f'besides {self.fixed!r} there must be streams whose frames divide into '
                f'{self.num_gops} groups of pictures, got {frames}'
            )
        first = next(iter(moved.values()))
        passes, rest = divmod(len(arrangement.types), len(first))
        if rest or not passes:
            raise ValueError(f'{len(arrangement.types)} rows are no passes over {len(first)} clips')
        sources = arrangement.sources.to(first.device, non_blocking=True)[:, None]
        indices = {
            length: self._frames(arrangement.order, length).to(first.device, non_blocking=True)
            for length in set(frames.values())
        }
        arranged = {}
        for stream, x in clips.items():
            if stream == self.fixed:
                arranged[stream] = torch.cat([x] * passes) if passes > 1 else x
            else:
                # Rows of pixels with their channels, each copied once.
                arranged[stream] = x.movedim(1, -1)[sources, indices[frames[stream]]].movedim(-1, 1)
        return arranged

    def _frames(self, order: Tensor, length: int) -> Tensor:
        """(M, length): the frames of the groups in their order."""
        size = length // self.num_gops
        return (order[:, :, None] * size + torch.arange(size)).flatten(1)
