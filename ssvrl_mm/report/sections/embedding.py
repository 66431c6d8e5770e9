"""Where the features of the test videos lie, before and after training."""

from collections.abc import Mapping

import numpy as np
import torch

from ssvrl_mm.apis.feature_table import FeatureTable
from ssvrl_mm.evaluation import join_features
from ssvrl_mm.report.blocks import Block, Key, Points, Section, Text, missing
from ssvrl_mm.report.charts import colour_of, mark_of, point_chart
from ssvrl_mm.report.network import NetworkFindings
from ssvrl_mm.visualization.embedding import COLOURS, embed

_SHOWN = 400
_LETTERS = {'o': '●', '^': '▲', 's': '■', 'D': '◆', 'P': '✚'}
_LEGEND = 50  # from here on colour and mark repeat


def embedding_section(found: NetworkFindings, names: Mapping[int, str]) -> Section:
    """The section."""
    tables = {
        kind: tables['query']
        for kind, tables in (('random', found.random), ('trained', found.trained))
        if 'query' in tables
    }
    few = [len(table) for table in tables.values() if len(table) < 4]
    if not tables or few:
        why = found.missing or (
            f'{few[0]} test videos are too few for t-SNE, which takes 4 or more.'
            if few
            else 'A classifier gives classes and no features: take the config of a retrieval with '
            'its backbone.'
        )
        return Section('embedding', 'Where features lie', [missing(why)])
    charts, labels = [], np.empty(0, int)
    titles = {'random': found.start, 'trained': 'trained'}
    for kind, table in tables.items():
        rows = np.unique(np.linspace(0, len(table) - 1, min(_SHOWN, len(table))).astype(int))
        points = embed(_joined(table, rows))
        labels = table.labels[rows]
        called = [
            f'{names.get(label, "no class")}: {table.paths[row]}'
            for row, label in zip(rows.tolist(), labels.tolist(), strict=True)
        ]
        described = f't-SNE of the features of {len(rows)} test videos, {titles[kind]}.'
        charts.append(point_chart(titles[kind], points, labels, called, described))
    legend = [
        Key(number, names.get(number, 'no class'), colour_of(number, len(COLOURS)), _mark(number))
        for number in np.unique(labels).tolist()[:_LEGEND]
    ]
    table = next(iter(tables.values()))
    blocks: list[Block] = [
        Text(
            f'{len(labels)} of the {len(table)} test videos, all streams together, laid out by '
            't-SNE of the cosine: near points have like features, axes and distances between '
            'groups mean nothing. Point at a video, or tap it, for its name; a click on a class '
            'picks it out.'
        ),
        Points(charts, legend if len(legend) > 1 else []),
    ]
    return Section('embedding', 'Where features lie', blocks)


def _joined(table: FeatureTable, rows: np.ndarray) -> np.ndarray:
    """The features of all streams, as they are compared: of unit length each."""
    streams = [torch.from_numpy(values[rows]) for values in table.averaged().values()]
    return join_features(streams).numpy()


def _mark(number: int) -> str:
    return _LETTERS[mark_of(number)]
