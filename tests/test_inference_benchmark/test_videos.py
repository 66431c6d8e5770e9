"""Which videos are measured, and those that are generated."""

import av
import numpy as np
import pytest

from ssvrl_mm.decode_benchmark.generated import generate_alike
from ssvrl_mm.inference_benchmark.videos import Video, check_video, choose_videos
from ssvrl_mm.video import VideoOpenError, VideoTooShortError
from ssvrl_mm.video.tools.files import VideoFilesError
from tests.clips import encode, translating


def test_files_folders_and_lists(tmp_path):
    folder = tmp_path / 'set' / 'videos'
    folder.mkdir(parents=True)
    for number in range(5):
        (folder / f'{number}.avi').touch()
    here = [str(folder / f'{number}.avi') for number in range(5)]
    listed = tmp_path / 'set' / 'test_list.txt'
    listed.write_text('4.avi 0\n2.avi 1\n0.avi 1\n')
    assert choose_videos([], 2) == []
    assert choose_videos(['b.mp4', 'a.mp4', 'b.mp4'], 1) == ['b.mp4', 'a.mp4']
    assert choose_videos([str(folder)], 2) == [here[0], here[2]]
    assert choose_videos([str(folder)], 9) == here
    assert choose_videos([str(listed)], 3) == [here[4], here[2], here[0]]
    assert choose_videos([str(listed), str(folder)], 1) == [here[4], here[0]]
    beside = folder / 'LIST.TXT'
    beside.write_text('3.avi\n')
    assert choose_videos([str(beside)], 1) == [here[3]]
    beside.write_text('../3.avi\n')
    for wrong in (beside, tmp_path / 'none.txt', tmp_path / 'set' / 'videos' / '..' / '..' / 'x'):
        wrong.name == 'x' and wrong.mkdir()
        with pytest.raises(VideoFilesError):
            choose_videos([str(wrong)], 1)


def test_facts(tmp_path):
    path = encode(tmp_path / 'a.avi', translating(5, 1, 0, 48, 64), 'mpeg4')
    size = path.stat().st_size
    assert check_video(str(path)) == Video(str(path), 5, 64, 48, 'mpeg4', size)
    short = encode(tmp_path / 'short.avi', translating(2, 1, 0, 48, 64), 'mpeg4')
    assert check_video(str(short)).frames == 2


def test_videos_that_cannot_be_measured(tmp_path):
    short = encode(tmp_path / 'short.avi', translating(1, 1, 0, 48, 64), 'mpeg4')
    with pytest.raises(VideoTooShortError, match='short.avi.*1 frames, at least 2'):
        check_video(str(short))
    (tmp_path / 'text.mp4').write_text('no video')
    for name in ('none.mp4', 'text.mp4'):
        with pytest.raises(VideoOpenError, match=name):
            check_video(str(tmp_path / name))


@pytest.mark.parametrize(('codec', 'keyframes'), [('mpeg4', [0, 12]), ('h264', [0])])
def test_generated_videos(codec, keyframes, tmp_path):
    paths = generate_alike(tmp_path, 2, 14, (48, 64), codec)
    assert len(paths) == 2
    firsts = []
    for path in paths:
        with av.open(path) as container:
            assert container.streams.video[0].codec_context.name == codec
            frames = list(container.decode(video=0))
        assert [n for n, frame in enumerate(frames) if frame.key_frame] == keyframes
        assert len(frames) == 14 and (frames[0].width, frames[0].height) == (64, 48)
        firsts.append(frames[0].to_ndarray(format='rgb24'))
    assert np.abs(firsts[0].astype(int) - firsts[1]).mean() > 10


def test_generated_videos_are_as_large_as_those_of_ucf101(tmp_path):
    (path,) = generate_alike(tmp_path)
    video = check_video(path)
    assert (video.frames, video.width, video.height, video.codec) == (186, 320, 240, 'mpeg4')
    # 1.9 GB for 3783 videos.
    assert 0.4e6 < video.bytes < 0.6e6
