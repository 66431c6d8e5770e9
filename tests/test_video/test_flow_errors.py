"""What the documentation says of the errors of flow, against the tool that measures them."""

import importlib.util
import re

import pytest

NUM_FRAMES, SIZE = 20, (240, 320)
QUICK = ("'dis'", "'dis', scale .5, cell 2", "'farneback', scale .5, cell 2", "'vectors'")


@pytest.fixture(scope='module')
def tool(repository):
    path = repository / 'tools' / 'analysis' / 'measure_flow.py'
    spec = importlib.util.spec_from_file_location('measure_flow', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_errors_are_as_documented(tool, repository, tmp_path):
    page = (repository / 'docs' / 'reader.md').read_text()
    frames = tool.moving_texture(NUM_FRAMES, SIZE)
    for encoding, (codec, suffix, options) in tool.ENCODINGS.items():
        path = tmp_path / f'clip.{suffix}'
        tool.encode(path, frames, codec, options)
        for source in QUICK:
            row = re.search(rf'^\| {encoding} \| {re.escape(source)} \|(.*)\|$', page, re.MULTILINE)
            assert row, (encoding, source)
            said = [float(cell) for cell in row[1].split('|')[:3]]
            for span, error in zip(tool.SPANS, said, strict=True):
                found, _ = tool.measure(path, tool.SOURCES[source], span, range(8, 12), SIZE)
                assert found == pytest.approx(error, abs=0.15), (encoding, source, span)


def test_the_motion_that_is_known(tool):
    """Back undoes ahead, and a frame ahead is the map itself."""
    place = tool.np.array([[30.0, -20.0], [0.0, 0.0]])
    ahead = tool.displacement(place, 3)
    assert tool.displacement(place + ahead, -3) == pytest.approx(-ahead)
    assert tool.displacement(place, 1)[1].tolist() == list(tool.SHIFT)
    # Clockwise on the screen, and outwards.
    assert tool.displacement(place, 1)[0] == pytest.approx((1.5 + 0.5, -1 + 0.1), abs=0.02)
