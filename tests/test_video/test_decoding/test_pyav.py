"""What PyAV 18 and 19 do differently comes out the same; run with either."""

import struct
import zlib
from fractions import Fraction
from numbers import Rational

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from ssvrl_mm.video import CompressedVideoReader, VideoDecodeError
from ssvrl_mm.video.decoding.container import MediaSource
from ssvrl_mm.video.decoding.decoder import FrameDecoder
from ssvrl_mm.video.decoding.pyav import to_fraction
from tests.clips import H264, encode, translating

SIZE = (56, 72)


class Ratio:
    """What PyAV 19 gives for a ratio, as far as its users may rely on it."""

    def __init__(self, numerator, denominator):
        self.numerator, self.denominator = numerator, denominator

    def __bool__(self):
        return bool(self.numerator and self.denominator)


Rational.register(Ratio)


@pytest.mark.parametrize(
    'ratio, expected',
    [
        (None, None),
        (Fraction(0), None),
        (Ratio(0, 1), None),
        (Ratio(0, 0), None),
        (Ratio(1, 0), None),
        (Ratio(30000, 1001), Fraction(30000, 1001)),
        (Fraction(25), Fraction(25)),
    ],
)
def test_ratios(ratio, expected):
    found = to_fraction(ratio)
    assert found == expected
    assert found is None or isinstance(found, Fraction)


@pytest.mark.parametrize('name, fps', [('clip.mp4', 24), ('clip.avi', 15), ('clip.h264', None)])
def test_the_rate_is_a_fraction(name, fps, tmp_path):
    path = encode(tmp_path / name, translating(8, 2, 1, *SIZE), 'libx264', fps=fps or 25)
    decoder = FrameDecoder(MediaSource(str(path)))
    assert isinstance(decoder.frame_rate, Fraction)
    assert fps is None or decoder.frame_rate.limit_denominator(1001) == fps
    decoder.close()


def exif(orientation, order, has_more):
    """TIFF's header and tags: the orientation, and what else a camera says."""
    tags = [(0x112, 3, 1, struct.pack(order + 'HH', orientation, 0))]
    if has_more:
        tags = [(0x10F, 2, 4, b'Cam\0'), *tags, (0x131, 2, 4, b'1.0\0')]
    entries = [struct.pack(order + 'HHI', *tag[:3]) + tag[3] for tag in tags]
    head = struct.pack(order + 'HIH', 42, 8, len(tags))
    return (b'MM' if order == '>' else b'II') + head + b''.join(entries) + bytes(4)


def in_jpeg(image, tiff):
    segment = b'Exif\0\0' + tiff
    return image[:2] + b'\xff\xe1' + struct.pack('>H', len(segment) + 2) + segment + image[2:]


def in_png(image, tiff):
    chunk = b'eXIf' + tiff
    after_header = 8 + 25
    return (
        image[:after_header]
        + struct.pack('>I', len(tiff))
        + chunk
        + struct.pack('>I', zlib.crc32(chunk))
        + image[after_header:]
    )


def with_exif(source, target, insert, tiff):
    """Copies a video of photos, with what cameras write into each."""
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            data = bytes(packet)
            if data:
                turned = av.Packet(insert(data, tiff))
                turned.stream, turned.time_base = stream, packet.time_base
                turned.pts = turned.dts = packet.pts
                turned.duration = packet.duration
                turned.is_keyframe = True
                new.mux(turned)
    return target


# Where the rows and columns of EXIF 2.3, table 5, come to lie, as numpy turns a picture; and the
# vectors (dx, dy) with them.
EXIF = {
    1: (lambda image: image, lambda x, y: (x, y)),
    2: (lambda image: image[:, ::-1], lambda x, y: (-x, y)),
    3: (lambda image: image[::-1, ::-1], lambda x, y: (-x, -y)),
    4: (lambda image: image[::-1], lambda x, y: (x, -y)),
    5: (lambda image: image.swapaxes(0, 1), lambda x, y: (y, x)),
    6: (lambda image: image[::-1].swapaxes(0, 1), lambda x, y: (-y, x)),
    7: (lambda image: image[::-1, ::-1].swapaxes(0, 1), lambda x, y: (-y, -x)),
    8: (lambda image: image.swapaxes(0, 1)[::-1], lambda x, y: (y, -x)),
}
PHOTOS = {
    'jpeg.mov': ('mjpeg', 'yuvj420p', in_jpeg),
    'jpeg.avi': ('mjpeg', 'yuvj420p', in_jpeg),
    'jpeg.mkv': ('mjpeg', 'yuvj420p', in_jpeg),
    'png.avi': ('png', 'rgb24', in_png),
}


@pytest.mark.parametrize('has_more', [False, True])
@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize('name', PHOTOS)
def test_exif_turns_pixels_and_motion(name, order, has_more, tmp_path):
    """FFmpeg attaches EXIF to frames, for which PyAV 18 has no name."""
    codec, pix_fmt, insert = PHOTOS[name]
    plain = encode(tmp_path / name, translating(4, 2, 1, *SIZE), codec, pix_fmt=pix_fmt)
    with CompressedVideoReader(plain, 'estimate') as reader:
        coded = reader.get_frames_at(range(4))
    for orientation, (turn, turn_vector) in EXIF.items():
        tiff = exif(orientation, order, has_more)
        path = with_exif(plain, tmp_path / f'{orientation}_{name}', insert, tiff)
        images = [turn(image) for image in coded.rgb]
        x, y = coded.motion[2, ..., 0], coded.motion[2, ..., 1]
        vectors = np.stack(turn_vector(turn(x), turn(y)), axis=-1)
        with CompressedVideoReader(path, 'estimate') as reader:
            facts = reader.metadata
            assert (facts.height, facts.width) == images[0].shape[:2]
            batch = reader.get_frames_at(range(4))
        np.testing.assert_array_equal(batch.rgb, images)
        np.testing.assert_array_equal(batch.motion[2], vectors)
        # Whatever is read first.
        with CompressedVideoReader(path, 'estimate') as reader:
            small = reader.get_frames_at([2], ('rgb',), size=28).rgb[0]
        assert small.shape == turn(np.empty((28, 36, 3))).shape
        with CompressedVideoReader(path, 'estimate') as reader:
            np.testing.assert_array_equal(reader.get_keyframes_near(3).rgb[0], images[3])
        with CompressedVideoReader(path, 'estimate') as reader:
            alone = reader.get_frames_at([2], ('motion',)).motion[0]
        np.testing.assert_array_equal(alone, vectors)


def test_side_data_without_a_name():
    """The views of spatial video (29), EXIF (31), and whatever FFmpeg comes to attach."""
    assert [Type(number).value for number in range(64)] == list(range(64))
    assert Type(6) is Type.DISPLAYMATRIX


def test_a_decoder_that_cannot_be_opened(tmp_path):
    """PyAV 19 forgets the codec of a decoder whose header FFmpeg refuses."""
    path = encode(tmp_path / 'clip.mp4', translating(8, 2, 1, *SIZE), 'libx264', options=H264)
    data = bytearray(path.read_bytes())
    header = data.index(b'avcC')
    # A first parameter set that is longer than the header.
    data[header + 10 : header + 12] = b'\xff\xff'
    path.write_bytes(data)
    with (
        pytest.raises(VideoDecodeError, match='clip.mp4'),
        CompressedVideoReader(path, on_error='raise') as reader,
    ):
        reader.get_frames_at([2], ('rgb', 'motion'))
