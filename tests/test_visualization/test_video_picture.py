"""Pictures of whole videos, of clips whose motion, types and sizes are known."""

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, FrameIndexError, MotionUnavailableError
from ssvrl_mm.visualization import video_picture
from ssvrl_mm.visualization.gop import BAND, LETTERS, MARKS, PLOT, TYPE_COLOURS
from ssvrl_mm.visualization.streams import ORIGIN_COLOURS, Scales
from ssvrl_mm.visualization.video_picture import VideoPicture
from tests.clips import H264_B, encode, translating

TITLE, TEXT, GAP = 34, 26, 8
SIDE = 192
STRIP = BAND + PLOT + LETTERS + MARKS


def tiles_of(picture, row, size, side=SIDE):
    """The five tiles of a row: pixels, vectors, motion, flow, residual."""
    height, width = size
    scale = side / max(size)
    h, w = round(scale * height), round(scale * width)
    top = TITLE + row * (TEXT + h + 10) + TEXT
    return [picture[top : top + h, place * (w + GAP) : place * (w + GAP) + w] for place in range(5)]


def count(tile, colour):
    """How many px are nearly of a colour: thin lines are hardly anywhere quite of theirs."""
    return int((np.abs(tile.astype(int) - colour).max(axis=-1) < 50).sum())


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """18 frames that move to the right by 3 px, a GOP of 6, two B-frames between references."""
    frames = translating(18, 3, 0)
    return encode(tmp_path_factory.mktemp('clips') / 'clip.mp4', frames, gop=6, options=H264_B)


@pytest.mark.parametrize('dx, dy, channel', [(3, 0, 'red'), (-3, 0, 'cyan'), (0, 3, 'yellow')])
def test_a_picture_shows_where_everything_goes(tmp_path, dx, dy, channel):
    path = encode(tmp_path / 'clip.mp4', translating(6, dx, dy))
    with VideoPicture(path, side=SIDE) as video:
        picture = video.still([3])
    pixels, vectors, motion, flow, residual = tiles_of(picture, 0, (128, 160))
    with CompressedVideoReader(path) as reader:
        frame = reader.get_frames_at([3]).rgb[0]
    expected = cv2.resize(frame, (SIDE, 154), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(pixels, expected)
    assert count(vectors, ORIGIN_COLOURS['coded']) > 200
    wheel = {'red': (255, 0, 0), 'cyan': (0, 209, 255), 'yellow': (255, 229, 0)}[channel]
    for field in (motion, flow):
        # Left and above the legend.
        median = np.median(field[20:110, 20:150].reshape(-1, 3), axis=0)
        assert np.abs(median - wheel).max() < 60, (median, wheel)
    # What was predicted leaves next to nothing in the middle.
    assert np.abs(residual[40:110, 50:140].astype(int) - 128).mean() < 30


def test_the_strip_is_that_of_the_encoder(clip):
    with VideoPicture(clip, side=SIDE) as video:
        coding = video.coding(0, 17)
        picture = video.still([6, 8])
    strip = picture[-STRIP:]
    width = strip.shape[1]
    kinds = []
    for number in range(18):
        column = strip[BAND + PLOT - 1, int((number + 0.5) * width / 18)]
        kinds.append(next(k for k, colour in TYPE_COLOURS.items() if tuple(column) == colour))
    with CompressedVideoReader(clip) as reader:
        types = reader.get_frames_at(range(18), streams=('rgb',)).frame_types
    assert kinds == types.tolist() and [n for n, k in enumerate(kinds) if k == 'I'] == [0, 6, 12]
    heights = []
    for number in range(18):
        column = strip[BAND : BAND + PLOT, int((number + 0.5) * width / 18)]
        heights.append((column == TYPE_COLOURS[kinds[number]]).all(axis=-1).sum())
    share = coding.sizes / coding.sizes.max()
    np.testing.assert_allclose(heights, np.ceil(share * PLOT), atol=1)


def test_held_motion_is_white_and_hatched(clip):
    with VideoPicture(clip, side=SIDE) as video:
        _, vectors, motion, _, _ = tiles_of(video.still([6]), 0, (128, 160))
    assert count(vectors, ORIGIN_COLOURS['held']) > 200
    assert count(vectors, ORIGIN_COLOURS['coded']) == 0
    assert 0.2 < count(motion[:100], (190, 190, 190)) / motion[:100, :, 0].size < 0.5


def test_estimated_motion_says_so_by_its_colour(tmp_path):
    path = encode(
        tmp_path / 'x.webm', translating(5, 3, 0), 'libvpx-vp9',
        options={'deadline': 'realtime', 'cpu-used': '8'},
    )  # fmt: skip
    with VideoPicture(path, side=SIDE) as video:
        _, vectors, *_ = tiles_of(video.still([2]), 0, (128, 160))
        # Headers of VP9 do not tell; decoding does.
        assert video.coding(0, 4).types.tolist() == ['I', 'P', 'P', 'P', 'P']
    assert count(vectors, ORIGIN_COLOURS['estimated']) > 200
    with VideoPicture(path, motion='codec') as video, pytest.raises(MotionUnavailableError):
        video.still([2])


def test_frames_are_chosen_of_one_group_and_of_each_type(clip):
    with VideoPicture(clip) as video:
        types, sizes = video.coding(0, 17)
        chosen = video.choose_frames()
        assert sorted(types[chosen]) == ['B', 'I', 'P'] and len(chosen) == 3
        # The keyframe nearest to the middle, 8.5.
        assert chosen[0] == 6 and chosen[-1] < 12
        for kind in 'PB':
            number = next(n for n in chosen if types[n] == kind)
            assert sizes[number] == max(sizes[6:12][types[6:12] == kind])
        assert video.choose_frames(1) == [6]
        assert len(video.choose_frames(5)) == 5
        assert video.choose_frames(99) == list(range(18))


def test_what_is_missing_is_chosen_apart_from_the_others(tmp_path):
    path = encode(tmp_path / 'p.avi', translating(20, 2, 0, 64, 64), 'mpeg4', gop=20)
    with VideoPicture(path) as video:
        types, sizes = video.coding(0, 19)
        assert ''.join(types) == 'I' + 19 * 'P'
        largest = int(sizes[1:].argmax()) + 1
        third = set(video.choose_frames(3)) - {0, largest}
    apart = [min(number, abs(number - largest)) for number in range(20)]
    assert len(third) == 1 and apart[third.pop()] == max(apart)


def test_a_cut_does_not_set_the_scale(tmp_path):
    """At an I-frame that begins another scene, flow is of no motion."""
    scenes = [translating(12, 3, 0, 96, 128, seed=seed) for seed in (0, 5)]
    path = encode(tmp_path / 'cut.mp4', np.concatenate(scenes))
    with VideoPicture(path, side=128) as video:
        batch = video._read([12, 15, 18])
        assert batch.frame_types.tolist() == ['I', 'P', 'P']
        assert np.quantile(np.hypot(*np.moveaxis(batch.flow[0], -1, 0)), 0.99) > 6
    assert 2.5 < Scales.measure(batch, 128).longest < 3.5


def test_short_groups_are_made_up_for_by_the_rest_of_the_video(tmp_path):
    path = encode(tmp_path / 'intra.mp4', translating(9, 2, 0, 64, 64), gop=1)
    with VideoPicture(path) as video:
        chosen = video.choose_frames(3)
    assert len(chosen) == 3 and chosen == sorted(set(chosen)) and 4 in chosen


def test_one_frame_is_a_video(tmp_path):
    path = encode(tmp_path / 'one.mp4', translating(1, 0, 0))
    with VideoPicture(path, side=SIDE) as video:
        assert video.choose_frames() == [0]
        picture = video.still([0])
        frames = list(video.animate(range(1)))
    assert len(frames) == 1
    for mine, its in zip(
        *(tiles_of(each, 0, (128, 160)) for each in (frames[0], picture)), strict=True
    ):
        np.testing.assert_array_equal(mine, its)
    assert '1 frame' in video.title and '1 frames' not in video.title


@pytest.mark.parametrize('size', [(240, 136), (16, 24), (12, 14), (720, 1280)])
def test_all_shapes_are_as_large_as_is_asked_for(tmp_path, size):
    path = encode(tmp_path / 'x.avi', translating(3, 2, 0, *size), 'mpeg4')
    with VideoPicture(path, side=SIDE) as video:
        picture = video.still([1, 2])
    scale = SIDE / max(size)
    tile = max(round(scale * size[1]), 176)
    assert picture.shape[1] == 5 * tile + 4 * GAP
    rows = 2 * (TEXT + round(scale * size[0]))
    # Title, rows, lines of the legend, strip, and room between.
    rest = picture.shape[0] - TITLE - rows - STRIP - 3 * 10
    assert rest in (TEXT + 1, 2 * TEXT + 1, 3 * TEXT + 1)


def test_scales_are_those_of_the_motion(clip):
    with CompressedVideoReader(clip, motion='auto') as reader:
        batch = reader.get_frames_at([4, 5], ('rgb', 'motion', 'residual', 'flow'))
    scales = Scales.measure(batch, side=320)
    assert scales.zoom == 2 and abs(scales.longest - 3) < 1.5
    # A cell is 16 px wide, as is the room for an arrow of 3 px x 2 x 3.
    assert scales.step == 1 and scales.gain == 3
    assert 1 <= scales.residual_gain <= 8
    assert Scales.measure(batch, side=40).step == 9
    given = Scales.measure(batch, 320, step=3, gain=0.5)
    assert (given.step, given.gain) == (3, 0.5)


def test_an_animation_has_each_frame_once_and_the_cursor_moves(clip, monkeypatch):
    monkeypatch.setattr(video_picture, 'STRIP', 10)
    monkeypatch.setattr(video_picture, '_PIXELS', 3 * 128 * 160)
    with VideoPicture(clip, side=SIDE) as video:
        frames = list(video.animate(range(2, 17)))
        stills = [video.still([number]) for number in (2, 16)]
    assert len(frames) == 15 and len({frame.shape for frame in frames}) == 1
    for place, still in ((0, stills[0]), (14, stills[1])):
        mine, its = (tiles_of(each, 0, (128, 160))[0] for each in (frames[place], still))
        np.testing.assert_array_equal(mine, its)
    middles = []
    for frame in frames:
        rows, columns = np.nonzero((frame[-MARKS:-18] < 100).all(axis=-1))
        middles.append(columns.mean())
    width = frames[0].shape[1]
    # A page of ten frames, then one of five.
    expected = [(n + 0.5) * width / 10 for n in range(10)] + [
        (n + 0.5) * width / 5 for n in range(5)
    ]
    np.testing.assert_allclose(middles, expected, atol=3)


def test_a_long_video_shows_what_is_around_the_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(video_picture, 'STRIP', 8)
    path = encode(tmp_path / 'x.mp4', translating(30, 1, 0, 64, 64))
    with VideoPicture(path) as video:
        assert video._span([15]) == (12, 19)
        assert video._span([0]) == (0, 7) and video._span([29]) == (22, 29)
        assert video._span([3, 25]) == (3, 25)
        assert video._span([10, 16]) == (10, 17)


def test_what_is_not_there_is_told(clip):
    with VideoPicture(clip) as video:
        for frames in ([18], [3, 99]):
            with pytest.raises(FrameIndexError, match='there is no frame'):
                video.still(frames)
        with pytest.raises(FrameIndexError, match='there is no frame 19'):
            next(video.animate(range(10, 20)))
        for nothing in (lambda: video.still([]), lambda: next(video.animate(range(0)))):
            with pytest.raises(ValueError, match='no frames to draw'):
                nothing()
    with pytest.raises(ValueError, match="unknown optical flow 'none'"):
        VideoPicture(clip, flow='none')


@pytest.mark.parametrize('shorter, has_flow', [(14, False), (16, True)])
def test_flow_is_left_out_only_where_it_cannot_be(tmp_path, shorter, has_flow):
    path = encode(tmp_path / 'x.avi', translating(3, 1, 0, shorter, 32), 'mpeg4')
    with VideoPicture(path, side=SIDE) as video:
        *_, flow, _ = tiles_of(video.still([1]), 0, (shorter, 32))
    assert (flow == 230).all() != has_flow


def test_flow_is_computed_no_finer_than_it_is_shown(clip):
    for side, cell in ((160, 1), (80, 2), (48, 3), (500, 1)):
        with VideoPicture(clip, side=side) as video:
            options = video._reader._flow_options
            assert (options.cell, options.scale) == (cell, 1 / cell)


def test_flow_of_vectors(clip):
    with VideoPicture(clip, flow='vectors', side=SIDE) as video:
        *_, flow, _ = tiles_of(video.still([4]), 0, (128, 160))
    median = np.median(flow[20:110, 20:150].reshape(-1, 3), axis=0)
    assert median[0] > 200 and median[1:].max() < 60
