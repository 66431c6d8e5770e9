"""Packets by number."""

import pytest

from ssvrl_mm.video.decoding.container import MediaSource, PacketReader
from tests.clips import H264_B, encode, translating


@pytest.mark.parametrize('cache_bytes', [0, 10**9])
def test_packets_by_number(tmp_path, cache_bytes):
    path = encode(tmp_path / 'clip.mp4', translating(40, 2, 1, 64, 80), options=H264_B)
    source = MediaSource(str(path))
    container, stream = source.open()
    reader = PacketReader(container, stream, 'h264', cache_bytes)
    sizes = [info.size for info in reader.infos]
    for number in (0, 13, 39, 5, 24, 12):
        assert reader.seek(number)
        packet = reader.read()
        assert packet.pts == number and packet.size == sizes[number]
    assert reader.seek(38)
    reader.skip()
    assert reader.read().pts == 39 and reader.read() is None
    container.close()
