"""Zooms and rotations with a closed form, from encoded files to fields and residuals."""

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.motion.geometry import cell_centres, grid_size
from ssvrl_mm.video.motion.residual import warp
from tests.clips import H264, H264_B, encode, texture

HEIGHT, WIDTH = SIZE = 152, 200
NUM_FRAMES = 25
CENTRE = np.array([120.0, 60.0])
#: What a place ``p`` relative to the centre becomes within a frame: ``MATRICES[name] @ p``. On the
#: screen, with y down, this rotation is clockwise.
MATRICES = {
    'zoom': 1.02 * np.eye(2),
    'rotation': np.array(
        [[np.cos(0.025), -np.sin(0.025)], [np.sin(0.025), np.cos(0.025)]]  # radians
    ),
}
# Encoders that save bits save them on the truth of vectors too.
FINE, RATE = {'crf': '8', 'direct-pred': 'temporal'}, {'b': '5M'}
VARIANTS = {
    'h264.mp4': ('libx264', {**H264, **FINE}),
    'h264_b.mkv': ('libx264', {**H264_B, **FINE}),
    'mpeg4.avi': ('mpeg4', {}),
    'mpeg4_b.avi': ('mpeg4', {'bf': '2'}),
    'mpeg2_b.ts': ('mpeg2video', {'bf': '2'}),
    'mpeg1_b.mpg': ('mpeg1video', {'bf': '2'}),
    'flash.flv': ('flv', RATE),
    'h263.avi': ('h263p', RATE),
    'msmpeg4.avi': ('msmpeg4', RATE),
    'wmv1.asf': ('wmv1', RATE),
    'wmv2.asf': ('wmv2', RATE),
}
EVERYTHING = ('rgb', 'motion', 'residual')


def moving(matrix):
    """A texture under a linear map that is applied once more in every frame: (T, H, W, 3)."""
    canvas = texture(3 * HEIGHT, 3 * WIDTH, seed=1, scale=5)
    frames = []
    for t in range(NUM_FRAMES):
        linear = np.linalg.matrix_power(matrix, t)
        # The canvas has its middle where the frame has the centre.
        shift = CENTRE - linear @ (1.5 * np.array([WIDTH, HEIGHT]))
        frames.append(cv2.warpAffine(canvas, np.c_[linear, shift], (WIDTH, HEIGHT)))
    return np.stack(frames)


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    paths = {}
    for kind, matrix in MATRICES.items():
        frames = moving(matrix)
        for name, (codec, options) in VARIANTS.items():
            paths[kind, name] = encode(folder / f'{kind}_{name}', frames, codec, options=options)
    return paths


def centres():
    """Where cells are, relative to the centre: (gh, gw, 2)."""
    x, y = cell_centres(WIDTH, grid_size(SIZE)[1]), cell_centres(HEIGHT, grid_size(SIZE)[0])
    return np.stack(np.meshgrid(x, y), axis=-1) - CENTRE


@pytest.mark.parametrize('kind', MATRICES)
@pytest.mark.parametrize('name', VARIANTS)
def test_zoom_and_rotation(clips, kind, name):
    with CompressedVideoReader(clips[kind, name]) as reader:
        batch = reader.get_frames_at(range(NUM_FRAMES), ('motion',))
    # What is at p now was at inverse(matrix) p.
    linear = np.eye(2) - np.linalg.inv(MATRICES[kind])
    truth = centres() @ linear.T
    assert np.abs(truth).max() > 2
    kinds = set()
    for t in np.flatnonzero(batch.motion_valid.any(axis=(1, 2))):
        valid = batch.motion_valid[t]
        field, place = batch.motion[t][valid], centres()[valid]
        error = np.abs(field - truth[valid]).max(axis=-1)
        # Blocks of 16 px have one vector, and those of B-frames are worth few bits to encoders.
        fitting, slope, distance = (
            (0.5, 0.006, 14) if batch.frame_types[t] == 'B' else (0.3, 0.003, 6)
        )
        assert np.median(error) < fitting, (t, batch.frame_types[t])
        # Sign, scale and place of the whole field: the linear map and the centre that fit it best.
        near = error < 1.5
        assert near.mean() > 0.8, (t, batch.frame_types[t])
        design = np.c_[place[near], np.ones(near.sum())]
        fitted = np.linalg.lstsq(design, field[near], rcond=None)[0]
        np.testing.assert_allclose(fitted[:2].T, linear, atol=slope)
        centre = np.linalg.solve(fitted[:2].T, -fitted[2])
        assert np.abs(centre).max() < distance
        kinds.add(batch.frame_types[t])
    assert kinds == ({'P', 'B'} if '_b' in name else {'P'})


@pytest.mark.parametrize('name', VARIANTS)
def test_prediction_and_residual_make_the_frame(clips, name):
    """Borders included, whatever the motion's origin."""
    with CompressedVideoReader(clips['rotation', name]) as reader:
        batch = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
    assert not batch.residual[0].any()
    for t in range(1, NUM_FRAMES):
        made = warp(batch.rgb[t - 1], batch.motion[t]) + batch.residual[t]
        np.testing.assert_array_equal(made, batch.rgb[t])
    # Motion explains most of what changes.
    moved = np.abs(np.diff(batch.rgb.astype(np.int16), axis=0)).mean()
    assert np.abs(batch.residual[1:]).mean() < 0.6 * moved


@pytest.mark.parametrize('dense', [False, True])
@pytest.mark.parametrize('name', ['h264.mp4', 'mpeg4.avi', 'h264_b.mkv'])
@pytest.mark.parametrize('kind', MATRICES)
def test_accumulated_motion(clips, kind, name, dense):
    """CoViAR's: back to the I-frame, in px; the residual is what it leaves of the I-frame."""
    with CompressedVideoReader(clips[kind, name], accumulate=True, dense=dense) as reader:
        batch = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
        later = reader.get_frames_at([20, 7], ('motion',))
    place = centres()
    if dense:
        x, y = cell_centres(WIDTH, WIDTH), cell_centres(HEIGHT, HEIGHT)
        place = np.stack(np.meshgrid(x, y), axis=-1) - CENTRE
    assert batch.motion.shape == (NUM_FRAMES, *place.shape)
    inner = np.abs(place / [WIDTH, HEIGHT]).max(axis=-1) < 0.3
    iframe = 0
    for t in range(NUM_FRAMES):
        if batch.frame_types[t] == 'I':
            iframe = t
            assert not batch.motion[t].any() and batch.motion_valid[t].all()
            assert not batch.residual[t].any()
            continue
        linear = np.eye(2) - np.linalg.inv(np.linalg.matrix_power(MATRICES[kind], t - iframe))
        truth = place @ linear.T
        error = np.linalg.norm(batch.motion[t] - truth, axis=-1)[inner]
        length = np.linalg.norm(truth, axis=-1)[inner].mean()
        assert np.median(error) < 0.4 + 0.15 * length, t
        made = warp(batch.rgb[iframe], batch.motion[t]) + batch.residual[t]
        np.testing.assert_array_equal(made, batch.rgb[t])
    np.testing.assert_array_equal(later.motion, batch.motion[[20, 7]])
