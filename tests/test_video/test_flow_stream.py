"""The stream of flow: known motion in encoded files, by every method, over any span."""

import pickle

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, MotionUnavailableError
from ssvrl_mm.video.motion.flow import FlowEstimator, FlowOptions
from tests.clips import H264_B, encode, texture, translating
from tests.test_video.files import damage_slice, packet_places, remux

NUM_FRAMES, VELOCITY, SIZE = 26, (2, -1), (96, 136)
EVERYTHING = ('rgb', 'motion', 'residual', 'flow')
VARIANTS = {
    'mpeg4.avi': ('mpeg4', {}),
    'mpeg4_b.avi': ('mpeg4', {'bf': '2'}),
    'h264_b.mp4': ('libx264', H264_B),
    'vp9.webm': ('libvpx-vp9', {'deadline': 'realtime', 'cpu-used': '8'}),
}


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    frames = moving(NUM_FRAMES, velocity=VELOCITY)
    return {
        name: encode(folder / name, frames, codec, options=options)
        for name, (codec, options) in VARIANTS.items()
    }


def read(path, numbers, streams=('flow',), **options):
    with CompressedVideoReader(path, **options) as reader:
        return reader.get_frames_at(numbers, streams)


def moving(count, size=SIZE, matrix=((1, 0), (0, 1)), velocity=(0, 0), seed=1):
    """A texture under a linear map about the middle, applied once more in every frame."""
    height, width = size
    canvas, centre = texture(2 * height, 2 * width, seed, scale=8), np.array([width, height]) / 2
    frames = []
    for t in range(count):
        linear = np.linalg.matrix_power(np.array(matrix), t)
        # Pixel i has its middle at i + 1/2.
        shift = centre - linear @ np.array([width, height]) + (linear @ [0.5, 0.5] - 0.5)
        shift = shift + np.multiply(velocity, t - count // 2)
        frames.append(cv2.warpAffine(canvas, np.c_[linear, shift], (width, height)))
    return np.stack(frames)


@pytest.mark.parametrize('span', [1, 3, -2])
@pytest.mark.parametrize(
    ('method', 'scale', 'cell'),
    [
        ('dis', 1, None),
        ('dis', 0.5, 2),
        ('dis', 0.7, 4),
        ('farneback', 1, 1),
        ('farneback', 0.5, 3),
        ('tvl1', 0.5, 8),
        ('vectors', 1, None),
        ('vectors', 1, 1),
        ('vectors', 1, 3),
        ('vectors', 1, 16),
    ],
)
@pytest.mark.parametrize('name', ['mpeg4.avi', 'h264_b.mp4'])
def test_translation(clips, name, method, scale, cell, span):
    numbers = [0, 1, 6, 12, 13, NUM_FRAMES - 1]
    if method == 'tvl1':
        numbers = numbers[2:3]  # seconds
    options = dict(flow_method=method, flow_scale=scale, flow_cell=cell, flow_span=span)
    batch = read(clips[name], numbers, **options)
    cell = cell or {'vectors': 8}.get(method, 1)
    grid = -(-SIZE[0] // cell), -(-SIZE[1] // cell)
    assert batch.flow.shape == (len(numbers), *grid, 2) and batch.flow.dtype == np.float32
    assert batch.flow_valid.shape == (len(numbers), *grid) and batch.flow_valid.dtype == bool
    assert batch.rgb is None and batch.motion is None
    truth = np.multiply(VELOCITY, abs(span))
    own = 'coded' if method == 'vectors' else 'estimated'
    for row, number in enumerate(numbers):
        # What comes into view has no motion that could be found.
        inner = batch.flow[row][grid[0] // 4 : -grid[0] // 4, grid[1] // 4 : -grid[1] // 4]
        error = np.abs(inner - truth).max(axis=-1)
        assert np.median(error) < 0.3 and (error < 0.6).mean() > 0.85, number
        has_partner = 0 <= number - span < NUM_FRAMES
        assert batch.flow_origin[row] == (own if has_partner else 'held')
        if own == 'estimated':
            assert (batch.flow_valid[row] == has_partner).all()
        elif not has_partner:
            assert not batch.flow_valid[row].any()


@pytest.mark.parametrize('span', [1, 3, -2])
@pytest.mark.parametrize('method', ['dis', 'farneback', 'vectors'])
@pytest.mark.parametrize(
    'matrix',
    [1.02 * np.eye(2), [[np.cos(0.02), -np.sin(0.02)], [np.sin(0.02), np.cos(0.02)]]],
    ids=['zoom', 'rotation'],
)
@pytest.mark.parametrize('size', [SIZE, (97, 135)])
def test_zoom_and_rotation(tmp_path, matrix, method, span, size):
    frames = moving(8, size, matrix)
    if method == 'vectors':
        path = encode(tmp_path / 'clip.avi', frames, 'mpeg4')
    else:
        path = encode(tmp_path / 'clip.mkv', frames, 'ffv1', pix_fmt='bgr0', options={})
    cell = 8 if method == 'vectors' else 4
    batch = read(path, [4], flow_method=method, flow_span=span, flow_cell=cell)
    grid = batch.flow.shape[1:3]
    edges = [np.minimum(np.arange(n + 1) * cell, side) for n, side in zip(grid, size, strict=True)]
    y, x = ((edge[1:] + edge[:-1]) / 2 for edge in edges)
    place = np.stack(np.meshgrid(x, y), -1) - np.array(size[::-1]) / 2
    if span > 0:  # what is at p now was at inverse(matrix) p
        linear = np.eye(2) - np.linalg.inv(np.linalg.matrix_power(matrix, span))
    else:
        linear = np.linalg.matrix_power(matrix, -span) - np.eye(2)
    truth = place @ linear.T
    error = np.abs(batch.flow[0] - truth).max(axis=-1)
    assert np.abs(truth).max() > 1.3 * abs(span) / 2
    rough, slope, distance = (0.25, 0.006, 5) if method == 'vectors' else (0.1, 0.003, 1.5)
    assert np.median(error) < rough + 0.07 * abs(span)
    # Sign, scale and place of the whole field: the linear map and the centre that fit it best.
    near = error < 1
    assert near[2:-2, 2:-2].mean() > 0.85
    design = np.c_[place[near], np.ones(near.sum())]
    fitted = np.linalg.lstsq(design, batch.flow[0][near], rcond=None)[0]
    np.testing.assert_allclose(fitted[:2].T, linear, atol=slope * abs(span))
    assert np.abs(np.linalg.solve(fitted[:2].T, -fitted[2])).max() < distance


@pytest.mark.parametrize('span', [2, -2])
def test_flow_is_on_the_grid_of_its_frame(tmp_path, span):
    """An object on a still ground moves where it is in the frame that was asked for."""
    ground, patch = texture(128, 160, seed=1, scale=8), texture(48, 48, seed=2, scale=8)
    frames = np.repeat(ground[None], 7, 0)
    for t in range(7):
        frames[t, 40:88, 20 + 4 * t : 68 + 4 * t] = patch
    path = encode(tmp_path / 'clip.avi', frames, 'mpeg4')
    options = dict(flow_span=span, flow_cell=1)
    for method, border in (('farneback', 8), ('vectors', 8)):
        (flow,) = read(path, [3], flow_method=method, **options).flow
        inside = flow[40 + border : 88 - border, 32 + border : 80 - border]
        np.testing.assert_allclose(np.median(inside, axis=(0, 1)), (8, 0), atol=0.5)
        assert (np.abs(inside - (8, 0)).max(axis=-1) < 2).mean() > 0.9
        assert np.abs(flow[:16]).max() < 0.5 and np.abs(flow[:, 120:]).max() < 0.5


@pytest.mark.parametrize('name', VARIANTS)
@pytest.mark.parametrize(
    'options',
    [
        dict(flow_span=3),
        dict(flow_span=-2, flow_cell=2, flow_scale=0.5, motion='estimate'),
        dict(flow_method='vectors', flow_span=4),
        dict(flow_method='vectors', flow_span=-3, accumulate=True),
    ],
    ids=str,
)
def test_any_slice_equals_the_whole(clips, name, options):
    is_vp9 = name == 'vp9.webm'
    if is_vp9 and options.get('flow_method') == 'vectors':
        return
    with CompressedVideoReader(clips[name], **{'motion': 'auto', **options}) as reader:
        whole = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
        for numbers, moving_at in ((range(8, 14), None), ([20, 3, 3, 25], None), ([5], [0, 24])):
            batch = reader.get_frames_at(numbers, EVERYTHING, motion_indices=moving_at)
            for stream in ('flow', 'flow_valid', 'flow_origin', 'motion', 'residual'):
                expected = getattr(whole, stream)[list(moving_at or numbers)]
                np.testing.assert_array_equal(getattr(batch, stream), expected, stream)
            np.testing.assert_array_equal(batch.rgb, whole.rgb[list(numbers)])
            small = reader.get_frames_at(numbers, ('rgb', 'flow'), 48, motion_indices=moving_at)
            np.testing.assert_array_equal(small.flow, batch.flow)
            assert small.rgb.shape[1:3] == (48, 68)
        assert reader.get_frames_at([], ('flow',)).flow.shape == (0, *whole.flow.shape[1:])


def test_flow_is_that_of_the_decoded_frames(clips):
    """Against flow between decoded frames, by hand."""
    rgb = read(clips['h264_b.mp4'], range(NUM_FRAMES), ('rgb',)).rgb
    calculate = FlowEstimator(SIZE, 'farneback')
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in rgb]
    for span, row in ((4, 9), (-4, 9)):
        batch = read(clips['h264_b.mp4'], [row], flow_method='farneback', flow_span=span)
        expected = calculate(grey[row], grey[row - span]) * (-1 if span > 0 else 1)
        np.testing.assert_array_equal(batch.flow[0], expected)
        half = read(
            clips['h264_b.mp4'],
            [row],
            flow_method='farneback',
            flow_span=span,
            flow_cell=8,
        )
        means = expected.reshape(12, 8, 17, 8, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(half.flow[0], means, atol=1e-5)


def test_low_resolution_flow_is_not_resampled(clips):
    """OF_Low: one value per pixel of the frames at half size, twice as long."""
    rgb = read(clips['mpeg4.avi'], [7, 8], ('rgb',)).rgb
    size = SIZE[1] // 2, SIZE[0] // 2
    small = cv2.resize(cv2.cvtColor(rgb[1], cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    seen = []

    def method(image, other):
        grey = [cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in (image, other)]
        seen.append(grey)
        flow = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 13, 3, 5, 1.1, 0)
        seen.append(flow.copy())
        return flow

    options = dict(flow_method=method, flow_scale=0.5, flow_cell=2)
    batch = read(clips['mpeg4.avi'], [8], **options)
    assert np.abs(np.subtract(seen[0][0], small, dtype=int)).max() <= 1
    np.testing.assert_array_equal(batch.flow[0], -2 * seen[1])


@pytest.mark.parametrize('span', [1, 2, 3, -2])
def test_each_pair_is_computed_once(clips, span):
    calls = []

    def method(image, other):
        calls.append((image.tobytes(), other.tobytes()))
        return np.zeros((*image.shape[:2], 2), np.float32)

    numbers = [3, 4, 4, 9, 3, 0, 25]
    read(clips['mpeg4.avi'], numbers, flow_method=method, flow_span=span)
    distinct = {min(max(n, span), NUM_FRAMES - 1 + min(span, 0)) for n in numbers}
    assert len(calls) == len(set(calls)) == len(distinct)


@pytest.mark.parametrize('method', ['dis', 'vectors'])
@pytest.mark.parametrize('span', [NUM_FRAMES, -NUM_FRAMES, 10**12])
def test_videos_shorter_than_the_span(clips, method, span):
    options = dict(flow_method=method, flow_span=span, flow_cell=8)
    batch = read(clips['mpeg4.avi'], [0, 12, 25], **options)
    assert set(batch.flow_origin) == {'none'}
    assert not batch.flow.any() and not batch.flow_valid.any()
    longest = read(
        clips['mpeg4.avi'],
        [0, 25],
        flow_method=method,
        flow_span=int(np.sign(span)) * (NUM_FRAMES - 1),
    )
    assert sorted(longest.flow_origin) == sorted(
        ['held', 'coded' if method == 'vectors' else 'estimated']
    )


@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('turns', range(4))
@pytest.mark.parametrize(
    'options',
    [
        dict(flow_method='farneback', flow_span=2),
        dict(flow_method='farneback', flow_span=-2, flow_cell=16),
        dict(flow_method='vectors', flow_span=2),
        dict(flow_method='vectors', flow_span=-2, flow_cell=2),
    ],
    ids=str,
)
def test_flow_of_turned_videos(tmp_path, turns, mirrored, options):
    size = (100, 132)  # cells of 8 px overhang it
    plain = encode(tmp_path / 'plain.mp4', translating(8, 3, 0, *size))
    matrix = np.array([[1, 0], [0, 1]]) @ np.linalg.matrix_power([[0, -1], [1, 0]], turns)
    if mirrored:
        matrix[0] *= -1
    (a, b), (c, d) = (matrix * 2**16).tolist()
    turned = remux(
        plain,
        tmp_path / 'turned.mp4',
        lambda stream: stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 2**30]),
    )
    batch = read(turned, range(8), ('rgb', 'flow'), **options)
    cell = options.get('flow_cell') or {'vectors': 8}.get(options['flow_method'], 1)
    height, width = batch.rgb.shape[1:3]
    assert batch.flow.shape[1:3] == (-(-height // cell), -(-width // cell))
    assert (height, width) == (size if turns % 2 == 0 else size[::-1])
    truth = matrix.T @ (6, 0)  # where the x axis points on the screen
    inner = batch.flow[4][tuple(slice(n // 4, -n // 4) for n in batch.flow.shape[1:3])]
    np.testing.assert_allclose(np.median(inner, axis=(0, 1)), truth, atol=0.3)


@pytest.mark.parametrize('method', ['dis', 'vectors'])
def test_lost_frames(tmp_path, method):
    frames = moving(30, (80, 96), velocity=(2, 1))
    path = encode(tmp_path / 'damaged.mp4', frames, options=H264_B)
    kinds = read(path, range(30), ('rgb',)).frame_types
    # B-frames, which nothing refers to: they follow their P-frame in the file.
    assert ''.join(kinds[4:10]) == 'BBPBBP' and ''.join(kinds[16:22]) == 'BBPBBP'
    for number in (8, 20):
        damage_slice(path, *packet_places(path)[number + 1])
    cell = 8 if method == 'vectors' else 1
    own = 'coded' if method == 'vectors' else 'estimated'
    for span in (1, 3, -2):
        options = dict(flow_method=method, flow_span=span, flow_cell=cell)
        batch = read(path, range(30), ('rgb', 'flow'), **options)
        lost = np.flatnonzero(batch.lost).tolist()
        assert 8 in lost and 20 in lost and len(lost) < 6
        for number in lost:
            assert batch.flow_origin[number] == 'held' and not batch.flow_valid[number].any()
            np.testing.assert_array_equal(batch.flow[number], batch.flow[number - 1])
        # As long as the span, whatever the distance of the partner.
        for number in (8 + span, 20 + span):
            inner = batch.flow[number][tuple(slice(n // 4, -n // 4) for n in batch.flow.shape[1:3])]
            truth = np.multiply((2, 1), abs(span))
            np.testing.assert_allclose(np.median(inner, axis=(0, 1)), truth, atol=0.4)
            assert batch.flow_origin[number] == own
            assert method == 'vectors' or batch.flow_valid[number].all()
        for part in ([8], [8 + span], [21, 4]):
            again = read(path, part, ('flow',), **options)
            for stream in ('flow', 'flow_valid', 'flow_origin'):
                np.testing.assert_array_equal(
                    getattr(again, stream), getattr(batch, stream)[part], stream
                )


def test_what_cannot_be_read_is_said(clips, tmp_path, monkeypatch):
    path = clips['mpeg4.avi']
    for wrong, told in [
        (dict(flow_method='dos'), r"'dos'.*'vectors'"),
        (dict(flow_scale=0), 'flow_scale.*0'),
        (dict(flow_scale=float('nan')), 'flow_scale.*nan'),
        (dict(flow_scale=float('inf')), 'flow_scale.*inf'),
        (dict(flow_cell=0), 'flow_cell.*0'),
        (dict(flow_cell=2.5), 'flow_cell.*2.5'),
        (dict(flow_span=0), 'flow_span'),
        (dict(flow_span=1.5), 'flow_span.*1.5'),
        (dict(flow_span=None), 'flow_span.*None'),
        (dict(flow_method='vectors', flow_scale=0.5), r"flow_scale=0.5.*'vectors'"),
        (dict(flow_method='vectors', motion='estimate'), r"'estimate'.*'vectors'"),
    ]:
        with pytest.raises(ValueError, match=told):
            CompressedVideoReader(path, **wrong)
    with CompressedVideoReader(clips['vp9.webm'], 'auto', flow_method='vectors') as reader:
        for stream in ('flow', 'motion'):
            with pytest.raises(MotionUnavailableError, match='vp9.*flow_method') as caught:
                reader.get_frames_at([3], (stream,))
            assert caught.value.path == str(clips['vp9.webm'])
    small = encode(tmp_path / 'small.avi', translating(4, 1, 0, 12, 64), 'mpeg4')
    with pytest.raises(MotionUnavailableError, match='less than 16 px'):
        read(small, [2])
    assert read(small, [2], flow_method='vectors').flow.shape == (1, 2, 8, 2)
    large_enough = encode(tmp_path / 'least.avi', translating(4, 1, 0, 16, 64), 'mpeg4')
    assert read(large_enough, [2]).flow.shape == (1, 16, 64, 2)
    monkeypatch.delattr(cv2, 'optflow')
    with pytest.raises(ImportError, match='opencv-contrib-python'):
        CompressedVideoReader(path, flow_method='tvl1')
    assert FlowOptions('dis').px_per_value == 1


@pytest.mark.parametrize('cell', [1, 2, 3, 16, 20])
def test_cells_of_vectors(tmp_path, cell):
    """The mean of the cells of 8 px that a cell covers; valid if they all are."""
    ground, patch = texture(100, 132, seed=1, scale=8), texture(48, 48, seed=2, scale=2)
    frames = np.repeat(ground[None], 7, 0)
    frames[4:, 40:88, 40:88] = patch  # appears, so that blocks are intra
    path = encode(tmp_path / 'clip.avi', frames, 'mpeg4')
    native, found = (
        read(path, [5], flow_method='vectors', flow_span=2, flow_cell=px) for px in (None, cell)
    )
    assert 0.02 < native.flow_valid.mean() < 0.98
    rows, cols = (np.minimum(np.arange(-(-n // cell) * cell), n - 1) // 8 for n in (100, 132))
    flow, valid = (a[0][np.ix_(rows, cols)] for a in (native.flow, native.flow_valid))
    blocks = len(rows) // cell, cell, len(cols) // cell, cell
    np.testing.assert_array_equal(found.flow_valid[0], valid.reshape(blocks).all(axis=(1, 3)))
    mean = flow.reshape(*blocks, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(found.flow[0], mean, atol=1e-4)


def test_motion_that_is_none(tmp_path):
    path = encode(tmp_path / 'intra.avi', translating(6, 1, 0, 48, 64), 'mpeg4', gop=1)
    batch = read(path, [1, 4], flow_method='vectors', flow_span=2)
    assert set(batch.flow_origin) == {'none'} and not batch.flow.any()
    assert not batch.flow_valid.any()


def test_iframes_are_passed_by_the_motion_before_them(clips):
    """Frame 12 is an I-frame: flow goes through it, and is not valid, as it has no vectors."""
    for span, through in ((4, range(12, 16)), (-4, range(8, 12))):
        options = dict(flow_method='vectors', flow_span=span, iframe_motion='zero')
        batch = read(clips['mpeg4.avi'], range(5, 20), **options)
        for row, number in enumerate(range(5, 20)):
            median = np.median(batch.flow[row], axis=(0, 1))
            np.testing.assert_allclose(median, np.multiply(VELOCITY, 4), atol=0.3)
            assert batch.flow_valid[row].any() == (number not in through)


def test_options_travel_to_other_processes(clips):
    with CompressedVideoReader(clips['h264_b.mp4'], flow_span=2, flow_cell=4) as reader:
        expected = reader.get_frames_at([9], ('flow',)).flow
        with pickle.loads(pickle.dumps(reader)) as other:
            np.testing.assert_array_equal(other.get_frames_at([9], ('flow',)).flow, expected)
