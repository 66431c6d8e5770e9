"""Where the motion of a frame comes from, and where it lies."""

import av
import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding import container
from ssvrl_mm.video.decoding.index_cache import known_videos
from ssvrl_mm.video.motion.geometry import cell_centres, grid_size
from tests.clips import H264, H264_B, encode, texture, translating
from tests.test_video.test_reader import decode_all


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
