"""Animations, read back by other libraries."""

import av
import numpy as np
import pytest
from PIL import Image

from ssvrl_mm.visualization import PictureError, animation, is_animation, write_animation


def moving_square(count, height, width):
    """A green square that moves to the right by 4 px a frame, on red."""
    frames = np.full((count, height, width, 3), (200, 30, 20), np.uint8)
    for number, frame in enumerate(frames):
        frame[8:24, 4 * number : 4 * number + 16] = (20, 220, 40)
    return frames


def middle_of_green(frame):
    green = (frame[..., 1].astype(int) - frame[..., 0]) > 60
    return np.nonzero(green)[1].mean()


@pytest.mark.parametrize('name', ['x.mp4', 'X.MP4'])
def test_videos_have_the_frames_in_what_browsers_play(tmp_path, name):
    frames = moving_square(9, 49, 81)
    assert write_animation(tmp_path / 'new' / name, iter(frames), fps=12.5) == 9
    with av.open(str(tmp_path / 'new' / name)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ('h264', 'yuv420p')
        assert stream.average_rate == 12.5 and stream.codec_context.colorspace == 1
        decoded = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
    assert len(decoded) == 9 and decoded[0].shape == (50, 82, 3)
    for number, frame in enumerate(decoded):
        assert abs(middle_of_green(frame) - (4 * number + 7.5)) < 1
        # The colours survive, as what is written is what is said.
        assert np.abs(frame[40, 70].astype(int) - (200, 30, 20)).max() < 6
    # What stands first in the file is what a browser needs to begin.
    data = (tmp_path / 'new' / name).read_bytes()
    assert data.index(b'moov') < data.index(b'mdat')
    assert [file.name for file in (tmp_path / 'new').iterdir()] == [name]


def test_gifs_have_the_frames_and_their_times(tmp_path):
    frames = moving_square(6, 31, 61)
    frames[3] = frames[2]
    assert write_animation(tmp_path / 'x.gif', frames, fps=8) == 6
    with Image.open(tmp_path / 'x.gif') as picture:
        assert picture.size == (61, 31) and picture.info['loop'] == 0
        lengths, middles = [], []
        for number in range(picture.n_frames):
            picture.seek(number)
            lengths.append(picture.info['duration'])
            middles.append(middle_of_green(np.asarray(picture.convert('RGB'))))
    # An equal frame makes the one before it longer; together they last 6 / 8 s.
    assert sum(lengths) == 750 and set(lengths) == {120, 130, 250}
    np.testing.assert_allclose(middles, [7.5, 11.5, 15.5, 23.5, 27.5], atol=0.1)


def test_fast_gifs_are_as_fast_as_they_play(tmp_path):
    write_animation(tmp_path / 'x.gif', moving_square(5, 31, 61), fps=200)
    with Image.open(tmp_path / 'x.gif') as picture:
        picture.seek(4)
        assert picture.info['duration'] == 20


def test_ten_frames_a_second_by_default(tmp_path):
    write_animation(tmp_path / 'x.mp4', moving_square(3, 32, 64))
    with av.open(str(tmp_path / 'x.mp4')) as container:
        assert container.streams.video[0].average_rate == 10


def test_a_gif_of_one_colour_and_one_frame(tmp_path):
    write_animation(tmp_path / 'x.gif', [np.full((20, 20, 3), (9, 80, 200), np.uint8)])
    with Image.open(tmp_path / 'x.gif') as picture:
        assert picture.n_frames == 1
        assert picture.convert('RGB').getpixel((3, 3)) == (9, 80, 200)


@pytest.mark.parametrize(
    'name, frames, message',
    [
        ('x.avi', moving_square(2, 32, 64), 'x.avi does not end like an animation'),
        ('x.mp4', [], 'x.mp4: there are no frames'),
        ('x.mp4', [np.zeros((8, 4098, 3), np.uint8)], '4098x8 px are too large to be played'),
        ('x.gif', [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], 'frame 1 is'),
        ('x.mp4', [np.zeros((8, 8, 3))], r'frame 0 is float64 \(8, 8, 3\)'),
        ('x.mp4', [np.zeros((8, 8), np.uint8)], r'uint8 \(8, 8\)'),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path, name, frames, message):
    with pytest.raises(animation.AnimationError, match=message):
        write_animation(tmp_path / name, frames)
    assert not list(tmp_path.iterdir())


def test_large_gifs_are_refused_while_there_is_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(animation, 'MOST_GIF_PIXELS', 3 * 32 * 64)
    write_animation(tmp_path / 'x.gif', moving_square(3, 32, 64))
    taken = []
    frames = (taken.append(0) or frame for frame in moving_square(9, 32, 64))
    with pytest.raises(animation.AnimationError, match='more than 3 frames of 64x32 px'):
        write_animation(tmp_path / 'x.gif', frames)
    assert len(taken) == 4


def test_rates_must_be_rates(tmp_path):
    for fps in (0, -1, float('inf'), float('nan')):
        with pytest.raises(ValueError, match='fps must be over 0'):
            write_animation(tmp_path / 'x.mp4', moving_square(2, 32, 64), fps)


def test_an_interrupted_animation_leaves_the_old_one(tmp_path):
    for name in ('x.mp4', 'x.gif'):
        (tmp_path / name).write_text('old')

        def frames():
            yield from moving_square(2, 32, 64)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_animation(tmp_path / name, frames())
        assert (tmp_path / name).read_text() == 'old'
    assert len(list(tmp_path.iterdir())) == 2


def test_folders_that_cannot_be_are_told(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(PictureError, match='cannot write .*file/x.mp4: '):
        write_animation(tmp_path / 'file' / 'x.mp4', moving_square(2, 32, 64))
    (tmp_path / 'x.gif').mkdir()
    with pytest.raises(PictureError, match='cannot write .*x.gif: it is a folder'):
        write_animation(tmp_path / 'x.gif', moving_square(2, 32, 64))


def test_suffixes():
    assert is_animation('a/b.MP4') and is_animation('x.gif') and not is_animation('mp4.png')
