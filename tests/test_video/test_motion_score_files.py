"""Files of motion scores: what comes back, and what becomes of damage."""

import json
import struct
import zlib
from dataclasses import asdict, replace

import numpy as np
import pytest

from ssvrl_mm.video import ScoreFileError
from ssvrl_mm.video.motion_score_files import ScoreHeader, read_scores, write_scores

HEADER = ScoreHeader(
    method='raft',
    method_options={'updates': 12},
    scale=0.5,
    cell=2,
    span=-3,
    distance=2,
    weight='max',
    num_frames=10,
    height=21,
    width=30,
    video_bytes=1234,
    video_sha256='0f' * 32,
)


@pytest.fixture
def values():
    scores = np.random.default_rng(0).random((7, 3)).astype(np.float32)
    scores[5:, 1:] = np.nan
    scores[3] = 0  # as of a video that stands still
    return scores


@pytest.fixture
def path(tmp_path, values):
    write_scores(tmp_path / 'a.avi.scores', HEADER, values)
    return tmp_path / 'a.avi.scores'


def test_comes_back(path, values):
    scores = read_scores(path)
    assert scores.header == HEADER and scores.path == str(path)
    assert list(scores.values) == ['w', 'd', 'dw']
    for place, column in enumerate(scores.values.values()):
        assert column.shape == (10,)
        np.testing.assert_array_equal(column[:7], values[:, place])
        assert np.isnan(column[7:]).all()
    assert path.stat().st_size < 600
    assert [entry.name for entry in path.parent.iterdir()] == ['a.avi.scores']
    stored = read_scores(path.read_bytes(), 's3://a.scores')
    assert stored.path == 's3://a.scores' and stored.header == HEADER


def test_of_a_video_shorter_than_the_span(tmp_path):
    header = replace(HEADER, num_frames=2)
    write_scores(tmp_path / 'a', header, np.empty((0, 3), np.float32))
    assert np.isnan(read_scores(tmp_path / 'a').values['w']).all()


def test_every_flipped_bit_is_noticed(path):
    data = path.read_bytes()
    for place in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(ScoreFileError):
            read_scores(bytes(damaged))


def test_every_truncation_is_noticed(path):
    data = path.read_bytes()
    for length in range(len(data)):
        with pytest.raises(ScoreFileError, match=r'^x: is (truncated|no file of motion scores)'):
            read_scores(data[:length], 'x')


def packed(header, table, version=1):
    text = json.dumps(header).encode()
    start = b'SSVRSCOR', version, len(text), len(table)
    begin = struct.Struct('<8sIIII')
    rows = np.asarray(table, '<f4').tobytes()
    checksum = zlib.crc32(rows, zlib.crc32(text, zlib.crc32(begin.pack(*start, 0))))
    return begin.pack(*start, checksum) + text + rows


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(weight='mean'), "no scores have weight 'mean', distance 2 and span -3"),
        (dict(distance=0), 'distance 0'),
        (dict(span=0), 'span 0'),
        (dict(distance='2'), 'distance of stored flow cannot be'),
        (dict(distance=True), 'distance of stored flow cannot be True'),
        (dict(num_frames=9), 'contradicts itself'),
        (dict(num_frames=0), 'num_frames of stored flow cannot be 0'),
        (dict(unknown=1), 'unexpected keyword argument'),
        (dict(span=-4), "no video has such scores 'w'"),
        (dict(distance=3), "no video has such scores 'd'"),
        (dict(distance=1), "no video has such scores 'd'"),
    ],
)
def test_headers_that_cannot_be(path, values, changes, words):
    table = np.full((10, 3), np.nan, np.float32)
    table[:7] = values
    read_scores(packed(asdict(HEADER), table))
    with pytest.raises(ScoreFileError, match=f'is damaged: .*{words}'):
        read_scores(packed(asdict(HEADER) | changes, table))


@pytest.mark.parametrize('wrong', [-1, np.inf, np.nan])
def test_scores_that_cannot_be(tmp_path, values, wrong):
    values[2, 2] = wrong
    with pytest.raises(ScoreFileError, match="a: .*no video has such scores 'dw'"):
        write_scores(tmp_path / 'a', HEADER, values)
    assert not list(tmp_path.iterdir())


def test_other_files(tmp_path, path, values):
    table = np.full((10, 3), np.nan, np.float32)
    table[:7] = values
    with pytest.raises(ScoreFileError, match='is of version 2, this is for 1'):
        read_scores(packed(asdict(HEADER), table, version=2))
    with pytest.raises(ScoreFileError, match=r'^x: is no file of motion scores'):
        read_scores(b'SSVRFLOW' + path.read_bytes()[8:], 'x')
    with pytest.raises(ScoreFileError, match='nowhere: cannot be read: No such file'):
        read_scores(tmp_path / 'nowhere')
    with pytest.raises(ScoreFileError, match='cannot be read: Is a directory'):
        read_scores(tmp_path)
    # Frames that the file cannot hold are not even tried.
    many = struct.pack('<8sIIII', b'SSVRSCOR', 1, 10, 2**32 - 1, 0)
    with pytest.raises(ScoreFileError, match='is truncated'):
        read_scores(many + bytes(100))
