"""Pictures of retrieval: queries, the videos that models find for them, and which are right."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ssvrl_mm.visualization.tiles import (
    GAP,
    Colour,
    framed,
    of_one_width,
    resized,
    side_by_side,
    stacked,
    titled,
)

_BAND = 24  # height of captions in px
_LINE = 5  # px of a frame
_RIGHT: Colour = (0, 135, 60)
_WRONG: Colour = (205, 25, 25)
_UNKNOWN: Colour = (110, 110, 110)


class Shown(NamedTuple):
    """A video in the picture.

    Attributes:
        frames: uint8 RGB ``(F, h, w, 3)``.
        caption: What it is called.
        right: Whether it is of the query's class; None: nobody knows, or it is the query.
    """

    frames: np.ndarray
    caption: str
    right: bool | None = None


def draw_retrieval(
    queries: Sequence[Shown],
    found: Sequence[tuple[str, Sequence[Sequence[Shown]]]],
    height: int = 96,
) -> np.ndarray:
    """Draws queries and, in a row for each model, what it finds for them.

    As Figures 15 to 18 of Yu et al., "Self-Supervised Learning of Compressed Video
    Representations", ICLR 2021, with as many neighbours as are given. Videos of the query's class
    have a green frame and the word right, others a red one and the word wrong.

    Args:
        queries: Q videos.
        found: A model's name and, of each of the Q queries, its neighbours, the best first.
        height: px of a frame of video in the picture; it is 4 : 3, black where a video is not.

    Returns:
        uint8 RGB.

    Raises:
        ValueError: A model has not found something for every query.
    """
    for name, of_queries in found:
        if len(of_queries) != len(queries):
            raise ValueError(
                f'{name} has neighbours of {len(of_queries)} of {len(queries)} queries'
            )
    asked = of_one_width([_tile(query, height) for query in queries])
    # Of one width, so that what several models find stands below each other.
    videos = [video for _, of_queries in found for each in of_queries for video in each]
    tiles = iter(of_one_width([_tile(video, height) for video in videos]))
    rows: list[list[np.ndarray]] = [[] for _ in queries]
    for name, of_queries in found:
        for number, neighbours in enumerate(of_queries):
            judged = [video.right for video in neighbours if video.right is not None]
            heading = f'{name}: {sum(judged)} of {len(judged)} right' if judged else name
            row = side_by_side([next(tiles) for _ in neighbours])
            rows[number].append(titled(row, heading, _BAND, widen=True))
    blocks = [
        side_by_side([titled(query, 'query', _BAND), stacked(of_models)], 3 * GAP)
        for query, of_models in zip(asked, rows, strict=True)
    ]
    return stacked(blocks, 3 * GAP)


def play_retrieval(
    queries: Sequence[Shown],
    found: Sequence[tuple[str, Sequence[Sequence[Shown]]]],
    height: int = 96,
) -> Iterator[np.ndarray]:
    """The same as an animation, in which all videos play.

    Args:
        queries: See :func:`draw_retrieval`; each shows as many frames as the others.
        found: The same.
        height: The same.

    Yields:
        uint8 RGB.
    """
    for time in range(len(queries[0].frames)):
        now = [
            (name, [[_at(video, time) for video in videos] for videos in of_queries])
            for name, of_queries in found
        ]
        yield draw_retrieval([_at(query, time) for query in queries], now, height)


def _at(video: Shown, time: int) -> Shown:
    return video._replace(frames=video.frames[time : time + 1])


def _tile(video: Shown, height: int) -> np.ndarray:
    """The frames of a video under its caption, in the colour of what it is."""
    colour, word = _UNKNOWN, ''
    if video.right is not None:
        colour, word = (_RIGHT, 'right') if video.right else (_WRONG, 'wrong')
    strip = side_by_side([_fitted(frame, height) for frame in video.frames], 2)
    caption = f'{word}: {video.caption}' if word else video.caption
    return titled(framed(strip, colour, _LINE), caption, _BAND, colour, widen=True)


def _fitted(frame: np.ndarray, height: int) -> np.ndarray:
    """A frame as large as it goes in the middle of 4 : 3."""
    width = round(height * 4 / 3)
    inner = resized(frame, (height, width))
    picture = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    picture[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return picture
