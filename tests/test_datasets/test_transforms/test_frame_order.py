import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import DisorderFrames


def clips():
    frames = np.stack([np.arange(0, 32, 4), np.arange(7, 39, 4)])
    return dict(frame_inds=frames, motion_inds=frames + 4)


def test_shuffled_clips_have_their_frames_and_flow_goes_with_them():
    given, found = clips(), DisorderFrames('shuffled')(clips())
    for before, after in zip(given['frame_inds'], found['frame_inds'], strict=True):
        assert sorted(after) == before.tolist() and after.tolist() != before.tolist()
    assert (found['motion_inds'] == found['frame_inds'] + 4).all()
    # One clip is not the other's pattern, and each has always its own.
    orders = [np.argsort(clip).tolist() for clip in found['frame_inds']]
    assert orders[0] != orders[1]
    again = DisorderFrames('shuffled')(clips())
    assert all((again[key] == found[key]).all() for key in given)


def order(**video):
    found = DisorderFrames('shuffled')(clips() | video)
    return [np.argsort(clip).tolist() for clip in found['frame_inds']]


def test_each_video_has_an_order_of_its_own():
    # As query and gallery may have them: the same frames, and the same number in their lists.
    first = order(filename='data/test/a.avi', video_root='data', video_id=0)
    second = order(filename='data/train/a.avi', video_root='data', video_id=0)
    assert first[0] != second[0] and first[1] != second[1]
    # Wherever the videos are kept.
    assert order(filename='/disk/data/test/a.avi', video_root='/disk/data', video_id=7) == first
    assert order(filename='s3://a.avi', video_root='s3://') != order(filename='s3://b.avi')
    many = {str(order(filename=f'{number}.avi')) for number in range(50)}
    assert len(many) == 50


@pytest.mark.parametrize('key', ['imgs', 'motion', 'flow', 'residuals', 'iframes'])
def test_behind_the_decoder_it_refuses(key):
    with pytest.raises(ValueError, match=f"{key}'. are decoded already: .*stands before Decode"):
        DisorderFrames('shuffled')(clips() | {key: []})


def test_every_order_but_their_own_may_come():
    frames = np.arange(60)[:, None] * 10 + np.arange(3)
    found = DisorderFrames('shuffled')(dict(frame_inds=frames))['frame_inds']
    orders = {tuple(clip) for clip in (found % 10).tolist()}
    assert orders == {(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)}


def test_two_frames_are_exchanged_and_one_stays():
    for start in range(20):
        two = DisorderFrames('shuffled')(dict(frame_inds=np.array([[start, start + 1]])))
        assert two['frame_inds'].tolist() == [[start + 1, start]]
    assert DisorderFrames('shuffled')(dict(frame_inds=np.array([[3]])))['frame_inds'] == [[3]]


def test_a_single_frame_is_the_one_in_the_middle():
    found = DisorderFrames('single')(clips())
    assert found['frame_inds'].tolist() == [[16] * 8, [23] * 8]
    assert found['motion_inds'].tolist() == [[20] * 8, [27] * 8]


def test_segments_show_their_first_frame():
    frames = np.arange(16).reshape(2, 8)
    lengths = np.array([[3, 5], [-1, -1]])
    results = dict(frame_inds=frames, motion_inds=frames + 1, segment_lengths=lengths)
    found = DisorderFrames('first_of_segments')(results)
    assert found['frame_inds'].tolist() == [[0, 0, 0, 3, 3, 3, 3, 3], [*range(8, 16)]]
    assert (found['motion_inds'] == found['frame_inds'] + 1).all()
    with pytest.raises(ValueError, match='needs segment_lengths: .*behind SampleShuffledSegments'):
        DisorderFrames('first_of_segments')(clips())


def test_arguments():
    with pytest.raises(ValueError, match="must be one of .*'shuffled'"):
        DisorderFrames('reversed')
    results = clips()
    results['motion_inds'] = results['motion_inds'][:, :4]
    with pytest.raises(ValueError, match=r'clips \(V, T\) alike in all streams'):
        DisorderFrames('single')(results)
    assert repr(DisorderFrames('single')) == "DisorderFrames(order='single')"
