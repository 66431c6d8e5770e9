"""Contact sheets and animations of samples whose pixels are known."""

import numpy as np
import pytest

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.visualization.dataset_sheet import (
    BrowsedSample,
    VectorStream,
    animate_sheet,
    draw_sheet,
)

BAND, SMALL, GAP, APART = 28, 20, 2, 12


def numbered(views, length, height=24, width=32):
    """Clips of one grey each frame: 20 x view + frame, and 100 more."""
    grey = 100 + 20 * np.arange(views)[:, None] + np.arange(length)
    return np.broadcast_to(
        grey[..., None, None, None].astype(np.uint8), (views, length, height, width, 3)
    )


def sample(**streams):
    return BrowsedSample('folder/a.mp4', ['class: run'], streams)


def test_rows_are_streams_and_columns_frames_of_the_clips():
    picture = draw_sheet([sample(rgb=numbered(2, 5), iframe=numbered(2, 1))], side=64, frames=3)
    top = BAND + SMALL + SMALL
    assert picture.shape == (top + 48 + GAP + SMALL + 48, 2 * (3 * 64 + 2 * GAP) + APART, 3)
    for view in range(2):
        left = view * (3 * 64 + 2 * GAP + APART)
        for place, frame in enumerate((0, 2, 4)):
            tile = picture[top : top + 48, left + place * 66 :][:, :64]
            assert (tile == 100 + 20 * view + frame).all()
        still = picture[top + 48 + GAP + SMALL :, view * (64 + APART) :][:, :64]
        assert (still == 100 + 20 * view).all()


@pytest.mark.parametrize('views, shown', [(1, 16), (3, 5), (20, 1)])
def test_as_many_frames_as_there_is_room(views, shown):
    picture = draw_sheet([sample(rgb=numbered(views, 28))], side=48)
    row = picture[-10]
    assert picture.shape[1] == views * (shown * 50 - 2 + APART) - APART
    assert len({tuple(pixel) for pixel in row} - {(255, 255, 255)}) == len(
        {100 + 20 * view + frame for view in range(views)
         for frame in ((np.arange(shown) + 0.5) / shown * 28).astype(int)}
    )  # fmt: skip


def test_vectors_share_a_scale_in_all_samples():
    slow, fast = np.zeros((2, 1, 4, 4, 6, 2), np.float32)
    slow[..., 0], fast[..., 0] = 2, 4
    slow[0, 2, 0, 0] = np.nan
    both = [sample(motion=VectorStream(each, 'px/frame')) for each in (slow, fast)]
    picture = draw_sheet(both, side=48, frames=1)
    one = BAND + SMALL + SMALL + 32
    assert picture.shape == (2 * one + APART, 320, 3)
    # What stands still is as white as the paper, but for its edge.
    assert (picture[[one - 32, one - 1], :48] == 200).all()
    assert (picture[one - 32 : one, [0, 47]] == 200).all()
    np.testing.assert_array_equal(picture[one - 5, 20], colour_code_flow(np.array([2.0, 0]), 4))
    np.testing.assert_array_equal(picture[-5, 20], (255, 0, 0))
    # What is not a number is black.
    assert (picture[one - 31, 2] == 0).all()
    still = draw_sheet([sample(motion=VectorStream(0 * fast, ''))], side=48)
    assert (still[-10:-1, 1:47] == 255).all() and (still[-1, :48] == 200).all()


def test_animations_play_all_streams_together():
    frames = list(
        animate_sheet([sample(rgb=numbered(2, 4), motion_valid=numbered(1, 2))] * 2, side=96)
    )
    assert len(frames) == 4 and len({frame.shape for frame in frames}) == 1
    top = BAND + SMALL + SMALL
    block = top + 72
    assert frames[0].shape[0] == 2 * block + APART
    for time, frame in enumerate(frames):
        for begin in (0, block + APART):
            row = frame[begin + top + 30]
            assert (row[:96] == 100 + time).all() and (row[98:194] == 120 + time).all()
            others = {tuple(pixel.tolist()) for pixel in row[194:]}
            assert (100 + time // 2,) * 3 in others


def test_titles_fit_though_frames_are_small(monkeypatch):
    asked = []
    monkeypatch.setattr(
        'ssvrl_mm.visualization.dataset_sheet.titled',
        lambda tile, text, band, widen: asked.append((text, widen)) or tile,
    )
    draw_sheet([sample(rgb=numbered(1, 1))], side=16)
    assert asked == [('rgb: 1 frame of 32x24', True)]
    long = sample(rgb=numbered(1, 1))._replace(name='a/long/name/' * 9)
    assert draw_sheet([long], side=16).shape[1] > 600


@pytest.mark.parametrize(
    'stream, title',
    [
        (numbered(1, 1), 'x: 1 frame of 32x24'),
        (numbered(2, 1), 'x: clip 1 | clip 2, each 1 frame of 32x24'),
        (numbered(4, 1), 'x: clip 1 | clip 2 | clip 3 | clip 4, each 1 frame of 32x24'),
        (numbered(5, 3), 'x: 5 clips, each 3 frames of 32x24'),
        (VectorStream(np.full((1, 2, 3, 4, 2), 1.5), ''), 'x: 2 frames of 4x3, up to 2.1'),
        (
            VectorStream(np.full((1, 2, 3, 4, 2), 1.5), 'px', 2.0),
            'x: 2 frames of 4x3, up to 2.1 px',
        ),
        (
            # By rounding it is a little less.
            VectorStream(np.full((1, 2, 3, 4, 2), -1.99999), 'px', 2.0),
            'x: 2 frames of 4x3, up to 2.8 px, x and y clipped at 2',
        ),
    ],
)
def test_titles_name_clips_and_say_what_was_cut(stream, title, monkeypatch):
    asked = []
    monkeypatch.setattr(
        'ssvrl_mm.visualization.dataset_sheet.titled',
        lambda tile, text, band, widen: asked.append(text) or tile,
    )
    draw_sheet([sample(x=stream)], side=16)
    assert asked == [title]


def test_captions_go_on_in_the_next_line():
    few = BrowsedSample('a', ['x'] * 3, dict(rgb=numbered(1, 1)))
    many = BrowsedSample('a', ['a long caption that fills the line'] * 3, dict(rgb=numbered(1, 1)))
    plain = BrowsedSample('a', [], dict(rgb=numbered(1, 1)))
    heights = [draw_sheet([each], side=48).shape[0] for each in (plain, few, many)]
    assert np.diff(heights).tolist() == [SMALL, 2 * SMALL]


def test_enlarged_pixels_stay_squares():
    board = np.indices((6, 8)).sum(0) % 2 * 200
    clips = np.repeat(board[None, None, ..., None], 3, axis=-1).astype(np.uint8)
    tile = draw_sheet([sample(rgb=clips)], side=80)[-60:, :80]
    np.testing.assert_array_equal(tile[..., 0], board.repeat(10, 0).repeat(10, 1))


def test_nothing_to_draw_is_told():
    for nothing in (lambda: draw_sheet([]), lambda: next(animate_sheet([]))):
        with pytest.raises(ValueError, match='no samples to draw'):
            nothing()
