"""Scales and titles of the tiles of a frame, by numbers that are given."""

from dataclasses import replace

import numpy as np
import pytest

from ssvrl_mm.video import FrameBatch
from ssvrl_mm.visualization import streams
from ssvrl_mm.visualization.streams import (
    ORIGIN_COLOURS,
    Scales,
    decimal,
    draw_legend,
    draw_streams,
)


def batch(length=4.0, flow=2.0, residual=30, origin='coded', flow_origin='estimated', lost=False):
    """One frame 64 x 80 all of which moves to the right."""
    motion = np.zeros((1, 8, 10, 2), np.float32)
    motion[..., 0] = length
    valid = np.ones((1, 8, 10), bool)
    valid[0, :2] = False
    dense = None
    if flow is not None:
        dense = np.zeros((1, 64, 80, 2), np.float32)
        dense[..., 0] = flow
    return FrameBatch(
        indices=np.array([7]),
        pts_seconds=np.array([0.28]),
        frame_types=np.array(['P']),
        lost=np.array([lost]),
        rgb=np.full((1, 64, 80, 3), 90, np.uint8),
        motion=motion,
        motion_valid=valid,
        motion_origin=np.array([origin]),
        residual=np.full((1, 64, 80, 3), residual, np.int16),
        flow=dense,
        flow_origin=None if flow is None else np.array([flow_origin]),
    )


@pytest.mark.parametrize(
    'origin, length, flow, longest',
    [
        ('coded', 4, 2, 4),
        ('coded', 1, 60, 1),
        ('propagated', 3, 60, 3),
        ('estimated', 3, 60, 3),
        ('held', 3, 60, 3),
        ('none', 0, 6, 6),
        ('none', 0, None, 0.5),
        ('coded', 0, 0, 0.5),
    ],
)
def test_colours_reach_to_the_longest_motion_that_was_coded(origin, length, flow, longest):
    assert Scales.measure(batch(length, flow, origin=origin), 160).longest == longest


def test_what_is_longer_looks_alike_and_lengths_have_no_exponents(monkeypatch):
    found = tiles(monkeypatch, batch(length=40, flow=900), size=12_345_678)
    assert found['motion, 75 % coded'][-1, 0].tolist() == [255, 0, 0]
    assert found['flow (dis)'][0, 0].tolist() == [255, 0, 0]
    assert 'frame 7, P, 12346 kB' in found
    assert [decimal(value, 2) for value in (0.5, 2.54, 99.4, 99.7, 123.4)] == [
        '0.5', '2.5', '99', '100', '123',
    ]  # fmt: skip


@pytest.mark.parametrize(
    'length, step, gain',
    # 1.2 x step x 8 px is the room of an arrow.
    [
        (4, 1, 2),
        (4, 2, 4),
        (3, 1, 3),
        (9.5, 1, 1),
        (40, 1, 1),
        (1, 1, 9),
        (0.5, 1, 16),
        (0.4, 1, 9),
    ],
)
def test_arrows_span_their_room(length, step, gain):
    assert Scales.measure(batch(length), 160, step=step).gain == gain


@pytest.mark.parametrize('side, step', [(160, 1), (80, 2), (40, 4), (1000, 1)])
def test_arrows_stand_about_18_px_apart(side, step):
    assert Scales.measure(batch(), side).step == step


@pytest.mark.parametrize('residual, gain', [(30, 3), (-30, 3), (2, 8), (0, 8), (100, 1), (255, 1)])
def test_residuals_are_made_visible(residual, gain):
    assert Scales.measure(batch(residual=residual), 160).residual_gain == gain


def tiles(monkeypatch, given, size=1234, name='dis'):
    found = {}
    monkeypatch.setattr(
        streams, 'titled', lambda tile, text, band: found.__setitem__(text, tile) or tile
    )
    scales = Scales(zoom=3, longest=4, gain=2, step=1, residual_gain=3)
    draw_streams(given, 0, scales, size, name)
    return found


def test_titles_and_tiles(monkeypatch):
    found = tiles(monkeypatch, batch())
    assert list(found) == [
        'frame 7, P, 1.23 kB',
        'vectors x 2, coded',
        'motion, 75 % coded',
        'flow (dis)',
        'residual x 3',
    ]
    assert (found['frame 7, P, 1.23 kB'] == 90).all()
    # 128 + 3 x 30, and flow of half of the longest vector.
    assert (found['residual x 3'] == 218).all()
    assert found['flow (dis)'][0, 0].tolist() == [255, 127, 127]
    assert found['motion, 75 % coded'][-1, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize('residual, level', [(60, 255), (-60, 0), (0, 128)])
def test_strong_residuals_are_cut_off(monkeypatch, residual, level):
    assert (tiles(monkeypatch, batch(residual=residual))['residual x 3'] == level).all()


@pytest.mark.parametrize('origin', ['coded', 'propagated', 'estimated'])
def test_arrows_have_the_colour_of_where_they_come_from(monkeypatch, origin):
    tile = tiles(monkeypatch, batch(origin=origin))[f'vectors x 2, {origin}']
    for name in ('coded', 'propagated', 'estimated'):
        near = np.abs(tile.astype(int) - ORIGIN_COLOURS[name]).max(axis=-1) < 20
        assert near.any() == (name == origin)


def test_the_share_of_a_frame_is_called_by_where_its_motion_comes_from(monkeypatch):
    for origin in ('coded', 'propagated', 'estimated'):
        assert f'motion, 75 % {origin}' in tiles(monkeypatch, batch(origin=origin))
    held = batch(origin='held')
    held = replace(held, motion_valid=np.zeros_like(held.motion_valid))
    assert 'motion, 0 % coded' in tiles(monkeypatch, held)


def test_what_is_missing_or_stands_in_is_said(monkeypatch):
    found = list(tiles(monkeypatch, batch(flow=None, lost=True), 50, 'tvl1'))
    assert found[0] == 'frame 7, P, 0.05 kB, lost' and found[3] == 'no flow: too small'
    assert 'flow (tvl1), held' in tiles(monkeypatch, batch(flow_origin='held'), name='tvl1')
    assert 'flow (vectors)' in tiles(monkeypatch, batch(flow_origin='coded'), name='vectors')


def test_frame_0_says_that_it_has_no_residual(monkeypatch):
    first = replace(batch(residual=0), indices=np.array([0]))
    assert 'no residual: first frame' in tiles(monkeypatch, first)
    # Nor does it set the strength in which that of others is shown.
    assert Scales.measure(first, 160).residual_gain == 8


def test_frames_that_are_unlike_the_others_do_not_set_the_scale():
    """One frame of three is a cut: an estimate and a residual of anything."""
    frames = [batch(3, None, 20, 'estimated'), batch(90, None, 250, 'estimated')]
    frames.append(batch(4, None, 30, 'estimated'))
    names = ('indices', 'motion', 'motion_valid', 'motion_origin', 'residual', 'rgb')
    three = replace(
        frames[0],
        **{name: np.concatenate([getattr(frame, name) for frame in frames]) for name in names},
    )
    scales = Scales.measure(three, 160, step=1)
    assert scales.longest == 4 and scales.residual_gain == 3 and scales.gain == 2


def test_narrow_tiles_are_widened_evenly():
    scales = Scales(zoom=1, longest=4, gain=2, step=1, residual_gain=3)
    picture = draw_streams(batch(), 0, scales)
    assert picture.shape == (26 + 64, 5 * 176 + 4 * 8, 3)
    first = picture[26:, :176]
    assert (first[:, 48:128] == 90).all()
    assert (first[:, :48] == 255).all() and (first[:, 128:] == 255).all()


def legend(monkeypatch, origins, width=2000):
    said = []
    plain = streams.text_band
    monkeypatch.setattr(
        streams, 'text_band', lambda text, *rest: said.append(text) or plain(text, *rest)
    )
    scales = Scales(zoom=1, longest=2.54, gain=2, step=1, residual_gain=3)
    return draw_legend(origins, 'hevc', scales, width), said


def test_the_legend_says_what_there_is(monkeypatch):
    picture, said = legend(monkeypatch, {'held', 'coded'})
    assert said == [
        'coded vectors',
        'held: those of another frame',
        'no vector coded',
        'up to 2.5 px/frame, longer alike',
    ]
    assert picture.shape == (27, 2000, 3)
    assert (picture == ORIGIN_COLOURS['coded']).all(axis=-1).any()
    assert not (picture == ORIGIN_COLOURS['estimated']).all(axis=-1).any()


def test_the_legend_says_why_motion_is_estimated(monkeypatch):
    picture, said = legend(monkeypatch, {'estimated'})
    assert said[0] == 'estimated from the pixels, as vectors of hevc are not to be had'
    assert (picture == ORIGIN_COLOURS['estimated']).all(axis=-1).any()


@pytest.mark.parametrize('width, lines', [(2000, 1), (600, 2), (300, 4)])
def test_the_legend_takes_the_lines_that_it_needs(monkeypatch, width, lines):
    picture, _ = legend(monkeypatch, {'held', 'coded'}, width)
    assert picture.shape == (26 * lines + 1, width, 3)
