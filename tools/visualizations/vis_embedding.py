"""Draws features of models in the plane by t-SNE, a colour for each class.

    python tools/visualizations/vis_embedding.py CONFIG CHECKPOINT
    python tools/visualizations/vis_embedding.py CONFIG random --also CONFIG CHECKPOINT \\
        --also OTHER_CONFIG OTHER_CHECKPOINT --names random ours supervised --classes 0 10 20
    python tools/visualizations/vis_embedding.py CONFIG CHECKPOINT --videos my_videos
    python tools/visualizations/vis_embedding.py random.npz pretrained.npz --out tsne.png

A panel for each stream of each model. Every clip that the config tests a video with is a point.
Without --videos they are the test videos of the config, its queries; with it those of a folder,
whose classes are its sub-folders. Features that tools/analysis/extract_features.py stored are
drawn without config; there a video is a point, or a clip where clips were kept (--keep-clips).
CHECKPOINT `random` stands for random weights.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ssvrl_mm.visualization.arguments import (
    add_cfg_options,
    add_out,
    add_seed,
    add_side,
    at_least,
    check_out,
    drawing_parser,
    telling_errors,
    write_drawn,
)
from ssvrl_mm.visualization.model_arguments import add_extraction, add_further_models, named_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssvrl_mm.apis import FeatureTable


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    parser.add_argument(
        'inputs', nargs='+', metavar='INPUT',
        help='a config and its checkpoint, or `random`; or files of features',
    )  # fmt: skip
    add_out(parser, 'embedding.png')
    add_further_models(parser, 'panel')
    parser.add_argument('--videos', type=Path, help='folder of your own videos')
    parser.add_argument(
        '--classes', nargs='+', type=int, help='which to draw, by number (default: all, up to 10)'
    )
    parser.add_argument('--stream', help='which features to draw (default: each in a panel)')
    parser.add_argument(
        '--perplexity', type=at_least(1, float), default=30.0, help='of t-SNE (default: 30)'
    )
    add_seed(parser, 't-SNE')
    add_side(parser, 360, 'of a panel')
    add_extraction(parser)
    add_cfg_options(parser, default={})
    args = parser.parse_args()
    args.models = []
    if args.inputs[0].endswith('.py'):
        if len(args.inputs) != 2:
            parser.error(
                f'a config takes one checkpoint, got {args.inputs[1:]}; further models: --also'
            )
        args.models = named_models(parser, [args.inputs, *args.also], args.names)
    elif args.also or args.videos or args.cfg_options:
        parser.error('--also, --videos and --cfg-options are for configs, not files of features')
    elif args.names and len(args.names) != len(args.inputs):
        parser.error(f'{len(args.names)} --names for {len(args.inputs)} files')
    return args


def main() -> None:
    """Lays features out and draws them."""
    args = parse_args()
    with telling_errors():
        check_out(args.out)
        draw(args)


def draw(args: argparse.Namespace) -> None:
    """Reads or extracts features, lays them out, draws, writes."""
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.apis import FeatureTable
    from ssvrl_mm.visualization import COLOURS, Embedded, draw_embeddings, embed

    if args.models:
        tables = extracted(args)
        names = [model.name for model in args.models]
    else:
        tables = [FeatureTable.load(path) for path in args.inputs]
        names = args.names or [Path(path).stem for path in args.inputs]
    classes = names_of_classes(tables, args.classes, len(COLOURS))
    panels = []
    for name, table in zip(names, tables, strict=True):
        streams = streams_of(table, args.stream)
        for stream in streams:
            rows, labels = rows_of(table, stream)
            chosen = np.isin(labels, list(classes))
            title = name if len(streams) == 1 else f'{name}: {stream}'
            panels.append((title, rows[chosen], labels[chosen]))
    models = [
        Embedded(title, embed(rows, args.seed, args.perplexity), labels)
        for title, rows, labels in panels
    ]
    picture = draw_embeddings(models, classes, args.side, what_a_point_is(tables))
    counts = ', '.join(f'{model.name} {len(model.points)}' for model in models)
    write_drawn(args.out, [picture], f'points: {counts}')


def extracted(args: argparse.Namespace) -> list[FeatureTable]:
    """The features of the clips that each config tests with, of the classes that are drawn."""
    from ssvrl_mm.apis import VideoSource
    from ssvrl_mm.apis.loading import read_configs
    from ssvrl_mm.apis.retrieval_examples import RetrievalModel, of_classes, stored_features

    cfgs = read_configs([model.config for model in args.models], args.cfg_options)
    if args.videos:
        source = VideoSource.from_folder(args.videos)
    else:
        source = VideoSource.from_config(cfgs[0], 'query')
    source = of_classes(source, args.classes)
    with tempfile.TemporaryDirectory(prefix='ssvrl_mm_') as scratch:
        return [
            stored_features(
                RetrievalModel(model.name, cfg, model.checkpoint),
                source,
                args.features or Path(scratch),
                keep_clips=True,
                workers=args.workers,
                device=args.device,
            )  # fmt: skip
            for model, cfg in zip(args.models, cfgs, strict=True)
        ]


def streams_of(table: FeatureTable, stream: str | None) -> list[str]:
    """The streams to draw, all where none is named.

    Raises:
        ValueError: There is no such stream.
    """
    if stream is not None and stream not in table.features:
        raise ValueError(f'no stream {stream!r}, but {list(table.features)}')
    return list(table.features) if stream is None else [stream]


def what_a_point_is(tables: Sequence[FeatureTable]) -> str:
    """In words: a video, or a clip where videos have several."""
    of_clips = {
        rows.ndim == 3 and rows.shape[1] > 1 for table in tables for rows in table.features.values()
    }
    kinds = {False: 'one video', True: 'one clip of a video'}
    return ' or '.join(kinds[each] for each in sorted(of_clips))


def rows_of(table: FeatureTable, stream: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (M, D) of videos, or of their clips where they were kept, and their classes (M,)."""
    rows, labels = table.features[stream], table.labels
    if rows.ndim == 3:
        labels, rows = np.repeat(labels, rows.shape[1]), rows.reshape(-1, rows.shape[2])
    # Videos may have fewer clips than others.
    there = np.isfinite(rows).all(axis=1)
    return rows[there], labels[there]


def names_of_classes(
    tables: Sequence[FeatureTable], classes: list[int] | None, most: int
) -> dict[int, str]:
    """Class -> the folder of its videos, or its number where they have none.

    Raises:
        ValueError: One of the tables has no video of a class, or calls it otherwise than the first
            does; there are more than ``most`` classes.
    """
    found = [_folders_of_classes(table) for table in tables]
    chosen = classes or sorted(found[0])
    for number, folders in enumerate(found):
        missing = [label for label in chosen if label not in folders]
        if missing or not folders:
            raise ValueError(
                f'model {number + 1} has no video of class {missing}, but of {sorted(folders)}'
            )
        for label in chosen:
            if folders[label] and found[0][label] not in ('', folders[label]):
                raise ValueError(
                    f'class {label} is {found[0][label]!r} in the first model and '
                    f'{folders[label]!r} in model {number + 1}: they are of other lists of classes'
                )
    if len(chosen) > most:
        raise ValueError(
            f'{len(chosen)} classes, but there are {most} colours: choose by --classes'
        )
    return {label: found[0][label] or f'class {label}' for label in chosen}


def _folders_of_classes(table: FeatureTable) -> dict[int, str]:
    """Class -> the folder of its first video, '' where it is in none."""
    labels = table.labels.tolist()
    known = sorted({label for label in labels if label >= 0})
    return {label: Path(table.paths[labels.index(label)]).parent.name for label in known}


if __name__ == '__main__':
    main()
