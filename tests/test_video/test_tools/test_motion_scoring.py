"""Scores of videos in files: the same whoever writes them, resumable, never half."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, MotionUnavailableError, ScoreFileError
from ssvrl_mm.video.flow_files import FlowFile
from ssvrl_mm.video.motion.differential import MotionDifferential
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.motion_score_files import read_scores
from ssvrl_mm.video.tools import motion_scoring
from ssvrl_mm.video.tools.files import find_videos
from ssvrl_mm.video.tools.flow_extraction import extract_flow_tree
from ssvrl_mm.video.tools.motion_scoring import score_motion, score_motion_tree
from tests.clips import H264_B, encode, translating

VECTORS = FlowOptions('vectors', span=3)


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """A folder of videos of several sizes and lengths."""
    folder = tmp_path_factory.mktemp('videos')
    (folder / 'a b').mkdir()
    encode(folder / 'a b' / 'small.avi', translating(9, 1, 1, 24, 30), 'mpeg4')
    encode(folder / 'a b' / 'one.mp4', translating(1, 0, 0, 64, 80))
    encode(folder / 'larger.mp4', translating(20, -2, 1, 96, 120), options=H264_B)
    encode(folder / 'odd.mkv', translating(13, 1, 2, 51, 67), 'mpeg4', gop=5)
    return folder


def score(videos, target, **options):
    given = {'options': VECTORS, 'workers': 0, 'progress': False, **options}
    return score_motion_tree(videos, target, find_videos(videos), **given)


def contents(folder):
    files = [path for path in folder.rglob('*') if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_bytes_for_any_number_of_workers(videos, tmp_path):
    found = []
    for workers in (0, 1, 3):
        target = tmp_path / str(workers)
        results = score(videos, target, workers=workers)
        assert {result.status for result in results} == {'written'}
        found.append(contents(target))
    assert found[0] == found[1] == found[2]
    assert sorted(found[0]) == sorted(f'{name}.scores' for name in find_videos(videos))
    again = score(videos, target)
    assert again == [replace(result, status='skipped') for result in results]


@pytest.mark.parametrize('span', [3, -3])
@pytest.mark.parametrize('method', ['vectors', 'dis'])
def test_values_and_header(videos, tmp_path, method, span):
    video, target = videos / 'larger.mp4', tmp_path / 'x'
    options = FlowOptions(method, cell=4, span=span)
    result = score_motion(video, target, options=options, distance=2, weight='max')
    assert (result.num_frames, result.target_bytes) == (20, target.stat().st_size)
    scores = read_scores(target)
    header = scores.header
    assert (header.method, header.cell, header.span) == (method, 4, span)
    assert (header.distance, header.weight, header.num_frames) == (2, 'max', 20)
    assert (header.height, header.width, header.video_bytes) == (96, 120, video.stat().st_size)
    digest = subprocess.run(['sha256sum', video], capture_output=True, check=True)
    assert header.video_sha256 == digest.stdout.split()[0].decode()
    # Time t is where the motion begins: frames 0..16 are 3 frames before another one.
    given = dict(flow_method=method, flow_cell=4, flow_span=span)
    with CompressedVideoReader(video, **given) as reader:
        flow = reader.get_frames_at([t + max(span, 0) for t in range(17)], ('flow',)).flow
    differential = MotionDifferential((96, 120), 4, 2, 'max')
    differential.add(flow)
    for place, name in enumerate(('w', 'd', 'dw')):
        expected = np.append(differential.values[:, place], [np.nan] * 3)
        np.testing.assert_array_equal(scores.values[name], expected)
        assert np.isfinite(scores.values[name]).sum() == (17 if name == 'w' else 15)


def test_defaults(videos, tmp_path):
    score_motion(videos / 'larger.mp4', tmp_path / 'x')
    header = read_scores(tmp_path / 'x').header
    assert (header.method, header.span, header.distance, header.cell) == ('vectors', 8, 8, 8)
    assert header.weight == 'softmax'


@pytest.mark.parametrize('options', [VECTORS, FlowOptions('dis', span=3)])
def test_in_pieces(videos, tmp_path, monkeypatch, options):
    score_motion(videos / 'larger.mp4', tmp_path / 'whole', options=options)
    sizes = []
    read = CompressedVideoReader.get_frames_at

    def spy(self, indices, *arguments, **more):
        sizes.append(len(indices))
        return read(self, indices, *arguments, **more)

    monkeypatch.setattr(CompressedVideoReader, 'get_frames_at', spy)
    pixels = 16 * 96 * 120 if options.method == 'dis' else 64 * 12 * 15
    monkeypatch.setattr(motion_scoring, '_CHUNK_BYTES', 4 * pixels)
    score_motion(videos / 'larger.mp4', tmp_path / 'pieces', options=options)
    assert sizes == [0, 4, 4, 4, 4, 1]
    assert (tmp_path / 'pieces').read_bytes() == (tmp_path / 'whole').read_bytes()


def test_stored_flow(videos, tmp_path):
    names = find_videos(videos)
    options = FlowOptions('dis', scale=0.5, cell=2, span=3)
    extract_flow_tree(videos, tmp_path / 'flow', names, options, workers=0, progress=False)
    results = score(videos, tmp_path / 'scores', options=options, flow_root=tmp_path / 'flow')
    assert {result.status for result in results} == {'written'}
    stored = read_scores(tmp_path / 'scores/larger.mp4.scores')
    flow = FlowFile(tmp_path / 'flow/larger.mp4.flow').read(range(3, 20))[0]
    differential = MotionDifferential((96, 120), 2, 3)
    differential.add(flow)
    np.testing.assert_array_equal(stored.values['dw'][:17], differential.values[:, 2])
    score_motion(videos / 'larger.mp4', tmp_path / 'x', options=options)
    assert stored.header == read_scores(tmp_path / 'x').header
    (tmp_path / 'flow/larger.mp4.flow').unlink()
    (tmp_path / 'scores/larger.mp4.scores').unlink()
    results = score(videos, tmp_path / 'scores', options=options, flow_root=tmp_path / 'flow')
    (failed,) = [result for result in results if result.status == 'failed']
    assert 'larger.mp4.flow: cannot be read' in failed.reason
    assert 'tools/data/extract_flow.py' in failed.reason


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(options=FlowOptions('vectors', span=2)), 'span is 3, not 2'),
        (dict(options=FlowOptions('dis', span=3)), "method is 'vectors', not 'dis'"),
        (dict(distance=1), 'distance is 3, not 1'),
        (dict(weight='max'), "weight is 'softmax', not 'max'"),
    ],
)
def test_stale_files_are_told(videos, tmp_path, options, words):
    score(videos, tmp_path)
    before = contents(tmp_path)
    for result in score(videos, tmp_path, **options):
        assert result.status == 'failed' and words in result.reason
        assert result.reason.startswith(f'{result.target}: exists already and holds something else')
        assert result.reason.endswith('--overwrite replaces it')
    assert contents(tmp_path) == before
    assert {r.status for r in score(videos, tmp_path, overwrite=True, **options)} == {'written'}


def test_another_video_and_damage(tmp_path):
    folder, target = tmp_path / 'videos', tmp_path / 'scores'
    folder.mkdir()
    clip = encode(folder / 'clip.avi', translating(8, 1, 1, 48, 64), 'mpeg4')
    score(folder, target)
    encode(clip, translating(8, 1, 1, 48, 64, seed=9), 'mpeg4')
    (result,) = score(folder, target)
    assert result.status == 'failed' and 'the video is another one' in result.reason
    (target / 'clip.avi.scores').write_bytes(b'RIFF')
    with pytest.raises(ScoreFileError, match='is no file of motion scores; --overwrite'):
        score_motion(clip, target / 'clip.avi.scores', options=VECTORS)
    (result,) = score(folder, target, overwrite=True)
    assert result.status == 'written'
    encode(folder / 'bad.webm', translating(8, 1, 1, 48, 64), 'libvpx')
    (folder / 'broken.avi').write_bytes(b'no video')
    webm, broken, good = score(folder, target)
    assert (webm.status, broken.status, good.status) == ('failed', 'failed', 'skipped')
    assert 'does not export the motion vectors of vp8' in webm.reason
    with pytest.raises(MotionUnavailableError):
        score_motion(folder / 'bad.webm', target / 'x')
    with pytest.raises(ScoreFileError, match='cannot be written'):
        score_motion(clip, clip / 'x.scores')
    assert sorted(contents(target)) == ['clip.avi.scores']


def test_fewer_than_no_workers(videos, tmp_path):
    with pytest.raises(ValueError, match='workers must be 0 or more, got -3'):
        score(videos, tmp_path, workers=-3)


def test_scores_of_a_killed_run(repository, tmp_path):
    folder, target = tmp_path / 'videos', tmp_path / 'scores'
    folder.mkdir()
    clip = encode(folder / '00.avi', translating(40, 2, 1, 192, 256), 'mpeg4')
    for number in range(1, 60):
        (folder / f'{number:02d}.avi').write_bytes(clip.read_bytes())
    tool = repository / 'tools' / 'data' / 'score_motion.py'
    command = [sys.executable, str(tool), str(folder), '--out', str(target), '--workers', '1']
    environment = {**os.environ, 'PYTHONPATH': str(repository)}
    run = subprocess.Popen([*command, '--quiet'], env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while len(list(target.glob('[0-9]*.scores'))) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    done = {path: path.stat().st_mtime_ns for path in target.glob('[0-9]*.scores')}
    assert 3 <= len(done) < 60
    for path in done:
        read_scores(path)
    results = score(folder, target, options=None)
    skipped = {result.target for result in results if result.status == 'skipped'}
    assert skipped == {str(path) for path in done}
    assert {path: path.stat().st_mtime_ns for path in done} == done
    found = contents(target)
    assert len(found) == 60 and len(set(found.values())) == 1
