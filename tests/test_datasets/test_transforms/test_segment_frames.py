import random
from types import SimpleNamespace

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms.segment_frames import SampleSegments
from ssvrl_mm.video import GOPStructureError, VideoTooShortError


def made_up(total, gop=12, streams=None, accumulate=False, has_b=False):
    """A video with an I-frame every ``gop`` frames, that somebody opened."""
    metadata = SimpleNamespace(
        num_frames=total, keyframes=tuple(range(0, total, gop)), has_b_frames=has_b
    )
    reader = SimpleNamespace(path='a.mp4', accumulate=accumulate, metadata=metadata)
    results = dict(total_frames=total, video_reader=reader)
    return results if streams is None else dict(results, streams=streams)


@pytest.mark.parametrize('total', [2, 3, 13, 25, 38, 101])
@pytest.mark.parametrize('segments', [1, 3, 25])
def test_random_frames_are_any_p_frame_of_their_part(total, segments):
    random.seed(0)
    sample = SampleSegments(segments)
    seen = [set() for _ in range(segments)]
    for _ in range(800 if segments <= 3 else 60):
        results = sample(made_up(total))
        frames = results['motion_inds']
        assert frames.shape == (segments, 1) and results['num_clips'] == segments
        assert (frames == results['frame_inds']).all()
        assert (frames % 12 != 0).all() and frames.max() < total
        # The I-frame of the group, the last one at or before the frame.
        iframes = results['iframe_inds']
        assert (iframes % 12 == 0).all()
        # One that was drawn itself is kept, and motion is that of the frame before.
        assert set((frames - iframes).ravel().tolist()) <= {-1, *range(1, 12)}
        for part, frame in zip(seen, frames.ravel().tolist(), strict=True):
            part.add(frame)
    if segments <= 3 <= total:
        # Frame f occupies [f - 1, f) of total - 1; it belongs to every part that it overlaps.
        length = (total - 1) / segments
        for number, part in enumerate(seen):
            frames = {
                f if f % 12 else f - 1
                for f in range(1, total)
                if f > number * length + 1e-9 and f - 1 < (number + 1) * length - 1e-9
            }
            assert part == frames


def test_frames_in_the_middle_of_each_part():
    results = SampleSegments(5, test_mode=True)(made_up(101))
    assert results['motion_inds'].ravel().tolist() == [11, 31, 51, 71, 91]
    assert results['iframe_inds'].ravel().tolist() == [0, 24, 48, 60, 84]
    # 12 and 60 are I-frames.
    results = SampleSegments(1, test_mode=True)(made_up(24))
    assert (results['motion_inds'].item(), results['iframe_inds'].item()) == (11, 12)
    results = SampleSegments(1, gop_size=10, test_mode=True)(made_up(24, 10))
    assert (results['motion_inds'].item(), results['iframe_inds'].item()) == (12, 10)
    assert results['frame_inds'].dtype == results['iframe_inds'].dtype == np.int64


@pytest.mark.parametrize(
    'streams, accumulate, refused',
    [
        (None, False, True),
        (('iframe',), False, True),
        (('motion', 'iframe'), True, True),
        (('motion',), True, True),
        (('residual',), True, True),
        # Flow relates to no I-frame, and motion since the frame before neither.
        (('flow',), True, False),
        (('motion', 'residual'), False, False),
    ],
)
def test_iframes_have_to_be_where_they_are_taken_from(streams, accumulate, refused):
    sample = SampleSegments()
    sample(made_up(100, 12, streams, accumulate))
    for video in (
        made_up(100, 10, streams, accumulate),
        made_up(100, 12, streams, accumulate, has_b=True),
    ):
        if refused:
            command = 'transcode SOURCE TARGET --preset mpeg4-gop12'
            with pytest.raises(GOPStructureError, match=rf'a.mp4: .* of 12 frames .*{command}\)$'):
                sample(video)
        else:
            assert sample(video)['num_clips'] == 3
    if refused:
        with pytest.raises(GOPStructureError, match='mpeg4-gop12 --gop 8'):
            SampleSegments(gop_size=8)(made_up(100, 12, streams, accumulate))


def test_refusals():
    with pytest.raises(ValueError, match='got 0 and 12'):
        SampleSegments(0)
    with pytest.raises(ValueError, match='got 3 and 1'):
        SampleSegments(gop_size=1)
    # Of groups of two every second picture is a P-frame.
    results = SampleSegments(2, gop_size=2, test_mode=True)(made_up(9, 2))
    assert results['motion_inds'].ravel().tolist() == [3, 7]
    reader = SimpleNamespace(path='a.mp4')
    with pytest.raises(VideoTooShortError, match=r'a.mp4.*1 frames, at least 2'):
        SampleSegments()(dict(total_frames=1, video_reader=reader))
    assert repr(SampleSegments()) == (
        'SampleSegments(num_segments=3, gop_size=12, test_mode=False)'
    )
