"""The strip of GOPs: bars by bits and types, marks where they are asked for."""

import numpy as np
import pytest

from ssvrl_mm.visualization.gop import BAND, LETTERS, MARKS, PLOT, TYPE_COLOURS, GOPStrip

TYPES = ['I', 'B', 'P', '?', 'I', 'P']
SIZES = [400, 100, 200, 10, 300, 0]


def bar(strip, picture, number):
    """Height and colour of a frame's bar, measured in the picture."""
    left, right = strip.column(number)
    column = picture[BAND : BAND + PLOT, (left + right) // 2]
    found = {kind: (column == colour).all(axis=-1) for kind, colour in TYPE_COLOURS.items()}
    return next(((int(where.sum()), kind) for kind, where in found.items() if where.any()), (0, ''))


@pytest.mark.parametrize('first', [0, 40])
def test_bars_are_as_high_as_the_bits_in_the_colour_of_the_type(first):
    strip = GOPStrip(TYPES, SIZES, 360, first)
    picture = strip.draw()
    assert picture.shape == (BAND + PLOT + LETTERS + MARKS, 360, 3)
    measured = [bar(strip, picture, first + place) for place in range(6)]
    # Proportional to bits, rounded up.
    assert measured == [(72, 'I'), (18, 'B'), (36, 'P'), (2, '?'), (54, 'I'), (0, '')]
    # Columns follow each other evenly, with room between.
    assert [strip.column(first + place) for place in range(3)] == [(0, 59), (60, 119), (120, 179)]


def test_there_is_room_between_bars_of_four_px_and_more():
    for width, right in ((3 * 6, 3), (4 * 6, 3), (5 * 6, 4)):
        assert GOPStrip(TYPES, SIZES, width).column(0) == (0, right)


def test_marks_are_triangles():
    plain, marked = (GOPStrip(TYPES, SIZES, 600).draw(each)[-MARKS:] for each in ([], [2]))
    rows, columns = np.nonzero((plain != marked).any(axis=-1))
    widths = [np.ptp(columns[rows == row]) for row in range(10)]
    assert widths == sorted(widths) and widths[0] <= 2 and 9 <= widths[-1] <= 12
    # Frame 2 is from 200 to 298.
    assert abs(columns[rows == 9].mean() - 249) <= 1


def test_more_frames_than_px_keep_their_highest_bars():
    types = ['P'] * 999 + ['I']
    sizes = [10] * 999 + [720]
    strip = GOPStrip(types, sizes, 100)
    picture = strip.draw()[BAND : BAND + PLOT]
    assert (picture[:70, 99] == TYPE_COLOURS['I']).all()
    # The lowest bars stand in front.
    assert (picture[-1, 99] == TYPE_COLOURS['P']).all()
    assert strip.column(999) == (99, 100) and strip.column(0) == (0, 1)


def test_marked_frames_are_shaded_and_pointed_at():
    strip = GOPStrip(TYPES, SIZES, 360, 10)
    plain, marked = strip.draw(), strip.draw([11, 99])
    rows, columns = np.nonzero((plain != marked).any(axis=-1))
    left, right = strip.column(11)
    inside = (rows >= BAND) & (rows < BAND + PLOT)
    assert columns[inside].min() == left and columns[inside].max() == right - 1
    # The bar itself is not painted over.
    assert rows[inside].max() < BAND + PLOT - 18
    below = columns[rows >= BAND + PLOT + LETTERS]
    assert abs(below.mean() - (left + right) / 2) < 4 and len(below) > 40
    np.testing.assert_array_equal(strip.draw([99]), plain)


@pytest.mark.parametrize('number', [0, 299])
def test_triangles_are_whole_at_the_edges(number):
    strip = GOPStrip(['P'] * 300, [9] * 300, 900)
    plain, marked, inside = (strip.draw(each)[-MARKS:][:10] for each in ([], [number], [150]))
    assert (plain != marked).sum() == (plain != inside).sum() > 100


def test_marks_that_are_close_share_a_number():
    strip = GOPStrip(['P'] * 100, [5] * 100, 300)
    one, both = strip.draw([50]), strip.draw([50, 51])
    np.testing.assert_array_equal(one[-16:], both[-16:])
    assert (one[-27:-16] != both[-27:-16]).any()


def test_letters_stand_where_there_is_room():
    letters = slice(BAND + PLOT, BAND + PLOT + LETTERS)
    wide, narrow = GOPStrip(TYPES, SIZES, 360).draw(), GOPStrip(TYPES, SIZES, 50).draw()
    assert (wide[letters] < 255).any() and (narrow[letters] == 255).all()


@pytest.mark.parametrize(
    'types, words',
    [
        ('IPPIPP', 'an I-frame every 3'),
        ('IPPIPIPP', 'an I-frame every 2 to 3'),
        ('III', 'I-frames only'),
        ('IPP', 'one I-frame'),
        ('PPP', 'no I-frame'),
    ],
)
def test_distances_of_iframes_are_said(types, words, monkeypatch):
    said = []
    monkeypatch.setattr(
        'ssvrl_mm.visualization.gop.text_band',
        lambda text, width, band=40, colour=0: (
            said.append(text) or np.zeros((band, width, 3), np.uint8)
        ),
    )
    GOPStrip(types, [1000] * len(types), 900, 7)
    assert f'frames 7 to {6 + len(types)}, {words}, bits per frame, up to 8 kbit' in said
    counts = {kind: types.count(kind) for kind in 'IPB' if kind in types}
    assert {f'{kind} {count}' for kind, count in counts.items()} <= set(said)


@pytest.mark.parametrize('size, words', [(10, '80 bit'), (150_000, '1.2 Mbit'), (125, '1 kbit')])
def test_units(size, words, monkeypatch):
    said = []
    monkeypatch.setattr(
        'ssvrl_mm.visualization.gop.text_band',
        lambda text, width, band=40, colour=0: (
            said.append(text) or np.zeros((band, width, 3), np.uint8)
        ),
    )
    GOPStrip(['?'], [size], 700)
    assert 'not read 1' in said and f'frame 0, no I-frame, bits per frame, up to {words}' in said


def test_narrow_strips_and_empty_videos():
    assert GOPStrip(TYPES, SIZES, 60).draw([0]).shape[1] == 60
    assert GOPStrip(['P'], [0], 60).draw([0]).shape[1] == 60
    for types, sizes in (([], []), (['I'], [])):
        with pytest.raises(ValueError, match='as many types as sizes'):
            GOPStrip(types, sizes, 100)
