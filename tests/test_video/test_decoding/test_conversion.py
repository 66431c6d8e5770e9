"""Colour spaces that FFmpeg does not convert, and what is said of them."""

import subprocess
import sys
import warnings

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding import conversion
from ssvrl_mm.video.tools.transcode import transcode_video
from tests.clips import H264, encode, translating


@pytest.fixture(scope='module')
def frames():
    return translating(24, dx=2, dy=1, height=80, width=112)


@pytest.fixture
def first_notice():
    """As in a process that has seen no file yet."""
    conversion.NOTICES.conclude()
    yield
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        conversion.NOTICES.conclude()


def tagged(source, target, matrix):
    """The same pictures in another colour space: x264 does not always code them alike."""
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        retag = BitStreamFilterContext(
            f'h264_metadata=matrix_coefficients={matrix}', old.streams.video[0], stream
        )
        for packet in old.demux(video=0):
            for changed in retag.filter(packet if packet.size else None):
                changed.stream = stream
                new.mux(changed)
    return target


def test_constant_luminance(tmp_path, frames, first_notice):
    options = {**H264, 'x264-params': 'colormatrix=bt2020nc'}
    same = encode(tmp_path / 'not.mp4', frames[:3], options=options)
    path = tagged(same, tmp_path / 'constant.mp4', matrix=10)
    with CompressedVideoReader(path) as reader:
        with pytest.warns(UserWarning, match='constant luminance'):
            batch = reader.get_frames_at([0, 1])
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            reader.get_frames_at([2])
    with CompressedVideoReader(same) as reader:
        np.testing.assert_array_equal(batch.rgb, reader.get_frames_at([0, 1]).rgb)


def test_many_files_with_one_colour_space_warn_of_the_first_and_count_the_others(tmp_path, frames):
    options = {**H264, 'x264-params': 'colormatrix=bt2020c'}
    paths = [encode(tmp_path / f'{i}.mp4', frames[:2], options=options) for i in range(3)]
    program = (
        'import sys; from ssvrl_mm.video import CompressedVideoReader\n'
        'for path in sys.argv[1:]: CompressedVideoReader(path).get_frames_at([0, 1])'
    )
    process = subprocess.run(
        [sys.executable, '-c', program, *map(str, paths + paths)], capture_output=True, text=True
    )
    # The first file by its name, the others by their number, whatever how often each is opened.
    first, last = (line for line in process.stderr.splitlines() if 'UserWarning' in line)
    assert process.returncode == 0
    assert f'UserWarning: {paths[0]}: FFmpeg cannot convert BT.2020 with constant' in first
    assert f'UserWarning: 2 other files than {paths[0]}: FFmpeg cannot convert' in last


def test_a_process_of_its_own_counts_its_own_files(tmp_path, frames):
    """Loaders fork their workers, and these end without `atexit`."""
    options = {**H264, 'x264-params': 'colormatrix=bt2020c'}
    paths = [encode(tmp_path / f'{i}.mp4', frames[:2], options=options) for i in range(3)]
    program = (
        'import sys, multiprocessing as mp; from ssvrl_mm.video import CompressedVideoReader\n'
        'def read(paths):\n'
        '    for path in paths: CompressedVideoReader(path).get_frames_at([0, 1])\n'
        'read(sys.argv[1:2])\n'
        'worker = mp.get_context("fork").Process(target=read, args=(sys.argv[2:],))\n'
        'worker.start(); worker.join(); sys.exit(worker.exitcode)'
    )
    process = subprocess.run(
        [sys.executable, '-c', program, *map(str, paths)], capture_output=True, text=True
    )
    said = [line.partition('UserWarning: ')[2] for line in process.stderr.splitlines()]
    said = [text for text in said if text]
    assert process.returncode == 0 and len(said) == 3
    assert said[0].startswith(f'{paths[0]}: ') and said[1].startswith(f'{paths[1]}: ')
    assert said[2].startswith(f'1 other files than {paths[1]}: ')


@pytest.mark.parametrize('colormatrix', ['YCgCo', 'smpte2085', 'chroma-derived-nc', 'ICtCp'])
def test_colour_spaces_without_conversion(tmp_path, frames, colormatrix, first_notice):
    """What FFmpeg cannot convert is read as if nothing were said of it."""
    options = {**H264, 'x264-params': f'colormatrix={colormatrix}'}
    path = encode(tmp_path / 'tagged.mp4', frames[:3], options=options)
    same = encode(tmp_path / 'plain.mp4', frames[:3])
    with CompressedVideoReader(path) as reader:
        with pytest.warns(UserWarning, match='FFmpeg cannot convert'):
            batch = reader.get_frames_at([0, 2])
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            reader.get_frames_at([1])
    with CompressedVideoReader(same) as reader:
        np.testing.assert_array_equal(batch.rgb, reader.get_frames_at([0, 2]).rgb)
    assert transcode_video(path, tmp_path / 'again.mp4').num_frames == 3
