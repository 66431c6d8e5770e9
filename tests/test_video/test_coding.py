"""Types and bytes of frames, against packets that PyAV reads on its own."""

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from ssvrl_mm.video import CompressedVideoReader
from tests.clips import H264_B, encode, translating
from tests.test_video.fuzzing import pack

CASES = {
    'h264': ('x.mp4', dict(gop=6)),
    'h264 with B-frames': ('x.mp4', dict(gop=9, options=H264_B)),
    'mpeg4 in AVI': ('x.avi', dict(codec='mpeg4', gop=5)),
    'mpeg2 with B-frames': ('x.mkv', dict(codec='mpeg2video', gop=8, options={'bf': '2'})),
}


@pytest.mark.parametrize('case', CASES)
def test_each_frame_has_the_bytes_of_its_packet(tmp_path, case):
    name, how = CASES[case]
    path = encode(tmp_path / name, translating(20, 2, 1), **how)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        times = [packet.dts if name == 'x.avi' else packet.pts for packet in packets]
        sizes = [packets[place].size for place in np.argsort(times)]
        container.seek(0)
        types = ['?IPB'[frame.pict_type] for frame in container.decode(video=0)]
    with CompressedVideoReader(path) as reader:
        coding = reader.coding
        assert coding.sizes.tolist() == sizes and coding.types.tolist() == types
        # What is handed out is the caller's.
        coding.types[:] = '?'
        assert reader.coding.types.tolist() == types
    # A file that is known is not scanned again.
    with CompressedVideoReader(path) as reader:
        assert reader.coding.sizes.tolist() == sizes


@pytest.mark.parametrize('b_frames', ['1', '2'])
def test_pictures_of_a_packed_bitstream_have_their_own_bytes(tmp_path, b_frames):
    """As FFmpeg's filter unpacks them, and as they were before they were packed."""
    frames = translating(14, 2, 1, 56, 72)
    plain = encode(tmp_path / 'plain.avi', frames, 'mpeg4', options={'bf': b_frames})
    packed = pack(plain, tmp_path / 'packed.avi')
    with CompressedVideoReader(plain) as reader:
        before = reader.coding
    with av.open(str(packed)) as container:
        unpack = BitStreamFilterContext('mpeg4_unpack_bframes', container.streams.video[0])
        unpacked = [
            bytes(each)
            for packet in container.demux(video=0)
            if packet.size
            for each in unpack.filter(packet)
        ]
    # Two readers: the second one knows the file and does not scan it.
    for _ in range(2):
        with CompressedVideoReader(packed) as reader:
            coding = reader.coding
        assert coding.types.tolist() == before.types.tolist()[: len(coding.types)]
        # The first picture comes with DivX's name.
        assert coding.sizes[1:].tolist() == before.sizes[1 : len(coding.sizes)].tolist()
        assert sorted(coding.sizes) == sorted(map(len, unpacked))
        assert coding.types.tolist().count('B') > 5 and coding.sizes.min() > 20


def test_two_fields_of_a_frame_count_together():
    """A frame whose fields come in two packets has the bytes of both."""
    from types import SimpleNamespace

    from ssvrl_mm.video import FrameCoding

    index = SimpleNamespace(packets=np.array([0, 2, 3]), ends=np.array([1, 2, 4]), is_packed=False)
    table = np.array([[0, 0, size] for size in (100, 20, 50, 7, 3)])
    decoder = SimpleNamespace(index=index, packets=SimpleNamespace(table=table))
    fetcher = SimpleNamespace(decoder=decoder, types=np.array(['I', 'P', 'P']))
    assert FrameCoding.of(fetcher).sizes.tolist() == [120, 50, 10]


def test_types_that_headers_do_not_tell_are_known_once_read(tmp_path):
    clip = translating(4, 2, 0, 64, 64)
    path = encode(
        tmp_path / 'x.webm', clip, 'libvpx-vp9', options={'deadline': 'realtime', 'cpu-used': '8'}
    )
    with CompressedVideoReader(path, motion='auto') as reader:
        before = reader.coding.types.tolist()
        reader.get_frames_at(range(4), streams=('rgb',))
        assert reader.coding.types.tolist() == ['I', 'P', 'P', 'P']
        assert set(before) <= {'?', 'I', 'P'}
