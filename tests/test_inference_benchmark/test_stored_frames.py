"""Frames and flow as JPEG files."""

import os

import numpy as np
import pytest

from ssvrl_mm.inference_benchmark.stored_frames import BOUND, load_frames, store_frames
from ssvrl_mm.video import CompressedVideoReader, VideoOpenError
from tests.clips import encode, translating


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp('video')
    return str(encode(folder / 'a.avi', translating(35, 3, -1, 96, 128), 'mpeg4'))


@pytest.fixture(scope='module')
def stored(video, tmp_path_factory):
    folder = tmp_path_factory.mktemp('stored')
    store_frames(video, folder, 'dis')
    return folder


def test_every_frame_and_the_flow_to_the_next_one(video, stored):
    expected = {f'frame_{n:05d}.jpg' for n in range(35)}
    expected |= {f'flow_{axis}_{n:05d}.jpg' for n in range(34) for axis in 'xy'}
    assert set(os.listdir(stored)) == expected
    numbers = [0, 31, 32, 33]  # also between the parts that are decoded at once
    frames, flow = load_frames(stored, numbers)
    with CompressedVideoReader(video) as reader:
        rgb = reader.get_frames_at(numbers, ('rgb',)).rgb
    assert frames.dtype == np.uint8 and frames.shape == rgb.shape
    # JPEG halves the resolution of colour, of which this texture has more than videos have.
    difference = frames.astype(int) - rgb
    assert np.abs(difference @ (0.299, 0.587, 0.114)).mean() < 3
    assert np.abs(difference).mean() < 12 < np.abs(frames[..., ::-1].astype(int) - rgb).mean()
    assert flow.dtype == np.float32 and flow.shape == (4, 96, 128, 2)
    inside = flow[:, 16:-16, 16:-16]
    np.testing.assert_allclose(np.median(inside, (1, 2)), [[3, -1]] * 4, atol=0.25)


def test_the_last_frame_takes_the_flow_before_it(stored):
    frames, flow = load_frames(stored, [33, 34, 34])
    assert np.array_equal(flow[0], flow[1]) and np.array_equal(flow[1], flow[2])
    assert not np.array_equal(frames[0], frames[1])


def test_flow_is_cut_off(tmp_path, monkeypatch, video):
    fields = iter([np.full((96, 128, 2), value, np.float32) for value in (30, -50, 10, 0)] + [0])

    class Estimator:
        def __init__(self, size, method):
            assert (size, method) == ((96, 128), 'tvl1')

        def prepare(self, frame):
            return frame

        def __call__(self, image, other):
            return next(fields)

    monkeypatch.setattr('ssvrl_mm.inference_benchmark.stored_frames.FlowEstimator', Estimator)
    with pytest.raises(AttributeError):  # no more fields
        store_frames(video, tmp_path, 'tvl1')
    _, flow = load_frames(tmp_path, range(4))
    step = 2 * BOUND / 255
    for field, value in zip(flow, (20, -20, 10, 0), strict=True):
        assert np.abs(field - value).max() <= 1.5 * step


def test_errors(video, stored, tmp_path):
    with pytest.raises(FileNotFoundError, match='frame_00035'):
        load_frames(stored, [35])
    with pytest.raises(VideoOpenError, match='none.avi'):
        store_frames(str(tmp_path / 'none.avi'), tmp_path, 'dis')
    with pytest.raises(FileNotFoundError):
        store_frames(video, tmp_path / 'no folder', 'dis')
