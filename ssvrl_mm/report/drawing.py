"""Drawings of matplotlib as inline SVG: small, safe, legible on light and on dark pages."""

import io
import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from ssvrl_mm.zoo.extras import require_extra

# Colours that stand for those of the page.
INK, FAINT = '#010203', '#040506'
_OF_PAGE = {INK: 'currentColor', FAINT: 'var(--line)'}
_SVG = '{http://www.w3.org/2000/svg}'
_HREF = '{http://www.w3.org/1999/xlink}href'
_STYLE: dict[Any, Any] = {
    'svg.fonttype': 'none',
    'font.size': 9.0,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'axes.titlesize': 10.0,
    'axes.titlelocation': 'left',
    'grid.linewidth': 0.6,
    'grid.color': FAINT,
    'axes.edgecolor': FAINT,
    'axes.facecolor': 'none',
    'figure.facecolor': 'none',
    'legend.frameon': False,
    'legend.fontsize': 8.0,
    **dict.fromkeys(
        ('axes.labelcolor', 'xtick.color', 'ytick.color', 'text.color', 'axes.titlecolor'), INK
    ),
}
_numbers = itertools.count(1)
# Control characters, halves of surrogate pairs, and what is no character.
_NO_TEXT = re.compile(r'[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Any, Any]]:
    """A figure of so many inches and its axes, in the style of the page.

    Raises:
        ImportError: matplotlib is not installed.
    """
    require_extra('matplotlib', 'report', 'a report')
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout='constrained')
        yield figure, figure.add_subplot()


def as_svg(figure: Any, titles: Mapping[str, list[str]] | None = None) -> str:
    """The figure as an element of HTML.

    Ids are unique on the page, names of the user are text and nothing else, nothing refers to
    another address.

    Args:
        figure: Of :func:`drawing`, used within it.
        titles: Group that has this as its gid -> what is said of each of its marks, in their order.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_text(drawable(text.get_text()))
        # A dollar in the name of a class is no formula.
        text.set_parse_math(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='svg', metadata=dict.fromkeys(('Date', 'Creator')))
    root = ElementTree.fromstring(buffer.getvalue())
    prefix = f'c{next(_numbers)}-'
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f'{_SVG}metadata', f'{_SVG}style'):
                parent.remove(child)
    for gid, names in (titles or {}).items():
        group = next(node for node in root.iter() if node.get('id') == gid)
        marks = [node for node in group.iter(f'{_SVG}use')]
        for mark, name in zip(marks, names, strict=True):
            ElementTree.SubElement(mark, f'{_SVG}title').text = drawable(name)
    for node in root.iter():
        _make_ours(node, prefix)
    root.attrib.pop('width', None)
    root.attrib.pop('height', None)
    text = ElementTree.tostring(root, encoding='unicode')
    return re.sub(r'(</?)ns\d+:', r'\1', text).replace(' xmlns:ns0=', ' xmlns=')


def drawable(text: str) -> str:
    """A text without characters that XML, and so SVG, does not know.

    Labels of ticks are to pass it before they are set, as they are written when they are drawn.
    """
    return _NO_TEXT.sub('\N{REPLACEMENT CHARACTER}', text)


def _make_ours(node: ElementTree.Element, prefix: str) -> None:
    """Unique ids, the page's colours, and no names that HTML does not know."""
    if 'id' in node.attrib:
        node.set('data-gid', node.attrib['id'])
        node.set('id', prefix + node.attrib['id'])
    if _HREF in node.attrib:
        node.set('href', '#' + prefix + node.attrib.pop(_HREF).removeprefix('#'))
    for name in ('clip-path', 'style'):
        if name in node.attrib:
            value = node.attrib[name].replace('url(#', f'url(#{prefix}')
            for ours, of_page in _OF_PAGE.items():
                value = value.replace(ours, of_page)
            node.set(name, value)
