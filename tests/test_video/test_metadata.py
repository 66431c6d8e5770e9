from ssvrl_mm.video import CompressedVideoReader
from tests.clips import encode, translating


def test_a_batch_shows_a_line_per_stream_and_no_arrays(tmp_path):
    path = encode(tmp_path / 'clip.mp4', translating(6, dx=3, dy=-1, height=48, width=64))
    with CompressedVideoReader(path) as reader:
        shown = repr(reader.get_frames_at([1, 4], streams=('rgb', 'motion'))).splitlines()
        bare = repr(reader.get_frames_at([2], streams=())).splitlines()
    assert shown[0] == 'FrameBatch of 2 frames'
    assert shown[1:3] == ['  indices: int64 (2,)', '  pts_seconds: float64 (2,)']
    assert '  rgb: uint8 (2, 48, 64, 3)' in shown
    assert '  motion: float32 (2, 6, 8, 2)' in shown
    assert '  motion_valid: bool (2, 6, 8)' in shown
    assert [line.partition(':')[0].strip() for line in bare[1:]] == [
        'indices',
        'pts_seconds',
        'frame_types',
        'lost',
    ]
