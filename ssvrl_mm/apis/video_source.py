"""Which videos features are wanted of."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmengine.config import Config

from ssvrl_mm.datasets import read_video_list, scan_videos
from ssvrl_mm.evaluation import provenance
from ssvrl_mm.registry import DATASETS
from ssvrl_mm.wrapping import innermost_datasets


class VideoSource(NamedTuple):
    """The videos that features are wanted of.

    Attributes:
        entries: Path as the list gives it, and label.
        root: Folder that the paths start from.
        name: The list or folder.
        sha256: Of the list file, or of the list that the folder would give.
    """

    entries: list[tuple[str, int]]
    root: str
    name: str
    sha256: str

    @classmethod
    def from_folder(cls, folder: str | os.PathLike) -> 'VideoSource':
        """Every video under a folder; sub-folders are classes, see ``scan_videos``."""
        entries = [(entry.path, entry.label) for entry in scan_videos(folder)[0]]
        return cls(entries, str(folder), str(folder), provenance.entries_sha256(entries))

    @classmethod
    def from_list(cls, file: str | os.PathLike, root: str | os.PathLike = '') -> 'VideoSource':
        """The videos of a list file, relative to a folder."""
        entries = [(entry.path, entry.label) for entry in read_video_list(file)]
        return cls(entries, str(root), str(file), provenance.file_sha256(file))

    @classmethod
    def from_config(cls, cfg: Config, role: str) -> 'VideoSource':
        """The 'gallery' or the 'query' videos that a config tests with.

        Raises:
            ValueError: Its ``test_dataloader`` has no dataset of this role.
        """
        loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}
        found = [
            dataset
            for dataset in innermost_datasets(loader.get('dataset'))
            if dataset.get('role') == role
        ]
        if len(found) != 1:
            raise ValueError(
                f'{cfg.filename} tests with {len(found)} datasets of role {role!r}: take the '
                'config of a retrieval, or name the videos'
            )
        return cls.from_dataset(found[0])

    @classmethod
    def from_dataset(cls, config: Mapping[str, Any]) -> 'VideoSource':
        """The videos of a dataset's config, which is built without its pipeline."""
        dataset = DATASETS.build(dict(config, pipeline=[]))
        root = dataset.data_prefix.get('video', '')
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        entries = [(os.path.relpath(i['filename'], root or '.'), i['label']) for i in infos]
        [described] = provenance.describe_datasets(dataset)
        return cls(entries, root, described['data_list'], described['sha256'])
