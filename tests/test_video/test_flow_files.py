"""Files of flow: what comes back, and what becomes of damage."""

import json
import pickle
import random
import struct
import zlib
from dataclasses import asdict, replace

import numpy as np
import pytest

from ssvrl_mm.video import FlowFileError, FrameIndexError
from ssvrl_mm.video.flow_files import FlowFile, FlowHeader, FlowWriter

HEADER = FlowHeader(
    method='dis',
    scale=0.5,
    cell=2,
    span=-3,
    num_frames=6,
    height=21,
    width=30,
    video_bytes=1234,
    video_sha256='0f' * 32,
    method_options={'updates': 12},
)
GRID = 11, 15


@pytest.fixture(scope='module')
def flows():
    return np.random.default_rng(0).normal(0, 8, (6, *GRID, 2)).astype(np.float32)


@pytest.fixture(scope='module')
def path(tmp_path_factory, flows):
    path = tmp_path_factory.mktemp('flow') / 'clip.avi.flow'
    with FlowWriter(path, HEADER) as writer:
        writer.write(flows[1], False, 'held')
        for flow in flows[1:5]:
            writer.write(flow)
        writer.write(np.zeros_like(flows[0]), False, 'none')
    return path


def test_comes_back(path, flows):
    stored = FlowFile(path)
    assert stored.header == HEADER
    assert len(stored) == 6
    flow, valid, origins = stored.read(range(6))
    assert flow.dtype == np.float32 and flow.shape == (6, *GRID, 2)
    expected = np.stack([flows[1], *flows[1:5], np.zeros_like(flows[0])])
    np.testing.assert_array_equal(flow, np.rint(expected.astype(float) * 8) / 8)
    assert valid.tolist() == [False, True, True, True, True, False]
    assert origins.tolist() == ['held', *['estimated'] * 4, 'none']


def test_any_order_repeated_and_none(path):
    stored = FlowFile(path)
    everything = stored.read(range(6))
    frames = [4, 0, 4, 5, 1, 1, 2]
    for part, whole in zip(stored.read(frames), everything, strict=True):
        np.testing.assert_array_equal(part, whole[frames])
    flow, valid, origins = stored.read([])
    assert flow.shape == (0, *GRID, 2) and len(valid) == len(origins) == 0


@pytest.mark.parametrize('frame', [-1, 6])
def test_frames_that_are_not_there(path, frame):
    with pytest.raises(FrameIndexError, match=f'no frame {frame}, it has 6 frames'):
        FlowFile(path).read([0, frame])


def test_from_bytes_and_pickled(path):
    for stored in (
        FlowFile(path.read_bytes(), name='s3://flow'),
        pickle.loads(pickle.dumps(FlowFile(path))),
    ):
        np.testing.assert_array_equal(stored.read([3])[0], FlowFile(path).read([3])[0])
    assert FlowFile(path.read_bytes(), name='s3://flow').path == 's3://flow'


def test_held_flow_takes_no_bytes(tmp_path, flows):
    sizes = []
    for second in (flows[0], flows[1]):
        with FlowWriter(tmp_path / 'a', replace(HEADER, num_frames=2)) as writer:
            writer.write(flows[0])
            writer.write(second)
        sizes.append((tmp_path / 'a').stat().st_size)
    assert sizes[0] < sizes[1] - 500


def test_appears_when_complete(tmp_path, flows):
    path = tmp_path / 'clip.flow'
    with FlowWriter(path, replace(HEADER, num_frames=1)) as writer:
        writer.write(flows[0])
        assert not path.exists()
    before = path.read_bytes()
    with pytest.raises(KeyError), FlowWriter(path, HEADER) as writer:
        writer.write(flows[0])
        raise KeyError
    with pytest.raises(ValueError, match='1 of 6 frames'), FlowWriter(path, HEADER) as writer:
        writer.write(flows[0])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_refuses_to_write(tmp_path, flows):
    header = replace(HEADER, num_frames=1)

    def write(*arguments):
        with FlowWriter(tmp_path / 'a', header) as writer:
            for given in arguments:
                writer.write(*given)

    with pytest.raises(ValueError, match='got .3, 3, 2. for frame 0'):
        write([np.zeros((3, 3, 2), np.float32)])
    with pytest.raises(FlowFileError, match='a: frame 0: flow can be coded up to 4079 px'):
        write([flows[0] * 1e6])
    with pytest.raises(ValueError, match='for frame 1'):
        write([flows[0]], [flows[1]])
    with pytest.raises(ValueError, match='origin must be one of'):
        write([flows[0], True, 'coded'])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'change',
    [
        {'method': 3},
        {'scale': 'half'},
        {'cell': 0},
        {'cell': 2.0},
        {'span': '1'},
        {'num_frames': True},
        {'height': -4},
        {'width': 2**40},
        {'video_sha256': None},
        {'method_options': []},
    ],
)
def test_header_of_other_types(change):
    (name,) = change
    with pytest.raises(ValueError, match=name):
        replace(HEADER, **change)


def test_missing_empty_foreign(tmp_path, path):
    with pytest.raises(FlowFileError, match='cannot be read: No such file') as caught:
        FlowFile(tmp_path / 'nothing.flow')
    assert caught.value.path == str(tmp_path / 'nothing.flow')
    with pytest.raises(FlowFileError, match='cannot be read: Is a directory'):
        FlowFile(tmp_path)
    for data, reason in ((b'', 'no file of flow'), (b'RIFF' * 99, 'no file of flow')):
        with pytest.raises(FlowFileError, match=reason):
            FlowFile(data)
    with pytest.raises(FlowFileError, match='version 2, this is for 1'):
        FlowFile(path.read_bytes()[:8] + b'\2' + path.read_bytes()[9:])


def test_removed_meanwhile(tmp_path, path):
    copy = tmp_path / 'copy'
    copy.write_bytes(path.read_bytes())
    stored = FlowFile(copy)
    copy.unlink()
    with pytest.raises(FlowFileError, match='cannot be read: No such file'):
        stored.read([0])


def test_every_cut_is_noticed(path):
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(FlowFileError):
            FlowFile(data[:length])


def test_every_flipped_bit_is_noticed(path):
    data = path.read_bytes()
    rng = random.Random(0)
    for _ in range(600):
        place = rng.randrange(len(data))
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        with pytest.raises(FlowFileError):
            FlowFile(bytes(changed)).read(range(6))


def test_any_damage_raises_or_changes_nothing(path):
    data = path.read_bytes()
    whole = FlowFile(data).read(range(6))
    rng = random.Random(1)
    for _ in range(400):
        changed = bytearray(data)
        start = rng.choice([rng.randrange(400), rng.randrange(len(data))])
        end = start + rng.choice([1, 2, 4, 30, 1000])
        changed[start:end] = rng.choice([rng.randbytes(end - start), b'', b'\xff' * (end - start)])
        try:
            found = FlowFile(bytes(changed)).read(range(6))
        except FlowFileError:
            continue
        for part, expected in zip(found, whole, strict=True):
            np.testing.assert_array_equal(part, expected)


ENTRY = struct.Struct('<QIIBB')


def forged(header=None, entries=None, frames=b'', count=None, text=None, length=None):
    """A file with a right checksum that lies."""
    header = asdict(HEADER) if header is None else header
    text = json.dumps(header).encode() if text is None else text
    entries = [(24, 0, 0, 0, 1)] * 6 if entries is None else entries
    table = b''.join(ENTRY.pack(*entry) for entry in entries)
    count = len(entries) if count is None else count
    facts = b'SSVRFLOW', 1, len(text) if length is None else length, count
    checksum = zlib.crc32(struct.pack('<8sIIII', *facts, 0) + text + table)
    return struct.pack('<8sIIII', *facts, checksum) + text + table + frames


def test_forged_as_written():
    assert FlowFile(forged()).header == HEADER


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (forged(count=2**32 - 1), 'truncated'),
        (forged(length=2**32 - 1), 'truncated'),
        (forged(length=5000), 'truncated'),
        (forged(text=b' ' * 70000), 'truncated'),
        (forged(entries=[(10**6, 5, 0, 0, 1)] * 6), 'truncated'),
        (forged(entries=[(24, 2**32 - 1, 0, 0, 1)] * 6), 'truncated'),
        (forged(entries=[(2**64 - 4, 9, 0, 0, 1)] * 6), 'truncated'),
        (forged(entries=[(24, 0, 0, 0, 1)] * 5 + [(2**64 - 4, 9, 0, 0, 1)]), 'truncated'),
        (forged(entries=[(24, 0, 0, 0, 1)] * 5 + [(24, 0, 0, 3, 1)]), 'contradicts'),
        (forged(entries=[(24, 0, 0, 0, 1)] * 5), 'contradicts'),
        (forged(text=b'{"method": '), 'damaged'),
        (forged(text=b'[' * 60000), 'damaged'),
        (forged(text=b'[]'), 'damaged'),
        (forged(text=b'{"span": 1}'), 'damaged'),
        (forged(text=b'{"width": ' + b'9' * 9000 + b'}'), 'damaged'),
        (forged(text=b'\xff\xfe'), 'damaged'),
        (forged({**asdict(HEADER), 'more': 1}), 'damaged'),
        (forged({**asdict(HEADER), 'width': 2**31}), 'damaged'),
        (forged({**asdict(HEADER), 'cell': 0}), 'damaged'),
    ],
)
def test_lies_in_the_header(data, reason):
    with pytest.raises(FlowFileError, match=reason):
        FlowFile(data, name='forged')


def test_lies_about_frames():
    with pytest.raises(FlowFileError, match='forged: is damaged at frame 2: not a picture of flow'):
        FlowFile(forged(), name='forged').read([2])
