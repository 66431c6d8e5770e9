"""Files of flow for whole folders: the same whoever writes them, resumable, never half."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, FlowFileError, VideoOpenError
from ssvrl_mm.video.flow_files import FlowFile
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools import flow_extraction
from ssvrl_mm.video.tools.files import VideoFilesError, find_videos
from ssvrl_mm.video.tools.flow_extraction import extract_flow, extract_flow_tree
from tests.clips import encode, translating

LOW = FlowOptions('dis', scale=0.5, cell=2)


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """A folder of videos of several sizes and lengths."""
    folder = tmp_path_factory.mktemp('videos')
    (folder / 'a b').mkdir()
    encode(folder / 'a b' / 'small.avi', translating(7, 1, 1, 24, 30), 'mpeg4')
    encode(folder / 'a b' / 'one.mp4', translating(1, 0, 0, 64, 80))
    encode(folder / 'larger.mp4', translating(12, -2, 1, 96, 120))
    encode(folder / 'odd.mkv', translating(9, 1, 2, 51, 67), pix_fmt='yuv444p')
    return folder


def extract(videos, target, **options):
    given = {'options': LOW, 'workers': 0, 'progress': False, **options}
    return extract_flow_tree(videos, target, find_videos(videos), **given)


def contents(folder):
    files = [path for path in folder.rglob('*') if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_bytes_for_any_number_of_workers(videos, tmp_path):
    found = []
    for workers in (0, 1, 3):
        target = tmp_path / str(workers)
        results = extract(videos, target, workers=workers, options=FlowOptions())
        assert {result.status for result in results} == {'written'}
        found.append(contents(target))
    assert found[0] == found[1] == found[2]
    assert sorted(found[0]) == sorted(f'{name}.flow' for name in find_videos(videos))
    # ... and in another order, in a process that has seen other videos.
    names = find_videos(videos)[::-1]
    extract_flow_tree(videos, tmp_path / 'r', names, FlowOptions(), workers=0, progress=False)
    assert contents(tmp_path / 'r') == found[0]


def test_results_in_figures(videos, tmp_path):
    results = extract(videos, tmp_path)
    facts = {os.path.basename(result.video): result for result in results}
    assert facts['larger.mp4'].num_frames == 12
    assert facts['larger.mp4'].seconds == pytest.approx(12 / 25)
    assert facts['odd.mkv'].target == str(tmp_path / 'odd.mkv.flow')
    for result in results:
        assert result.target_bytes == os.path.getsize(result.target)
    again = extract(videos, tmp_path)
    assert again == [replace(result, status='skipped') for result in results]


def test_header(videos, tmp_path):
    extract_flow(videos / 'odd.mkv', tmp_path / 'x', FlowOptions('farneback', 0.5, 3, -2))
    header = FlowFile(tmp_path / 'x').header
    assert (header.method, header.scale, header.cell, header.span) == ('farneback', 0.5, 3, -2)
    assert (header.num_frames, header.height, header.width) == (9, 51, 67)
    assert header.grid == (17, 23)
    assert header.video_bytes == (videos / 'odd.mkv').stat().st_size
    digest = subprocess.run(['sha256sum', videos / 'odd.mkv'], capture_output=True, check=True)
    assert header.video_sha256 == digest.stdout.split()[0].decode()
    assert f'OpenCV {cv2.__version__}' in header.made_by


@pytest.mark.parametrize('span', [1, 5, -3])
def test_in_pieces(videos, tmp_path, monkeypatch, span):
    options = replace(LOW, span=span)
    sizes = []
    read = CompressedVideoReader.get_frames_at

    def spy(self, indices, *arguments, **more):
        sizes.append(len(indices))
        return read(self, indices, *arguments, **more)

    monkeypatch.setattr(CompressedVideoReader, 'get_frames_at', spy)
    extract_flow(videos / 'larger.mp4', tmp_path / 'whole', options)
    assert sizes == [12]
    for frames in (1, 4):
        sizes.clear()
        monkeypatch.setattr(flow_extraction, '_CHUNK_BYTES', 16 * 96 * 120 * frames)
        extract_flow(videos / 'larger.mp4', tmp_path / 'pieces', options)
        assert sizes == [frames] * (12 // frames)
        assert (tmp_path / 'pieces').read_bytes() == (tmp_path / 'whole').read_bytes()
        (tmp_path / 'pieces').unlink()


def test_threads_of_opencv_are_given_back(videos, tmp_path):
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        extract_flow(videos / 'odd.mkv', tmp_path / 'x')
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_what_fits_is_kept_and_nothing_else(videos, tmp_path):
    extract(videos, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*.flow')}
    (tmp_path / 'odd.mkv.flow').unlink()
    extract(videos, tmp_path, overwrite=True)
    changed = {path for path in times if path.stat().st_mtime_ns != times[path]}
    assert changed == {tmp_path / 'odd.mkv.flow'}


@pytest.mark.parametrize('damage', [b'', b'RIFF' * 50, None])
def test_what_does_not_fit(videos, tmp_path, damage):
    extract(videos, tmp_path)
    fine = contents(tmp_path)
    path = tmp_path / 'odd.mkv.flow'
    if damage is None:
        extract_flow(videos / 'odd.mkv', path, FlowOptions(), overwrite=True)
    else:
        path.write_bytes(damage)
    other = path.read_bytes()
    statuses = {result.target: result for result in extract(videos, tmp_path)}
    failed = statuses.pop(str(path))
    assert failed.status == 'failed' and failed.reason.startswith(f'{path}: exists already and ')
    assert failed.reason.endswith('--overwrite replaces it')
    assert {result.status for result in statuses.values()} == {'skipped'}
    assert path.read_bytes() == other
    written = [r.target for r in extract(videos, tmp_path, overwrite=True) if r.status == 'written']
    assert written == [str(path)]
    assert contents(tmp_path) == fine


def test_another_video_of_the_same_name(tmp_path):
    folder, target = tmp_path / 'videos', tmp_path / 'flow'
    folder.mkdir()
    encode(folder / 'clip.avi', translating(6, 1, 1, 48, 64), 'mpeg4')
    extract(folder, target)
    encode(folder / 'clip.avi', translating(6, 1, 1, 48, 64, seed=9), 'mpeg4')
    (result,) = extract(folder, target)
    assert result.status == 'failed' and 'the video is another one' in result.reason
    (result,) = extract(folder, target, overwrite=True)
    assert result.status == 'written'


def test_bad_videos_do_not_stop_the_rest(videos, tmp_path):
    folder = tmp_path / 'videos'
    folder.mkdir()
    (folder / 'good.mkv').write_bytes((videos / 'odd.mkv').read_bytes())
    (folder / 'bad.avi').write_bytes(b'no video')
    for workers in (0, 2):
        target = tmp_path / str(workers)
        bad, good = extract(folder, target, workers=workers)
        assert (bad.status, good.status) == ('failed', 'written')
        assert bad.reason.startswith(str(folder / 'bad.avi'))
        assert (bad.num_frames, bad.seconds, bad.target_bytes) == (0, 0, 0)
        assert list(contents(target)) == ['good.mkv.flow']
    with pytest.raises(VideoOpenError):
        extract_flow(folder / 'bad.avi', tmp_path / 'x.flow')


def test_frames_that_are_too_small(tmp_path):
    encode(tmp_path / 'tiny.avi', translating(4, 1, 0, 12, 32), 'mpeg4')
    (result,) = extract(tmp_path, tmp_path / 'flow')
    assert 'less than 16 px' in result.reason
    assert not contents(tmp_path / 'flow')


def test_a_place_that_cannot_be_written(videos, tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(FlowFileError, match='cannot be written: (Not a directory|File exists)'):
        extract_flow(videos / 'odd.mkv', tmp_path / 'file' / 'x.flow')


@pytest.mark.parametrize('name', ['../clip.avi', '/clip.avi', 'a/../../clip.avi'])
def test_names_that_lead_elsewhere(tmp_path, name):
    with pytest.raises(VideoFilesError, match='is not a place below'):
        extract_flow_tree(tmp_path, tmp_path / 'out', [name], workers=0, progress=False)


def test_flow_of_a_killed_run(repository, tmp_path):
    folder, target = tmp_path / 'videos', tmp_path / 'flow'
    folder.mkdir()
    clip = encode(folder / '0.avi', translating(40, 2, 1, 192, 256), 'mpeg4')
    for number in range(1, 6):
        (folder / f'{number}.avi').write_bytes(clip.read_bytes())
    tool = repository / 'tools' / 'data' / 'extract_flow.py'
    command = [sys.executable, str(tool), str(folder), '--out', str(target), '--workers', '1']
    environment = {**os.environ, 'PYTHONPATH': str(repository)}
    run = subprocess.Popen([*command, '--quiet'], env=environment, start_new_session=True)
    try:
        _wait_for(lambda: list(target.glob('[0-9].avi.flow')))
        _wait_for(lambda: list(target.glob('.*.partial')))
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    done = {path: path.stat().st_mtime_ns for path in target.glob('[0-9].avi.flow')}
    assert 0 < len(done) < 6
    for path in done:
        assert np.isfinite(FlowFile(path).read(range(40))[0]).all()
    results = extract(folder, target, options=FlowOptions())
    skipped = {result.target for result in results if result.status == 'skipped'}
    assert skipped == {str(path) for path in done}
    assert {path: path.stat().st_mtime_ns for path in done} == done
    found = contents(target)
    assert sorted(found) == [f'{number}.avi.flow' for number in range(6)]
    assert len(set(found.values())) == 1


def _wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
