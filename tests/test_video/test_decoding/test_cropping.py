"""Parts of frames: where they lie, how large they are, and when there is none."""

import av
import numpy as np
import pytest

from ssvrl_mm.video.decoding import cropping
from ssvrl_mm.video.decoding.cropping import FrameCropper


def frame_of(height=100, width=200, pixel_format='yuv420p'):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return av.VideoFrame.from_ndarray(noise, format='rgb24').reformat(format=pixel_format)


def luma(frame):
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


@pytest.mark.parametrize(
    ('region', 'part'),
    [
        # Left and right go to multiples of 16, top and bottom to even rows, or to the edge.
        ((17, 3, 40, 31), (16, 2, 48, 32)),
        ((16, 2, 48, 32), (16, 2, 48, 32)),
        ((15, 1, 49, 33), (0, 0, 64, 34)),
        ((190, 90, 191, 91), (176, 90, 192, 92)),
        ((193, 0, 200, 100), (192, 0, 200, 100)),
        ((0, 0, 200, 50), (0, 0, 200, 50)),
        ((0, 0, 176, 100), (0, 0, 176, 100)),  # .88 of the frame
        ((0, 0, 200, 90), (0, 0, 200, 90)),  # .9
    ],
)
def test_the_smallest_part_that_holds_the_region(region, part):
    frame, crop = frame_of(), FrameCropper()
    for _ in range(2):
        cut, left, top = crop(frame, region)
        assert (left, top, left + cut.width, top + cut.height) == part
        assert (luma(cut) == luma(frame)[top : part[3], left : part[2]]).all()
    assert cut.format.name == 'yuv420p'


@pytest.mark.parametrize(
    ('options', 'region'),
    [
        ({}, (0, 0, 200, 91)),  # nearly all
        (dict(height=101), (0, 0, 20, 20)),
        (dict(width=201), (0, 0, 20, 20)),
        (dict(pixel_format='yuv444p'), (0, 0, 20, 20)),
        (dict(pixel_format='rgb24'), (0, 0, 20, 20)),
    ],
)
def test_the_whole_frame_where_a_part_would_not_do(options, region):
    frame = frame_of(**options)
    assert FrameCropper()(frame, region) == (frame, 0, 0)


def test_frames_of_other_sizes_and_formats_in_turns():
    crop = FrameCropper()
    for _ in range(2):
        for options in ({}, dict(height=120), dict(pixel_format='yuvj420p')):
            frame = frame_of(**options)
            cut, left, top = crop(frame, (40, 20, 90, 60))
            assert cut.format.name == frame.format.name
            assert (luma(cut) == luma(frame)[top : top + 40, left : left + 64]).all()


@pytest.mark.parametrize('where', ['__init__', '__call__'])
def test_what_cannot_be_cut_is_left_whole_and_not_tried_again(monkeypatch, where):
    tried = []

    def fail(*args):
        tried.append(args)
        raise av.FFmpegError(22, 'no filters here')

    monkeypatch.setattr(cropping._Graph, where, fail)
    frame, crop = frame_of(), FrameCropper()
    for _ in range(3):
        assert crop(frame, (40, 20, 90, 60)) == (frame, 0, 0)
    assert len(tried) == 1


def test_few_parts_are_kept_and_not_set_up_again(monkeypatch):
    made = []
    set_up = cropping._Graph.__init__
    monkeypatch.setattr(
        cropping._Graph, '__init__', lambda self, *args: (made.append(args), set_up(self, *args))[1]
    )
    frame, crop = frame_of(), FrameCropper()
    for _ in range(3):
        for left in range(0, 64, 8):
            crop(frame, (left, 0, left + 30, 30))
    assert len(made) == len(crop._parts) == 8
    for left in range(0, 160, 4):
        cut, _, _ = crop(frame, (left, 0, left + 30, 30))
        assert cut.width <= 48
        assert len(crop._parts) <= 8
