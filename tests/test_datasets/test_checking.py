"""Which videos of a list are left out, and why."""

from ssvrl_mm.datasets import find_bad_videos
from tests.clips import encode, translating


def test_bad_videos_are_named_with_their_cause(tmp_path):
    good = encode(tmp_path / 'good.mp4', translating(4, 1, 0, 32, 32))
    empty, text = tmp_path / 'empty.mp4', tmp_path / 'text.mp4'
    empty.touch()
    text.write_text('not a video')
    bad = find_bad_videos([good, empty, text, str(tmp_path / 'none.mp4')], progress=False)
    assert list(bad) == [str(empty), str(text), str(tmp_path / 'none.mp4')]
    assert 'cannot be opened as a video' in bad[str(empty)]
    assert 'No such file' in bad[str(tmp_path / 'none.mp4')]
