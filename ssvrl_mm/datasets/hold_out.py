"""A list of videos of which some are held out, to validate with."""

import random
from typing import Any

from ssvrl_mm.datasets.compressed_video import CompressedVideoDataset
from ssvrl_mm.datasets.video_list import VideoListError
from ssvrl_mm.registry import DATASETS


@DATASETS.register_module()
class HoldOutDataset(CompressedVideoDataset):
    """The videos of a list but for some that are held out, or these.

    Where the best epoch is chosen, it must not be by the test videos. Two datasets with the same
    list, ``share`` and ``split_seed`` have no video in common, and all of them together.

    Args:
        held_out: Which of both this is: those that are held out, or the others.
        share: Of the videos that are held out, of all of the list: drawn at random, at least one.
        split_seed: They follow from it and from the length of the list.
        **kwargs: For :class:`CompressedVideoDataset`: ``ann_file``, ``pipeline``, ...

    Raises:
        ValueError: ``share`` is none.
        VideoListError: When built: none would be left.

    Example:
        >>> videos = dict(ann_file='train_list.txt', data_root='data/ucf101', share=800 / 9537)
        >>> len(HoldOutDataset(False, **videos)), len(HoldOutDataset(True, **videos))
        (8737, 800)
    """

    def __init__(self, held_out: bool, share: float, split_seed: int = 0, **kwargs: Any) -> None:
        if not 0 < share < 1:
            raise ValueError(f'share must be between 0 and 1, got {share}')
        self.held_out = held_out
        self.share = share
        self.split_seed = split_seed
        super().__init__(**kwargs)

    def filter_data(self) -> list[dict]:
        """Keeps one of both parts; with ``skip_bad`` without the videos that fail."""
        total = len(self.data_list)
        count = max(1, round(self.share * total))
        if count >= total:
            raise VideoListError(
                f'{self.ann_file}: {count} of {total} videos are to be held out, which leaves '
                'none; lower the share, or take a longer list'
            )
        drawn = set(random.Random(self.split_seed).sample(range(total), count))
        held_out = {self.data_list[place]['video_id'] for place in drawn}
        return [
            video
            for video in super().filter_data()
            if (video['video_id'] in held_out) == self.held_out
        ]
