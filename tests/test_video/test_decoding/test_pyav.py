"""What PyAV 18 and 19 do differently comes out the same; run with either."""

import struct
from fractions import Fraction
from numbers import Rational

import av
import numpy as np
import pytest

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


def with_exif(source, target, orientation):
    """Copies a video of JPEGs, with what cameras write into each: how it is to be turned."""
    tiff = b'MM\0*\0\0\0\x08' + struct.pack('>HHHIHHI', 1, 0x112, 3, 1, orientation, 0, 0)
    segment = b'\xff\xe1' + struct.pack('>H', len(tiff) + 8) + b'Exif\0\0' + tiff
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            data = bytes(packet)
            if data:
                turned = av.Packet(data[:2] + segment + data[2:])
                turned.stream, turned.time_base = stream, packet.time_base
                turned.pts = turned.dts = packet.pts
                turned.is_keyframe = True
                new.mux(turned)
    return target


# The rows and columns of EXIF 2.3, table 5, as numpy turns a picture.
EXIF = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image[::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize('orientation', EXIF)
def test_exif_turns_motion_jpeg(orientation, tmp_path):
    """FFmpeg attaches EXIF to frames, for which PyAV 18 has no name."""
    frames = translating(4, 2, 1, *SIZE)
    plain = encode(tmp_path / 'plain.mov', frames, 'mjpeg', pix_fmt='yuvj420p')
    path = with_exif(plain, tmp_path / 'exif.mov', orientation)
    with CompressedVideoReader(plain) as reader:
        coded = reader.get_frames_at([2], ('rgb',)).rgb[0]
    with CompressedVideoReader(path) as reader:
        shown = reader.get_frames_at([2], ('rgb',)).rgb[0]
    np.testing.assert_array_equal(shown, EXIF[orientation](coded))


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
