"""Where the motion of a frame comes from, and where it lies."""

from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding import container
from ssvrl_mm.video.decoding.fetcher import Contents
from ssvrl_mm.video.decoding.index_cache import known_videos
from ssvrl_mm.video.motion.geometry import accumulate_motion, cell_centres, grid_size
from ssvrl_mm.video.motion.residual import warp
from ssvrl_mm.video.motion.vectors import VECTOR
from ssvrl_mm.video.streams import CodecMotion, EstimatedMotion
from tests.clips import H264, H264_B, encode, texture, translating
from tests.test_video.files import damaged_h264, decode_all


def under_cell_centres(vectors, whole, left, top):
    """Vectors painted pixel by pixel on the whole frame, cut, and read where cells have centres."""
    pixels, painted = np.zeros((*whole, 2), np.float32), np.zeros(whole, bool)
    for v in vectors:
        x, y = (max(int(v[f'dst_{axis}']) - int(v[side]) // 2, 0) for axis, side in ('xw', 'yh'))
        block = np.s_[y : y + int(v['h']), x : x + int(v['w'])]
        pixels[block] = -v['motion_x'] / v['motion_scale'], -v['motion_y'] / v['motion_scale']
        painted[block] = True
    pixels, painted = pixels[top:, left:], painted[top:, left:]
    size = painted.shape
    y, x = (
        np.floor(cell_centres(length, cells)).astype(int)
        for length, cells in zip(size, grid_size(size), strict=True)
    )
    return pixels[y][:, x], painted[y][:, x]


@pytest.mark.parametrize(
    'left, top, pix_fmt',
    [
        (8, 16, 'yuv420p'),
        (6, 2, 'yuv420p'),
        (2, 6, 'yuv420p'),
        (14, 0, 'yuv420p'),
        (4, 12, 'yuv420p'),
        (1, 3, 'yuv444p'),
        (7, 5, 'yuv444p'),
    ],
)
def test_motion_lies_where_the_cropped_frame_shows_it(left, top, pix_fmt, tmp_path):
    whole = 96, 144
    # A zoom, so that vectors differ from block to block.
    zooms = [1.04**t * np.float32([[1, 0, -70], [0, 1, -40]]) for t in range(6)]
    frames = [cv2.warpAffine(texture(200, 300), zoom, whole[::-1]) for zoom in zooms]
    paths = {}
    for rect in ('0,0,0,0', f'{left},{top},0,0'):
        options = {**H264, 'x264-params': f'crop-rect={rect}'}
        paths[rect] = encode(tmp_path / f'{rect}.mp4', frames, options=options, pix_fmt=pix_fmt)
    images, vectors, _ = decode_all(paths['0,0,0,0'], export=True)
    with CompressedVideoReader(paths[rect]) as reader:
        batch = reader.get_frames_at(range(6))
    np.testing.assert_array_equal(batch.rgb, images[:, top:, left:])
    moved = set()
    for t in range(1, 6):
        field, mask = under_cell_centres(vectors[t], whole, left, top)
        np.testing.assert_array_equal(batch.motion_valid[t], mask)
        np.testing.assert_allclose(batch.motion[t], field, atol=1e-6)
        moved.update(map(tuple, field.reshape(-1, 2).tolist()))
    assert len(moved) > 100


def with_start_codes(source, target):
    """Copies H.264 whose header announces lengths before units, with start codes there instead."""
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            data, units = bytes(packet), []
            while data:
                end = 4 + int.from_bytes(data[:4], 'big')
                units.append(b'\0\0\0\1' + data[4:end])
                data = data[end:]
            if units:
                copy = av.Packet(b''.join(units))
                copy.stream, copy.time_base = stream, packet.time_base
                copy.pts, copy.dts, copy.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
                new.mux(copy)
    return target


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
@pytest.mark.parametrize('headers', ['', 'aud=1', 'repeat-headers=1', 'keyint=1'])
def test_h264_whose_units_are_not_parted_as_its_header_says(headers, suffix, tmp_path):
    frames = translating(26, 2, 1, 96, 144, seed=3)
    options = {**H264_B, 'x264-params': headers}
    path = encode(tmp_path / f'lengths.{suffix}', frames, options=options)
    odd = with_start_codes(path, tmp_path / f'start_codes.{suffix}')
    with CompressedVideoReader(path) as reader, CompressedVideoReader(odd) as other:
        expected = reader.get_frames_at(range(26), ('rgb', 'motion', 'residual'))
        found = other.get_frames_at(range(26), ('rgb', 'motion', 'residual'))
        assert other.metadata.keyframes == reader.metadata.keyframes
        for name, array in vars(expected).items():
            np.testing.assert_array_equal(getattr(found, name), array, err_msg=name)
        assert found.motion_origin[0] == ('none' if headers == 'keyint=1' else 'held')


@pytest.mark.parametrize('accumulate', [False, True])
@pytest.mark.parametrize('name, codec', [('clip.mp4', 'libx264'), ('clip.avi', 'mpeg4')])
def test_types_that_only_decoding_tells(name, codec, accumulate, tmp_path, monkeypatch):
    """I-frames hold motion, and B-frames of MPEG-4 take that of others, however types are known."""
    options = H264_B if codec == 'libx264' else {'bf': '2'}
    path = encode(tmp_path / name, translating(26, 2, 1, 96, 144), codec, options=options)
    with CompressedVideoReader(path, accumulate=accumulate) as reader:
        expected = reader.get_frames_at(range(26))
    known_videos.clear()
    monkeypatch.setattr(container, 'picture_parser', lambda codec, extradata: None)
    for request in (range(26), [0], [12], [13, 3], range(10, 14)):
        with CompressedVideoReader(path, accumulate=accumulate) as reader:
            assert set(reader._open().decoder.index.types) == {'?'}
            batch = reader.get_frames_at(request)
        known_videos.clear()
        for field in ('rgb', 'motion_origin', 'motion_valid', 'frame_types'):
            np.testing.assert_array_equal(
                getattr(batch, field), getattr(expected, field)[request], err_msg=field
            )


@pytest.mark.parametrize('gop, coded', [(12, True), (1, False)])
def test_auto_estimates_only_where_nothing_is_coded(gop, coded, tmp_path):
    path = encode(tmp_path / 'clip.mp4', translating(6, 2, 1, 64, 80), gop=gop)
    other = 'codec' if coded else 'estimate'
    with CompressedVideoReader(path, 'auto') as reader, CompressedVideoReader(path, other) as same:
        batch, expected = reader.get_frames_at(range(6)), same.get_frames_at(range(6))
    assert set(batch.motion_origin) == {'held', 'coded' if coded else 'estimated'}
    np.testing.assert_array_equal(batch.motion, expected.motion)
    np.testing.assert_array_equal(batch.motion_origin, expected.motion_origin)


def open_video(types, size, is_field=None, lost=()):
    """As much of an open video as motion asks for."""
    index = SimpleNamespace(
        crop=(0, 0),
        is_field=np.array(is_field or [False] * len(types)),
        reference_distances=tuple(np.ones((2, len(types)), int)),
    )
    fetcher = SimpleNamespace(size=size, lost=set(lost), types=np.array(list(types)), num_told=0)
    fetcher.decoder = SimpleNamespace(codec='h264', index=index)
    fetcher.previous = lambda n: max((m for m in range(n) if m not in fetcher.lost), default=None)
    return fetcher


#: A block of 16 px in the upper left corner that moves by (2, 3) px.
CORNER = np.array([(-1, 16, 16, 0, 0, 8, 8, 0, -8, -12, 4)], VECTOR)


def test_fields_move_by_every_second_line():
    size = (32, 40)
    source = CodecMotion(open_video('IPPI', size, [False, True, False, False]), 'hold')
    contents = Contents(vectors={1: (CORNER, size), 2: (CORNER, size)})
    motion, valid, origins = source.fields([0, 1, 2, 3, 1], contents, True)
    assert motion[:, 0, 0].tolist() == [[2, 6], [2, 6], [2, 3], [2, 3], [2, 6]]
    assert valid[:, 0, 0].tolist() == [False, True, True, False, True]
    assert not motion[:, 2:].any() and origins.tolist() == ['held', *['coded'] * 2, 'held', 'coded']


def test_motion_of_frames_of_another_size_is_scaled_to_the_first():
    size, small = (64, 48), (32, 32)
    source = CodecMotion(open_video('PPP', size), 'hold')
    contents = Contents(vectors={0: (CORNER, size), 1: (CORNER, small), 2: (CORNER, size)})
    motion, valid, _ = source.fields([0, 1, 2], contents, True)
    assert motion.shape == (3, 8, 6, 2)
    for t, (rows, columns), moved in [
        (0, (2, 2), [2, 3]),
        (1, (4, 3), [3, 6]),
        (2, (2, 2), [2, 3]),
    ]:
        assert (motion[t, :rows, :columns] == moved).all()
        covered = np.zeros((8, 6), bool)
        covered[:rows, :columns] = True
        np.testing.assert_array_equal(valid[t], covered)
        assert not motion[t][~covered].any()


def test_estimates_over_lost_frames_are_px_per_frame_or_not():
    frames = translating(5, 1.5, 0, 96, 128)
    source = EstimatedMotion(open_video('IPPPP', (96, 128), lost=(1, 2)), 'dis')
    contents = Contents(pixels=dict(enumerate(frames)))
    for normalize, moved in ((True, 1.5), (False, 4.5)):
        motion, valid, origins = source.fields([3, 4, 0, 3], contents, normalize)
        medians = np.median(motion[..., 0], axis=(1, 2))
        np.testing.assert_allclose(medians, [moved, 1.5, moved, moved], atol=0.3)
        assert origins.tolist() == ['estimated', 'estimated', 'held', 'estimated']
        assert valid.all(axis=(1, 2)).tolist() == valid.any(axis=(1, 2)).tolist()
        assert valid[:, 0, 0].tolist() == [True, True, False, True]
    assert source.needs([3, 0]) == ({0, 3}, set())


def test_a_single_frame_does_not_move():
    source = EstimatedMotion(open_video('I', (32, 40)), 'dis')
    assert source.needs([0]) == (set(), set()) and source.reference(0) is None
    motion, valid, origins = source.fields([0], Contents(), True)
    assert motion.shape == (1, 4, 5, 2) and not motion.any() and not valid.any()
    assert origins.tolist() == ['none']


def test_motion_accumulates_over_a_gradual_refresh(tmp_path):
    options = {**H264, 'x264-params': 'intra-refresh=1'}
    path = encode(tmp_path / 'clip.mp4', translating(30, 1, 0, 96, 128), options=options)
    with CompressedVideoReader(path, accumulate=True) as reader:
        assert len(reader.metadata.keyframes) > 2
        batch = reader.get_frames_at(range(30), ('motion',))
    # Blocks that are refreshed have no motion; it would start anew from zero at keyframes.
    medians = np.median(batch.motion[:, 2:-2, 6:-2, 0], axis=(1, 2))
    assert (medians >= 0.8 * np.arange(30)).all() and (medians <= np.arange(30) + 0.5).all()


@pytest.mark.parametrize('lost', [8, 12])
def test_motion_and_residuals_lead_over_a_lost_frame(lost, tmp_path):
    path = damaged_h264(tmp_path, translating(30, 2, 1, 80, 96), lost)
    everything = ('rgb', 'motion', 'residual')
    with CompressedVideoReader(path) as reader:
        batch = reader.get_frames_at(range(30), everything)
    assert batch.lost[lost]
    kept = np.flatnonzero(~batch.lost)
    spans = np.diff(kept, prepend=kept[0])
    for before, t, span in zip(kept, kept[1:], spans[1:], strict=False):
        made = warp(batch.rgb[before], batch.motion[t] * span) + batch.residual[t]
        np.testing.assert_array_equal(made, batch.rgb[t])
    with CompressedVideoReader(path, accumulate=True) as reader:
        accumulated = reader.get_frames_at(kept, everything)
    moved = batch.motion[kept] * spans[:, None, None, None].astype(np.float32)
    iframes = batch.frame_types[kept] == 'I'
    expected, valid = accumulate_motion(moved, iframes, batch.motion_valid[kept], (80, 96))
    np.testing.assert_array_equal(accumulated.motion, expected)
    np.testing.assert_array_equal(accumulated.motion_valid, valid)
