import random

import numpy as np

from ssvrl_mm.datasets.transforms.views import View, centre_box, random_box, show_views


def test_random_box_keeps_its_ranges():
    random.seed(1)
    boxes = [random_box((100, 160), (0.2, 0.8), (0.5, 2.0)) for _ in range(500)]
    sizes = np.array([(b.bottom - b.top, b.right - b.left) for b in boxes])
    area, ratio = sizes.prod(1) / 16000, sizes[:, 1] / sizes[:, 0]
    assert 0.19 < area.min() < 0.25 and 0.7 < area.max() < 0.81
    assert 0.49 < ratio.min() < 0.6 and 1.7 < ratio.max() < 2.05
    assert all(b.left >= 0 and b.right <= 160 and b.top >= 0 and b.bottom <= 100 for b in boxes)
    # No room for the wanted shape: the largest central box of an allowed one.
    assert random_box((10, 1000), (1.0, 1.0), (0.5, 2.0)) == (490, 0, 510, 10, None)


def test_centre_box():
    assert centre_box((100, 160), (50, 61)) == (49, 25, 110, 75, None)


def test_rounds_come_one_after_the_other():
    clips = np.arange(2 * 3 * 8 * 8 * 3, dtype=np.uint8).reshape(6, 8, 8, 3)
    motion = np.arange(6 * 8 * 8 * 2, dtype=np.float32).reshape(6, 8, 8, 2)
    results = dict(
        imgs=list(clips),
        motion_vectors=motion,
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
    assert (results['motion_vectors'] == np.concatenate(expected_motion)).all()
    pixels = [clips[:3, :, :4], clips[3:, :, :3:-1], clips[:3, :, :3:-1], clips[3:, :, :4]]
    assert (np.stack(results['imgs']) == np.concatenate(pixels)).all()
