"""Pictures of synthesised views: frames of clips, of their views, and the flow of both."""

import cv2
import numpy as np

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.visualization.tiles import side_by_side, stacked, text_band, titled

_GAP = 4  # px between frames
_SMALL = 28  # height of the lines of text within the picture
_LABELS = ('clip', 'view', 'flow of the clip', 'flow of the view')


def draw_views(
    clip: np.ndarray,
    view: np.ndarray,
    flow: np.ndarray,
    view_flow: np.ndarray,
    title: str = '',
    columns: int = 6,
    width: int = 112,
) -> np.ndarray:
    """Draws a clip above its view, and above the flow of both, frames that belong together.

    Flow is coloured by the wheel of the Middlebury benchmark, in both rows by one scale: the 99th
    percentile of the lengths in the clip. White is rest.

    Args:
        clip: uint8 RGB ``(T, h, w, 3)``.
        view: The same.
        flow: ``(T - 1, h, w, 2)`` px, from each frame of the clip to the next.
        view_flow: The same of the view.
        title: What stands above.
        columns: How many frames, evenly from the first to the last that has flow.
        width: px of a frame in the picture.

    Returns:
        uint8 RGB.

    Raises:
        ValueError: Shapes do not fit.
    """
    length, height, breadth = clip.shape[:3]
    wanted = (length - 1, height, breadth, 2)
    if view.shape != clip.shape or flow.shape != wanted or view_flow.shape != wanted:
        raise ValueError(
            f'a clip {clip.shape} has a view of this shape and flows {wanted}, got {view.shape}, '
            f'{flow.shape} and {view_flow.shape}'
        )
    shown = np.linspace(0, length - 2, min(columns, length - 1)).round().astype(int)
    longest = float(np.quantile(np.hypot(flow[..., 0], flow[..., 1]), 0.99)) or 1.0
    size = (width, round(width * height / breadth))
    rows = [clip, view, *(colour_code_flow(field, longest) for field in (flow, view_flow))]
    labels = [*_LABELS[:2], *(f'{label}, up to {longest:.2g} px' for label in _LABELS[2:])]
    drawn = []
    for label, pictures in zip(labels, rows, strict=True):
        tiles = [
            cv2.resize(pictures[number], size, interpolation=cv2.INTER_AREA) for number in shown
        ]
        drawn.append(titled(side_by_side(tiles, _GAP), label, _SMALL))
    numbers = [text_band(f'frame {number + 1}', width, _SMALL) for number in shown]
    picture = stacked([side_by_side(numbers, _GAP), *drawn], 0)
    return titled(picture, title) if title else picture
