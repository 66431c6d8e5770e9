import random
from collections import Counter

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms.showing import show_views
from ssvrl_mm.datasets.transforms.views import (
    View,
    centre_box,
    random_box,
    stream_views,
    total_views,
)


def test_random_box_keeps_its_ranges():
    random.seed(1)
    boxes = [random_box((100, 160), (0.2, 0.8), (0.5, 2.0)) for _ in range(500)]
    sizes = np.array([(b.bottom - b.top, b.right - b.left) for b in boxes])
    area, ratio = sizes.prod(1) / 16000, sizes[:, 1] / sizes[:, 0]
    assert 0.19 < area.min() < 0.25 and 0.7 < area.max() < 0.81
    assert 0.49 < ratio.min() < 0.6 and 1.7 < ratio.max() < 2.05
    assert all(b.left >= 0 and b.right <= 160 and b.top >= 0 and b.bottom <= 100 for b in boxes)


@pytest.mark.parametrize(
    'shape, ratios, box',
    [
        ((10, 1000), (0.5, 2.0), (490, 0, 510, 10, None)),
        ((1000, 10), (0.5, 2.0), (0, 490, 10, 510, None)),
        ((100, 150), (0.5, 2.0), (0, 0, 150, 100, None)),
        ((100, 150), (1.8, 2.0), (0, 8, 150, 91, None)),  # 150 / 1.8 = 83.3 rows
        ((3, 3), (0.001, 0.001), (1, 0, 2, 3, None)),  # a column at least
        ((3, 3), (1000, 1000), (0, 1, 3, 2, None)),
    ],
)
def test_largest_central_box_where_no_draw_fits(shape, ratios, box):
    assert random_box(shape, (1.0, 1.0), ratios, tries=0) == box


def test_a_draw_that_does_not_fit_is_drawn_again():
    random.seed(1)
    # A box of half the area is wider than the frame where the ratio is above 2.
    boxes = [random_box((100, 100), (0.5, 0.5), (0.5, 4.0)) for _ in range(200)]
    sizes = np.array([(b.right - b.left, b.bottom - b.top) for b in boxes])
    np.testing.assert_allclose(sizes.prod(1) / 10000, 0.5, atol=0.01)


def test_random_box_lies_anywhere():
    random.seed(1)
    # A ninth of the frame, 2 by 3 px: 5 x 7 places, about 100 boxes at each.
    boxes = [random_box((6, 9), (1 / 9, 1 / 9), (1.5, 1.5)) for _ in range(3500)]
    assert {(b.bottom - b.top, b.right - b.left) for b in boxes} == {(2, 3)}
    counts = Counter((b.top, b.left) for b in boxes)
    assert set(counts) == {(top, left) for top in range(5) for left in range(7)}
    assert min(counts.values()) > 60 and max(counts.values()) < 140


def test_random_box_draws_area_and_logarithm_of_width_by_height_uniformly():
    random.seed(1)
    boxes = [random_box((4000, 4000), (0.01, 0.04), (0.5, 4.0)) for _ in range(4000)]
    sizes = np.array([(b.right - b.left, b.bottom - b.top) for b in boxes])
    shares = np.linspace(0, 1, 11)
    area = np.quantile(sizes.prod(1) / 4000**2, shares)
    np.testing.assert_allclose(area, 0.01 + 0.03 * shares, atol=0.001)
    # From 2^-1 to 2^2.
    ratio = np.quantile(np.log2(sizes[:, 0] / sizes[:, 1]), shares)
    np.testing.assert_allclose(ratio, 3 * shares - 1, atol=0.1)


def test_centre_box():
    assert centre_box((100, 160), (50, 61)) == (49, 25, 110, 75, None)


def test_rounds_come_one_after_the_other():
    clips = np.arange(2 * 3 * 8 * 8 * 3, dtype=np.uint8).reshape(6, 8, 8, 3)
    motion = np.arange(6 * 8 * 8 * 2, dtype=np.float32).reshape(6, 8, 8, 2)
    results = dict(
        imgs=list(clips),
        motion=motion,
        num_clips=2,
        img_shape=(8, 8),
        frame_inds=np.arange(6).reshape(2, 3),
    )
    left, right = View(0, 0, 4, 8), View(4, 0, 8, 8, 'horizontal')
    results = show_views(results, [[left, right], [right, left]], (8, 4), motion_stride=1)
    assert results['num_clips'] == 4 and results['img_shape'] == (8, 4)
    assert results['frame_inds'].tolist() == [[0, 1, 2], [3, 4, 5]] * 2
    mirrored = motion[:, :, :3:-1] * [-1, 1]
    expected_motion = [motion[:3, :, :4], mirrored[3:], mirrored[:3], motion[3:, :, :4]]
    assert (results['motion'] == np.concatenate(expected_motion)).all()
    pixels = [clips[:3, :, :4], clips[3:, :, :3:-1], clips[:3, :, :3:-1], clips[3:, :, :4]]
    assert (np.stack(results['imgs']) == np.concatenate(pixels)).all()


def test_streams_have_views_of_their_own():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    motion = rng.normal(size=(9, 8, 8, 2)).astype(np.float32)
    results = dict(
        imgs=list(images[:4]),
        iframes=list(images[4:]),
        motion=motion,
        motion_valid=motion[..., 0] > 0,
        num_clips=2,
        stream_views=dict(motion=[0, 3, 1], iframes=[4]),
        img_shape=(8, 8),
        frame_inds=np.arange(4).reshape(2, 2),
        motion_inds=np.arange(9).reshape(3, 3),
        iframe_inds=np.arange(2).reshape(1, 2),
        iframe_distance=np.array([5]),
    )
    assert total_views(results) == 5
    assert stream_views(results, 'imgs') == [0, 1]
    # View v begins at column v, in the second round at row v.
    views = [[View(v, 0, v + 4, 4) for v in range(5)], [View(0, v, 4, v + 4) for v in range(5)]]
    results = show_views(results, views, (4, 4), motion_stride=1)

    def cut(frames, view, number):
        left, top, right, bottom, _ = views[number][view]
        return frames[:, top:bottom, left:right]

    def rounds(frames, numbers):
        clips = np.split(frames, len(numbers))
        pairs = list(zip(clips, numbers, strict=True))
        return np.concatenate([cut(clip, view, n) for n in (0, 1) for clip, view in pairs])

    assert (np.stack(results['imgs']) == rounds(images[:4], [0, 1])).all()
    assert (np.stack(results['iframes']) == rounds(images[4:], [4])).all()
    assert (results['motion'] == rounds(motion, [0, 3, 1])).all()
    assert (results['motion_valid'] == rounds(motion[..., 0] > 0, [0, 3, 1])).all()
    assert results['num_clips'] == 4 and total_views(results) == 10
    assert stream_views(results, 'imgs') == [0, 1, 5, 6]
    assert stream_views(results, 'motion') == [0, 3, 1, 5, 8, 6]
    assert stream_views(results, 'iframes') == [4, 9]
    assert results['frame_inds'].tolist() == [[0, 1], [2, 3]] * 2
    assert results['motion_inds'].shape == (6, 3) and results['iframe_inds'].shape == (2, 2)
    assert results['iframe_distance'].tolist() == [5, 5]


def test_frames_have_to_part_into_the_clips():
    results = dict(imgs=[np.zeros((8, 8, 3), np.uint8)] * 5, num_clips=2, img_shape=(8, 8))
    with pytest.raises(ValueError, match='imgs: 5 frames are no 2 clips'):
        show_views(results, [[View(0, 0, 8, 8)] * 2], (8, 8), motion_stride=None)
