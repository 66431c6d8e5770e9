import numpy as np
import pytest

from ssvrl_mm.visualization import Embedded, draw_embeddings, embed
from ssvrl_mm.visualization.embedding import COLOURS
from ssvrl_mm.visualization.tiles import text_band


def clouds(per_class=8, classes=3, seed=0):
    """Features around directions at right angles, of any length; and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    features = 5 * np.eye(8)[labels] + 0.3 * rng.standard_normal((len(labels), 8))
    return features * rng.uniform(0.1, 10, (len(labels), 1)), labels


def test_what_is_near_by_the_cosine_is_near_in_the_plane():
    features, labels = clouds()
    points = embed(features, seed=3)
    assert points.shape == (24, 2)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()
    # The same seed, and lengths, which do not matter.
    np.testing.assert_array_equal(points, embed(1024 * features, seed=3))


def test_few_points_are_laid_out_too():
    # Of length nothing, too.
    assert np.isfinite(embed(np.vstack([clouds(1)[0], np.zeros((1, 8))]))).all()
    with pytest.raises(ValueError, match=r'4 features or more.*\(3, 8\)'):
        embed(np.ones((3, 8)))
    with pytest.raises(ValueError, match='numbers'):
        embed(np.full((5, 8), np.nan))


def colour_at(picture, x, y):
    return tuple(picture[y, x].tolist())


def test_points_have_their_colours_and_panels_their_scale():
    labels = np.array([7, 2, 7, 5])
    near = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 5.0], [99.0, 99.0]])
    models = [Embedded('a', near, labels), Embedded('b', 1000 * near + 17, labels)]
    # Class 5 is not asked for.
    picture = draw_embeddings(models, {2: 'second', 7: 'seventh'}, side=101)
    panel = 101 + 2
    assert picture.shape == (24 + panel + 8 + 2 * 24, 2 * panel + 8, 3)
    for left in (1, panel + 8 + 1):
        top = 24 + 1
        # The wider axis fills the panel but for 6 % at either side; the other has the same scale.
        assert colour_at(picture, left + 6, top + 28) == COLOURS[1]
        assert colour_at(picture, left + 94, top + 28) == COLOURS[0]
        assert colour_at(picture, left + 6, top + 72) == COLOURS[1]
        inside = picture[top : top + 101, left : left + 101].reshape(-1, 3)
        for number, points in ((0, 1), (1, 2), (2, 0)):
            dots = (inside == COLOURS[number]).all(axis=1).sum()
            assert (dots > 0) == (points > 0)
    told = draw_embeddings(models, {2: 'second', 7: 'seventh'}, side=101, point='one video')
    line = slice(24 + panel + 8, 24 + panel + 8 + 24)
    np.testing.assert_array_equal(np.delete(told, np.r_[line], axis=0), picture)
    words = text_band('a point: one video', picture.shape[1], 24)
    np.testing.assert_array_equal(told[line], words)
    legend = picture[24 + panel + 8 :]
    for number in range(2):
        line = legend[24 * number : 24 * (number + 1)].reshape(-1, 3)
        assert (line == COLOURS[number]).all(axis=1).any()


def test_too_many_classes_and_classes_without_points():
    model = Embedded('a', np.zeros((2, 2)), np.array([0, 1]))
    with pytest.raises(ValueError, match='11 classes, but there are 10 colours'):
        draw_embeddings([model], {label: 'x' for label in range(11)})
    with pytest.raises(ValueError, match=r'a: none of its points is of the classes \[4\]'):
        draw_embeddings([model], {4: 'x'})
    # All in one place.
    assert draw_embeddings([model], {0: 'x', 1: 'y'}).shape[2] == 3
