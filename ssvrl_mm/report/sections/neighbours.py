"""Some queries and the videos nearest to them, which play in the page."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssvrl_mm.apis.feature_table import FeatureTable
from ssvrl_mm.apis.neighbours import find_neighbours
from ssvrl_mm.apis.retrieval_examples import choose_queries
from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.report.blocks import Block, Clip, Search, Section, Text, missing
from ssvrl_mm.report.clips import SmallClip, small_clip
from ssvrl_mm.report.network import NetworkFindings
from ssvrl_mm.video import VideoError


@dataclass(frozen=True)
class VideoOptions:
    """Which videos the page shows.

    Attributes:
        queries: How many queries; 0: none.
        neighbours: How many videos are shown that were found for each.
        limit: Bytes that all of them may have in the page.
        seed: Of the draw of the queries.
    """

    queries: int = 6
    neighbours: int = 3
    limit: int = 6_000_000
    seed: int = 0


def neighbours_section(
    found: NetworkFindings, names: Mapping[int, str], options: VideoOptions
) -> Section:
    """The section."""
    if not options.queries:
        blocks: list[Block] = [missing('Left out (--no-videos, or --videos 0).')]
    elif set(found.trained) != {'query', 'gallery'}:
        why = found.missing or 'This run classifies its test videos, and does not search by them.'
        blocks = [missing(why)]
    else:
        blocks = _searches(found, names, options)
    return Section('neighbours', 'Nearest videos', blocks)


def class_names(source: VideoSource) -> dict[int, str]:
    """Class -> its name: of the classes.txt beside the list, or the folder of its first video."""
    from ssvrl_mm.datasets.video_list import read_classes

    labels = sorted({label for _, label in source.entries if label >= 0})
    beside = Path(source.name).parent / 'classes.txt'
    folder = Path(source.root).parent / 'classes.txt'
    for file in (beside, folder):
        if file.is_file():
            listed = read_classes(file)
            if labels and labels[-1] < len(listed):
                return {label: listed[label] for label in labels}
    first: dict[int, str] = {}
    for path, label in source.entries:
        first.setdefault(label, Path(path).parent.name)
    named = [first[label] for label in labels]
    if len(set(named)) < len(named) or '' in named:
        return {label: f'class {label}' for label in labels}
    return dict(zip(labels, named, strict=True))


def _searches(
    found: NetworkFindings, names: Mapping[int, str], options: VideoOptions
) -> list[Block]:
    queries, gallery = found.trained['query'], found.trained['gallery']
    sources = found.sources
    readable = {*queries.paths}
    entries = [entry for entry in sources['query'].entries if entry[0] in readable]
    chosen = choose_queries(
        sources['query']._replace(entries=entries), options.queries, options.seed
    )
    rows = [queries.paths.index(path) for path, _ in chosen.entries]
    features = {stream: values[rows] for stream, values in queries.averaged().items()}
    # One more than is shown: the video itself may be among them.
    places, cosines = find_neighbours(features, gallery.averaged(), options.neighbours + 1)
    clips = _Clips(options.limit)
    searches = []
    for row, near, values in zip(rows, places, cosines, strict=True):
        own = _file(sources['query'], queries.paths[row])
        label = int(queries.labels[row])
        answers = [
            (place, cosine)
            for place, cosine in zip(near.tolist(), values.tolist(), strict=True)
            if not found.drops_itself or _file(sources['gallery'], gallery.paths[place]) != own
        ][: options.neighbours]
        query = clips.of(sources['query'], queries, row, names)
        searches.append(
            Search(
                query,
                [
                    clips.of(sources['gallery'], gallery, place, names, cosine, label)
                    for place, cosine in answers
                ],
            )
        )
    streams = ' and '.join(features)
    said = (
        f'{len(searches)} of the {len(queries)} test videos, drawn at random, and the videos whose '
        f'features ({streams}, mean of the cosines) are nearest. '
        'Right: of the query’s class.'
    )
    known = [clip.right for s in searches for clip in s.found[:1] if clip.right is not None]
    if known:
        said += f' The first one found is right for {sum(known)} of {len(known)}.'
    blocks: list[Block] = [Text(said), *searches]
    if clips.left_out:
        blocks.append(
            missing(
                f'{clips.left_out} videos are shown as a picture alone, or not at all, as the page '
                'would be too large or they cannot be read; --limit-mb raises the limit.'
            )
        )
    return blocks


class _Clips:
    """Makes clips for the page as long as there is room."""

    def __init__(self, limit: int) -> None:
        self.room = limit
        self.left_out = 0

    def of(
        self,
        source: VideoSource,
        table: FeatureTable,
        row: int,
        names: Mapping[int, str],
        cosine: float | None = None,
        query: int | None = None,
    ) -> Clip:
        """The clip of a row of a table."""
        path, label = table.paths[row], int(table.labels[row])
        small = self._encoded(os.path.join(source.root, path), table.clip_times[row])
        right = None if query is None or min(query, label) < 0 else query == label
        notes = [names[label]] if label in names else []
        notes += [] if cosine is None else [f'{cosine:.2f}']
        caption = '/'.join(Path(path).parts[-2:])
        return Clip(caption, small.video, small.poster, right, ', '.join(notes))

    def _encoded(self, file: str, times: np.ndarray) -> SmallClip:
        try:
            small = small_clip(file, times)
        except VideoError:
            small = SmallClip('', '')
        if not small.video or small.size > self.room:
            self.left_out += 1
            poster = small.poster if len(small.poster) <= self.room else ''
            small = SmallClip('', poster)
        self.room -= small.size
        return small


def _file(source: VideoSource, path: str) -> str:
    return os.path.realpath(os.path.join(source.root, path))
