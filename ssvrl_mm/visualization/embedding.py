"""Pictures of where features lie: points of the plane, those of each class in a colour."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ssvrl_mm.visualization.tiles import (
    GAP,
    Colour,
    framed,
    side_by_side,
    stacked,
    text_band,
    titled,
)

# Told apart by most people who see few colours, too (Okabe and Ito), and four more.
COLOURS: tuple[Colour, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (86, 180, 233),
    (120, 110, 0),
    (90, 90, 90),
    (128, 0, 128),
    (150, 75, 0),
)
_MARGIN = 0.06  # of the side of a panel
_LINE = 24  # height of a line of the legend in px


class Embedded(NamedTuple):
    """The features of one model, laid out in the plane.

    Attributes:
        name: What it is called.
        points: (N, 2).
        labels: int (N,), the class of each.
    """

    name: str
    points: np.ndarray
    labels: np.ndarray


def embed(features: np.ndarray, seed: int = 0, perplexity: float = 30.0) -> np.ndarray:
    """Lays features out in the plane by t-SNE, of the cosine.

    Args:
        features: (N, D), N at least 4.
        seed: Of the optimisation.
        perplexity: About how many neighbours count; lowered to a third of the others, where there
            are few.

    Returns:
        float (N, 2).

    Raises:
        ValueError: There are fewer than 4, or some are no numbers.
    """
    if len(features) < 4 or not np.isfinite(features).all():
        raise ValueError(
            f't-SNE takes 4 features or more, all of them numbers, got {np.shape(features)}'
        )
    # Here, as it brings OpenMMLab, which --help does without.
    from ssvrl_mm.evaluation.optional import require

    manifold = require('sklearn.manifold', 'scikit-learn', 't-SNE')
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    perplexity = min(perplexity, (len(unit) - 1) / 3)
    layout = manifold.TSNE(perplexity=perplexity, init='pca', random_state=seed)
    return layout.fit_transform(unit.astype(np.float64))


def draw_embeddings(
    models: Sequence[Embedded], classes: Mapping[int, str], side: int = 360, point: str = ''
) -> np.ndarray:
    """Draws the layouts of several models side by side, with a legend of the classes.

    As Figure 4 of Huang et al., "Self-supervised Representation Learning for Videos by Segmenting
    via Sampling Rate Order Prediction", IEEE TCSVT 2021. Axes have no meaning, and each panel is
    scaled to its own points.

    Args:
        models: A panel each.
        classes: Class -> its name, as many as there are :data:`COLOURS` at most; points of others
            are not drawn.
        side: px of a panel.
        point: What a point is, for the legend; '': nothing is said of it.

    Returns:
        uint8 RGB.

    Raises:
        ValueError: Too many classes.
    """
    if len(classes) > len(COLOURS):
        raise ValueError(f'{len(classes)} classes, but there are {len(COLOURS)} colours')
    colours = dict(zip(classes, COLOURS, strict=False))
    panels = [titled(_panel(model, colours, side), model.name, _LINE) for model in models]
    row = side_by_side(panels)
    legend = [
        text_band(name, row.shape[1], _LINE, colours[label]) for label, name in classes.items()
    ]
    if point:
        legend.insert(0, text_band(f'a point: {point}', row.shape[1], _LINE))
    return stacked([row, stacked(legend, 0)], GAP)


def place_points(points: np.ndarray, side: int) -> np.ndarray:
    """Where points (N, 2) lie in a panel: int (N, 2) of x and y, the aspect ratio kept."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = max(float((high - low).max()), np.finfo(np.float32).tiny)
    centred = (points - (low + high) / 2) / extent
    return np.rint((0.5 + (1 - 2 * _MARGIN) * centred) * (side - 1)).astype(int)


def _panel(model: Embedded, colours: Mapping[int, Colour], side: int) -> np.ndarray:
    """The points of a model in a frame."""
    panel = np.full((side, side, 3), 255, np.uint8)
    chosen = np.isin(model.labels, list(colours))
    if not chosen.any():
        raise ValueError(f'{model.name}: none of its points is of the classes {list(colours)}')
    places = place_points(model.points[chosen], side)
    radius = max(2, side // 120)
    for (x, y), label in zip(places.tolist(), model.labels[chosen].tolist(), strict=True):
        cv2.circle(panel, (x, y), radius, colours[label], -1, cv2.LINE_AA)
    return framed(panel, (190, 190, 190), 1)
