"""The spatio-temporal pyramid in which IMRNet looks for the region that moves most."""

from collections.abc import Sequence

#: Cells along each side of the grids.
GRIDS = (2, 3, 4)
#: Windows over the groups of pictures, at each temporal scale.
WINDOWS = (1, 3, 5)


def gop_windows(num_gops: int = 5, windows: Sequence[int] = WINDOWS) -> tuple[slice, ...]:
    """The windows over a clip's groups of pictures, those of all temporal scales.

    Pyramidal motion statistics prediction of Yu et al., "Self-Supervised Learning of Compressed
    Video Representations", ICLR 2021, Eq. (4) and Algorithm 1: at temporal scale t there are t
    windows, the n-th of which holds groups n to n + T - t, both included.

    Args:
        num_gops: Groups of pictures T of a clip.
        windows: The temporal scales t.

    Returns:
        The windows of the first scale, then those of the next; each slices the groups.

    Raises:
        ValueError: A scale is not within 1..T.

    Example:
        >>> [(w.start, w.stop) for w in gop_windows()]
        [(0, 5), (0, 3), (1, 4), (2, 5), (0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    """
    if not windows or not all(1 <= scale <= num_gops for scale in windows):
        raise ValueError(f'temporal scales lie within 1..{num_gops}, got {tuple(windows)}')
    return tuple(slice(n, n + num_gops - t + 1) for t in windows for n in range(t))
