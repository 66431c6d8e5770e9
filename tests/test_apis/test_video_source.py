import hashlib

import pytest

from ssvrl_mm.apis import VideoSource
from ssvrl_mm.datasets import VideoListError
from ssvrl_mm.evaluation.provenance import file_sha256
from tests.test_apis.tiny import config


def test_source_from_config_is_its_own_split(home):
    source = VideoSource.from_config(config(home), 'query')
    assert [path for path, _ in source.entries] == [f'{k}/{n:02d}.mp4' for k, n in (
        ('left', 8), ('right', 9), ('left', 10), ('right', 11), ('left', 12))]  # fmt: skip
    assert source.sha256 == file_sha256(home / 'test_list.txt')
    with pytest.raises(ValueError, match="0 datasets of role 'train'"):
        VideoSource.from_config(config(home), 'train')


def test_folder_and_list_of_the_same_videos_are_the_same(home, tmp_path):
    folder = VideoSource.from_folder(home / 'videos')
    text = ''.join(f'{path} {label}\n' for path, label in folder.entries)
    (tmp_path / 'list.txt').write_text(text)
    listed = VideoSource.from_list(tmp_path / 'list.txt', home / 'videos')
    assert listed.entries == folder.entries and len(listed.entries) == 13
    assert listed.sha256 == folder.sha256 == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(VideoListError, match='no video list at'):
        VideoSource.from_list(tmp_path / 'gone.txt')
