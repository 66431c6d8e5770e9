"""What counts as a video is found out by opening it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssvrl_mm.viewer.checking import Limits, check_upload, open_video
from ssvrl_mm.viewer.errors import ViewerError
from tests.clips import encode, translating


def refused(file, limits=None):
    with pytest.raises(ViewerError) as error:
        check_upload(file, 'x.mp4', limits or Limits())
    assert str(file.parent) not in str(error.value)
    return error.value.status, str(error.value)


@pytest.mark.parametrize('suffix', ['mp4', 'avi', 'txt', 'mkv'])
def test_text_is_no_video_whatever_its_suffix(tmp_path, suffix):
    file = tmp_path / f'notes.{suffix}'
    file.write_text('these are notes\n' * 50)
    status, said = refused(file)
    assert status == 415 and said.startswith('x.mp4') and 'video' in said


def test_a_video_is_one_whatever_its_suffix(place, tmp_path):
    file = tmp_path / 'video.txt'
    file.write_bytes((place / 'shown/right.mp4').read_bytes())
    check_upload(file, 'video.txt', Limits())


@pytest.mark.parametrize(
    'text',
    ["ffconcat version 1.0\nfile '{}'\n",
     '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n',
     "ffconcat version 1.0\nfile 'right.mp4'\n"],
)  # fmt: skip
@pytest.mark.parametrize('name', ['list.mp4', 'list.m3u8', 'list.ffconcat'])
def test_playlists_open_no_other_file(place, tmp_path, text, name):
    for copy in ('right.mp4',):
        (tmp_path / copy).write_bytes((place / 'shown/right.mp4').read_bytes())
    (tmp_path / name).write_text(text.format(place / 'outside/secret.mp4'))
    assert refused(tmp_path / name)[0] == 415


@pytest.mark.parametrize('suffix', ['png', 'jpg'])
def test_a_picture_is_no_video(tmp_path, suffix):
    cv2.imwrite(str(tmp_path / f'x.{suffix}'), np.zeros((48, 64, 3), np.uint8))
    assert refused(tmp_path / f'x.{suffix}')[0] == 415


def test_a_single_frame_is_a_picture(tmp_path):
    file = encode(tmp_path / 'x.mp4', translating(1, 0, 0, 48, 64))
    assert refused(file) == (415, 'x.mp4 holds a single picture, which is no video')


def test_no_file_and_an_empty_one(tmp_path):
    assert refused(tmp_path / 'missing.mp4')[0] == 415
    (tmp_path / 'empty.mp4').touch()
    assert refused(tmp_path / 'empty.mp4')[0] == 415


def test_limits(place, tmp_path):
    file = Path(place / 'shown/right.mp4')
    assert refused(file, Limits(frames=19)) == (
        413,
        'x.mp4 has 20 frames; the most that is taken is 19',
    )
    status, said = refused(file, Limits(pixels=128 * 95))
    assert status == 415 and '128' in said
    assert 'takes longer than' in refused(file, Limits(seconds=1e-9))[1]
    check_upload(file, 'x.mp4', Limits(frames=20, pixels=128 * 96))


def test_a_damaged_file_says_so_or_is_shown(place, tmp_path):
    whole = (place / 'shown/right.mp4').read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / 'cut.mp4')[0] == 415
    assert len(open_video(place / 'shown/right.mp4', 'x', Limits())) == 20
