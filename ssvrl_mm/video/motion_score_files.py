"""Files of motion scores: what each frame of a video is worth to motion differential sampling."""

import os
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ssvrl_mm.video.errors import ScoreFileError
from ssvrl_mm.video.flow_files import FlowHeader
from ssvrl_mm.video.frame_tables import FrameTable, appearing_file, open_source
from ssvrl_mm.video.motion.differential import FUNCTIONS, WEIGHTS

#: What a video's file of scores is called: the name of the video, and this.
SUFFIX = '.scores'


@dataclass(frozen=True, kw_only=True)
class ScoreHeader(FlowHeader):
    """What scores they are, of which flow of which video.

    Attributes:
        distance: frames from a map of flow to the map that it is compared with.
        weight: 'softmax' or 'max', see
            :func:`~ssvrl_mm.video.motion.differential.foreground_weights`.

    Raises:
        ValueError: a value of another type or out of range.
    """

    distance: int
    weight: str
    types: ClassVar[dict[str, type | tuple[type, ...]]] = {
        **FlowHeader.types,
        'distance': int,
        'weight': str,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight not in WEIGHTS or self.distance < 1 or not self.span:
            raise ValueError(
                f'no scores have weight {self.weight!r}, distance {self.distance} and span '
                f'{self.span}'
            )

    @property
    def num_maps(self) -> int:
        """Frames that flow leads on from, to another frame of the video: the first ones."""
        return max(self.num_frames - abs(self.span), 0)


_FILE = FrameTable(
    b'SSVRSCOR',
    1,
    np.dtype([(name, '<f4') for name in FUNCTIONS]),
    ScoreHeader,
    ScoreFileError,
    'file of motion scores',
)


@dataclass(frozen=True)
class MotionScores:
    """The scores of a video.

    Attributes:
        path: their file, or what it is called.
        header: what they are.
        values: of each of :data:`~ssvrl_mm.video.motion.differential.FUNCTIONS` float32 ``(T,)``,
            of every frame t of the video. Flow at time t is that from frame t on, over the span;
            nan where there is no such flow or, but for 'w', none to compare it with.
    """

    path: str
    header: ScoreHeader
    values: dict[str, np.ndarray]


def write_scores(path: str | os.PathLike, header: ScoreHeader, values: np.ndarray) -> None:
    """Writes the scores of a video. The file appears under its name when it is complete.

    Args:
        path: the file.
        header: what they are.
        values: float32 ``(num_maps, 3)``, see
            :attr:`~ssvrl_mm.video.motion.differential.MotionDifferential.values`.

    Raises:
        ScoreFileError: they are not finite where they have to be.
        OSError: the file cannot be written.
    """
    table = np.full(header.num_frames, np.nan, _FILE.row)
    for column, name in zip(values.T, FUNCTIONS, strict=True):
        table[name][: len(column)] = column
    _check(header, table, os.fspath(path))
    with appearing_file(path) as file:
        file.write(_FILE.pack(header, table))


def read_scores(source: str | os.PathLike | bytes, name: str = '<bytes>') -> MotionScores:
    """Reads the scores of a video.

    Args:
        source: the file, or its bytes.
        name: what to call bytes in errors.

    Raises:
        ScoreFileError: the file is missing, damaged, or no such file.
    """
    path = name if isinstance(source, bytes) else os.fspath(source)
    try:
        with open_source(source) as file:
            header, table = _FILE.read(file, path)
    except OSError as error:
        raise ScoreFileError(path, f'cannot be read: {error.strerror}') from error
    _check(header, table, path)
    return MotionScores(path, header, {name: table[name] for name in FUNCTIONS})


def _check(header: ScoreHeader, table: np.ndarray, path: str) -> None:
    """Refuses scores that none can be, or that are where none can be."""
    for name in FUNCTIONS:
        known = max(header.num_maps - (0 if name == 'w' else header.distance), 0)
        column = table[name]
        fits = np.isfinite(column[:known]) & (column[:known] >= 0)
        if not fits.all() or not np.isnan(column[known:]).all():
            raise ScoreFileError(path, f'is damaged: no video has such scores {name!r}')
