"""Flow as PNG, read by OpenCV and zlib on their own."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from ssvrl_mm.video.motion.flow_coding import LONGEST, decode_flow, encode_flow


def field(longest, shape=(13, 10), seed=0):
    flow = np.random.default_rng(seed).uniform(-longest, longest, (*shape, 2)).astype(np.float32)
    flow[0, 0] = longest, -longest
    return flow


def decoded(data, shape):
    out = np.full((*shape, 2), np.nan, np.float32)
    decode_flow(data, out)
    return out


@pytest.mark.parametrize('longest', [0, 0.05, 1, 15.9, 16, 40, 1000, LONGEST])
def test_every_value_is_the_nearest_eighth(longest):
    flow = field(longest)
    out = decoded(encode_flow(flow), (13, 10))
    np.testing.assert_array_equal(out, np.rint(flow.astype(np.float64) * 8) / 8)
    assert np.abs(out - flow).max() <= 1 / 16


@pytest.mark.parametrize('value', [-16.0625, -16, -15.9375, 15.8125, 15.875, 15.9375, 31.9, -32])
def test_values_around_the_range_of_a_byte(value):
    flow = np.zeros((3, 4, 2), np.float32)
    flow[1, 2] = value, 0
    flow[2, 0] = 0, value
    np.testing.assert_array_equal(decoded(encode_flow(flow), (3, 4)), np.rint(flow * 8) / 8)


@pytest.mark.parametrize('shape', [(1, 1), (1, 7), (7, 1), (33, 64)])
def test_any_shape(shape):
    flow = field(20, shape)
    assert np.abs(decoded(encode_flow(flow), shape) - flow).max() <= 1 / 16


def test_is_a_picture_of_dx_above_dy():
    flow = field(5)
    picture = cv2.imdecode(np.frombuffer(encode_flow(flow), np.uint8), cv2.IMREAD_UNCHANGED)
    stacked = np.concatenate([flow[..., 0], flow[..., 1]])
    np.testing.assert_array_equal(picture.view(np.int8), np.rint(stacked * 8))


def test_smooth_flow_takes_few_bytes():
    y, x = np.mgrid[:240, :320].astype(np.float32)
    zoom = np.dstack([(x - 160) / 40, (y - 120) / 40])
    assert len(encode_flow(zoom)) < zoom.nbytes / 100


@pytest.mark.parametrize('value', [LONGEST + 0.5, -1e9, np.inf, -np.inf, np.nan])
def test_what_cannot_be_coded(value):
    flow = np.zeros((4, 4, 2), np.float32)
    flow[2, 1, 1] = value
    with pytest.raises(ValueError, match='up to 4079 px'):
        encode_flow(flow)


def png(rows, cols, bits=8, colour=0, lines=None):
    """A PNG written by hand."""
    lines = zlib.compress(b'\0' * (cols + 1) * rows) if lines is None else lines

    def chunk(kind, data):
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))

    head = struct.pack('>IIBBBBB', cols, rows, bits, colour, 0, 0, 0)
    parts = chunk(b'IHDR', head), chunk(b'IDAT', lines), chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)


def test_a_picture_of_another_writer():
    assert not decoded(png(26, 10), (13, 10)).any()
    assert not decoded(png(52, 10), (13, 10)).any()


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'\x89PNG',
        b'BM' + bytes(100),
        png(13, 10),  # one plane
        png(39, 10),  # three
        png(27, 10),
        png(26, 11),
        png(26, 10)[:45],
        png(26, 10, lines=b'nothing that zlib wrote'),
        cv2.imencode('.jpg', np.zeros((26, 10), np.uint8))[1].tobytes(),
    ],
)
def test_what_is_no_flow(data):
    with pytest.raises(ValueError, match='not a'):
        decoded(data, (13, 10))


@pytest.mark.parametrize(
    'data',
    [
        png(60000, 60000, lines=zlib.compress(bytes(10**6))),
        png(26, 10, bits=16),
        png(26, 10, colour=2),
        b'\x89MNG' + png(26, 10)[4:],
    ],
)
def test_what_is_not_even_unpacked(data):
    with pytest.raises(ValueError, match='not a picture of flow'):
        decoded(data, (13, 10))
