"""The picture of where networks look."""

import cv2
import numpy as np

from ssvrl_mm.visualization import AttentionRow, draw_attention, play_attention
from ssvrl_mm.visualization.attention import overlay

LEGEND = 430  # px of the scale of the colours and what is said of it
GREY = np.full((3, 20, 30, 3), 100, np.uint8)


def maps(place):
    """Three maps that are 1 in the left, middle or right third and 0 elsewhere."""
    drawn = np.zeros((3, 20, 30), np.float32)
    drawn[:, :, 10 * place : 10 * place + 10] = 1
    return drawn


def turbo(level):
    """The colour of OpenCV's table, as RGB."""
    return cv2.applyColorMap(np.uint8([[level]]), cv2.COLORMAP_TURBO)[0, 0, ::-1].astype(int)


def test_colours_are_mixed_with_grey():
    frames = np.zeros((1, 1, 3, 3), np.uint8)
    frames[..., 0] = (0, 30, 255)
    found = overlay(frames, np.float32([[[0, 1, 0.5]]]))[0, 0].astype(int)
    for pixel, level, grey in zip(found, (0, 255, 128), (0, 10, 85), strict=True):
        np.testing.assert_allclose(pixel, (turbo(level) + grey) / 2, atol=0.6)
    # Cold is blue, and hot is red.
    assert found[0][2] > found[0][0] and found[1][0] > found[1][2]


def test_a_row_of_frames_for_each_map():
    rows = [AttentionRow('rgb', GREY, maps(0)), AttentionRow('motion', GREY[:1], maps(2)[:1])]
    picture = draw_attention([('one', rows), ('two', rows)], side=60)
    width, line = 3 * 90 + 2 * 2, 24 + 60
    block = 3 * line + 2 * 2
    assert picture.shape == (2 * block + 16 + 2 + 24, LEGEND, 3)
    assert (picture[: 2 * block + 16, width:] == 255).all()
    frames = picture[24:84]
    assert (frames[:, :90] == 100).all() and (frames[:, 90:92] == 255).all()
    hot, cold = ((turbo(level) + 100) / 2 for level in (255, 0))
    top = line + 2 + 24 + 20
    np.testing.assert_allclose(picture[top, 5], hot, atol=1)
    np.testing.assert_allclose(picture[top, 92 + 5], hot, atol=1)
    np.testing.assert_allclose(picture[top, 80], cold, atol=1)
    below = top + line + 2
    np.testing.assert_allclose(picture[below, 80], hot, atol=1)
    assert (picture[below, 92:] == 255).all()
    # The second video, and the scale of the colours from cold to hot.
    np.testing.assert_array_equal(picture[24:block], picture[block + 40 : 2 * block + 16])
    np.testing.assert_array_equal(picture[-12, 4], turbo(0))
    np.testing.assert_array_equal(picture[-12, 4 + 63], turbo(255))
    scale = (picture[-26:, 4] != 255).any(axis=-1)
    assert scale.tolist() == [False] * 6 + [True] * 16 + [False] * 4
    # However narrow a picture is, there is room for the note.
    narrow = [('x', [AttentionRow('rgb', GREY[:1], maps(0)[:1])])]
    assert draw_attention(narrow, side=60).shape[1] == LEGEND


def test_maps_of_another_time_are_on_grey():
    rows = [AttentionRow('rgb', GREY, maps(0)), AttentionRow('motion', GREY, maps(0), False)]
    picture = draw_attention([('x', rows)], side=60)
    on_picture, on_grey = (picture[top + 24 : top + 84, :90] for top in (86, 172))
    np.testing.assert_allclose(on_grey[20, 5], (turbo(255) + 127) / 2, atol=1)
    assert (picture[24:84, :90] == 100).all() and (on_grey > on_picture).all()
    played = next(play_attention([('x', rows)], side=60))
    np.testing.assert_array_equal(played[24:84, 184:274], on_grey)


def test_names_are_read_however_small_frames_are():
    videos = [
        (f'{name}/a_long_name_of_a_video.mp4', [AttentionRow('x', GREY, maps(0))]) for name in 'ab'
    ]
    (picture, *_) = play_attention(videos * 2, side=20)
    # A column begins where it does in the other rows, beside what the longest name takes.
    columns = (picture[24 + 10 :: 24 + 20 + 2] != 255).any(axis=-1)[:4]
    assert (columns == columns[0]).all() and columns[0, 150:].sum() == 30


def test_videos_of_one_frame_are_side_by_side():
    videos = [(name, [AttentionRow('rgb', GREY[:1], maps(2)[:1])]) for name in 'ab']
    picture = draw_attention(videos, side=100)
    assert picture.shape == (2 * (24 + 100) + 2 + 2 + 24, LEGEND, 3)
    np.testing.assert_array_equal(picture[124:250, :150], picture[124:250, 166:316])


def test_a_flat_map_says_so():
    moving, flat = (
        draw_attention([('x', [AttentionRow('rgb', GREY, drawn)])], side=60)
        for drawn in (maps(1), np.zeros_like(maps(1)))
    )
    title = np.s_[86 : 86 + 24]
    assert (flat[title] < 128).sum() > 2 * (moving[title] < 128).sum()


def test_an_animation_shows_all_that_plays_side_by_side():
    frames = np.stack([np.full((20, 30, 3), value, np.uint8) for value in (0, 80, 160, 240)])
    drawn = np.stack([np.full((20, 30), value, np.float32) for value in (0, 0, 0.5, 1)])
    slow = AttentionRow('iframe', frames[[0, 3]], drawn[[0, 3]])
    videos = [(name, [AttentionRow('rgb', frames, drawn), slow]) for name in 'ab']
    played = list(play_attention(videos, side=60))
    line = 24 + 60
    assert len(played) == 4
    assert {picture.shape for picture in played} == {(2 * line + 2 + 2 + 24, LEGEND, 3)}
    for number, picture in enumerate(played):
        for top in (24 + 20, line + 2 + 24 + 20):
            assert (picture[top, 30] == frames[number][0, 0]).all()
            wanted = overlay(frames[[number]], drawn[[number]])[0, 0, 0]
            np.testing.assert_array_equal(picture[top, 92 + 30], wanted)
            wanted = overlay(slow.frames, slow.maps)[number // 2, 0, 0]
            np.testing.assert_array_equal(picture[top, 2 * 92 + 30], wanted)
