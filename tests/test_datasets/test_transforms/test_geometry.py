"""Motion must follow the pixels: what it says is compared with what the frames show."""

import random

import cv2
import numpy as np
import pytest
from mmaction.datasets.transforms import TenCrop, ThreeCrop

from ssvrl_mm.datasets.transforms import (
    ClipCenterCrop,
    ClipFlip,
    ClipMultiScaleCrop,
    ClipRandomCrop,
    ClipRandomResizedCrop,
    ClipResize,
    ClipTenCrop,
    ClipThreeCrop,
)
from ssvrl_mm.datasets.transforms.views import random_box
from tests.clips import texture, translating

TRANSFORMS = [
    ClipFlip(1.0),
    ClipFlip(1.0, direction='vertical'),
    ClipResize(size=(96, 112), motion_stride=4),
    ClipResize(short_side=180),
    ClipCenterCrop(112),
    ClipCenterCrop((112, 104), motion_stride=None),
    ClipRandomResizedCrop(96, area_range=(0.4, 0.9)),
    ClipRandomResizedCrop((120, 100), area_range=(0.4, 0.9), motion_stride=8),
    ClipTenCrop(112),
    ClipMultiScaleCrop(96),
    ClipMultiScaleCrop((96, 120), scales=(0.7,), motion_stride=8),
    ClipRandomCrop(112),
]


@pytest.fixture(autouse=True)
def seeded():
    random.seed(1)


def clips_of(frames, motion, num_clips):
    """Pipeline results of V clips that all show ``frames`` with the dense field ``motion``."""
    height, width = frames.shape[1:3]
    centres_y = np.minimum(np.arange(0, height, 8) + 4, height - 1)
    centres_x = np.minimum(np.arange(0, width, 8) + 4, width - 1)
    grid = motion[:, centres_y][:, :, centres_x].astype(np.float32)
    return dict(
        imgs=list(frames) * num_clips,
        motion=np.concatenate([grid] * num_clips),
        motion_valid=np.ones((len(frames) * num_clips, *grid.shape[1:3]), bool),
        frame_inds=np.tile(np.arange(len(frames)), (num_clips, 1)),
        num_clips=num_clips,
        clip_len=len(frames),
        img_shape=(height, width),
    )


def upsampled(field, size):
    """A motion grid (gh, gw, 2) at every pixel of a frame, by the contract's cell sizes."""
    places = []
    for length, cells in zip(size, field.shape[:2], strict=True):
        cell = 8 if cells == -(-length // 8) else length / cells
        places.append(((np.arange(length) + 0.5) / cell).astype(int))
    return field[places[0]][:, places[1]]


def measured_shift(before, after):
    """The translation that aligns two frames best (enhanced correlation, to a fraction of a px)."""
    warp = np.eye(2, 3, dtype=np.float32)
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (before, after)]
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-5)
    cv2.findTransformECC(*grey, warp, cv2.MOTION_TRANSLATION, criteria)
    return warp[:, 2]


@pytest.mark.parametrize('transform', TRANSFORMS, ids=repr)
@pytest.mark.parametrize('size', [(128, 160), (131, 157)], ids=str)
def test_translation_is_the_one_seen_in_the_frames(transform, size):
    frames = translating(3, 3.0, -2.0, *size)
    motion = np.broadcast_to(np.float32([3, -2]), (3, *size, 2))
    results = transform(clips_of(frames, motion, num_clips=2))

    length = 3
    assert len(results['imgs']) == results['num_clips'] * length == len(results['motion'])
    assert results['frame_inds'].shape == (results['num_clips'], length)
    assert results['motion_valid'].all()
    assert all(image.shape[:2] == results['img_shape'] for image in results['imgs'])
    for clip in range(results['num_clips']):
        before, after = results['imgs'][clip * length + 1 : clip * length + 3]
        field = results['motion'][clip * length + 2]
        assert np.ptp(field, axis=(0, 1)).max() == 0
        assert field[0, 0] == pytest.approx(measured_shift(before, after), abs=0.05)


def zooming(size, factor=1.04):
    """Two frames of a zoom about a point off the centre, and the exact field of the second."""
    centre = np.float32([size[1] * 0.4, size[0] * 0.6])
    matrix = np.float32(
        [[factor, 0, (1 - factor) * centre[0]], [0, factor, (1 - factor) * centre[1]]]
    )
    first = texture(*size, seed=3)
    second = cv2.warpAffine(first, matrix, size[::-1], borderMode=cv2.BORDER_REPLICATE)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    field = (np.stack([x, y], -1) - centre) * (1 - 1 / factor)
    return np.stack([first, second]), np.stack([np.zeros_like(field), field])


@pytest.mark.parametrize('transform', TRANSFORMS, ids=repr)
@pytest.mark.parametrize('size', [(128, 160), (131, 157)], ids=str)
def test_zoom_is_the_one_seen_in_the_frames(transform, size):
    frames, motion = zooming(size)
    results = transform(clips_of(frames, motion, num_clips=2))
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for clip in range(results['num_clips']):
        before, after = (
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            for image in results['imgs'][2 * clip : 2 * clip + 2]
        )
        # The flow from the later to the earlier frame lives on the later one, as motion does.
        seen = -flow.calc(after, before, None)
        said = upsampled(results['motion'][2 * clip + 1], results['img_shape'])
        inside = (slice(12, -12), slice(12, -12))
        error = np.linalg.norm(seen - said, axis=-1)[inside]
        # Half a cell of 8 px times the divergence, magnified, and the error of the flow.
        assert np.median(error) < 0.35
        assert np.abs(seen - said)[inside].mean(axis=(0, 1)) == pytest.approx(0, abs=0.35)
        assert np.linalg.norm(said, axis=-1).max() > 2


def test_zoom_in_closed_form_after_a_crop():
    size, factor = (128, 160), 1.04
    frames, motion = zooming(size, factor)
    random.seed(5)
    results = ClipRandomResizedCrop(96, area_range=(0.5, 0.5))(clips_of(frames, motion, 1))
    random.seed(5)
    box = random_box(size, (0.5, 0.5), (3 / 4, 4 / 3))
    scale = np.array([96 / (box.right - box.left), 96 / (box.bottom - box.top)])
    centre = (np.array([160 * 0.4, 128 * 0.6]) - [box.left, box.top]) * scale
    y, x = np.mgrid[:24, :24] * 4 + 2
    expected = (np.stack([x, y], -1) - centre) * (1 - 1 / factor)
    got = results['motion'][1]
    assert got.shape == (24, 24, 2)
    # Nearest of cells 8 px wide: half a cell, magnified, and half a px between corner and centre.
    assert np.abs(got - expected).max() < 4.6 * scale.max() * (1 - 1 / factor)


def test_each_clip_draws_for_itself_or_all_alike():
    frames, motion = zooming((96, 128))
    for per_clip in (True, False):
        results = clips_of(frames, motion, num_clips=4)
        results = ClipRandomResizedCrop(64, (0.2, 0.6), per_clip=per_clip)(results)
        images = np.stack(results['imgs']).reshape(4, 2, 64, 64, 3)
        fields = results['motion'].reshape(4, 2, 16, 16, 2)
        assert len({clip.tobytes() for clip in images}) == (4 if per_clip else 1)
        assert len({clip.tobytes() for clip in fields}) == (4 if per_clip else 1)

    flips = {True: [], False: []}
    for _ in range(20):
        for per_clip, seen in flips.items():
            results = ClipFlip(0.5, per_clip=per_clip)(clips_of(frames, motion, num_clips=3))
            seen.append(tuple(results['flip']))
            for clip, flip in enumerate(results['flip']):
                expected = frames[:, :, ::-1] if flip else frames
                assert (np.stack(results['imgs'][2 * clip : 2 * clip + 2]) == expected).all()
                sign = np.sign(results['motion'][2 * clip + 1, :, 0, 0])
                # The zoom's centre lies left of the middle: outwards is left at the left border.
                assert (sign == -1).all()
    assert set(flips[False]) == {(True,) * 3, (False,) * 3}
    assert len(set(flips[True])) > 4


@pytest.mark.parametrize(
    'size, stride, grid, cell',
    [((22, 45), 8, (3, 6), (8, 8)), ((18, 43), 4, (5, 11), (18 / 5, 43 / 11))],
)
def test_cells_cover_a_crop_that_the_stride_does_not_divide(size, stride, grid, cell):
    frames = translating(1, 0, 0, 48, 64)
    numbers = np.stack(np.meshgrid(np.arange(64) // 8, np.arange(48) // 8), axis=-1)
    results = ClipCenterCrop(size, motion_stride=stride)(clips_of(frames, numbers[None], 1))
    assert results['motion'].shape == (1, *grid, 2)
    assert results['motion_valid'].shape == (1, *grid)
    corner = (48 - size[0]) // 2, (64 - size[1]) // 2
    rows, columns = (
        (first + (np.arange(cells) + 0.5) * length).astype(int)
        for first, cells, length in zip(corner, grid, cell, strict=True)
    )
    assert (results['motion'][0] == numbers[rows][:, columns]).all()


@pytest.mark.parametrize(
    'before, after',
    [((128, 160), (64, 80)), ((160, 128), (80, 64)), ((96, 96), (64, 64)), ((50, 81), (64, 104))],
)
def test_short_side_is_the_shorter_one(before, after):
    frames, motion = zooming(before)
    results = ClipResize(short_side=64)(clips_of(frames, motion, num_clips=1))
    assert results['img_shape'] == results['imgs'][0].shape[:2] == after


def test_flip_ratio():
    frames, motion = zooming((64, 64))
    count = sum(sum(ClipFlip(0.25)(clips_of(frames, motion, 8))['flip']) for _ in range(100))
    assert count == pytest.approx(200, abs=50)


def test_invalid_cells_move_with_the_pixels():
    frames, motion = zooming((128, 160))
    results = clips_of(frames, motion, num_clips=1)
    results['motion_valid'][1, 4:8, 2:6] = False  # px 32..64 down, 16..48 across
    results = ClipFlip(1.0)(results)
    assert np.argwhere(~results['motion_valid'][1]).min(0).tolist() == [4, 14]
    results = ClipCenterCrop((96, 128), motion_stride=4)(results)
    invalid = np.zeros((24, 32), bool)
    invalid[4:12, 24:32] = True  # px 16..48 down, 96..128 across
    assert (results['motion_valid'][1] == ~invalid).all()


def test_residuals_and_iframes_go_the_way_of_the_images():
    frames, motion = zooming((96, 128))
    results = clips_of(frames, motion, num_clips=2)
    results['residuals'] = [frame.astype(np.int16) - 128 for frame in results['imgs']]
    results['iframes'] = [results['imgs'][0], results['imgs'][2]]
    for transform in (ClipRandomResizedCrop(64), ClipFlip(0.5), ClipTenCrop(48)):
        results = transform(results)
    assert results['num_clips'] == 20
    assert len(results['residuals']) == 40 and len(results['iframes']) == 20
    for image, residual in zip(results['imgs'], results['residuals'], strict=True):
        # Both are rounded, one after the shift.
        assert np.abs(image - (residual.astype(int) + 128)).max() <= 1
    for clip, iframe in enumerate(results['iframes']):
        assert (iframe == results['imgs'][2 * clip]).all()


@pytest.mark.parametrize('size', [(128, 160), (112, 112), (120, 136)])
def test_ten_crop_agrees_with_mmaction(size):
    frames, motion = zooming(size)
    ours = ClipTenCrop((96, 104))(clips_of(frames, motion, num_clips=2))
    theirs = TenCrop((104, 96))(clips_of(frames, motion, num_clips=2))
    assert (np.stack(ours['imgs']) == np.stack(theirs['imgs'])).all()
    assert ours['num_clips'] == 20


@pytest.mark.parametrize('size', [(96, 160), (160, 96), (96, 96)])
def test_three_crop_agrees_with_mmaction(size):
    frames, motion = zooming(size)
    ours = ClipThreeCrop(96)(clips_of(frames, motion, num_clips=2))
    theirs = ThreeCrop(96)(clips_of(frames, motion, num_clips=2))
    assert (np.stack(ours['imgs']) == np.stack(theirs['imgs'])).all()


@pytest.mark.parametrize(
    'size, corners',
    [
        ((40, 120), [(20, 0), (20, 60), (20, 30)]),  # more room above and below
        ((90, 40), [(0, 5), (120, 5), (60, 5)]),
        ((60, 120), [(0, 20), (40, 20), (20, 20)]),  # as much on every side
    ],
)
def test_three_crops_lie_where_there_is_more_room(size, corners):
    frames, motion = zooming((100, 160))
    places = np.stack([*np.meshgrid(np.arange(160), np.arange(100)), np.zeros((100, 160))], -1)
    results = clips_of(np.stack([places.astype(np.uint8)] * 2), motion, num_clips=1)
    crops = ClipThreeCrop(size)(results)['imgs'][::2]
    assert [crop.shape[:2] for crop in crops] == [size] * 3
    assert [tuple(crop[0, 0, :2]) for crop in crops] == corners


@pytest.mark.parametrize('size', [(96, 128), (48, 200)])
def test_resize_shows_the_whole_frame(size):
    frames, motion = zooming((96, 128))
    results = ClipResize(size)(clips_of(frames, motion, num_clips=1))
    for image, frame in zip(results['imgs'], frames, strict=True):
        assert (image == cv2.resize(frame, size[::-1])).all()
    results = ClipResize(short_side=96)(clips_of(frames, motion, num_clips=1))
    assert (np.stack(results['imgs']) == frames).all()


def test_sizes_may_be_numbers_of_numpy():
    frames, motion = zooming((96, 128))
    for size in (np.int64(64), np.array([64, 64])):
        for transform in (ClipResize, ClipCenterCrop, ClipRandomCrop, ClipMultiScaleCrop):
            results = transform(size)(clips_of(frames, motion, num_clips=1))
            assert results['img_shape'] == results['imgs'][0].shape[:2] == (64, 64)
    results = ClipResize(short_side=np.uint8(64))(clips_of(frames, motion, num_clips=1))
    assert results['img_shape'] == (64, 85)


def test_corners_are_reached_where_four_does_not_divide():
    frames, motion = zooming((101, 118))
    crops = ClipTenCrop(64)(clips_of(frames, motion, num_clips=1))['imgs'][::4]
    assert (crops[3] == frames[0, -64:, -64:]).all()


def test_the_ends_of_the_ranges_are_allowed():
    frames, motion = zooming((64, 80))
    results = ClipFlip(0.0)(clips_of(frames, motion, num_clips=2))
    assert results['flip'] == [False, False]
    results = ClipRandomResizedCrop(1, (1.0, 1.0), motion_stride=1)(results)
    assert results['img_shape'] == (1, 1) and results['motion'].shape == (4, 1, 1, 2)


@pytest.mark.parametrize(
    'make',
    [
        lambda **how: ClipRandomResizedCrop(48, motion_stride=1, **how),
        lambda **how: ClipResize(size=48, motion_stride=1, **how),
        lambda **how: ClipResize(short_side=50, motion_stride=1, **how),
    ],
)
def test_motion_as_pictures_are_resized(make):
    """As one picture with a vector in each pixel, whose values no resize touches."""
    frames, motion = zooming((64, 80))
    results = clips_of(frames, motion, 1)
    field = np.stack([upsampled(grid, (64, 80)) for grid in results['motion']])
    # Pictures of the vectors: as pixels they go through the very same crop.
    pictures = np.concatenate([field, field[..., :1]], axis=-1)
    shown = clips_of(frames, motion, 1) | dict(imgs=list(pictures))
    random.seed(3)
    out = make(motion_interpolation='bilinear', scale_motion=False)(shown)
    expected = np.stack(out['imgs'])[..., :2]
    np.testing.assert_allclose(out['motion'], expected, atol=1e-4)
    random.seed(3)
    scaled = make(motion_interpolation='bilinear')(clips_of(frames, motion, 1))['motion']
    random.seed(3)
    nearest = make(scale_motion=False)(clips_of(frames, motion, 1))['motion']
    assert not np.allclose(scaled, expected, atol=1e-2)
    assert not np.allclose(nearest, expected, atol=1e-2)


def test_too_small_frames_and_bad_arguments_are_refused():
    frames, motion = zooming((64, 80))
    for transform in (ClipCenterCrop(72), ClipThreeCrop(72), ClipTenCrop(72), ClipRandomCrop(72)):
        with pytest.raises(ValueError, match=r'\(64, 80\).*too small.*\(72, 72\)'):
            transform(clips_of(frames, motion, 1))
    for build in (
        lambda: ClipResize(),
        lambda: ClipResize(size=64, short_side=64),
        lambda: ClipRandomResizedCrop(64, area_range=(0.5, 1.5)),
        lambda: ClipRandomResizedCrop(64, area_range=(0.0, 0.5)),
        lambda: ClipRandomResizedCrop(64, area_range=(0.5, 0.2)),
        lambda: ClipRandomResizedCrop((0, 64)),
        lambda: ClipRandomResizedCrop((64, 0)),
        lambda: ClipRandomResizedCrop(64, interpolation='lanczos'),
        lambda: ClipRandomResizedCrop(64, motion_interpolation='area'),
        lambda: ClipResize(64, motion_interpolation='cubic'),
        lambda: ClipRandomResizedCrop(0),
        lambda: ClipMultiScaleCrop(0),
        lambda: ClipMultiScaleCrop(64, scales=()),
        lambda: ClipMultiScaleCrop(64, scales=(0.5, 1.1)),
        lambda: ClipMultiScaleCrop(64, scales=(0, 0.5)),
        lambda: ClipMultiScaleCrop(64, interpolation='lanczos'),
        lambda: ClipFlip(1.5),
        lambda: ClipFlip(direction='sideways'),
        lambda: ClipCenterCrop(64, motion_stride=0),
    ):
        with pytest.raises(ValueError):  # noqa: B017, PT011
            build()
