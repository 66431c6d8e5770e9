"""Pictures of curves: what is in them is asked of matplotlib."""

import numpy as np
import pytest

from ssvrl_mm.run_logs import find_runs, group_runs
from ssvrl_mm.visualization import COLOURS, PictureError
from ssvrl_mm.visualization.curves import check_figure, draw_curves, write_figure
from tests.test_run_logs.logs import evaluated, step, write


@pytest.fixture
def groups(tmp_path):
    """Two seeds, whose loss is 8 apart and falls by 0.1 per epoch, and a run of its own."""
    for seed, start in ((0, 2.0), (1, 10.0)):
        lines = [step(10 * e, start - 0.1 * e) for e in range(1, 41)]
        write(tmp_path / 'x' / f'seed_{seed}', [*lines, evaluated(40, 0.5)])
    write(tmp_path / 'y', [step(10 * e, 5 + (-1) ** e) for e in range(1, 41)])
    return group_runs([run for name in 'xy' for run in find_runs(tmp_path / name)])


def lines_of(panel):
    return [np.array(line.get_xydata()) for line in panel.get_lines()]


def test_seeds_are_a_mean_within_a_band(groups):
    figure = draw_curves(groups, ['loss', 'retrieval/rgb_R@1'])
    loss, recall = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ['loss', 'retrieval/rgb_R@1']
    first, second, mean, raw, smooth = lines_of(loss)
    epochs = np.arange(1, 41)
    np.testing.assert_allclose(first, np.stack([epochs, 2 - 0.1 * epochs], axis=1))
    np.testing.assert_allclose(second[:, 1], 10 - 0.1 * epochs)
    np.testing.assert_allclose(mean[:, 1], 6 - 0.1 * epochs)
    (band,) = loss.collections
    heights = band.get_paths()[0].vertices[:, 1]
    # Two figures 8 apart deviate by 8 / sqrt(2).
    assert heights.max() == pytest.approx(5.9 + 8 / np.sqrt(2))
    assert heights.min() == pytest.approx(2 + -8 / np.sqrt(2))
    # What goes up and down is smoothed over five points and stays faintly behind.
    assert set(raw[:, 1]) == {4, 6}
    assert abs(smooth[5:-5, 1] - 5).max() == pytest.approx(0.2)
    alphas = [line.get_alpha() for line in loss.get_lines()]
    assert alphas == [0.25, 0.25, None, 0.25, None]
    # An evaluation is a point, chance a line of dots.
    chance = recall.get_lines()[0]
    assert set(chance.get_ydata()) == {0.1} and chance.get_linestyle() == ':'
    (point,) = (line for line in recall.get_lines() if line.get_marker() == 'o')
    assert point.get_xydata().tolist() == [[40, 0.5]]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ['x (mean of 2 seeds, where all are)', 'y']
    assert labels[2].startswith('faint: as logged') and labels[3].startswith('points: evaluations')
    colours = [line.get_color() for line in figure.legends[0].get_lines()[:2]]
    np.testing.assert_allclose(colours, np.array(COLOURS[:2]) / 255)


def test_over_iterations_and_as_it_was_logged(groups):
    (panel,) = draw_curves(groups[1:], ['loss'], by_epoch=False, window=1).axes
    raw, line = lines_of(panel)
    np.testing.assert_array_equal(raw, line)
    assert raw[-1, 0] == 400 and panel.get_xlabel() == 'iteration'
    # A schedule is not smoothed.
    run = groups[1].runs[0]
    for line in run.lines:
        line['lr'] = line['iter'] % 20
    (panel,) = draw_curves(groups[1:], ['lr']).axes
    assert set(lines_of(panel)[1][:, 1]) == {0, 10}


def test_panels_and_their_size(groups):
    figure = draw_curves(groups, ['lr', 'loss', 'time', 'data_time'], side=200)
    assert len(figure.axes) == 4
    # Three panels in a row, and four lines of legend.
    assert figure.canvas.get_width_height() == (600, 2 * 144 + 110)
    shown = [axes.get_xlabel() for axes in figure.axes]
    assert shown == ['', 'epoch', 'epoch', 'epoch']


@pytest.mark.parametrize(
    'suffix, head', [('.png', b'\x89PNG'), ('.svg', b'<?xml'), ('.pdf', b'%PDF')]
)
def test_files_are_what_their_suffix_says(suffix, head, groups, tmp_path):
    file = tmp_path / 'new' / f'x{suffix}'
    write_figure(file, draw_curves(groups, ['loss'], side=150))
    assert file.read_bytes().startswith(head)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_cannot_be_drawn_or_written_says_so(groups, tmp_path):
    with pytest.raises(PictureError, match=r'x\.gif: curves are written as \.png, \.jpg'):
        check_figure('x.gif')
    with pytest.raises(ValueError, match='11 runs, but there are 10 colours'):
        draw_curves([groups[0]] * 11, ['loss'])
    for wrong in (([], ['loss']), (groups, [])):
        with pytest.raises(ValueError, match='nothing to draw'):
            draw_curves(*wrong)
    (tmp_path / 'x.png').mkdir()
    with pytest.raises(PictureError, match='it is a folder'):
        write_figure(tmp_path / 'x.png', draw_curves(groups, ['loss'], side=150))
