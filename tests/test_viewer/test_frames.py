"""Frames are those of the reader, whoever looked at what before."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.viewer import frames
from ssvrl_mm.viewer.checking import Limits
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.frames import OpenVideos
from ssvrl_mm.viewer.library import Video
from tests.clips import encode, translating


@pytest.fixture
def video(place):
    return Video('folder/right.mp4', 'right.mp4', place / 'shown/right.mp4')


@pytest.fixture(scope='module')
def batch(place):
    with CompressedVideoReader(place / 'shown/right.mp4') as reader:
        return reader.get_frames_at(range(20), ('rgb', 'motion', 'residual'))


def check(view, batch, number):
    assert view.number == number and view.scale == 1
    np.testing.assert_array_equal(view.rgb, batch.rgb[number])
    np.testing.assert_array_equal(view.motion, batch.motion[number])
    np.testing.assert_array_equal(view.valid, batch.motion_valid[number])
    shifted = (batch.residual[number].astype(int) + 128).clip(0, 255)
    np.testing.assert_array_equal(view.residual, shifted)
    assert (view.origin, view.kind) == (batch.motion_origin[number], batch.frame_types[number])
    assert view.seconds == pytest.approx(number / 25)


@pytest.mark.parametrize(
    'order', [range(20), range(19, -1, -1), [7, 19, 0, 12, 11, 13, 12, 3], [5, 5, 4, 6]]
)
def test_frames_are_the_readers_in_any_order(video, batch, order):
    videos = OpenVideos(Limits())
    for number in order:
        check(videos.view(video, number), batch, number)
    videos.close()


def test_two_people_scrub_through_one_video(video, batch):
    videos = OpenVideos(Limits(), cache_bytes=0)
    started = threading.Barrier(3)

    def scrub(order):
        started.wait()
        for number in order:
            check(videos.view(video, number), batch, number)

    with ThreadPoolExecutor(3) as people:
        orders = range(20), range(19, -1, -1), [3, 17] * 8
        for done in [people.submit(scrub, order) for order in orders]:
            done.result()
    assert len(videos.open(video)._readers) <= 2
    videos.close()


def test_who_goes_back_has_the_frames_before_at_hand(video, monkeypatch):
    videos = OpenVideos(Limits())
    videos.view(video, 11)
    videos.view(video, 10)
    asked = []
    monkeypatch.setattr(frames.OpenVideo, 'read', lambda *given: asked.append(given))
    for number in range(10, -1, -1):
        assert videos.view(video, number).number == number
    assert asked == []
    videos.view(video, 12)
    assert len(asked) == 1


def test_frames_are_forgotten_in_the_order_they_were_seen(video):
    one = OpenVideos(Limits()).view(video, 0).nbytes
    assert one == 2 * 96 * 128 * 3 + 12 * 16 * 9
    videos = OpenVideos(Limits(), cache_bytes=3 * one)
    for number in (0, 1, 2, 0, 3):
        videos.view(video, number)
    assert [number for _, number in videos._views] == [2, 0, 3]
    assert videos._held == 3 * one
    opened = videos.open(video)
    videos.forget(video)
    with pytest.raises(ViewerError, match='was closed'):
        opened.read(0, lambda view: None)
    assert (len(videos._views), videos._held) == (0, 0)


def test_the_video_of_the_longest_ago_is_closed(place, video, monkeypatch):
    monkeypatch.setattr(frames, '_OPEN', 2)
    videos = OpenVideos(Limits())
    opened = [videos.open(Video(str(n), 'x', video.file)) for n in range(2)]
    assert videos.open(Video('0', 'x', video.file)) is opened[0]
    videos.open(Video('2', 'x', video.file))
    with pytest.raises(ViewerError, match='was closed'):
        opened[1].read(0, lambda view: None)
    assert opened[0].read(3, lambda view: None).number == 3
    videos.close()


def test_large_frames_are_scaled_down(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, 'SIDE', 80)
    file = encode(tmp_path / 'x.mp4', translating(3, 2, 0, height=96, width=160))
    view = OpenVideos(Limits()).view(Video('x', 'x', file), 2)
    assert (view.rgb.shape, view.residual.shape, view.scale) == ((48, 80, 3), (48, 80, 3), 0.5)
    # Vectors stay those of the file.
    assert view.motion.shape == (12, 20, 2)
    np.testing.assert_allclose(np.median(view.motion, axis=(0, 1)), (2, 0), atol=0.25)
    with CompressedVideoReader(file) as reader:
        rgb = reader.get_frames_at([2], ('rgb',)).rgb[0]
    np.testing.assert_allclose(view.rgb, rgb.reshape(48, 2, 80, 2, 3).mean(axis=(1, 3)), atol=1)


def test_facts(video, batch):
    facts = OpenVideos(Limits()).open(video).facts()
    assert facts['kinds'] == ''.join(batch.frame_types) == 'I' + 11 * 'P' + 'I' + 7 * 'P'
    assert (facts['codec'], facts['width'], facts['height']) == ('h264', 128, 96)
    assert (facts['frames'], facts['fps'], facts['seconds']) == (20, 25, 0.8)
    assert facts['keyframes'] == [0, 12] and facts['noMotion'] == ''
    # All of the file but its headers.
    assert len(facts['bytes']) == 20
    assert 0.8 < sum(facts['bytes']) / video.file.stat().st_size < 1


def test_frames_that_are_not_there(video):
    for number in (-1, 20):
        with pytest.raises(ViewerError, match=f'has no frame {number}, but those from 0 to 19'):
            OpenVideos(Limits()).view(video, number)


def test_frames_too_small_for_motion(tmp_path):
    file = encode(tmp_path / 'x.webm', translating(3, 1, 0, 8, 12), 'libvpx', options={})
    opened = OpenVideos(Limits())
    assert 'motion cannot be estimated' in opened.open(Video('x', 'x', file)).facts()['noMotion']
    view = opened.view(Video('x', 'x', file), 1)
    assert view.rgb.shape == (8, 12, 3) and view.motion is None and view.nbytes == 8 * 12 * 3


def test_a_codec_without_vectors_is_estimated(tmp_path):
    options = {'deadline': 'realtime', 'cpu-used': '8'}
    file = encode(tmp_path / 'x.webm', translating(3, 3, 0, 64, 96), 'libvpx', options=options)
    view = OpenVideos(Limits()).view(Video('x', 'x', file), 2)
    assert view.origin == 'estimated'
    np.testing.assert_allclose(np.median(view.motion, axis=(0, 1)), (3, 0), atol=0.3)
