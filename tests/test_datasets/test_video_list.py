import logging
import os
import re

import pytest
import torch

from ssvrl_mm.datasets import video_list
from ssvrl_mm.datasets.video_list import (
    VideoEntry,
    VideoListError,
    read_classes,
    read_video_list,
    scan_videos,
    write_video_list,
)


def write(path, text, encoding='utf-8'):
    path.write_bytes(text.encode(encoding))
    return path


def test_label_is_the_last_word_if_it_is_an_integer(tmp_path):
    text = (
        '# a comment\n\n'
        'a/plain.mp4 3\n'
        'Fan Down/two  blanks.mp4   12\r\n'
        'tab separated.avi\t0\n'
        'no label.mp4\n'
        'clip 7/no label 2.mp4\n'
        '/absolute/path.webm -1'
    )
    assert read_video_list(write(tmp_path / 'list.txt', text)) == [
        ('a/plain.mp4', 3),
        ('Fan Down/two  blanks.mp4', 12),
        ('tab separated.avi', 0),
        ('no label.mp4', -1),
        ('clip 7/no label 2.mp4', -1),
        ('/absolute/path.webm', -1),
    ]


def test_byte_order_mark_is_no_part_of_the_first_path(tmp_path):
    path = write(tmp_path / 'list.txt', 'a.mp4 1\n', 'utf-8-sig')
    assert read_video_list(path) == [('a.mp4', 1)]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a.mp4 0\n\n7\n', r'line 3: .*only a number'),
        ('a.mp4 0\nb.mp4 -2\n', r'line 2: label must be 0 or more .* got -2'),
        ('a.mp4 0\n#\nb.mp4\na.mp4 1\n', r"line 4: 'a.mp4' is already in line 1"),
        ('# nothing\n\n', 'lists no video'),
        (f'a.mp4 0\nb.mp4 {2**63}\n', rf'line 2: the label {2**63} is beyond what 64 bits hold'),
        (f'a.mp4 -{2**63 + 1}\n', 'line 1: the label -9223372036854775809 is beyond'),
        ('\na.mp4 ' + 5000 * '7', r'line 2: the label 7{20}\.\.\. of 5000 digits is beyond'),
    ],
)
def test_bad_lists_name_the_file_and_the_line(tmp_path, text, message):
    path = write(tmp_path / 'bad_list.txt', text)
    with pytest.raises(VideoListError, match=f'bad_list.txt.*{message}'):
        read_video_list(path)


def test_the_largest_label_is_one_that_a_tensor_holds(tmp_path):
    [entry] = read_video_list(write(tmp_path / 'list.txt', f'a.mp4 {2**63 - 1}\n'))
    assert torch.tensor([entry.label]).item() == 2**63 - 1
    with pytest.raises((RuntimeError, OverflowError, ValueError)):
        torch.tensor([entry.label + 1])


def test_missing_list_says_how_to_make_one(tmp_path):
    with pytest.raises(VideoListError, match=r'nowhere.txt.*build_video_list\.py'):
        read_video_list(tmp_path / 'nowhere.txt')


def test_binary_list_is_refused(tmp_path):
    (tmp_path / 'list.txt').write_bytes(b'\xff\xfe\x00\x01')
    with pytest.raises(VideoListError, match='list.txt'):
        read_video_list(tmp_path / 'list.txt')


def test_written_list_reads_back(tmp_path):
    entries = [
        VideoEntry('a b.mp4', 4),
        VideoEntry('c.mp4'),
        VideoEntry('clip 5'),
        VideoEntry('ü/x.avi', 0),
    ]
    write_video_list(tmp_path / 'list.txt', entries)
    assert read_video_list(tmp_path / 'list.txt') == entries


@pytest.mark.parametrize('path', ['a\nb.mp4', ' a.mp4', '#a.mp4', 'a.mp4 '])
def test_paths_that_a_list_cannot_hold_are_refused(tmp_path, path):
    with pytest.raises(VideoListError, match='cannot hold'):
        write_video_list(tmp_path / 'list.txt', [VideoEntry(path)])


def test_classes_by_line(tmp_path):
    assert read_classes(write(tmp_path / 'c.txt', 'Jump Up\n\nRun\n')) == ['Jump Up', 'Run']
    with pytest.raises(VideoListError, match='Run'):
        read_classes(write(tmp_path / 'twice.txt', 'Run\nRun\n'))


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_first_level_folders_are_the_classes(tmp_path):
    touch(tmp_path, 'run/b.MP4', 'run/deep/a.avi', 'jump/c.mkv', 'jump/notes.txt', '.hidden/x.mp4')
    entries, classes = scan_videos(tmp_path)
    assert classes == ['jump', 'run']
    assert entries == [('jump/c.mkv', 0), ('run/b.MP4', 1), ('run/deep/a.avi', 1)]


@pytest.fixture
def warned(monkeypatch):
    """What is logged as a warning."""
    said = []
    monkeypatch.setattr(
        video_list, 'print_log', lambda text, logger, level: said.append((text, logger, level))
    )
    return said


@pytest.mark.parametrize(
    'beside, said',
    [
        (['x.mp4'], 'x.mp4 beside its 2 folders: .* move it into a folder or away'),
        (['b.avi', 'a.avi'], 'a.avi, b.avi beside its 2 folders: .* move them into'),
        (list('dcba'), 'a.mp4, b.mp4, c.mp4 and 1 more beside'),
    ],
)
def test_a_video_beside_the_classes_is_named(tmp_path, warned, beside, said):
    beside = [name if '.' in name else f'{name}.mp4' for name in beside]
    touch(tmp_path, *(f'{name}/{n}.mp4' for n in range(3) for name in ('run', 'jump')), *beside)
    entries, classes = scan_videos(tmp_path)
    assert classes == [] and {entry.label for entry in entries} == {-1}
    [(text, logger, level)] = warned
    assert re.match(f'{re.escape(str(tmp_path))}: {said}', text) and 'labels are unknown' in text
    assert (logger, level) == ('current', logging.WARNING)
    for name in beside:
        (tmp_path / name).unlink()
    assert scan_videos(tmp_path)[1] == ['jump', 'run'] and len(warned) == 1


@pytest.mark.parametrize(
    'names',
    [
        # No classes are meant: half of the videos lie beside the folders; there is one folder.
        ['a.mp4', 'b.mp4', 'run/c.mp4', 'jump/d.mp4'],
        ['a.mp4', 'more/b.mp4', 'more/c.mp4'],
    ],
)
def test_folders_that_mean_no_classes_are_no_matter(tmp_path, warned, names):
    touch(tmp_path, *names)
    assert scan_videos(tmp_path)[1] == [] and warned == []


def test_a_flat_folder_has_no_classes(tmp_path):
    touch(tmp_path, 'b.mp4', 'a.mp4', 'more/c.mp4')
    assert scan_videos(tmp_path) == ([('a.mp4', -1), ('b.mp4', -1), ('more/c.mp4', -1)], [])


def test_links_in_a_circle_do_not_scan_for_ever(tmp_path):
    touch(tmp_path, 'run/a.mp4')
    os.symlink(tmp_path, tmp_path / 'run' / 'up')
    assert scan_videos(tmp_path)[0] == [('run/a.mp4', 0)]


def test_missing_or_empty_folders_are_refused(tmp_path):
    with pytest.raises(VideoListError, match='nowhere'):
        scan_videos(tmp_path / 'nowhere')
    with pytest.raises(VideoListError, match=r'no video .*\.mp4'):
        scan_videos(tmp_path)
