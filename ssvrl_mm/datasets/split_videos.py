"""Videos of a list less those that are held out, and these."""

from typing import Any

from ssvrl_mm.datasets.compressed_video import CompressedVideoDataset
from ssvrl_mm.datasets.video_list import VideoListError
from ssvrl_mm.registry import DATASETS

PARTS = ('rest', 'held_out')


@DATASETS.register_module()
class SplitVideoDataset(CompressedVideoDataset):
    """The videos of a list less some that are held out, or these alone.

    For methods whose test videos are not to choose the checkpoint, as VCOP's 800 of UCF101's
    training videos. The videos held out lie at even distance in the list, which goes class by
    class, so that each class gives as many as it can be divided; the same in every run. Others of
    the same recording stay in the rest, as where they are drawn at random.

    Args:
        num_held_out: How many videos are held out.
        part: 'rest' or 'held_out'.
        **kwargs: See :class:`CompressedVideoDataset`.

    Raises:
        VideoListError: The list has no more videos than are held out.
        ValueError: ``num_held_out`` below 1, or an unknown ``part``.

    Example:
        >>> videos = dict(ann_file='train_list.txt', data_root='data/ucf101', num_held_out=800)
        >>> [len(SplitVideoDataset(part=part, **videos)) for part in ('rest', 'held_out')]
        [8737, 800]
    """

    def __init__(self, *args: Any, num_held_out: int, part: str, **kwargs: Any) -> None:
        if num_held_out < 1:
            raise ValueError(f'num_held_out must be 1 or more, got {num_held_out}')
        if part not in PARTS:
            raise ValueError(f'part must be one of {PARTS}, got {part!r}')
        self.num_held_out = num_held_out
        self.part = part
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Reads the list and keeps the part; a video's ``video_id`` stays its place in the list."""
        videos = super().load_data_list()
        if len(videos) <= self.num_held_out:
            raise VideoListError(
                f'{self.ann_file}: {len(videos)} videos, of which {self.num_held_out} would be '
                'held out: lower num_held_out, of both parts alike'
            )
        held_out = {i * len(videos) // self.num_held_out for i in range(self.num_held_out)}
        wanted = self.part == 'held_out'
        return [video for i, video in enumerate(videos) if (i in held_out) is wanted]
