"""Files of class scores (``tools/test.py --dump``): reading them safely and fusing them."""

import io
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

_SHOWN = 3


class ScoreFileError(ValueError):
    """A score file cannot be used, or two do not fit; the message names file and videos."""


@dataclass(frozen=True)
class Scores:
    """The class probabilities of videos.

    Args:
        path: Where they come from.
        videos: N different paths.
        labels: (N,) classes, -1 where not known.
        probabilities: (N, classes), float64; rows sum to 1.
    """

    path: str
    videos: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray


def _load_tensor(data: bytes) -> Any:
    """A pickled storage, without the code that torch's own function would run."""
    return torch.load(io.BytesIO(data), map_location='cpu', weights_only=True)


def _encode(text: str, encoding: str) -> bytes:
    """How old pickle protocols write bytes."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'asks for the codec {encoding!r}')
    return text.encode('latin1')


class _PlainUnpickler(pickle.Unpickler):
    """Reads tensors, arrays and plain containers; a file from a stranger can bring no code."""

    _ALLOWED = {
        ('collections', 'OrderedDict'),
        ('torch._utils', '_rebuild_tensor_v2'),
        ('torch', 'Size'),
        ('numpy', 'ndarray'),
        ('numpy', 'dtype'),
        *(
            (f'numpy.{core}.multiarray', name)
            for core in ('core', '_core')
            for name in ('_reconstruct', 'scalar')
        ),
        ('numpy._core.numeric', '_frombuffer'),
        ('numpy.core.numeric', '_frombuffer'),
    }

    def find_class(self, module: str, name: str) -> Any:
        """The few globals that results need."""
        if (module, name) == ('torch.storage', '_load_from_bytes'):
            return _load_tensor
        if (module, name) == ('_codecs', 'encode'):
            return _encode
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f'asks for {module}.{name}, which no results need')
        return super().find_class(module, name)


def read_scores(path: str | os.PathLike, stream: str | None = None) -> Scores:
    """Reads the class probabilities that ``tools/test.py CONFIG CHECKPOINT --dump`` wrote.

    Args:
        path: Pickle file: a list of dicts with ``filename``, ``gt_label`` and ``pred_score``.
        stream: Of a late fusion, the scores of this stream alone (``pred_score_<stream>``).

    Returns:
        The scores in the order of the file; a video that is there twice with the same scores
        counts once.

    Raises:
        ScoreFileError: No such file, something else in it, or scores that are no probabilities.

    Example:
        >>> read_scores('rgb.pkl').probabilities.shape  # doctest: +SKIP
        (3783, 101)
    """
    path, key = os.fspath(path), f'pred_score_{stream}' if stream else 'pred_score'
    try:
        with open(path, 'rb') as file:
            entries = _PlainUnpickler(file).load()
    except FileNotFoundError:
        raise ScoreFileError(f'{path}: no such file') from None
    except Exception as error:  # whatever a file that is no pickle makes of the unpickler
        raise ScoreFileError(f'{path}: no score file: {error}') from error
    if not isinstance(entries, list) or not entries:
        raise ScoreFileError(f'{path}: no list of results')
    rows: dict[str, tuple[int, np.ndarray]] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get(key), torch.Tensor):
            held = sorted(entry) if isinstance(entry, dict) else type(entry).__name__
            raise ScoreFileError(f'{path}: entry {number} has no {key!r}, but {held}')
        name = str(entry.get('filename', ''))
        label = torch.as_tensor(entry.get('gt_label', -1)).flatten()
        row = int(label[0]), entry[key].double().numpy()
        if not name or (name in rows and not np.array_equal(rows[name][1], row[1])):
            raise ScoreFileError(f'{path}: entry {number}: no filename, or scored twice: {name!r}')
        rows.setdefault(name, row)
    shapes = {row.shape for _, row in rows.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise ScoreFileError(f'{path}: scores of shapes {sorted(shapes)}, not all (classes,)')
    probabilities = np.stack([row for _, row in rows.values()])
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or probabilities.min() < 0:
        raise ScoreFileError(
            f"{path}: the scores are no probabilities; test with cls_head.average_clips='prob'"
        )
    labels = np.array([label for label, _ in rows.values()])
    return Scores(path, tuple(rows), labels, probabilities)


def fuse_scores(scores: Sequence[Scores], weights: Sequence[float] | None = None) -> Scores:
    """The weighted mean of probabilities, matched by video whatever the order of the files.

    Args:
        scores: Scores of the same videos.
        weights: One weight per file, not negative; None: all alike.

    Returns:
        Scores in the order of the first file.

    Raises:
        ScoreFileError: The files differ in videos, labels or number of classes.
        ValueError: Wrong weights.

    Example:
        >>> files = ('rgb.pkl', 'motion.pkl')
        >>> both = fuse_scores([read_scores(file) for file in files])  # doctest: +SKIP
    """
    weights = [1.0] * len(scores) if weights is None else list(weights)
    if len(weights) != len(scores) or not scores or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f'{len(scores)} files need as many weights, not negative: {weights}')
    first = scores[0]
    fused = np.zeros_like(first.probabilities)
    for other, weight in zip(scores, weights, strict=True):
        for missing, where, there in (
            (set(first.videos) - set(other.videos), other, first),
            (set(other.videos) - set(first.videos), first, other),
        ):
            if missing:
                names = ', '.join(sorted(missing)[:_SHOWN])
                raise ScoreFileError(
                    f'{where.path} has no score for {len(missing)} videos of {there.path}: '
                    f'{names}{", ..." if len(missing) > _SHOWN else ""}'
                )
        if other.probabilities.shape[1] != fused.shape[1]:
            raise ScoreFileError(
                f'{first.path} has {fused.shape[1]} classes, {other.path} '
                f'{other.probabilities.shape[1]}'
            )
        place = {video: index for index, video in enumerate(other.videos)}
        order = [place[video] for video in first.videos]
        differ = np.flatnonzero(other.labels[order] != first.labels)
        if len(differ):
            video = first.videos[differ[0]]
            raise ScoreFileError(
                f'{first.path} and {other.path} differ in the labels of {len(differ)} videos, '
                f'{video} the first'
            )
        fused += weight / sum(weights) * other.probabilities[order]
    return Scores(' + '.join(s.path for s in scores), first.videos, first.labels, fused)
