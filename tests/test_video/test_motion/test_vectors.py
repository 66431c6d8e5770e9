"""Drawing motion vectors on grids, and whose vectors a frame takes."""

import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.motion.vectors import VECTOR, plan_motion, rasterize

SIZES = [(128, 160), (121, 81), (240, 321), (8, 8)]


def naive_field(vectors, size, past, future):
    """One frame, vector by vector and cell by cell, straight from the definition."""
    height, width = size
    shape = -(-height // 8), -(-width // 8)
    fields, masks = np.zeros((2, *shape, 2), np.float32), np.zeros((2, *shape), bool)
    for v in vectors:
        ahead = int(v['source'] > 0)
        # motion / scale = src - dst: from here to the reference.
        towards = np.array([v['motion_x'], v['motion_y']]) / float(v['motion_scale'])
        moved = towards / future if ahead else -towards / past
        left, top = int(v['dst_x']) - int(v['w']) // 2, int(v['dst_y']) - int(v['h']) // 2
        for row in range(top // 8, (top + int(v['h']) - 1) // 8 + 1):
            for col in range(left // 8, (left + int(v['w']) - 1) // 8 + 1):
                if 0 <= row < shape[0] and 0 <= col < shape[1]:
                    fields[ahead, row, col] = moved
                    masks[ahead, row, col] = True
    total = fields.sum(0)
    total[masks.all(0)] /= 2
    return total, masks.any(0)


def random_blocks(rng, size, directions=(-1,), scales=(4,), beyond=0):
    """A tiling of the frame with 16x16 blocks, some of them split, some left out."""
    rows = []
    scale = rng.choice(scales)
    for direction in directions:
        for y in range(-16 * beyond, size[0] + 16 * beyond, 16):
            for x in range(-16 * beyond, size[1] + 16 * beyond, 16):
                w, h = [(16, 16), (16, 16), (16, 8), (8, 16), (8, 8)][rng.integers(5)]
                for dy in range(0, 16, h):
                    for dx in range(0, 16, w):
                        if rng.random() < 0.2:
                            continue
                        moved = rng.integers(-200, 200, 2)
                        dst = x + dx + w // 2, y + dy + h // 2
                        rows.append((direction, w, h, 0, 0, *dst, 0, *moved, scale))
    return np.array(rows, VECTOR)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('directions', [(-1,), (1,), (-1, 1)])
@pytest.mark.parametrize('scales', [(4,), (2, 4)])
def test_rasterize_equals_a_loop_over_vectors(size, directions, scales):
    rng = np.random.default_rng(0)
    vectors = [random_blocks(rng, size, directions, scales, beyond=1) for _ in range(3)]
    vectors.insert(1, np.empty(0, VECTOR))
    vectors.append(random_blocks(rng, size))
    past, future = np.array([1, 1, 2, 3, 2]), np.array([2, 1, 1, 1, 5])
    motion, valid = rasterize(vectors, size, past, future)
    assert motion.dtype == np.float32
    for row, frame in enumerate(vectors):
        field, mask = naive_field(frame, size, past[row], future[row])
        np.testing.assert_array_equal(valid[row], mask)
        np.testing.assert_allclose(motion[row], field, rtol=1e-6, atol=1e-6)


def whole_blocks(rng, size):
    """Whole macroblocks from the past, some left out, as nearly all frames of MPEG-4 have them."""
    places = [(x, y) for y in range(8, size[0] + 8, 16) for x in range(8, size[1] + 8, 16)]
    rows = [
        (-1, 16, 16, 0, 0, *place, 0, *rng.integers(-3, 3, 2), 2)
        for place in places
        if rng.random() < 0.8
    ]
    vectors = np.array(rows, VECTOR)
    # FFmpeg leaves the padding of its structs as it was.
    holes = vectors.view(np.uint8).reshape(len(vectors), VECTOR.itemsize)
    holes[:, 14:16], holes[:, 34:] = 0xA5, 0x5A
    return vectors


@pytest.mark.parametrize('size', [*SIZES, (256, 340)])
def test_rasterize_of_whole_macroblocks_equals_a_loop_over_vectors(size):
    rng = np.random.default_rng(0)
    vectors = [whole_blocks(rng, size) for _ in range(3)]
    vectors.insert(1, np.empty(0, VECTOR))
    past, future = np.array([1, 1, 3, 2]), np.ones(4, int)
    motion, valid = rasterize(vectors, size, past, future)
    for row, frame in enumerate(vectors):
        field, mask = naive_field(frame, size, past[row], future[row])
        np.testing.assert_array_equal(valid[row], mask)
        np.testing.assert_array_equal(motion[row], field.astype(np.float32))
    assert not np.signbit(motion[motion == 0]).any()


@pytest.mark.parametrize(
    'other',
    [
        (-1, 8, 8, 0, 0, 4, 4, 0, 6, -2, 2),
        (1, 16, 16, 0, 0, 8, 8, 0, 6, -2, 2),
        (-1, 16, 16, 0, 0, -8, 8, 0, 6, -2, 2),
        (-1, 16, 16, 0, 0, 8, 1000, 0, 6, -2, 2),
        (-1, 16, 16, 0, 0, 8, 72, 0, 6, -2, 2),
        (-1, 16, 16, 0, 0, 88, 8, 0, 6, -2, 2),
        (-1, 16, 16, 0, 0, 16, 8, 0, 6, -2, 2),
    ],
    ids=['part', 'future', 'left', 'far below', 'just below', 'just right', 'across'],
)
def test_whole_macroblocks_look_the_same_beside_any_other_block(other):
    rng = np.random.default_rng(0)
    frames, size = [whole_blocks(rng, (64, 80)) for _ in range(2)], (64, 80)
    ones = np.ones(3, int)
    alone = rasterize(frames, size, ones[:2], ones[:2])
    odd = np.array([other], VECTOR)
    beside = rasterize([*frames, odd], size, ones, ones)
    for some, every in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(some, every[:2])
    field, mask = naive_field(odd, size, 1, 1)
    np.testing.assert_array_equal(beside[0][2], field)
    np.testing.assert_array_equal(beside[1][2], mask)


def test_rasterize_draws_blocks_that_lie_across_macroblocks():
    vector = np.array([(-1, 16, 16, 0, 0, 24, 16, 0, -8, 4, 4)], VECTOR)
    motion, valid = rasterize([vector], (40, 40), np.array([1]), np.array([1]))
    assert np.argwhere(valid[0]).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
    assert (motion[valid] == [2, -1]).all()


@pytest.mark.parametrize('left', range(16))
def test_cells_take_the_block_under_their_centre(left):
    vector = np.array([(-1, 8, 16, 0, 0, left + 4, left + 8, 0, -8, 4, 4)], VECTOR)
    _, valid = rasterize([vector], (40, 40), np.array([1]), np.array([1]))
    centres = np.arange(4, 40, 8)
    rows = (left <= centres) & (centres < left + 16)
    columns = (left <= centres) & (centres < left + 8)
    np.testing.assert_array_equal(valid[0], rows[:, None] & columns)


def test_places_beyond_16_bits_are_negative():
    vector = np.array([(-1, 16, 16, 0, 0, 40008 - 2**16, 8, 0, -8, 4, 4)], VECTOR)
    _, valid = rasterize([vector], (16, 40032), np.array([1]), np.array([1]))
    assert not valid.any()


def test_rasterize_of_nothing():
    motion, valid = rasterize([np.empty(0, VECTOR)] * 2, (20, 30), np.ones(2), np.ones(2))
    assert motion.shape == (2, 3, 4, 2) and not motion.any() and not valid.any()


@pytest.mark.parametrize('name', ['h264', 'mpeg4_part2'])
def test_reference_vectors(clips_dir, name):
    """Every vector that another tool extracted is where it belongs, from bitstream to grid."""
    folder = clips_dir / 'motion_reference'
    with np.load(folder / f'{name}.npz') as data:
        counts, columns, types = data['counts'], data['vectors'], data['frame_types']
    ends = np.cumsum(counts)
    chosen = [1, 2, 13, 20, 29]
    with CompressedVideoReader(folder / f'{name}.mp4') as reader:
        assert len(reader) == len(counts)
        batch = reader.get_frames_at(chosen, streams=('motion',))
        size = reader.metadata.height, reader.metadata.width
    for row, t in enumerate(chosen):
        assert batch.frame_types[row] == str(types[t])[0]
        listed = columns[ends[t] - counts[t] : ends[t]]
        # The columns are those of VECTOR without its flags.
        vectors = np.zeros(len(listed), VECTOR)
        names = [field for field in VECTOR.names if field != 'flags']
        for column, field in enumerate(names):
            vectors[field] = listed[:, column]
        field, mask = naive_field(vectors, size, 1, 1)
        assert mask.any()
        np.testing.assert_array_equal(batch.motion_valid[row], mask)
        np.testing.assert_allclose(batch.motion[row], field, atol=1e-6)


def plan(types, **options):
    arguments = {'codec': 'h264', 'iframe_motion': 'hold', **options}
    sources, origins = plan_motion(np.array(list(types)), **arguments)
    return sources.tolist(), [origin[0] for origin in origins]


def test_iframes_hold_the_previous_field():
    assert plan('IPPIIPI') == ([1, 1, 2, 2, 2, 5, 5], list('hcchhch'))


def test_iframes_at_the_start_hold_the_next_field():
    assert plan('IIBP') == ([2, 2, 2, 3], list('hhcc'))


def test_the_first_frame_may_have_motion():
    assert plan('PII') == ([0, 0, 0], list('chh'))


def test_iframes_may_have_no_motion():
    assert plan('IPPI', iframe_motion='zero') == ([-1, 1, 2, -1], list('nccn'))


def test_all_intra_video_has_no_motion():
    assert plan('III') == ([-1, -1, -1], list('nnn'))


def test_mpeg4_b_frames_take_the_frame_that_closes_their_interval():
    assert plan('IBBPBPP', codec='mpeg4') == ([3, 3, 3, 3, 5, 5, 6], list('hppcpcc'))
    # H.264 has vectors of its own there.
    assert plan('IBBP')[0] == [1, 1, 2, 3]


def test_mpeg4_b_frames_before_an_iframe_hold():
    expected = [1, 1, 1, 1, 1, 6, 6], list('hchhhpc')
    assert plan('IPBBIBP', codec='mpeg4') == expected
    sources, origins = plan('IPBBIBP', codec='mpeg4', iframe_motion='zero')
    assert sources == [-1, 1, 1, 1, -1, 6, 6] and origins == list('nchhnpc')


def test_mpeg4_b_frames_at_the_end_hold():
    assert plan('IPBB', codec='mpeg4') == ([1, 1, 1, 1], list('hchh'))


def test_mpeg4_b_frames_at_the_start_look_past_an_iframe():
    assert plan('IBIP', codec='mpeg4') == ([3, 3, 3, 3], list('hhhc'))


def test_lost_frames_give_no_motion():
    assert plan('IPPPP', lost={2, 3}) == ([1, 1, 1, 1, 4], list('hchhc'))
    assert plan('IPBP', codec='mpeg4', lost={3})[0] == [1, 1, 1, 1]
