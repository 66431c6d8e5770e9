"""Crops at random places: which boxes they draw, and for whom."""

import random
from collections import Counter

import cv2
import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import ClipMultiScaleCrop, ClipRandomCrop, ClipRandomResizedCrop


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)


def boxes(transform, shape, num_clips=1):
    """Corners (left, top, right, bottom) of what each clip shows, as noted before decoding."""
    before = dict(video_reader=None, img_shape=shape, num_clips=num_clips)
    results = transform(before)
    assert results['img_shape'] == transform.size
    return [steps[0].view[:4] for steps in results['view_steps']]


def test_sides_are_those_of_the_paper():
    """Of a shorter side of 256 px, resized or not: .975, .9 and .85 of it."""
    for shape in ((256, 340), (340, 256), (256, 256)):
        sides = Counter()
        for left, top, right, bottom in boxes(ClipMultiScaleCrop(224), shape, 600):
            assert 0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]
            assert right - left == bottom - top
            sides[right - left] += 1
        assert set(sides) == {250, 230, 218} and min(sides.values()) > 150
    small = {box[2] - box[0] for box in boxes(ClipMultiScaleCrop(224), (128, 170), 100)}
    assert small == {125, 115, 109}


def test_boxes_have_the_shape_of_the_result():
    for shape, sides in (((100, 300), (80, 160)), ((300, 100), (40, 80))):
        found = boxes(ClipMultiScaleCrop((32, 64), scales=(0.8,)), shape, 20)
        assert {(bottom - top, right - left) for left, top, right, bottom in found} == {sides}
    assert boxes(ClipMultiScaleCrop(8, scales=(0.01,)), (10, 12))[0][2] >= 1


@pytest.mark.parametrize('transform', [ClipMultiScaleCrop(15, (0.5,)), ClipRandomCrop(15)])
def test_every_place_is_drawn_the_corners_too(transform):
    """A box of 15 px in a frame of 30 x 31."""
    found = Counter(boxes(transform, (30, 31), 8000))
    assert {box[:2] for box in found} == {(x, y) for x in range(17) for y in range(16)}
    assert max(found.values()) < 60  # of 29 on average
    assert {(right - left, bottom - top) for left, top, right, bottom in found} == {(15, 15)}


@pytest.mark.parametrize('make', [ClipMultiScaleCrop, ClipRandomCrop, ClipRandomResizedCrop])
def test_clips_draw_for_themselves_or_all_alike(make):
    assert len(set(boxes(make(32), (64, 80), 20))) > 10
    for _ in range(3):
        assert len(set(boxes(make(32, per_clip=False), (64, 80), 20))) == 1


def test_pixels_are_those_of_the_box():
    image = np.random.default_rng(0).integers(0, 256, (64, 80, 3)).astype(np.uint8)
    for transform in (ClipMultiScaleCrop(32, interpolation='area'), ClipRandomCrop(32)):
        random.seed(4)
        ((left, top, right, bottom),) = boxes(transform, (64, 80))
        random.seed(4)
        shown = transform(dict(imgs=[image], img_shape=(64, 80), num_clips=1))['imgs'][0]
        part = image[top:bottom, left:right]
        assert (shown == cv2.resize(part, (32, 32), interpolation=cv2.INTER_AREA)).all()
    assert 'scales=(0.975, 0.9, 0.85)' in repr(ClipMultiScaleCrop(32))


@pytest.mark.parametrize('make', [ClipMultiScaleCrop, ClipRandomCrop])
def test_cells_of_motion_and_flow_are_as_wide_as_asked(make):
    for strides, cells, flow_cell in (({}, 8, 2), (dict(motion_stride=8, flow_stride=4), 4, 4)):
        results = dict(
            motion=np.zeros((1, 8, 10, 2)),
            flow=np.zeros((1, 32, 40, 2)),
            flow_cell=2,
            img_shape=(64, 80),
            num_clips=1,
        )
        results = make(32, **strides)(results)
        assert results['motion'].shape == (1, cells, cells, 2)
        assert results['flow'].shape == (1, 32 // flow_cell, 32 // flow_cell, 2)
