"""Motion geometry against transformed pictures, dense fields and closed forms."""

import cv2
import numpy as np
import pytest

from ssvrl_mm.video.motion import geometry
from ssvrl_mm.video.motion.geometry import (
    accumulate_motion,
    cell_centres,
    cell_size,
    crop_motion,
    crop_resize_motion,
    flip_motion,
    flip_valid,
    grid_size,
    resize_motion,
    rotate_motion,
    rotate_valid,
    rotate_vectors,
)
from ssvrl_mm.video.motion.residual import warp
from tests.clips import texture

DIRECTIONS = {'horizontal': (1,), 'vertical': (0,), 'diagonal': (0, 1)}


def random_motion(*shape: int, seed: int = 0) -> np.ndarray:
    """Quarter-pel vectors of up to 6 px."""
    return np.random.default_rng(seed).integers(-24, 25, (*shape, 2)).astype(np.float32) / 4


def cell_numbers(size: tuple[int, int], cell: int = 8) -> np.ndarray:
    """A motion grid whose dx tells its cells apart (from 1 on); dy is zero."""
    grid = grid_size(size, cell)
    numbers = np.arange(1, grid[0] * grid[1] + 1, dtype=np.float32).reshape(grid)
    return np.stack([numbers, np.zeros_like(numbers)], axis=-1)


def spread(grid: np.ndarray, size: tuple[int, int], cell: int = 8) -> np.ndarray:
    """Every pixel's cell: (h, w, ...)."""
    return grid.repeat(cell, axis=0).repeat(cell, axis=1)[: size[0], : size[1]]


def assert_cells_hold_the_majority(grid: np.ndarray, pixels: np.ndarray, cell: int = 8) -> None:
    """Every cell holds a value that no other value beats in the pixels the cell shows."""
    assert grid.shape == grid_size(pixels.shape, cell)
    for row, col in np.ndindex(grid.shape):
        block = pixels[row * cell :, col * cell :][:cell, :cell]
        values, counts = np.unique(block, return_counts=True)
        assert grid[row, col] in values[counts == counts.max()], (row, col)


def zoom(size: tuple[int, int], grid: tuple[int, int], centre: tuple[float, float]) -> np.ndarray:
    """The field of a swirl and zoom about ``centre`` (x, y), at the cells' centres."""
    x = cell_centres(size[1], grid[1]) - centre[0]
    y = cell_centres(size[0], grid[0])[:, None] - centre[1]
    return np.stack([0.04 * x + 0.02 * y, -0.02 * x + 0.04 * y], axis=-1)


def test_cells_of_a_frame():
    assert grid_size((240, 320)) == (30, 40)
    assert grid_size((97, 100)) == (13, 13)
    assert cell_size(100, 13) == 8  # codec grid, overhangs
    assert cell_size(171, 40) == pytest.approx(4.275)  # scaled frame that kept its grid
    assert cell_size(100, 100) == 1  # dense field
    np.testing.assert_array_equal(cell_centres(20, 3), [4, 12, 18])
    np.testing.assert_array_equal(cell_centres(4, 4), [0.5, 1.5, 2.5, 3.5])


@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('dense', [False, True])
def test_flip_commutes_with_motion_compensation(direction, dense):
    size = (101, 77) if dense else (96, 72)
    picture = texture(*size)
    motion = random_motion(*(size if dense else grid_size(size)))
    axes = DIRECTIONS[direction]
    flipped = warp(np.flip(picture, axes).copy(), flip_motion(motion, size, direction))
    np.testing.assert_array_equal(flipped, np.flip(warp(picture, motion), axes))


@pytest.mark.parametrize('turns', [-1, 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize('dense', [False, True])
def test_rotation_commutes_with_motion_compensation(turns, dense):
    size = (101, 77) if dense else (96, 72)
    picture = texture(*size)
    motion = random_motion(*(size if dense else grid_size(size)))
    rotated = warp(np.rot90(picture, turns).copy(), rotate_motion(motion, turns, size))
    np.testing.assert_array_equal(rotated, np.rot90(warp(picture, motion), turns))


def test_crop_commutes_with_motion_compensation():
    picture, motion = texture(96, 128), random_motion(12, 16)
    box = (24, 16, 104, 80)
    cropped, valid = crop_motion(motion, np.ones((12, 16), bool), box, (96, 128))
    assert cropped.shape == (8, 10, 2)
    assert valid is not None and valid.all()
    ours = warp(picture[16:80, 24:104].copy(), cropped)
    truth = warp(picture, motion)[16:80, 24:104]
    inner = np.s_[7:-7, 7:-7]  # vectors of up to 6 px stay inside the crop here
    np.testing.assert_array_equal(ours[inner], truth[inner])


def test_resize_commutes_with_motion_compensation():
    # An even field, so that only the interpolation of the pictures differs.
    picture = cv2.GaussianBlur(texture(96, 128, scale=16), (0, 0), 3)
    motion = np.broadcast_to(np.float32([2.5, -1.5]), (12, 16, 2))
    resized, _ = resize_motion(motion, None, (96, 128), (144, 64))
    np.testing.assert_allclose(resized, np.broadcast_to([1.25, -2.25], (18, 8, 2)))
    ours = warp(cv2.resize(picture, (64, 144)), resized).astype(int)
    truth = cv2.resize(warp(picture, motion), (64, 144)).astype(int)
    assert np.abs(ours - truth)[4:-4, 4:-4].max() <= 2


@pytest.mark.parametrize('cell', [None, 8, 2, 3, 4, 16])
@pytest.mark.parametrize('size', [(96 + extra, 47 + extra) for extra in range(1, 9)])
def test_cells_that_overhang_follow_the_content(size, cell):
    px = cell or 8
    motion = cell_numbers(size, px)
    valid = motion[..., 0] % 3 != 0
    pixels = spread(motion[..., 0], size, px)

    for direction, axes in DIRECTIONS.items():
        flipped = flip_motion(motion, size, direction, cell)
        assert_cells_hold_the_majority(np.abs(flipped[..., 0]), np.flip(pixels, axes), px)
        mask = flip_valid(valid, size, direction, cell)
        np.testing.assert_array_equal(mask, np.abs(flipped[..., 0]) % 3 != 0)
    for turns in range(4):
        rotated = rotate_motion(motion, turns, size, cell)
        numbers = np.abs(rotated).sum(axis=-1)
        assert_cells_hold_the_majority(numbers, np.rot90(pixels, turns), px)
        np.testing.assert_array_equal(rotate_valid(valid, turns, size, cell), numbers % 3 != 0)
        # Without a size nothing overhangs.
        whole = rotate_motion(motion, turns, cell=cell)
        np.testing.assert_array_equal(np.abs(whole).sum(-1), np.rot90(motion[..., 0], turns))


@pytest.mark.parametrize(('cell', 'out_cell'), [(2, 2), (4, 2), (2, 3), (1, 4), (8, 1)])
@pytest.mark.parametrize('box', [(3, 5, 67, 59), (76, 0, 1, 61), (0, 61, 77, 0)])
def test_cells_of_any_size_follow_the_content(box, cell, out_cell):
    """A ramp of places, cut out and enlarged by half: every cell says where it is from."""
    size, out_size = (61, 77), (91, 115)
    y, x = (cell_centres(n, -(-n // cell), cell) for n in size)
    places = np.stack(np.meshgrid(x, y), -1)
    grid = grid_size(out_size, out_cell)
    found, _ = crop_resize_motion(places, None, box, size, out_size, grid, cell, out_cell)
    scale = out_size[1] / (box[2] - box[0]), out_size[0] / (box[3] - box[1])
    y, x = (cell_centres(n, -(-n // out_cell), out_cell) for n in out_size)
    truth = np.stack(np.meshgrid(box[0] + x / scale[0], box[1] + y / scale[1]), -1)
    assert np.abs(found / scale - truth).max() <= cell / 2 + 1e-9


@pytest.mark.parametrize('box', [(0, 0, 77, 61), (3, 5, 67, 59), (13, 1, 77, 20), (9, 12, 18, 21)])
def test_any_crop_follows_the_content(box):
    size = (61, 77)
    motion = cell_numbers(size)
    valid = motion[..., 0] % 3 != 0
    x1, y1, x2, y2 = box
    cropped, mask = crop_motion(motion, valid, box, size)
    assert_cells_hold_the_majority(cropped[..., 0], spread(motion[..., 0], size)[y1:y2, x1:x2])
    np.testing.assert_array_equal(mask, cropped[..., 0] % 3 != 0)


@pytest.mark.parametrize('out_grid', [None, (14, 14), (7, 9), (112, 112)])
@pytest.mark.parametrize('box', [(31.5, 12, 211.5, 202), (211.5, 12, 31.5, 202), (0, 240, 320, 0)])
def test_crop_resize_of_an_analytic_field(box, out_grid):
    size, out_size, centre = (240, 320), (112, 112), (150.0, 90.0)
    scale = np.array([112 / (box[2] - box[0]), 112 / (box[3] - box[1])])
    out, _ = crop_resize_motion(
        zoom(size, (30, 40), centre), None, box, size, out_size, out_grid=out_grid
    )
    grid = out_grid or (14, 14)
    assert out.shape == (*grid, 2)
    # The same field, asked at the places of the source that the new cells show.
    x = box[0] + cell_centres(112, grid[1]) / scale[0] - centre[0]
    y = (box[1] + cell_centres(112, grid[0]) / scale[1])[:, None] - centre[1]
    truth = np.stack([0.04 * x + 0.02 * y, -0.02 * x + 0.04 * y], axis=-1) * scale
    # A nearest cell is at most 4 px away along each axis.
    assert (np.abs(out - truth) <= (0.04 + 0.02) * 4 * np.abs(scale) + 1e-6).all()


@pytest.mark.parametrize('out_size', [(112, 112), (100, 200), (230, 330)])
@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('box', [(0, 0, 159, 117), (31, 12, 133, 110), (40, 16, 43, 17)])
def test_bilinear_is_opencvs_with_a_vector_in_every_pixel(box, mirrored, out_size):
    motion, size = random_motion(2, 15, 20), (117, 159)
    x1, y1, x2, y2 = box
    expected = [
        cv2.resize(field[y1:y2, x1:x2], out_size[::-1], interpolation=cv2.INTER_LINEAR)
        for field in (spread(grid, size) for grid in motion)
    ]
    if mirrored:
        expected = [field[:, ::-1] * (-1, 1) for field in expected]
        box = (x2, y1, x1, y2)
    options = dict(out_grid=out_size, bilinear=True, scale_vectors=False)
    valid = motion[..., 0] > 0
    out, mask = crop_resize_motion(motion, valid, box, size, out_size, **options)
    np.testing.assert_allclose(out, expected, atol=1e-4 * np.abs(motion).max())
    assert out.dtype == motion.dtype
    nearest, same = crop_resize_motion(
        motion, valid, box, size, out_size, out_size, scale_vectors=False
    )
    np.testing.assert_array_equal(mask, same)
    # Most pixels have only neighbours in their own cell, with which there is nothing to mix.
    assert np.isclose(out, nearest, atol=1e-6).all(axis=-1).mean() > 0.5


def test_vectors_that_are_not_scaled():
    motion, size, box = random_motion(2, 15, 20), (117, 159), (140, 110, 20, 10)
    for bilinear in (False, True):
        scaled, plain = (
            crop_resize_motion(
                motion, None, box, size, (48, 40), bilinear=bilinear, scale_vectors=scale
            )[0]
            for scale in (True, False)
        )
        np.testing.assert_allclose(scaled, plain * (40 / 120, 48 / 100), rtol=1e-5)
        assert (plain <= 0).any() and (plain >= 0).any()
    # Turned about by the mirrors, and else as they were.
    sources = {tuple(-vector) for vector in motion.reshape(-1, 2)}
    found, _ = crop_resize_motion(motion, None, box, size, (48, 40), scale_vectors=False)
    assert {tuple(vector) for vector in found.reshape(-1, 2)} <= sources


def test_steps_equal_the_whole():
    motion, size = random_motion(5, 30, 40), (240, 320)
    cropped, _ = crop_motion(motion, None, (40, 16, 264, 240), size)
    steps = flip_motion(
        resize_motion(cropped, None, (224, 224), (112, 112), (28, 28))[0], (112,) * 2
    )
    whole, _ = crop_resize_motion(motion, None, (264, 16, 40, 240), size, (112, 112), (28, 28))
    np.testing.assert_array_equal(steps, whole)


def test_outside_of_the_frame_is_neither_moving_nor_valid():
    motion = np.ones((2, 4, 4, 2), np.float32)
    out, valid = crop_resize_motion(
        motion, np.ones((2, 4, 4), bool), (-16, 0, 32, 48), (32, 32), (48, 48)
    )
    inside = np.zeros((6, 6), bool)
    inside[:4, 2:] = True
    np.testing.assert_array_equal(valid, np.stack([inside, inside]))
    np.testing.assert_array_equal(out[..., 0], valid)


def test_the_source_is_left_alone():
    motion, valid = random_motion(3, 4, 5), np.ones((3, 4, 5), bool)
    before = motion.copy()
    for result in (
        flip_motion(motion),
        rotate_motion(motion, 0),
        rotate_motion(motion, 1),
        rotate_vectors(motion, 1.0),
        crop_motion(motion, valid, (0, 0, 40, 32), (32, 40))[0],
        accumulate_motion(motion, [True, False, False], valid)[0],
    ):
        assert result.dtype == np.float32
        result += 1
    np.testing.assert_array_equal(motion, before)
    assert valid.all()


@pytest.mark.parametrize('angle', [-2.0, 0.0, 0.3, np.pi])
def test_rotated_vectors_are_complex_products(angle):
    motion = random_motion(3, 4)
    rotated = rotate_vectors(motion, angle)
    # On the screen y points down, in the complex plane up.
    product = (motion[..., 0] - 1j * motion[..., 1]) * np.exp(1j * angle)
    np.testing.assert_allclose(rotated[..., 0] - 1j * rotated[..., 1], product, atol=1e-5)


def test_vectors_turn_the_way_frames_do():
    motion = random_motion(1, 1)
    np.testing.assert_allclose(
        rotate_vectors(motion, np.pi / 2), rotate_motion(motion, 1), atol=1e-6
    )


def test_accumulated_translation():
    motion = np.broadcast_to(np.float32([1.5, -4.0]), (8, 6, 7, 2))
    iframes = np.array([0, 0, 1, 0, 0, 0, 1, 0], bool)
    accumulated, valid = accumulate_motion(motion, iframes)
    assert valid is None
    frames = np.array([1, 2, 0, 1, 2, 3, 0, 1], np.float32)  # since the I-frame or the start
    np.testing.assert_array_equal(accumulated, motion * frames[:, None, None, None])


@pytest.mark.parametrize('size', [(96, 160), (48, 80), (91, 157)])
def test_accumulated_zoom_has_a_closed_form(size):
    # Content at p - c moves to 1.1 (p - c): seen from its new place, by (1 - 1/1.1) (p - c).
    x = (np.arange(20) + 0.5) * cell_size(size[1], 20)
    y = (np.arange(12)[:, None] + 0.5) * cell_size(size[0], 12)
    away = np.stack(np.broadcast_arrays(x - x.mean(), y - y.mean()), axis=-1)
    motion = np.broadcast_to((1 - 1 / 1.1) * away, (10, 12, 20, 2)).astype(np.float32)
    accumulated, _ = accumulate_motion(motion, [True] + [False] * 9, size=size)
    for t in range(10):
        # OpenCV reads between cells in steps of 1/32: one percent of the way to the border.
        truth = (1 - 1.1**-t) * away
        np.testing.assert_allclose(accumulated[t], truth, atol=0.01 * np.abs(truth).max())


def test_accumulation_stays_close_to_tracing_every_pixel():
    """Against CoViAR as published: every pixel of the block field is traced, to whole pixels."""
    size = height, width = 96, 128
    rng = np.random.default_rng(3)
    coarse = rng.normal(0, 1, (12, 3, 4, 2)) + rng.normal(0, 1, (3, 4, 2))
    motion = np.stack([cv2.resize(field, (16, 12)) for field in coarse.astype(np.float32)])
    y, x = np.indices(size)
    pixels = np.zeros((height, width, 2), np.float32)
    accumulated, _ = accumulate_motion(motion, [True] + [False] * 11)
    for t in range(1, 12):
        field = spread(motion[t], size)
        from_y = np.clip(np.rint(y - field[..., 1]), 0, height - 1).astype(int)
        from_x = np.clip(np.rint(x - field[..., 0]), 0, width - 1).astype(int)
        pixels = field + pixels[from_y, from_x]
    mean = pixels.reshape(12, 8, 16, 8, 2).mean(axis=(1, 3))
    length = np.abs(mean).mean()
    plain_sum = np.abs(motion[1:].sum(axis=0) - mean).mean()
    error = np.abs(accumulated[-1] - mean).mean()
    assert length > 4  # it has come far
    assert error < 0.1 * length
    assert error < 0.3 * plain_sum


def test_accumulated_validity_follows_the_way_back():
    motion = np.zeros((4, 3, 6, 2), np.float32)
    motion[..., 0] = 8  # one cell to the right per frame
    valid = np.ones((4, 3, 6), bool)
    valid[0] = False  # an I-frame codes nothing
    valid[1, 1, 2] = False
    _, coded = accumulate_motion(motion, [True, False, False, False], valid)
    broken = np.zeros((4, 3, 6), bool)
    broken[1, 1, 2] = broken[2, 1, 3] = broken[3, 1, 4] = True
    np.testing.assert_array_equal(coded, ~broken)


def test_accumulated_validity_is_that_of_the_nearest_cell():
    motion = np.full((3, 4, 5, 2), 0.4 * 8, np.float32)  # of a cell
    valid = np.ones((3, 4, 5), bool)
    valid[1, 2, 2] = False
    _, coded = accumulate_motion(motion, [True, False, False], valid)
    # The mean of the four cells around would be valid.
    assert np.argwhere(~coded).tolist() == [[1, 2, 2], [2, 2, 2]]


def test_centres_on_the_edge_of_the_frame():
    motion, valid = np.ones((4, 4, 2), np.float32), np.ones((4, 4), bool)
    out, inside = crop_motion(motion, valid, (-4, -4, 36, 36), (32, 32))
    # Those of the first cells lie on pixel 0, those of the last ones beyond pixel 31.
    expected = np.zeros((5, 5), bool)
    expected[:4, :4] = True
    np.testing.assert_array_equal(inside, expected)
    np.testing.assert_array_equal(out, expected[..., None].repeat(2, -1))


@pytest.mark.parametrize('shape', [(3, 5, 2), (4, 3, 5, 2), (2, 4, 3, 5, 2)])
def test_frames_without_a_size_are_those_of_whole_cells(shape):
    motion = random_motion(*shape[:-1])
    np.testing.assert_array_equal(flip_motion(motion), flip_motion(motion, (24, 40)))
    np.testing.assert_array_equal(rotate_motion(motion, 1), rotate_motion(motion, 1, (24, 40)))


def test_frames_may_be_a_single_pixel():
    motion = np.full((1, 1, 2), 8, np.float32)
    out, _ = resize_motion(motion, None, (1, 1), (8, 4))
    np.testing.assert_array_equal(out, [[[32, 64]]])
    np.testing.assert_array_equal(resize_motion(out, None, (8, 4), (1, 1))[0], motion)


def test_spread_gives_every_pixel_its_cell():
    cells = np.arange(12).reshape(2, 2, 3)
    pixels = geometry.spread(cells, (13, 20))
    assert pixels.shape == (2, 13, 20)
    for t, y, x in np.ndindex(pixels.shape):
        assert pixels[t, y, x] == cells[t, y // 8, x // 8]


def test_what_does_not_fit_is_refused():
    motion = random_motion(3, 4, 5)
    with pytest.raises(ValueError, match=r'\(3, 4, 4\)'):
        crop_motion(motion, np.ones((3, 4, 4), bool), (0, 0, 8, 8), (32, 40))
    with pytest.raises(ValueError, match=r'gh, gw, 2.*\(3, 4, 5\)'):
        flip_motion(motion[..., 0])
    for shape in ((0, 4, 2), (4, 0, 2), (3, 2), (4, 4, 3)):
        with pytest.raises(ValueError, match='gh, gw, 2'):
            flip_motion(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match='empty'):
        crop_motion(motion, None, (8, 0, 8, 8), (32, 40))
    with pytest.raises(ValueError, match=r'\(0, 0\)'):
        resize_motion(motion, None, (32, 40), (0, 0))
    with pytest.raises(ValueError, match='sideways'):
        flip_motion(motion, direction='sideways')
    with pytest.raises(ValueError, match='T flags'):
        accumulate_motion(motion, [True])
