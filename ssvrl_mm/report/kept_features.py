"""Features of an evaluation that runs anyway, kept for the report."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from ssvrl_mm.apis.feature_table import FeatureTable, join_tables
from ssvrl_mm.apis.loading import read_config
from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.evaluation.feature_metric import FeatureMetric
from ssvrl_mm.report.network import ROLES, cache_file, role_config, test_roles

_UNKNOWN = np.full((1, 2), np.nan, np.float32)


class FeatureKeeper(FeatureMetric):
    """An evaluator that keeps the features of every test, and measures nothing.

    Attributes:
        tests: Of each test, by role: file -> (label, clip times, features).

    Example:
        >>> keeper = FeatureKeeper()
        >>> runner.test_loop.evaluator.metrics.append(keeper)
        >>> runner.test()
        >>> keeper.write(cfg, [Path('work_dir/epoch_30.pth')], Path('work_dir/report_cache'))
    """

    default_prefix = 'kept'

    def __init__(self) -> None:
        super().__init__()
        self.tests: list[dict[str, dict[str, tuple]]] = []

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Keeps the features, the mean over the clips of a video."""
        kept: dict[str, dict[str, tuple]] = {role: {} for role in ROLES}
        for entry in results:
            role, _, file = entry['key']
            features = {s: rows.mean(axis=0) for s, rows in entry['features'].items()}
            kept[role][file] = (entry['label'], entry['clip_times'], features)
        self.tests.append(kept)
        return {}

    def write(self, cfg: Config, checkpoints: list[Path | None], folder: Path) -> None:
        """Writes the tests where :func:`~ssvrl_mm.report.network.run_network` looks for them.

        Args:
            cfg: Config of the run.
            checkpoints: That of each test, in their order; None: random weights.
            folder: Where to.
        """
        cfg = read_config(cfg)
        if test_roles(cfg) != ROLES:
            return
        for kept, checkpoint in zip(self.tests, checkpoints, strict=True):
            for role in ROLES:
                part = role_config(cfg, role)
                source = VideoSource.from_dataset(part.test_dataloader.dataset)
                table = _as_table(kept[role], source)
                file, sources = cache_file(folder, part, checkpoint, source)
                if table is not None:
                    table.provenance = {**sources, 'left_out': []}
                    table.save(file)

    def _entry(self, sample: Mapping) -> dict:
        times = sample.get('clip_times')
        times = _UNKNOWN if times is None else np.asarray(times, np.float32).reshape(-1, 2)
        return dict(super()._entry(sample), clip_times=times)


def _as_table(kept: Mapping[str, tuple], source: VideoSource) -> FeatureTable | None:
    """The features in the order of the list; None where some are missing."""
    rows: list[Any] = []
    for path, _ in source.entries:
        found = kept.get(os.path.join(source.root, path))
        if found is None:
            return None
        label, times, features = found
        arrays = {stream: values[None].astype(np.float32) for stream, values in features.items()}
        rows.append(FeatureTable([path], np.array([label], np.int64), times[None], arrays))
    return join_tables(rows)
