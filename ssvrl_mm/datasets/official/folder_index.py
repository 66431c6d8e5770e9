"""Finds the files of the videos that official lists name, however a copy arranges them."""

from collections import defaultdict
from pathlib import Path

from ssvrl_mm.datasets.official.dataset import OfficialDataset, PreparationError
from ssvrl_mm.datasets.video_list import VideoListError, scan_videos


class FolderIndex:
    """The videos under a folder by what identifies them.

    Args:
        folder: Searched with its sub-folders, links included.
        dataset: Says what identifies a video.

    Raises:
        PreparationError: No folder, or no video in it.
    """

    def __init__(self, folder: Path, dataset: OfficialDataset) -> None:
        self.folder = folder
        self.dataset = dataset
        try:
            entries, _ = scan_videos(folder)
        except VideoListError as error:
            raise PreparationError(f'{error}; --videos names the folder of the videos') from None
        self._by_key: dict[str, list[str]] = defaultdict(list)
        for path, _ in entries:
            # A file is known by its most telling name alone: a clip of other seconds of the same
            # source is another video.
            self._by_key[dataset.keys(path)[0]].append(path)
        self._num_files = len(entries)

    def __len__(self) -> int:
        return self._num_files

    def find(self, official: str) -> str | None:
        """The file of a video, relative to the folder; None: it is not there.

        Args:
            official: Path as the official lists write it.

        Raises:
            PreparationError: There are several, and nothing tells which one is meant.
        """
        for key in self.dataset.keys(official):
            found = self._by_key.get(key)
            if found:
                return found[0] if len(found) == 1 else self._choose(official, found)
        return None

    def _choose(self, official: str, found: list[str]) -> str:
        preferred = self.dataset.prefer(found)
        if preferred is not None:
            return preferred
        if official in found:
            return official
        ending = '/' + '/'.join(official.lower().split('/')[-2:])
        same = [path for path in found if f'/{path}'.lower().endswith(ending)]
        if len(same) == 1:
            return same[0]
        raise PreparationError(
            f'{official} is there {len(found)} times under {self.folder}: {", ".join(found[:4])}; '
            'point --videos to one copy'
        )
