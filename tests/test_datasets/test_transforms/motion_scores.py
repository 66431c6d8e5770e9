"""What the tests of SampleMotionClips share: a file of scores, and clips scored one by one."""

import numpy as np
import pytest

from ssvrl_mm.video.motion_score_files import ScoreHeader, write_scores

HEADER = ScoreHeader(
    method='vectors',
    scale=1.0,
    cell=8,
    span=2,
    distance=2,
    weight='softmax',
    num_frames=60,
    height=96,
    width=120,
    video_bytes=1,
    video_sha256='0' * 64,
)


def write(folder, values, header=HEADER, name='a/b.avi'):
    """Scores 'dw' of frames; the other functions have others."""
    values = np.asarray(values, np.float32)
    table = np.full((header.num_maps, 3), np.nan, np.float32)
    known = header.num_maps - header.distance
    table[:, 0] = 1
    table[:known, 1] = values[:known][::-1]
    table[:known, 2] = values[:known]
    path = folder / f'{name}.scores'
    path.parent.mkdir(parents=True, exist_ok=True)
    write_scores(path, header, table)


def of_clips(values, last_start, interval=2, length=4, missing='skip'):
    """The mean score of each clip, one after another."""
    scores = []
    for start in range(last_start + 1):
        found = []
        for number in range(length):
            frame = start + number * interval
            known = frame < len(values) and not np.isnan(values[frame])
            if known:
                found.append(float(values[frame]))
            elif missing == 'zero':
                found.append(0.0)
        scores.append(sum(found) / len(found) if found else float('nan'))
    return scores


def above(scores):
    ordered = sorted(score for score in scores if score == score)
    half = len(ordered) // 2
    median = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return [start for start, score in enumerate(scores) if score > median]


@pytest.fixture(name='values')
def frame_scores():
    """Of 60 frames; flow of span 2, compared 2 frames later, is there of the first 56."""
    scores = np.random.default_rng(0).random(60).astype(np.float32)
    scores[56:] = np.nan
    return scores
