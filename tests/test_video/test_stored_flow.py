"""Stored flow against the same stream computed on the fly."""

import io
import pickle
import shlex

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, FlowFileError, VideoOpenError
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.motion.raft import RAFT
from ssvrl_mm.video.tools.flow_extraction import extract_flow
from tests.clips import H264_B, encode, translating
from tests.test_video.files import damaged_h264, remux

NUM_FRAMES, VELOCITY, SIZE = 14, (2, -1), (50, 71)
KINDS = {
    'dense': FlowOptions(),
    'low': FlowOptions('dis', scale=0.5, cell=2),
    'ahead': FlowOptions('farneback', span=-2, cell=3),
    'back': FlowOptions('dis', span=3, cell=8),
    'tvl1': FlowOptions('tvl1', scale=0.5, cell=4),
    'too far': FlowOptions('dis', span=99),
}


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    moved = translating(NUM_FRAMES, *VELOCITY, *SIZE)
    return encode(folder / 'clip.mkv', moved, options=H264_B, pix_fmt='yuv444p')


@pytest.fixture(scope='module')
def stored(clip):
    """The file of each kind."""
    files = {}
    for name, options in KINDS.items():
        if name == 'tvl1' and not hasattr(cv2, 'optflow'):
            continue
        files[name] = clip.with_name(f'{name}.flow')
        extract_flow(clip, files[name], options)
    return files


def opened(path, options, **more):
    given = {name: getattr(options, name) for name in ('method', 'scale', 'cell', 'span')}
    return CompressedVideoReader(path, **{f'flow_{k}': v for k, v in given.items()}, **more)


def flow_of(path, options, numbers, **more):
    with opened(path, options, **more) as reader:
        batch = reader.get_frames_at(numbers, ('flow',))
    return batch.flow, batch.flow_valid, batch.flow_origin


@pytest.mark.parametrize('kind', list(KINDS))
def test_is_the_stream_up_to_a_sixteenth(clip, stored, kind):
    if kind not in stored:
        pytest.skip('TV-L1 needs opencv-contrib')
    numbers = [13, 0, 5, 5, 4, 1]
    found = flow_of(clip, KINDS[kind], numbers, flow_file=stored[kind])
    expected = flow_of(clip, KINDS[kind], numbers)
    assert found[0].shape == expected[0].shape and found[0].dtype == np.float32
    assert np.abs(found[0] - expected[0]).max() <= 1 / 16
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[2], expected[2])


def test_is_the_known_motion(clip, stored):
    flow, valid, origins = flow_of(clip, KINDS['ahead'], [5, 6], flow_file=stored['ahead'])
    inner = flow[:, 3:-3, 3:-3]
    np.testing.assert_allclose(np.median(inner, axis=(1, 2)), [(4, -2)] * 2, atol=0.3)
    assert valid.all() and set(origins) == {'estimated'}


def test_slices_of_the_whole(clip, stored):
    with opened(clip, KINDS['low'], flow_file=stored['low']) as reader:
        whole = reader.get_frames_at(range(NUM_FRAMES), ('flow',)).flow
        for numbers in (range(3, 9), [12, 0, 7], [], [2] * 3):
            part = reader.get_frames_at(numbers, ('flow',)).flow
            np.testing.assert_array_equal(part, whole[list(numbers)])


def test_beside_other_streams(clip, stored):
    options = KINDS['low']
    both = dict(streams=('rgb', 'motion', 'flow'), motion_indices=[1, 9])
    with opened(clip, options, flow_file=stored['low']) as reader:
        batch = reader.get_frames_at([3, 4, 5], **both)
    with CompressedVideoReader(clip) as reader:
        plain = reader.get_frames_at([3, 4, 5], ('rgb', 'motion'), motion_indices=[1, 9])
    np.testing.assert_array_equal(batch.rgb, plain.rgb)
    np.testing.assert_array_equal(batch.motion, plain.motion)
    expected = flow_of(clip, options, [1, 9], flow_file=stored['low'])[0]
    np.testing.assert_array_equal(batch.flow, expected)


def test_nothing_is_decoded_or_computed(clip, stored, monkeypatch):
    monkeypatch.setattr('ssvrl_mm.video.flow_stream.FlowEstimator', None)
    with opened(clip, KINDS['dense'], flow_file=stored['dense']) as reader:
        assert reader.metadata.width == SIZE[1]  # decodes a frame, for the orientation
        monkeypatch.setattr(reader._fetcher.decoder, '_feed_next', None)
        assert reader.get_frames_at([7], ('flow',)).flow.any()


def test_does_not_need_contrib(clip, stored, monkeypatch):
    if 'tvl1' not in stored:
        pytest.skip('TV-L1 needs opencv-contrib')
    monkeypatch.delattr(cv2, 'optflow')
    assert flow_of(clip, KINDS['tvl1'], [3], flow_file=stored['tvl1'])[0].any()
    with pytest.raises(ImportError, match='opencv-contrib-python'):
        CompressedVideoReader(clip, flow_method='tvl1')


def test_from_bytes(clip, stored):
    given = {'flow_file': stored['low'].read_bytes()}
    found = flow_of(clip.read_bytes(), KINDS['low'], [5], **given)[0]
    expected = flow_of(clip, KINDS['low'], [5], flow_file=stored['low'])[0]
    np.testing.assert_array_equal(found, expected)
    changed = clip.read_bytes() + b' '
    with pytest.raises(FlowFileError, match='<flow of .*bytes>>: holds other flow'):
        flow_of(changed, KINDS['low'], [5], **given)
    with pytest.raises(VideoOpenError, match='give its path'):
        flow_of(io.BytesIO(clip.read_bytes()), KINDS['low'], [5], **given)


def test_pickled_and_reopened(clip, stored):
    with opened(clip, KINDS['low'], flow_file=stored['low']) as reader:
        first = reader.get_frames_at([5], ('flow',)).flow
        data = pickle.dumps(reader)
    assert len(data) < 3000
    with pickle.loads(data) as copy:
        np.testing.assert_array_equal(copy.get_frames_at([5], ('flow',)).flow, first)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(flow_method='farneback'), "method is 'dis', not 'farneback'"),
        (dict(flow_scale=1.0), 'scale is 0.5, not 1.0'),
        (dict(flow_cell=4), 'cell is 2, not 4'),
        (dict(flow_span=-1), 'span is 1, not -1'),
    ],
)
def test_other_options(clip, stored, change, words):
    options = dict(flow_method='dis', flow_scale=0.5, flow_cell=2, flow_file=stored['low'])
    with CompressedVideoReader(clip, **{**options, **change}) as reader:
        assert reader.get_frames_at([1], ('rgb',)).rgb is not None  # nobody asks for flow
        with pytest.raises(FlowFileError) as caught:
            reader.get_frames_at([1], ('flow',))
    assert caught.value.path == str(stored['low'])
    assert words in caught.value.reason and 'the video' not in caught.value.reason
    assert 'python tools/data/extract_flow.py' in caught.value.reason
    assert caught.value.reason.endswith(' --overwrite` makes it anew')


def test_another_video(clip, stored, tmp_path):
    # The same frames, size and options.
    other = tmp_path / 'clip.mkv'
    data = bytearray(clip.read_bytes())
    data[-10] ^= 1
    other.write_bytes(data)
    with pytest.raises(FlowFileError, match='another one, or has changed .video_sha256'):
        flow_of(other, KINDS['low'], [1], flow_file=stored['low'])
    other.write_bytes(clip.read_bytes())
    assert flow_of(other, KINDS['low'], [1], flow_file=stored['low'])[0].any()
    longer = encode(tmp_path / 'longer.mkv', translating(15, 1, 1, *SIZE), pix_fmt='yuv444p')
    with pytest.raises(FlowFileError, match='another one, or has changed .video_bytes'):
        flow_of(longer, KINDS['low'], [1], flow_file=stored['low'])


def test_missing_or_damaged(clip, tmp_path):
    path = tmp_path / 'low here.flow'
    with pytest.raises(FlowFileError, match='cannot be read: No such file') as caught:
        flow_of(clip, KINDS['low'], [1], flow_file=path)
    given = '--method dis --scale 0.5 --cell 2 --span 1'
    command = shlex.join([str(clip), '--out', str(tmp_path), *given.split()])
    assert command in caught.value.reason
    path.write_bytes(b'RIFF' * 100)
    with pytest.raises(FlowFileError, match='no file of flow'):
        flow_of(clip, KINDS['low'], [1], flow_file=path)


def test_options_that_are_not_stored(clip, tmp_path):
    with pytest.raises(ValueError, match="'vectors' is not stored"):
        CompressedVideoReader(clip, flow_method='vectors', flow_file='x.flow')
    with pytest.raises(ValueError, match="'raft', expected one of"):
        CompressedVideoReader(clip, flow_method='raft')
    with pytest.raises(ValueError, match="flow_method='raft' does not go"):
        CompressedVideoReader(clip, 'estimate', flow_method='raft', flow_file='x.flow')
    for method in ('vectors', lambda image, other: image[..., :2] * 0.0):
        with pytest.raises(ValueError, match='cannot be stored'):
            extract_flow(clip, tmp_path / 'x.flow', FlowOptions(method))
    assert not list(tmp_path.iterdir())


class Constant:
    """A method that describes itself."""

    def __init__(self, value):
        self.value = value

    def __call__(self, image, other):
        return np.full((*image.shape[:2], 2), self.value, np.float32)

    def describe(self):
        return {'method': 'constant', 'value': self.value}


def test_methods_that_describe_themselves(clip, tmp_path):
    path = tmp_path / 'x.flow'
    extract_flow(clip, path, FlowOptions(Constant(5)))
    assert (flow_of(clip, FlowOptions(Constant(5)), [3], flow_file=path)[0] == -5).all()
    with pytest.raises(FlowFileError, match="method_options is {'value': 5}, not {'value': 6}"):
        flow_of(clip, FlowOptions(Constant(6)), [3], flow_file=path)


def test_raft_is_known_by_its_weights(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(RAFT, '__call__', lambda self, image, other: Constant(3)(image, other))
    weights = tmp_path / 'weights.pth'
    weights.write_bytes(b'abc')
    path = tmp_path / 'x.flow'
    extract_flow(clip, path, FlowOptions(RAFT(weights)))
    by_name = FlowOptions('raft', file=path)
    for options in (FlowOptions(RAFT(weights)), by_name):
        assert (flow_of(clip, options, [3], flow_file=path)[0] == -3).all()
    with pytest.raises(FlowFileError, match="'num_updates': 12"):
        flow_of(clip, FlowOptions(RAFT(weights, num_updates=20)), [3], flow_file=path)
    weights.write_bytes(b'other')
    with pytest.raises(FlowFileError, match='weights_sha256'):
        flow_of(clip, FlowOptions(RAFT(weights)), [3], flow_file=path)


def test_turned_video(tmp_path):
    """Flow is stored as frames are displayed."""
    plain = encode(tmp_path / 'plain.mp4', translating(8, 3, 1, 48, 64))

    def quarter_turn(stream):
        stream.set_display_matrix([0, 2**16, 0, -(2**16), 0, 0, 0, 0, 2**30])

    path = remux(plain, tmp_path / 'turned.mp4', quarter_turn)
    extract_flow(path, tmp_path / 'x.flow', FlowOptions(cell=3))
    found = flow_of(path, FlowOptions(cell=3), range(8), flow_file=tmp_path / 'x.flow')[0]
    assert found.shape == (8, 22, 16, 2)
    assert np.abs(found - flow_of(path, FlowOptions(cell=3), range(8))[0]).max() <= 1 / 16


def test_lost_frames(tmp_path):
    frames = translating(NUM_FRAMES, *VELOCITY, 96, 128)
    path = damaged_h264(tmp_path, frames, 6)
    options = FlowOptions('dis', cell=4)
    file = tmp_path / 'lost.flow'
    extract_flow(path, file, options)
    numbers = range(4, 9)
    found = flow_of(path, options, numbers, flow_file=file)
    expected = flow_of(path, options, numbers)
    assert np.abs(found[0] - expected[0]).max() <= 1 / 16
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[2], expected[2])
    assert found[2][2] == 'held'
