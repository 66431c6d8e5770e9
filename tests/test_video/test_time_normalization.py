"""Motion in px/frame against known motion, and what the documentation says of it."""

import importlib.util
import re

import pytest


@pytest.fixture(scope='module')
def measured(repository):
    """What the measuring tool finds: {encoding: {type of frame: (right, off, number)}}."""
    path = repository / 'tools' / 'analysis' / 'measure_motion.py'
    spec = importlib.util.spec_from_file_location('measure_motion', path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return {encoding: tool.measure(encoding, 60, (240, 320)) for encoding in tool.ENCODINGS}


def test_exact_where_the_reference_is_known(measured):
    exact = [encoding for encoding in measured if 'refs=4' not in encoding]
    assert len(exact) == 6
    for encoding in exact:
        for kind, (right, off, count) in measured[encoding].items():
            assert count > 40 and right >= 0.98 and off == 0, (encoding, kind)
        assert ('B' in measured[encoding]) == ('B-frames' in encoding)


def test_error_with_several_references_is_documented(measured, repository):
    page = (repository / 'docs' / 'reader.md').read_text()
    for encoding, found in measured.items():
        row = re.search(rf'^\| {re.escape(encoding)} \|(.*)\|$', page, re.MULTILINE)
        assert row, encoding
        cells = [cell.strip() for cell in row[1].split('|')]
        expected = [
            found[kind][column] if kind in found else '' for column in (0, 1) for kind in 'PB'
        ]
        for cell, value in zip(cells, expected, strict=True):
            # Other versions of x264 may choose otherwise, but not altogether.
            assert bool(cell) == (value != '')
            assert not cell or float(cell) == pytest.approx(value, abs=0.15), encoding
    # It is an error of whole factors, not of the reader's arithmetic: the rest is right.
    for right, off, _ in (numbers for found in measured.values() for numbers in found.values()):
        assert right + off > 0.95
