"""Where the motion of a frame comes from, and where it lies."""

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.motion.geometry import cell_centres, grid_size
from tests.clips import H264, encode, texture
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
