import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from mmengine.fileio import BaseStorageBackend, register_backend

from ssvrl_mm.datasets.transforms import (
    ChooseStreams,
    DecodeCompressedVideo,
    OpenCompressedVideo,
)
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import CompressedVideoReader, VideoOpenError
from tests.clips import encode, translating


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'a clip.mp4'
    return str(encode(path, translating(24, 2, -1, 60, 84), fps=30))


def test_open_adds_what_sampling_needs(clip):
    results = OpenCompressedVideo()(dict(filename=clip))
    assert results['total_frames'] == 24
    assert results['avg_fps'] == 30
    results['video_reader'].close()


def test_frames_come_in_the_order_asked_for(clip):
    # Two overlapping clips, one of which goes backwards and repeats a frame.
    frame_inds = np.array([[8, 9, 10, 11], [11, 10, 9, 9]])
    results = OpenCompressedVideo()(dict(filename=clip))
    results['frame_inds'] = frame_inds
    results = DecodeCompressedVideo(('rgb', 'motion', 'residual'))(results)
    with CompressedVideoReader(clip) as reader:
        whole = reader.get_frames_at(range(24), streams=('rgb', 'motion', 'residual'))
    assert 'video_reader' not in results
    assert results['img_shape'] == results['original_shape'] == (60, 84)
    assert results['motion'].shape == (8, 8, 11, 2)
    for place, frame in enumerate(frame_inds.ravel()):
        assert (results['imgs'][place] == whole.rgb[frame]).all()
        assert (results['residuals'][place] == whole.residual[frame]).all()
        assert (results['motion'][place] == whole.motion[frame]).all()
        assert (results['motion_valid'][place] == whole.motion_valid[frame]).all()
    median = np.median(results['motion'], axis=(1, 2))
    assert median == pytest.approx(np.tile([2, -1], (8, 1)), abs=0.26)


@pytest.mark.parametrize(
    ('streams', 'keys'), [(('rgb',), {'imgs'}), (('motion',), {'motion', 'motion_valid'})]
)
def test_streams_not_asked_for_are_not_there(clip, streams, keys):
    results = OpenCompressedVideo()(dict(filename=clip, frame_inds=np.array([[0, 1]])))
    results = DecodeCompressedVideo(streams)(results)
    streams = {'imgs', 'motion', 'motion_valid', 'residuals'}
    assert streams & set(results) == keys


def streams_read(clip, own=None, **chosen):
    """What is there after decoding with streams of the step's own and of the dataset's choice."""
    results = ChooseStreams(**chosen)(dict(filename=clip, frame_inds=np.array([[3, 4]])))
    results = OpenCompressedVideo()(results)
    try:
        results = DecodeCompressedVideo(own)(results)
    finally:
        results.pop('video_reader', None)
    return set(results) & {'imgs', 'motion', 'residuals'}


def test_the_dataset_chooses_where_the_step_does_not(clip):
    assert streams_read(clip) == {'imgs', 'motion'}
    assert streams_read(clip, streams=('motion',)) == {'motion'}
    assert streams_read(clip, streams=['residual', 'rgb']) == {'imgs', 'residuals'}
    assert streams_read(clip, ('motion', 'rgb'), streams=('rgb', 'motion')) == {'imgs', 'motion'}


def test_two_choices_that_differ_are_refused(clip):
    message = r"dataset asks for the streams \('motion',\), its pipeline decodes \('rgb',\)"
    with pytest.raises(ValueError, match=message):
        streams_read(clip, ('rgb',), streams=('motion',))
    for wrong in (('depth',), (), 'rgb'):
        with pytest.raises(ValueError, match='streams must be some of'):
            ChooseStreams(wrong)


def test_reader_options_of_the_dataset_count_before_the_step_s(clip):
    def of_the_first_frame(**chosen):
        results = ChooseStreams(**chosen)(dict(filename=clip, frame_inds=np.array([[0]])))
        results = OpenCompressedVideo(iframe_motion='zero')(results)
        return DecodeCompressedVideo(('motion',))(results)['motion']

    assert not of_the_first_frame().any()
    held = of_the_first_frame(reader_options=dict(iframe_motion='hold'))
    assert np.median(held, axis=(0, 1, 2)) == pytest.approx((2, -1), abs=0.26)
    assert not of_the_first_frame().any()


def test_the_reader_is_closed_on_an_error_too(clip, monkeypatch):
    results = OpenCompressedVideo()(dict(filename=clip, frame_inds=np.array([[0, 99]])))
    closed, close = [], CompressedVideoReader.close
    monkeypatch.setattr(
        CompressedVideoReader, 'close', lambda self: (closed.append(self), close(self))[1]
    )
    with pytest.raises(IndexError, match='99'):
        DecodeCompressedVideo()(results)
    assert closed and 'video_reader' not in results


def test_options_reach_the_reader(tmp_path):
    path = str(encode(tmp_path / 'b.mp4', translating(13, 4, 0, 64, 64), gop=6))
    for iframe_motion, expected in (('hold', 4), ('zero', 0)):
        opened = TRANSFORMS.build(dict(type='OpenCompressedVideo', iframe_motion=iframe_motion))
        results = opened(dict(filename=path, frame_inds=np.array([[6]])))
        motion = DecodeCompressedVideo()(results)['motion']
        assert np.median(motion[0, :, 1:, 0]) == pytest.approx(expected, abs=0.3)


def test_errors(tmp_path):
    with pytest.raises(VideoOpenError, match=r'nothing\.mp4'):
        OpenCompressedVideo()(dict(filename=str(tmp_path / 'nothing.mp4')))
    with pytest.raises(ValueError, match='optical'):
        DecodeCompressedVideo(('rgb', 'optical'))


class MemoryBackend(BaseStorageBackend):
    """Serves what a test put in; like real clients it gives views, and None for what it lacks."""

    contents: ClassVar[dict[str, bytes]] = {}

    def get(self, filepath):
        data = self.contents.get(filepath)
        return None if data is None else memoryview(data)

    def get_text(self, filepath, encoding='utf-8'):
        raise NotImplementedError


register_backend('test_memory', MemoryBackend, force=True)


@pytest.fixture
def server(clip):
    """The address of the clip's folder on an HTTP server."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Handler, directory=str(Path(clip).parent))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f'http://127.0.0.1:{running.server_port}'
        running.shutdown()
        thread.join()


def decoded(filename, backend_args=None):
    opened = TRANSFORMS.build(dict(type='OpenCompressedVideo', backend_args=backend_args))
    results = opened(dict(filename=filename, frame_inds=np.array([[3, 20]])))
    assert results['video_reader'].path == filename
    return DecodeCompressedVideo()(results)


def test_files_come_from_backends(clip, server, monkeypatch):
    expected = decoded(clip)
    contents = {'s3://clips/a clip.mp4': Path(clip).read_bytes()}
    monkeypatch.setattr(MemoryBackend, 'contents', contents)
    for filename, backend_args in (
        (clip, dict(backend='local')),
        ('s3://clips/a clip.mp4', dict(backend='test_memory')),
        (f'{server}/a%20clip.mp4', dict(backend='http')),
        (f'{server}/a%20clip.mp4', None),  # its prefix tells
    ):
        results = decoded(filename, backend_args)
        assert results['total_frames'] == expected['total_frames']
        np.testing.assert_array_equal(results['imgs'], expected['imgs'])
        np.testing.assert_array_equal(results['motion'], expected['motion'])


def test_errors_of_backends_name_the_file(clip, server, monkeypatch):
    text = {'s3://clips/text.mp4': b'no video' * 100}
    monkeypatch.setattr(MemoryBackend, 'contents', text)
    for filename, backend_args, reason in (
        (clip + '.gone', dict(backend='local'), 'LocalBackend.*No such file'),
        ('s3://clips/none.mp4', dict(backend='test_memory'), 'MemoryBackend'),
        ('s3://clips/text.mp4', dict(backend='test_memory'), 'cannot be opened'),
        (f'{server}/none.mp4', None, 'HTTPBackend.*404'),
    ):
        with pytest.raises(VideoOpenError, match=reason) as caught:
            decoded(filename, backend_args)
        assert caught.value.path == filename and filename in str(caught.value)
    # That a backend does not exist is no fault of the file.
    with pytest.raises(KeyError, match='nowhere'):
        decoded(clip, dict(backend='nowhere'))
