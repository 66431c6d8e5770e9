"""Draws features of models in the plane by t-SNE, a colour for each class.

    python tools/visualizations/vis_embedding.py random.npz pretrained.npz --out tsne.png
    python tools/visualizations/vis_embedding.py random.npz pretrained.npz supervised.npz \\
        --names random ours supervised --classes 0 10 20 30 40 --out tsne.png

A panel for each file of features, which `tools/analysis/extract_features.py` writes; every clip is
a point where the clips were kept (--keep-clips), and else every video.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssvrl_mm.apis import FeatureTable


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('features', nargs='+', help='files of features')
    parser.add_argument('--names', nargs='+', help='what to call them, in their order')
    parser.add_argument(
        '--classes', nargs='+', type=int, help='which to draw, by number (default: all, up to 10)'
    )
    parser.add_argument('--stream', help='which features to draw (default: the only ones)')
    parser.add_argument('--perplexity', type=float, default=30, help='of t-SNE (default: 30)')
    parser.add_argument('--seed', type=int, default=0, help='of t-SNE')
    parser.add_argument('--side', type=int, default=360, help='px of a panel (default: 360)')
    parser.add_argument('--out', type=Path, required=True, help='the picture to write, e.g. x.png')
    args = parser.parse_args()
    if args.names and len(args.names) != len(args.features):
        parser.error(f'{len(args.names)} --names for {len(args.features)} files')
    for name in ('perplexity', 'side'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} must be 1 or more, got {getattr(args, name)}')
    return args


def rows_of(table: FeatureTable, stream: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Features (M, D) of videos, or of their clips where they were kept, and their classes (M,)."""
    if stream is None and len(table.features) > 1:
        raise ValueError(f'say which --stream of {list(table.features)} to draw')
    stream = stream or next(iter(table.features))
    if stream not in table.features:
        raise ValueError(f'no stream {stream!r}, but {list(table.features)}')
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
                f'file {number + 1} has no video of class {missing}, but of {sorted(folders)}'
            )
        for label in chosen:
            if folders[label] and found[0][label] not in ('', folders[label]):
                raise ValueError(
                    f'class {label} is {found[0][label]!r} in the first file and '
                    f'{folders[label]!r} in file {number + 1}: they are of other lists of classes'
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


def main() -> None:
    """Lays the features out and draws them."""
    args = parse_args()
    # Seconds of imports, which --help and a wrong argument need not wait for.
    from ssvrl_mm.visualization import (
        COLOURS,
        Embedded,
        PictureError,
        check_picture,
        draw_embeddings,
        embed,
        write_picture,
    )

    try:
        check_picture(args.out)
    except PictureError as error:
        sys.exit(f'error: {error}')
    from ssvrl_mm.apis import FeatureFileError, FeatureTable

    try:
        tables = [FeatureTable.load(path) for path in args.features]
        names = args.names or [Path(path).stem for path in args.features]
        classes = names_of_classes(tables, args.classes, len(COLOURS))
        models = []
        for name, table in zip(names, tables, strict=True):
            rows, labels = rows_of(table, args.stream)
            chosen = np.isin(labels, list(classes))
            points = embed(rows[chosen], args.seed, args.perplexity)
            models.append(Embedded(name, points, labels[chosen]))
        picture = draw_embeddings(models, classes, args.side)
        write_picture(args.out, picture)
    except (FeatureFileError, ImportError, PictureError, ValueError) as error:
        sys.exit(f'error: {error}')
    counts = ', '.join(f'{model.name} {len(model.points)}' for model in models)
    print(f'{args.out}: {picture.shape[1]}x{picture.shape[0]} px, points: {counts}')


if __name__ == '__main__':
    main()
