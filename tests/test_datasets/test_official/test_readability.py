"""The report of readable videos survives interruptions and notices changes."""

import json
import os

from ssvrl_mm.datasets.official.readability import ReadabilityReport
from tests.test_datasets.test_official.copies import write


def make(folder, clip):
    write(folder / 'good.mp4', clip)
    write(folder / 'text.mp4', b'no video')
    write(folder / 'short.mp4', clip)
    return ['good.mp4', 'text.mp4', 'short.mp4']


def test_bad_videos_are_told_from_good_ones(tmp_path, clip):
    videos = make(tmp_path, clip)
    report = ReadabilityReport(tmp_path / 'health.jsonl', tmp_path)
    assert report.check(videos, workers=0, progress=False) == 3
    bad, damaged = report.problems(videos)
    assert list(bad) == ['text.mp4'] and not damaged
    lines = [json.loads(line) for line in (tmp_path / 'health.jsonl').read_text().splitlines()]
    assert [(line['path'], line['readable']) for line in lines] == [
        ('good.mp4', True),
        ('text.mp4', False),
        ('short.mp4', True),
    ]


def test_what_is_known_is_not_read_again(tmp_path, clip):
    videos = make(tmp_path, clip)
    path = tmp_path / 'health.jsonl'
    ReadabilityReport(path, tmp_path).check(videos[:2], workers=0, progress=False)
    # An interruption in the middle of a line.
    path.write_text(path.read_text()[:-20])
    report = ReadabilityReport(path, tmp_path)
    assert report.check(videos, workers=0, progress=False) == 2
    again = ReadabilityReport(path, tmp_path)
    assert again.check(videos, workers=0, progress=False) == 0
    assert list(again.problems(videos)[0]) == ['text.mp4']


def test_a_changed_file_is_read_again(tmp_path, clip):
    videos = make(tmp_path, clip)
    report = ReadabilityReport(tmp_path / 'health.jsonl', tmp_path)
    report.check(videos, workers=0, progress=False)
    write(tmp_path / 'text.mp4', clip)
    assert report.problems(videos) == ({}, {})
    assert report.check(videos, workers=0, progress=False) == 1
    os.utime(tmp_path / 'good.mp4', ns=(1, 1))
    assert report.check(videos, workers=0, progress=False) == 1


def test_a_full_check_reads_what_was_sampled(tmp_path, clip):
    videos = make(tmp_path, clip)
    report = ReadabilityReport(tmp_path / 'health.jsonl', tmp_path)
    report.check(videos, workers=0, progress=False)
    assert report.check(videos, full=True, workers=0, progress=False) == 3
    assert report.check(videos, workers=0, progress=False) == 0
