"""What counts as a video is found out by opening it."""

from pathlib import Path

import av
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
    assert status == 415
    # FFmpeg takes text for a video of a terminal where the suffix says so.
    reason = 'Invalid data found when processing input', 'it is a playlist'
    assert said.startswith('x.mp4 is not a video that can be read: ') and said[39:].startswith(
        reason
    )


def test_a_video_is_one_whatever_its_suffix(place, tmp_path):
    file = tmp_path / 'video.txt'
    file.write_bytes((place / 'shown/right.mp4').read_bytes())
    check_upload(file, 'video.txt', Limits())


def test_names_of_authors_in_any_encoding(tmp_path):
    file = tmp_path / 'x.avi'
    with av.open(str(file), 'w') as container:
        container.metadata['title'] = 'qqqq'
        stream = container.add_stream('mpeg4', rate=25)
        stream.width, stream.height = 64, 48
        for image in translating(3, 1, 0, 48, 64):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))
    content = file.read_bytes()
    assert b'qqqq' in content
    file.write_bytes(content.replace(b'qqqq', b'\xe9\xff\xe9\xff'))
    check_upload(file, 'x.avi', Limits())


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


def test_the_limits_are_those_that_the_page_of_the_documentation_tells(repository):
    limits = Limits()
    told = ' '.join((repository / 'docs/viewer.md').read_text().split())
    assert f'limits each ({limits.upload_bytes / 2**20:g} MB), and 2 GB all together' in told
    assert limits.kept_bytes == 2 * 2**30 and limits.pixels == 4096 * 2304
    assert 'at most 4096 x 2304 px' in told
    assert f'an upload {limits.frames:,} frames' in told
    assert f'takes {limits.seconds:g} s at most' in told


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
