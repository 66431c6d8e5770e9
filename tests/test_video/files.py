"""Files made out of others: damaged, or in another container; and what PyAV says of them."""

import av
import numpy as np

from ssvrl_mm.video.decoding.pyav import open_input
from tests.clips import encode


def packet_places(path):
    """Where the packets of the video are in the file: (position, size)."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(video=0) if p.size]


def damaged_h264(tmp_path, frames, number):
    """A frame whose slice refers to parameters that do not exist: it cannot be decoded."""
    path = encode(tmp_path / 'damaged.mp4', frames)
    damage_slice(path, *packet_places(path)[number])
    return path


def damage_slice(path, position, size):
    data, end = bytearray(path.read_bytes()), position + size
    while data[position + 4] & 31 not in (1, 5):
        position += 4 + int.from_bytes(data[position : position + 4], 'big')
    data[position + 6 : end] = bytes(end - position - 6)
    path.write_bytes(data)


def remux(source, target, prepare):
    """Copies the video packets to another file; ``prepare`` sees its stream first."""
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        prepare(stream)
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    return target


def decode_all(path, export=False):
    """Frames in the order of display, as PyAV gives them, with their vectors."""
    images, vectors, kinds = [], [], []
    with open_input(str(path)) as container:
        stream = container.streams.best('video')
        stream.codec_context.thread_count = 1
        if export:
            stream.codec_context.options = {'flags2': '+export_mvs'}
        for frame in container.decode(stream):
            images.append(frame.to_ndarray(format='rgb24'))
            kinds.append(av.video.frame.PictureType(frame.pict_type).name)
            found = frame.side_data.get('MOTION_VECTORS') if export else None
            vectors.append(None if found is None else found.to_ndarray().copy())
    return np.stack(images), vectors, kinds
