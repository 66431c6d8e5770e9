"""RGB of some frames and motion of others, in one pass."""

import av
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, FrameIndexError
from ssvrl_mm.video.decoding.conversion import FrameConverter
from ssvrl_mm.video.decoding.decoder import FrameDecoder
from tests.clips import H264, H264_B, encode, translating

NUM_FRAMES, EVERYTHING = 30, ('rgb', 'motion', 'residual', 'flow')
VARIANTS = {
    'h264.mp4': ('libx264', H264),
    'open.ts': ('libx264', {**H264_B, 'refs': '3', 'x264-params': 'open-gop=1:min-keyint=10'}),
    'mpeg4_b.avi': ('mpeg4', {'bf': '2'}),
    'mpeg2.mpg': ('mpeg2video', {'bf': '2'}),
    'vp9.webm': ('libvpx-vp9', {'deadline': 'realtime', 'cpu-used': '8'}),
}
REQUESTS = [
    (range(0, 20, 4), range(22, 28)),  # after the clip
    ([9, 3, 3], [20, 4, 4, 3]),  # anywhere, and repeated
    (range(20, 28), range(2, 6)),  # before it
    ([10, 11, 12], [10, 11, 12]),
    ([], [7]),
    ([7], []),
]


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    frames = translating(NUM_FRAMES, 2, -1, 72, 88, seed=4)
    return {
        name: encode(folder / name, frames, codec, gop=10, options=options)
        for name, (codec, options) in VARIANTS.items()
    }


def assert_parts(batch, whole, numbers, moving):
    """RGB and facts are those of ``numbers``, what moves is that of ``moving``, bit for bit."""
    for name, part in vars(batch).items():
        moves = name.startswith(('motion', 'residual', 'flow'))
        expected = getattr(whole, name)[list(moving if moves else numbers)]
        np.testing.assert_array_equal(part, expected, err_msg=name)


@pytest.mark.parametrize('options', [{}, dict(accumulate=True), dict(dense=True)], ids=str)
@pytest.mark.parametrize('name', VARIANTS)
def test_each_stream_is_that_of_its_frames(clips, name, options):
    with CompressedVideoReader(clips[name], 'auto', **options) as reader:
        whole = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
        for numbers, moving in REQUESTS:
            batch = reader.get_frames_at(numbers, EVERYTHING, motion_indices=moving)
            assert_parts(batch, whole, numbers, moving)
        plain = reader.get_frames_at([3, 5], ('rgb',), motion_indices=[9])
        assert plain.motion is None and (plain.rgb == whole.rgb[[3, 5]]).all()
        moving = reader.get_frames_at([3, 5], ('motion',), motion_indices=[9])
        assert moving.rgb is None and (moving.motion == whole.motion[[9]]).all()
        assert (moving.pts_seconds == whole.pts_seconds[[3, 5]]).all()


def test_scaled_rgb_beside_motion(clips):
    with CompressedVideoReader(clips['h264.mp4']) as reader:
        alone = reader.get_frames_at([4, 8], ('rgb',), size=36)
        moving = reader.get_frames_at([11, 12, 13], ('motion',))
        out = np.empty((2, 36, 44, 3), np.uint8)
        both = reader.get_frames_at([4, 8], size=36, out=out, motion_indices=[11, 12, 13])
    assert both.rgb is out and (out == alone.rgb).all()
    assert (both.motion == moving.motion).all()


def test_what_is_lost_stays_with_its_frame(clips, tmp_path):
    with av.open(str(clips['h264.mp4'])) as container:
        position, size = [(p.pos, p.size) for p in container.demux(video=0) if p.size][8]
    data = bytearray(clips['h264.mp4'].read_bytes())
    data[position + 6 : position + size] = bytes(size - 6)  # a slice of parameters there are not
    path = tmp_path / 'damaged.mp4'
    path.write_bytes(data)
    with CompressedVideoReader(path) as reader:
        whole = reader.get_frames_at(range(NUM_FRAMES), EVERYTHING)
        (lost,) = np.flatnonzero(whole.lost).tolist()
    assert lost == 8
    for numbers, moving in (([0, 2], [lost, lost + 6]), ([lost, 20], [1, 21])):
        with CompressedVideoReader(path) as reader:
            batch = reader.get_frames_at(numbers, EVERYTHING, motion_indices=moving)
        assert_parts(batch, whole, numbers, moving)


def test_nothing_is_decoded_twice_or_converted_in_vain(clips, monkeypatch):
    converted, wanted = [], []
    convert, decode = FrameConverter.rgb, FrameDecoder.decode
    monkeypatch.setattr(
        FrameConverter, 'rgb', lambda self, frame: (converted.append(1), convert(self, frame))[1]
    )
    monkeypatch.setattr(
        FrameDecoder,
        'decode',
        lambda self, needed: (wanted.append(needed), decode(self, needed))[1],
    )
    with CompressedVideoReader(clips['h264.mp4']) as reader:
        converted.clear()
        reader.get_frames_at([1, 5, 9], motion_indices=[11, 12, 13, 14])
    assert len(converted) == 3
    assert wanted == [{1, 5, 9, 11, 12, 13, 14}]


def test_indices_are_checked(clips):
    reader = CompressedVideoReader(clips['h264.mp4'])
    with reader, pytest.raises(FrameIndexError, match='30'):
        reader.get_frames_at([1], motion_indices=[30])
