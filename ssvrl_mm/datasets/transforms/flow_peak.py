"""The longest vector of each map of flow, before crops cut it."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np

from ssvrl_mm.datasets.transforms.views import Size, View, stream_views


class WholeFlow(NamedTuple):
    """The flow of a clip's whole frames, and the factors by which its views scale it.

    Args:
        maps: T of (gh, gw, 2), px of the frames as decoded.
        scale: (x, y), px of the view per px of the frames as decoded.
    """

    maps: Sequence[np.ndarray]
    scale: tuple[float, float] = (1.0, 1.0)

    def shown(self, view: View, size: Size) -> Self:
        """The same where ``view`` of the frame so far is resized to ``size`` (h, w)."""
        x, y = self.scale
        height, width = size
        scale = x * width / (view.right - view.left), y * height / (view.bottom - view.top)
        return self._replace(scale=scale)

    def turned(self) -> Self:
        """The same after a quarter turn, by which the axes change their places."""
        x, y = self.scale
        return self._replace(maps=[vectors[..., ::-1] for vectors in self.maps], scale=(y, x))

    def kept(self, places: Iterable[int]) -> Self:
        """Some of the maps, in another order it may be."""
        return self._replace(maps=[self.maps[place] for place in places])

    def peaks(self) -> list[float]:
        """The length of the longest vector of each map, px of the view.

        What is not finite does not count; without anything that does, it is 0.
        """
        x, y = self.scale
        found = []
        for vectors in self.maps:
            dx, dy = vectors[..., 0] * x, vectors[..., 1] * y
            squares = dx * dx + dy * dy
            largest = squares.max()
            if not np.isfinite(largest):
                largest = squares.max(initial=0, where=np.isfinite(squares))
            found.append(float(np.sqrt(largest)))
        return found


def set_flow_peak(results: dict, wholes: Sequence[WholeFlow]) -> None:
    """Sets ``flow_peak`` float32 (V*T,), and ``whole_flow`` from which later steps set it anew."""
    results['whole_flow'] = list(wholes)
    peaks = [peak for whole in wholes for peak in whole.peaks()]
    results['flow_peak'] = np.array(peaks, np.float32)


def change_flow_peak(results: dict, change: Callable[[int, WholeFlow], WholeFlow]) -> None:
    """Sets ``flow_peak`` anew where there is one, once flow was changed.

    Args:
        results: Of the pipeline so far.
        change: Takes the number of a clip's view, and its flow; returns what became of it.
    """
    if 'whole_flow' in results:
        clips = zip(stream_views(results, 'flow'), results['whole_flow'], strict=True)
        set_flow_peak(results, [change(view, whole) for view, whole in clips])
