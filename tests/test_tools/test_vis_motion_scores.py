"""The picture of motion scores, and what scoring costs, by the tools."""

import importlib.util
import sys

import cv2
import numpy as np
import pytest

from ssvrl_mm.apis.scored_video import read_scored_video
from ssvrl_mm.datasets.motion_scores import clip_scores, starts_above_median
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.motion_score_files import read_scores
from ssvrl_mm.video.tools.flow_extraction import extract_flow
from ssvrl_mm.video.tools.motion_scoring import score_motion
from tests.clips import encode, translating


@pytest.fixture
def load(tool, tmp_path, monkeypatch, capsys):
    """Runs a tool in a folder with a clip that turns round in its middle; gives what it said."""
    monkeypatch.chdir(tmp_path)
    frames = np.concatenate([translating(20, 3, 0, 96, 128), translating(20, 0, 3, 96, 128)])
    encode(tmp_path / 'clip.avi', frames, 'mpeg4', gop=40)

    def run(path, *arguments):
        spec = importlib.util.spec_from_file_location('tool', tool(path))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [path, *arguments])
        module.main()
        return capsys.readouterr().out

    return run


def draw(load, *arguments):
    return load('visualizations/vis_motion_scores.py', *arguments)


def test_picture_of_a_clip(load, tmp_path):
    given = ['--span', '2', '--clip-len', '4', '--columns', '3', '--side', '96']
    said = draw(load, 'clip.avi', '--out', 'out/x.png', *given)
    picture = cv2.imread(str(tmp_path / 'out/x.png'))[..., ::-1]
    assert picture.shape == (40 + 5 * 26 + 4 * 72 + 240 + 2 * 26, 3 * 96 + 4, 3)
    score_motion('clip.avi', 'x.scores', options=FlowOptions('vectors', span=2))
    values = read_scores('x.scores').values['dw']
    chosen = starts_above_median(clip_scores(values, 40 - 1 - 2 - 6, 4, 2))
    assert said == f'wrote out/x.png: 292x750 px, {len(chosen)} of 32 starts kept\n'
    # Those are shaded green that the sampler would draw.
    shaded = (picture[-52 - 240] == (222, 244, 226)).all(axis=-1)
    for start in range(32):
        assert shaded[round((start + 0.5) / 40 * 292) + 1] == (start in chosen)
    with CompressedVideoReader('clip.avi') as reader:
        frame = reader.get_frames_at([20]).rgb[0]
    small = cv2.resize(frame, (96, 72), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(picture[40 + 26 :][:72, 98 : 98 + 96], small)


def kept(options, function='dw', clip_len=8, interval=3, **scoring):
    """What the tool says of starts that are kept, from the scores in a file."""
    score_motion('clip.avi', 'y.scores', options=options, **scoring)
    scores = read_scores('y.scores')
    last_start = max(scores.header.num_maps - 1 - (clip_len - 1) * interval, 0)
    found = clip_scores(scores.values[function], last_start, clip_len, interval)
    return f'{len(starts_above_median(found))} of {last_start + 1} starts kept'


@pytest.mark.parametrize(
    ('given', 'scoring'),
    [
        (['--function', 'w'], dict(function='w')),
        (['--function', 'w', '--weight', 'max'], dict(function='w', weight='max')),
        (['--function', 'd', '--distance', '1'], dict(function='d', distance=1)),
        (['--clip-len', '3', '--distance', '9'], dict(clip_len=3, distance=9)),
    ],
)
def test_options(load, given, scoring):
    said = draw(load, 'clip.avi', '--out', 'x.png', '--method', 'dis', '--span', '3', *given)
    assert said.endswith(f'px, {kept(FlowOptions("dis", span=3), **scoring)}\n')


def test_stored_flow(load):
    options = FlowOptions('dis', scale=0.5, cell=2, span=3)
    extract_flow('clip.avi', 'clip.avi.flow', options)
    said = draw(load, 'clip.avi', '--out', 'x.png', '--span', '3', '--flow', 'clip.avi.flow')
    assert said.endswith(f'px, {kept(options)}\n')


def test_short_videos_have_closer_frames_and_fewer_columns(load, tmp_path):
    given = ['--span', '8', '--clip-len', '8', '--columns', '8', '--side', '96']
    said = draw(load, 'clip.avi', '--out', 'x.png', *given)
    # 32 frames have flow: 8 of them are 4 apart.
    found = kept(FlowOptions('vectors', span=8), interval=4)
    assert said.endswith(f'px, {found}; frames of clips are 4 apart, as the video is short\n')
    width = cv2.imread(str(tmp_path / 'x.png')).shape[1]
    video = read_scored_video('clip.avi', FlowOptions('vectors', span=8), clip_len=8)
    frames, flow, _, times = video.shown
    assert (video.interval, video.clip_frames) == (4, 29)
    # The middles of 6 parts, but that of the last, 36, has no flow; of 7, two would be the last.
    assert times == [3, 10, 16, 23, 30, 31]
    assert len(frames) == len(flow) == 6 and width == 6 * 96 + 5 * 2


def test_a_clip_of_more_frames_than_there_are(load):
    video = read_scored_video('clip.avi', FlowOptions('vectors', span=38), clip_len=8)
    assert (video.interval, video.clip_frames, len(video.scores)) == (1, 2, 1)
    assert video.shown[3] == [1]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['clip.avi', '--out', 'x.txt'], 'error: x.txt does not end like a picture'),
        (['none.avi', '--out', 'x.png'], 'error: none.avi: '),
        (['clip.avi', '--out', 'x.png', '--span', '40'], 'too short: 40 frames, at least 41'),
    ],
)
def test_what_cannot_be_drawn_is_told(load, arguments, message):
    with pytest.raises(SystemExit) as caught:
        draw(load, *arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (['--span', '0'], '--span: must be 1 or more, got 0'),
        (['--clip-len', '0'], '--clip-len: must be 1 or more'),
        (['--side', '20'], '--side: must be 48 to 4096'),
        (['--distance', '0'], '--distance: must be 1 or more'),
        (['--function', 'none'], 'invalid choice'),
        (['--flow', 'none.flow'], 'none.flow: cannot be read'),
    ],
)
def test_wrong_arguments(load, capsys, given, message):
    with pytest.raises(SystemExit) as caught:
        draw(load, 'clip.avi', '--out', 'x.png', *given)
    assert caught.value.code == 2 and message in capsys.readouterr().err


def test_measurement(load, capsys):
    said = load('analysis/measure_motion_scores.py', 'clip.avi', '--rounds', '1', '--span', '2')
    title, *rows = said.splitlines()[:4]
    assert title.split() == ['clip.avi', 'ms', 'x', 'RGB']
    times = [float(line.split()[-2]) for line in rows]
    ratios = [float(line.split()[-1]) for line in rows]
    assert ratios[0] == 1 and all(times)
    np.testing.assert_allclose(ratios, np.array(times) / times[0], atol=0.02)
    with pytest.raises(SystemExit):
        load('analysis/measure_motion_scores.py', '--span', '0')
    assert 'must be 1 or more, got 0' in capsys.readouterr().err
