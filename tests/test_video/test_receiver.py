"""Frames handed over one by one, as soon as they are decoded."""

import av
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, VideoDecodeError
from ssvrl_mm.video.decoding import cropping
from tests.clips import encode, translating

NUM_FRAMES, EVERYTHING = 20, ('rgb', 'motion', 'residual')


class Received:
    """Remembers what a reader hands over, and how often."""

    def __init__(self):
        self.pictures, self.calls = {}, []

    def __call__(self, stream, number, image):
        self.calls.append((stream, number))
        self.pictures[stream, number] = image.copy()

    def equals(self, stream, number, expected):
        found = self.pictures[stream, number]
        return found.shape == expected.shape and (found == expected).all()


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'clip.avi'
    frames = translating(NUM_FRAMES, 2, -1, 70, 90, seed=4)
    return encode(path, frames, 'mpeg4', gop=10, options={'bf': '2'})


@pytest.fixture(scope='module')
def broken(tmp_path_factory):
    """Frames 6 to 8 are no JPEG any more."""
    path = tmp_path_factory.mktemp('broken') / 'broken.mov'
    encode(path, translating(12, 1, 1, 64, 64), 'mjpeg', pix_fmt='yuvj420p', options={})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    for start, size in places[6:9]:
        data[start : start + size] = bytes(size)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize('streams', [('rgb',), ('residual',), EVERYTHING], ids='+'.join)
def test_it_gets_what_the_batch_would_hold(clip, streams):
    numbers, moving = [9, 3, 4, 3, 15], [12, 3, 12, 4]
    with CompressedVideoReader(clip) as reader:
        expected = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
        received = Received()
        batch = reader.get_frames_at(numbers, streams, motion_indices=moving, receive=received)
    assert batch.rgb is None and batch.residual is None
    assert batch.indices.tolist() == numbers
    wanted = {('rgb', n) for n in numbers if 'rgb' in streams}
    wanted |= {('residual', n) for n in moving if 'residual' in streams}
    assert set(received.calls) == wanted
    assert len(received.calls) == len(wanted)  # each once
    for stream, number in wanted:
        assert received.equals(stream, number, getattr(expected, stream)[number])
    if 'motion' in streams:
        assert (batch.motion == expected.motion[moving]).all()


def test_scaled_rgb_beside_residuals_of_whole_frames(clip):
    numbers = [4, 9, 4, 10]
    with CompressedVideoReader(clip) as reader:
        expected = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
        alone = reader.get_frames_at(numbers, ('rgb',), size=(35, 45))
        both = reader.get_frames_at(numbers, EVERYTHING, size=(35, 45))
    assert (both.rgb == alone.rgb).all()
    assert (both.residual == expected.residual[numbers]).all()


def test_what_stands_in_for_lost_frames_comes_under_their_numbers(broken):
    options = dict(motion='estimate')
    with CompressedVideoReader(broken, **options) as reader:
        whole = reader.get_frames_at(range(12), EVERYTHING)
    assert whole.lost.nonzero()[0].tolist() == [6, 7, 8]
    for numbers in ([7, 9], [5, 7], range(12)):
        for streams in (('rgb',), EVERYTHING):
            received = Received()
            with CompressedVideoReader(broken, **options) as reader:
                batch = reader.get_frames_at(numbers, streams, receive=received)
            assert batch.lost.tolist() == [n in (6, 7, 8) for n in numbers]
            for stream in set(streams) - {'motion'}:
                for number in numbers:
                    assert received.equals(stream, number, getattr(whole, stream)[number])
    with (
        CompressedVideoReader(broken, on_error='raise') as reader,
        pytest.raises(VideoDecodeError, match='frame 7'),
    ):
        reader.get_frames_at([7], ('rgb',), receive=Received())


def test_pictures_come_turned(clip, tmp_path):
    path = tmp_path / 'turned.mp4'
    with av.open(str(clip)) as old, av.open(str(path), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.set_display_matrix([0, -(2**16), 0, 2**16, 0, 0, 0, 0, 2**30])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    turned, part = Received(), Received()
    with CompressedVideoReader(path) as reader:
        assert reader.metadata.rotation
        whole = reader.get_frames_at([1], ('rgb', 'residual'))
        reader.get_frames_at([1], ('rgb', 'residual'), receive=turned)
        boxes = dict(regions={1: (4, 6, 40, 80)}, residual_regions={1: (5, 7, 70, 9)})
        reader.get_frames_at([1], ('rgb', 'residual'), receive=part, **boxes)
    assert turned.equals('rgb', 1, whole.rgb[0])
    assert part.equals('rgb', 1, whole.rgb[0, 6:80, 4:40])
    assert turned.equals('residual', 1, whole.residual[0])
    assert part.equals('residual', 1, whole.residual[0, 7:9, 5:70])


def test_pictures_of_the_decoder_cannot_be_written_to(clip):
    def write(stream, number, image):
        with pytest.raises(ValueError, match='read-only'):
            image[0] = 1

    with CompressedVideoReader(clip) as reader:
        reader.get_frames_at([1], ('rgb',), receive=write)


def test_a_receiver_that_fails_leaves_the_reader_whole(clip):
    def fail(stream, number, image):
        if number == 5:
            raise RuntimeError('no room')

    with CompressedVideoReader(clip) as reader:
        expected = reader.get_frames_at(range(NUM_FRAMES))
        with pytest.raises(RuntimeError, match='no room'):
            reader.get_frames_at(range(2, 9), receive=fail)
        again = reader.get_frames_at(range(2, 9))
    assert (again.rgb == expected.rgb[2:9]).all() and (again.motion == expected.motion[2:9]).all()


def test_what_does_not_go_together(clip):
    with CompressedVideoReader(clip) as reader:
        for options in (dict(size=32), dict(out=np.empty((1, 70, 90, 3), np.uint8))):
            with pytest.raises(ValueError, match='not with size or out'):
                reader.get_frames_at([0], receive=Received(), **options)
        with pytest.raises(ValueError, match='are for receive'):
            reader.get_frames_at([0], regions={0: (0, 0, 8, 8)})
        with pytest.raises(ValueError, match='are for receive'):
            reader.get_frames_at([0], ('residual',), residual_regions={0: (0, 0, 8, 8)})
        with pytest.raises(ValueError, match='frame 0 .* has no region'):
            boxes = {0: (0, 0, 91, 8)}
            reader.get_frames_at([0], ('residual',), receive=Received(), residual_regions=boxes)


REGIONS = [(0, 0, 90, 70), (5, 3, 40, 31), (17, 2, 18, 3), (64, 40, 90, 70), (16, 8, 32, 24)]


@pytest.mark.parametrize('pix_fmt', ['yuv420p', 'yuvj420p', 'yuv422p', 'yuv444p'])
@pytest.mark.parametrize('size', [(70, 90), (71, 90), (70, 93), (128, 160)])
def test_a_region_is_that_of_the_whole_frame(tmp_path, size, pix_fmt):
    path = tmp_path / 'clip.avi'
    full = {'yuvj420p': 'mjpeg', 'yuv422p': 'ffv1', 'yuv444p': 'ffv1'}
    encode(path, translating(5, 3, 1, *size), full.get(pix_fmt, 'mpeg4'), pix_fmt=pix_fmt)
    with CompressedVideoReader(path, 'auto') as reader:
        whole = reader.get_frames_at(range(5), EVERYTHING)
        for streams in (('rgb',), EVERYTHING):
            received = Received()
            regions = dict(enumerate(REGIONS))
            batch = reader.get_frames_at(range(5), streams, receive=received, regions=regions)
            for number, (left, top, right, bottom) in regions.items():
                expected = whole.rgb[number, top:bottom, left:right]
                assert received.equals('rgb', number, expected)
        for number in range(5):
            assert received.equals('residual', number, whole.residual[number])
        assert (batch.motion == whole.motion).all()
        for wrong in ((0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, size[1] + 1, 5), (3, 9, 7, 9)):
            with pytest.raises(ValueError, match='frame 2 .* has no region'):
                reader.get_frames_at([2], ('rgb',), receive=received, regions={2: wrong})


@pytest.mark.parametrize('options', [{}, dict(accumulate=True), dict(dense=True)], ids=str)
def test_residuals_of_regions(clip, options):
    """The same numbers may be wanted more than once, and frame 0 has nothing before it."""
    numbers = [*range(5), 3]
    boxes = dict(enumerate(REGIONS[1:]))  # of the last one, all
    with CompressedVideoReader(clip, **options) as reader:
        whole = reader.get_frames_at(range(5), EVERYTHING)
        received = Received()
        batch = reader.get_frames_at(
            [1], EVERYTHING, motion_indices=numbers, receive=received, residual_regions=boxes
        )
    for number in range(5):
        left, top, right, bottom = boxes.get(number, (0, 0, 90, 70))
        expected = whole.residual[number, top:bottom, left:right]
        assert received.equals('residual', number, expected)
    assert received.equals('rgb', 1, whole.rgb[1]) and len(received.calls) == 6
    assert (batch.motion == whole.motion[numbers]).all()


def test_regions_of_many_clips_in_turns(clip):
    """More parts than are kept, from a video that is read again and again."""
    rng = np.random.default_rng(0)
    with CompressedVideoReader(clip) as reader:
        whole = reader.get_frames_at(range(NUM_FRAMES), ('rgb',)).rgb
        for _ in range(3):
            lefts, tops = rng.integers(0, 40, NUM_FRAMES), rng.integers(0, 30, NUM_FRAMES)
            boxes = zip(lefts.tolist(), tops.tolist(), strict=True)
            regions = {n: (x, y, x + 41, y + 33) for n, (x, y) in enumerate(boxes)}
            received = Received()
            numbers = range(NUM_FRAMES)
            reader.get_frames_at(numbers, ('rgb',), receive=received, regions=regions)
            for number, (left, top, right, bottom) in regions.items():
                assert received.equals('rgb', number, whole[number, top:bottom, left:right])


def test_regions_of_lost_frames(broken):
    regions = {7: (3, 5, 40, 30), 5: (0, 0, 9, 9), 8: (20, 20, 64, 64)}
    with CompressedVideoReader(broken, motion='estimate') as reader:
        whole = reader.get_frames_at(range(12), ('rgb',)).rgb
    received = Received()
    with CompressedVideoReader(broken, motion='estimate') as reader:
        reader.get_frames_at(list(regions), ('rgb',), receive=received, regions=regions)
    for number, (left, top, right, bottom) in regions.items():
        assert received.equals('rgb', number, whole[number, top:bottom, left:right])
    # Frame 5 stands in for 7 and 8, in other regions.
    with CompressedVideoReader(broken, motion='estimate') as reader:
        residuals = reader.get_frames_at(range(12), ('residual',)).residual
        reader.get_frames_at(
            list(regions), ('residual',), receive=received, residual_regions=regions
        )
    for number, (left, top, right, bottom) in regions.items():
        expected = residuals[number, top:bottom, left:right]
        assert received.equals('residual', number, expected)


def test_a_part_that_cannot_be_cut_is_converted_whole(clip, monkeypatch):
    def fail(*args):
        raise av.FFmpegError(22, 'no filters here')

    monkeypatch.setattr(cropping, 'Graph', fail)
    received = Received()
    with CompressedVideoReader(clip) as reader:
        whole = reader.get_frames_at([4], ('rgb',)).rgb[0]
        regions = {4: (20, 20, 50, 50)}
        reader.get_frames_at([4], ('rgb',), receive=received, regions=regions)
    assert received.equals('rgb', 4, whole[20:50, 20:50])
