"""The videos of folders and lists: the same that the datasets find."""

import pytest

from ssvrl_mm.datasets.video_list import VIDEO_SUFFIXES as DATASET_SUFFIXES
from ssvrl_mm.datasets.video_list import read_video_list, scan_videos
from ssvrl_mm.video.tools.files import VIDEO_SUFFIXES, VideoFilesError, find_videos, read_list


def test_finds_what_datasets_find(tmp_path):
    for name in ('b/x.avi', 'b/deep/y 1.MP4', 'a/z.webm', '.hidden/h.mp4', 'a/.x.mp4', 'a/n.txt'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'a' / 'loop').symlink_to(tmp_path)
    found = find_videos(tmp_path)
    assert found == ['a/z.webm', 'b/deep/y 1.MP4', 'b/x.avi']
    assert found == [entry.path for entry in scan_videos(tmp_path)[0]]
    assert VIDEO_SUFFIXES == DATASET_SUFFIXES
    assert find_videos(tmp_path, suffixes=('.mp4', '.txt')) == ['a/n.txt', 'b/deep/y 1.MP4']


def test_reads_lists_as_datasets_do(tmp_path):
    first, second = tmp_path / 'first.txt', tmp_path / 'second.txt'
    first.write_text('\ufeff# clips\na/x 1.avi 3\n\nb/y.mp4\t-1\n c.mp4 \n', encoding='utf-8')
    second.write_text('d.mp4 12\nb/y.mp4 4\n')
    expected = [entry.path for file in (first, second) for entry in read_video_list(file)]
    assert find_videos(tmp_path, [first, second]) == list(dict.fromkeys(expected))
    assert find_videos(tmp_path, [first]) == ['a/x 1.avi', 'b/y.mp4', 'c.mp4']


def test_lists_line_by_line(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('# clips\n\na/x 1.avi\t 3\r\nclip 7/y 2.mp4\n7\n7 -2\n')
    assert read_list(path) == [
        (3, 'a/x 1.avi', 3),
        (4, 'clip 7/y 2.mp4', None),
        (5, '7', None),
        (6, '7', -2),
    ]


def test_nothing_to_find(tmp_path):
    empty = tmp_path / 'empty.txt'
    empty.write_text('# nothing\n')
    for folder, lists in ((tmp_path, ()), (tmp_path / 'none', ()), (tmp_path, [empty])):
        with pytest.raises(VideoFilesError, match=str(tmp_path)):
            find_videos(folder, lists)
    with pytest.raises(VideoFilesError, match='missing.txt'):
        find_videos(tmp_path, [tmp_path / 'missing.txt'])
