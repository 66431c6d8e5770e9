"""What a section of a report is made of; the template draws each kind in its own way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What is shown.
        key: What the column is sorted by; None: the text.
        kind: How it looks: plain, as code, or as something good or bad.
    """

    text: str
    key: float | None = None
    kind: Literal['', 'code', 'good', 'bad', 'note'] = ''


@dataclass(frozen=True)
class Text:
    """A paragraph; ``missing``: it says what is not there, and how to get it."""

    text: str
    missing: bool = False
    kind: str = field(default='text', init=False)


@dataclass(frozen=True)
class Preformatted:
    """Lines whose columns are aligned by spaces."""

    text: str
    kind: str = field(default='preformatted', init=False)


@dataclass(frozen=True)
class Numbers:
    """Large figures with what they are: (value, what it is, a remark)."""

    numbers: Sequence[tuple[str, str, str]]
    kind: str = field(default='numbers', init=False)


@dataclass(frozen=True)
class Table:
    """A table that sorts by a click on a column's head.

    Attributes:
        caption: What it shows.
        header: Names of the columns.
        rows: A sequence of cells each; plain strings are cells, too.
        folded: Whether it is shown when asked for alone.
        stacks: Whether the cells of a row stand below one another on a phone: for long ones.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    folded: bool = False
    stacks: bool = False
    kind: str = field(default='table', init=False)

    def cells(self) -> list[list[Cell]]:
        """The rows with keys that numbers sort by."""
        return [[_as_cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Shares:
    """Parts of a whole as a bar: (name, share in [0, 1], what it means)."""

    caption: str
    parts: Sequence[tuple[str, float, str]]
    kind: str = field(default='shares', init=False)


@dataclass(frozen=True)
class Chart:
    """A chart as inline SVG, which holds nothing that was not escaped.

    Attributes:
        svg: The drawing.
        description: What it shows, for those who do not see it.
        caption: What is written below.
        wide: Whether it takes the width of the page.
    """

    svg: str
    description: str
    caption: str = ''
    wide: bool = False
    kind: str = field(default='chart', init=False)


@dataclass(frozen=True)
class Charts:
    """Charts side by side where there is room."""

    charts: Sequence[Chart]
    kind: str = field(default='charts', init=False)


class Key(NamedTuple):
    """An entry of a legend: class, its name, colour, and its mark as a letter of HTML."""

    number: int
    name: str
    colour: str
    mark: str


@dataclass(frozen=True)
class Points:
    """Charts of points with a legend that picks out a class."""

    charts: Sequence[Chart]
    legend: Sequence[Key]
    kind: str = field(default='points', init=False)


@dataclass(frozen=True)
class Clip:
    """A video that plays.

    Attributes:
        caption: What it is called.
        video: Data URI; '' where the page has no room for it.
        poster: Data URI of its first frame.
        right: Whether it is of the query's class; None: nobody knows, or it is the query.
        note: Its class and its similarity, for instance.
    """

    caption: str
    video: str
    poster: str
    right: bool | None = None
    note: str = ''


@dataclass(frozen=True)
class Search:
    """A query and what was found for it, the best first."""

    query: Clip
    found: Sequence[Clip]
    kind: str = field(default='search', init=False)


Block = Text | Preformatted | Numbers | Table | Shares | Chart | Charts | Points | Search


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        anchor: Its name in addresses.
        title: Its heading.
        blocks: What it holds.
    """

    anchor: str
    title: str
    blocks: Sequence[Block]


def missing(text: str) -> Text:
    """A sentence about what is not there, and how to get it."""
    return Text(text, missing=True)


def _as_cell(cell: Cell | str) -> Cell:
    if isinstance(cell, Cell):
        return cell
    number = re.match(r'[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?', cell)
    return Cell(cell, float(number[0]) if number else None)
