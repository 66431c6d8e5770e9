import numpy as np
import pytest

from ssvrl_mm.video.motion.flow import colour_code_flow
from ssvrl_mm.visualization import draw_motion_scores

BAND, TITLE, GAP, PLOT, WIDTH = 26, 40, 2, 240, 160
SIZE = 120, 160


def picture(scores, chosen, num_frames=40, **options):
    """Of three frames whose flow points to the right, then down, then nowhere."""
    frames = np.stack([np.full((*SIZE, 3), grey, np.uint8) for grey in (0, 100, 200)])
    flow = np.zeros((3, 15, 20, 2), np.float32)
    flow[0, :, :10] = 4, 0
    flow[1, :, :10] = 0, 4
    weights = np.zeros((3, 15, 20), np.float32)
    weights[:, :8] = 0.5
    given = dict(cell=8, clip_frames=9, angle=90, width=WIDTH) | options
    scores = np.asarray(scores, float)
    return draw_motion_scores(
        frames, flow, weights, (6, 20, 33), scores, chosen, num_frames, **given
    )


def row(drawn, number):
    """The tiles of a row: frames, flow, weights, turned flow."""
    top = BAND + number * (BAND + SIZE[0])
    return [drawn[top : top + SIZE[0], left : left + WIDTH] for left in (0, 162, 324)]


def curve(drawn):
    top = 4 * (BAND + SIZE[0]) + BAND
    return drawn[top : top + PLOT], drawn[top + PLOT :]


def mask(tile, colour):
    return (tile == colour).all(axis=-1)


def test_columns():
    drawn = picture(np.arange(10.0), range(5, 10))
    assert drawn.shape == (5 * BAND + 4 * SIZE[0] + PLOT + 2 * BAND, 3 * WIDTH + 2 * GAP, 3)
    assert [int(tile.mean()) for tile in row(drawn, 0)] == [0, 100, 200]
    right, down, still = row(drawn, 1)
    field = np.array([[3.0, 0], [0, 3], [0, 0], [0, -3], [-3, 0]])
    red, yellow, white, violet, cyan = colour_code_flow(field).astype(int)
    for tile, half, other in ((right, red, white), (down, yellow, white), (still, white, white)):
        assert (abs(tile[:, :80].astype(int) - half) <= 1).all()
        assert (tile[:, 80:] == other).all()
    # A quarter turn anticlockwise: to the right becomes up, down becomes to the right.
    up, right, _ = row(drawn, 3)
    assert (abs(up[:, :80].astype(int) - violet) <= 1).all()
    assert (abs(right[:, :80].astype(int) - red) <= 1).all()
    for tile in row(drawn, 2):
        brightness = tile.astype(int).sum(-1)
        assert brightness[:50].min() > brightness[80:].max()


def test_cells_that_overhang():
    frames = np.zeros((1, 36, 60, 3), np.uint8)
    flow = np.zeros((1, 5, 8, 2), np.float32)
    flow[0, 4, 7] = 2, 0
    drawn = draw_motion_scores(
        frames, flow, flow[..., 0], [0], np.ones(3), [0, 1, 2], 3, cell=8, width=120
    )
    tile = drawn[BAND + 72 + BAND :][:72, :120]
    rows, columns = np.nonzero(~mask(tile, 255))
    # The last cell begins at pixel (32, 56) of (36, 60), twice as large.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (64, 71, 112, 119)


def test_chosen_starts_and_bars():
    scores = np.array([1.0, 5, 2, 8, 3, 3, 0.5, 9, 1, 1])
    chosen = [1, 3, 7]
    plot, bars = curve(picture(scores, chosen))
    shaded = mask(plot[:5], (222, 244, 226)).all(axis=0)
    places = (np.arange(484) + 0.5) / 484 * 40 - 0.5
    for start in range(40):
        inside = np.abs(places - start) < 0.4
        assert shaded[inside].all() == (start in chosen)
        assert shaded[inside].any() == (start in chosen)
    # The highest clip is that of frames 7 to 15, the lowest that of 6 to 14.
    for line, colour, start in ((bars[:BAND], (20, 150, 60), 7), (bars[BAND:], (200, 40, 40), 6)):
        left, right = round(start / 40 * 484), round((start + 9) / 40 * 484)
        whole = mask(line[8:18], colour).all(axis=0)
        assert whole[left:right].all() and not whole[:left].any() and not whole[right]


def test_the_curve_is_green_between_two_starts_that_are_kept():
    scores = np.array([1.0, 1, 1, 1, 6, 7, 6, 1, 1, 1])
    plot, _ = curve(picture(scores, [4, 5, 6]))
    green = mask(plot, (20, 150, 60)).any(axis=0)
    x = [round((start + 0.5) / 40 * 484) for start in range(10)]
    assert green[x[4] + 4 : x[6] - 4].all()
    # Dots of the starts reach 3 px beyond.
    assert not green[: x[4] - 4].any() and not green[x[6] + 5 :].any()


def test_the_curve_is_where_the_scores_are():
    scores = np.array([0.0, 10, 0, 10, 0, 10, 0, 10, 0, 10])
    plot, _ = curve(picture(scores, [1, 3, 5, 7, 9]))
    # A tenth of their range is left above and below.
    for start, score in enumerate(scores):
        x = round((start + 0.5) / 40 * 484)
        y = round(239 * (11 - score) / 12)
        near = plot[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
        colour = (20, 150, 60) if score else (150, 150, 150)
        assert (near == colour).all(axis=-1).any()
    middle = plot[round(239 * (11 - 5) / 12)]
    assert mask(middle, (40, 80, 200))[::2].mean() > 0.8


@pytest.mark.parametrize('scores', [[2.0], [3.0, 3.0, 3.0], [np.nan, 1.0, np.nan]])
def test_few_and_even_scores(scores):
    plot, bars = curve(picture(scores, range(len(scores)), title='clip'))
    assert plot.min() < 100 and bars.min() < 100


def test_no_scores():
    drawn = picture([np.nan, np.nan], [0, 1])
    plot, bars = curve(drawn)
    assert plot[:BAND].min() < 100 and (plot[BAND:] == 255).all() and (bars == 255).all()


def test_the_last_clip_reaches_the_edge():
    plot, bars = curve(picture(np.arange(32.0), range(16, 32)))
    assert mask(bars[10], (20, 150, 60))[-1]


def test_the_frames_are_left_alone():
    frames = np.random.default_rng(0).integers(0, 255, (1, 40, 48, 3), np.uint8)
    before = frames.copy()
    flow = np.ones((1, 5, 6, 2), np.float32)
    draw_motion_scores(frames, flow, flow[..., 0], [0], np.ones(2), [0], 3, 8, width=48)
    np.testing.assert_array_equal(frames, before)
    with pytest.raises(ValueError, match='are 1, 1, 1 and 2, not as many'):
        draw_motion_scores(frames, flow, flow[..., 0], [0, 1], np.ones(2), [0], 3, 8)
