"""Averages class probabilities: ``python tools/analysis/fuse_scores.py A.pkl B.pkl``.

Each file comes from ``tools/test.py CONFIG CHECKPOINT --dump FILE.pkl``. Videos are matched by
their path, not by their place in the file.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssvrl_mm.evaluation import Scores


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description='Average the class probabilities of score files')
    parser.add_argument('files', nargs='+', metavar='FILE.pkl', help='score files')
    parser.add_argument('--weights', nargs='+', type=float, help='one per file (default: alike)')
    parser.add_argument('--topk', nargs='+', type=int, default=[1, 5], help='accuracies to print')
    parser.add_argument('--out', metavar='FILE.pkl', help='also write the fused scores there')
    args = parser.parse_args()
    if len(args.files) < 2:
        parser.error('give at least two score files')
    if args.weights is not None and (
        len(args.weights) != len(args.files) or min(args.weights) < 0 or not sum(args.weights)
    ):
        parser.error(f'{len(args.files)} files need as many weights, not negative nor all zero')
    return args


def table(rows: dict[str, Scores], topk: list[int]) -> str:
    """Accuracies in per cent, a row per name."""
    from ssvrl_mm.evaluation import classification_table

    return classification_table({n: (s.probabilities, s.labels) for n, s in rows.items()}, topk)


def write(scores: Scores, path: Path) -> None:
    """Writes scores as ``tools/test.py --dump`` does."""
    import torch

    entries = [
        dict(
            filename=video,
            gt_label=torch.tensor([int(label)]),
            pred_score=torch.from_numpy(row.copy()).float(),
            pred_label=torch.tensor([int(row.argmax())]),
        )
        for video, label, row in zip(
            scores.videos, scores.labels, scores.probabilities, strict=True
        )
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(entries))


def main() -> None:
    """Fuses and prints."""
    args = parse_args()
    # Seconds of imports, which --help need not wait for.
    from ssvrl_mm.evaluation import ScoreFileError, fuse_scores, read_scores

    try:
        files = [read_scores(path) for path in args.files]
        fused = fuse_scores(files, args.weights)
    except ScoreFileError as error:
        sys.exit(f'error: {error}')
    if args.out:
        write(fused, Path(args.out))
    if fused.labels.min() < 0:
        print(f'{len(fused.videos)} videos, not all of them labelled: no accuracies')
        return
    print(f'{len(fused.videos)} videos, per cent ± 95 %')
    print(table({**dict(zip(args.files, files, strict=True)), 'fused': fused}, args.topk))


if __name__ == '__main__':
    main()
