import numpy as np
import pytest

from ssvrl_mm.visualization import Shown, draw_retrieval, play_retrieval

GREEN, RED, GREY = (0, 135, 60), (205, 25, 25), (110, 110, 110)
BAND, LINE, HEIGHT, WIDTH = 24, 5, 48, 64
TILE = 3 * WIDTH + 2 * 2 + 2 * LINE  # px that three frames take


def video(value, right=None, shape=(48, 64)):
    return Shown(np.full((3, *shape, 3), value, np.uint8), f'{value}.mp4', right)


def test_neighbours_stand_beside_their_query_in_a_row_for_each_model():
    queries = [video(10), video(20)]
    found = [
        ('ours', [[video(11, True), video(12, False)], [video(21, False), video(22, False)]]),
        ('random', [[video(13), video(14)], [video(23), video(24)]]),
    ]
    picture = draw_retrieval(queries, found, HEIGHT)
    tile = BAND + HEIGHT + 2 * LINE
    row = BAND + tile
    block = 2 * row + 8
    assert picture.shape == (2 * block + 24, TILE + 24 + 2 * TILE + 8, 3)
    for q, (query, name) in enumerate(((10, 1), (20, 2))):
        top = q * (block + 24)
        places = {(top, 0): (query, GREY)}
        for m, colours in enumerate(((GREEN, RED) if q == 0 else (RED, RED), (GREY, GREY))):
            for k, colour in enumerate(colours):
                value = 10 * name + 1 + 2 * m + k
                places[top + m * (row + 8), TILE + 24 + k * (TILE + 8)] = (value, colour)
        for (y, x), (value, colour) in places.items():
            inner = picture[y + 2 * BAND : y + 2 * BAND + HEIGHT + 2 * LINE, x : x + TILE]
            assert (inner[:LINE] == colour).all() and (inner[:, -LINE:] == colour).all()
            frames = inner[LINE:-LINE, LINE:-LINE]
            for number in range(3):
                left = number * (WIDTH + 2)
                assert (frames[:, left : left + WIDTH] == value).all()
            caption = picture[y + BAND : y + 2 * BAND, x : x + TILE]
            assert (caption == colour).all(axis=-1).any()


def test_frames_keep_their_shape_within_4_to_3():
    tall = Shown(np.full((1, 96, 32, 3), 200, np.uint8), 'tall')
    picture = draw_retrieval([tall], [('m', [[tall]])], HEIGHT)
    inner = picture[2 * BAND + LINE : 2 * BAND + LINE + HEIGHT, LINE : LINE + WIDTH]
    assert (inner[:, 24:40] == 200).all()
    assert (inner[:, :24] == 0).all() and (inner[:, 40:] == 0).all()


def test_every_model_answers_every_query():
    with pytest.raises(ValueError, match='ours has neighbours of 1 of 2 queries'):
        draw_retrieval([video(1), video(2)], [('ours', [[video(3)]])])


def test_all_videos_play_together():
    def counting(start, right=None):
        frames = np.stack([np.full((48, 64, 3), start + time, np.uint8) for time in range(3)])
        return Shown(frames, f'{start}.mp4', right)

    queries, found = [counting(10)], [('m', [[counting(50, True), counting(90, False)]])]
    played = list(play_retrieval(queries, found, 2 * HEIGHT))
    assert len(played) == 3
    top, tile = 2 * BAND + LINE, 2 * WIDTH + 2 * LINE
    for time, picture in enumerate(played):
        for left, start in ((0, 10), (tile + 24, 50), (2 * tile + 24 + 8, 90)):
            inner = picture[top : top + 2 * HEIGHT, left + LINE : left + LINE + 2 * WIDTH]
            assert (inner == start + time).all()


def test_captions_are_read_however_small_frames_are():
    long = Shown(np.full((1, 8, 8, 3), 9, np.uint8), 'a/long_name_of_a_video.mp4 0.987')
    picture = draw_retrieval([long], [('one', [[long, long]]), ('other', [[long, long]])], 8)
    tile = (picture.shape[1] - 24 - 8) // 3
    assert tile > 150
    for left in (0, tile + 24, 2 * tile + 24 + 8):
        rows, _ = np.nonzero((picture[24:48, left : left + tile] < 200).all(axis=-1))
        assert np.ptp(rows) >= 7
        assert (picture[50, left + 4 + 2 * LINE + 8 : left + tile] == 255).all()
