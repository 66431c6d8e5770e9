"""The memory of past keys that contrastive losses draw from."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.utils.counting import CountingModule
from ssvrl_mm.models.utils.global_batch import GlobalBatch

UNKNOWN_VIDEO = -1


def recording_ids(data_samples: Sequence[Any]) -> list[int]:
    """The number of each sample's recording.

    By its ``recording_id``, or else ``video_id``, or else ``filename``; -1 of a sample that has
    none. Datasets of other projects know of videos at most, by a number, a name, or as mmaction2's
    ``VideoDataset`` by their file; the numbers that are given to recordings and names are never
    those of videos.
    """
    return [_recording_id(sample) for sample in data_samples]


def _recording_id(sample: Any) -> int:
    # Who has samples has datasets; networks alone can do without.
    from ssvrl_mm.datasets.recordings import recording_id

    for key in ('recording_id', 'video_id', 'filename'):
        if (found := sample.get(key)) is not None:
            return recording_id(found, '') if isinstance(found, str) else int(found)
    return UNKNOWN_VIDEO


class KeyQueue(CountingModule):
    """A first-in, first-out queue of keys, with the id of the video each comes from.

    Where it is known which videos are of one recording, they have one id, and to the queue they
    are the same video.

    The queue of `MoCo <https://arxiv.org/abs/1911.05722>`_ for any number of streams: slot j
    holds the keys that all streams made of the same clip. It starts empty, and
    :attr:`valid` tells which slots are filled. All of it is in the ``state_dict``; a state that
    lacks a stream or has another length is not loaded in part, the queue then stays as it is.

    Args:
        length: The number of slots K.
        dims: Stream name -> width of its keys.
        track_age: Whether to know how old the keys are, see ``ages``.

    Attributes:
        ages: (K,) int, how many times keys were enqueued after those of a slot: 0 for the last
            batch. Of empty slots it means nothing. None without ``track_age``.

    Raises:
        ValueError: for a length below 1.

    Example:
        >>> queue = KeyQueue(2048, dims={'rgb': 128, 'motion': 128})
        >>> usable = queue.usable(video_ids)  # (N, 2048), filled and of other videos
        >>> queue.enqueue({'rgb': rgb_keys, 'motion': motion_keys}, video_ids)
    """

    video_ids: Tensor
    pointer: Tensor
    fill: Tensor
    ages: Tensor | None

    def __init__(self, length: int, dims: Mapping[str, int], track_age: bool = False) -> None:
        super().__init__()
        if length < 1:
            raise ValueError(f'length must be at least 1, got {length}')
        self.length = length
        self.streams = tuple(dims)
        for stream, dim in dims.items():
            self.register_buffer(f'keys_{stream}', torch.zeros(length, dim))
        self.register_buffer('video_ids', torch.full((length,), UNKNOWN_VIDEO))
        ages = torch.zeros(length, dtype=torch.long) if track_age else None
        self.register_buffer('ages', ages)
        self.register_counter('pointer')
        self.register_counter('fill')

    def __getitem__(self, stream: str) -> Tensor:
        """The keys of one stream, (K, C); a copy, so that enqueueing leaves autograd alone."""
        return getattr(self, f'keys_{stream}').clone()

    @property
    def valid(self) -> Tensor:
        """(K,) bool, True at the filled slots."""
        return torch.arange(self.length, device=self.fill.device) < self.count('fill')

    @property
    def is_full(self) -> bool:
        """Whether all slots are filled."""
        return self.count('fill') == self.length

    def same_video(self, video_ids: Tensor) -> Tensor:
        """Tells which filled slots hold keys of the given videos.

        Args:
            video_ids: (N,) int; an unknown video (-1) is the same as no other.

        Returns:
            (N, K) bool.
        """
        known = video_ids[:, None] != UNKNOWN_VIDEO
        return (video_ids[:, None] == self.video_ids) & known & self.valid

    def usable(self, video_ids: Tensor) -> Tensor:
        """Tells which filled slots hold keys of other videos than the given ones.

        Args:
            video_ids: (N,) int.

        Returns:
            (N, K) bool.
        """
        return self.valid & ~self.same_video(video_ids)

    @torch.no_grad()
    def enqueue(
        self, keys: Mapping[str, Tensor], video_ids: Tensor, batch: GlobalBatch | None = None
    ) -> None:
        """Replaces the oldest slots by the keys of all processes, in rank order.

        The global batch need not divide the length; of one that exceeds it, the last keys stay.

        Args:
            keys: Stream -> (N, C), one entry per stream of the queue.
            video_ids: (N,) int, -1 where unknown.
            batch: What the step knows of the batches of all processes; None: it is found out.

        Raises:
            KeyError: when the streams are not those of the queue.
        """
        if set(keys) != set(self.streams):
            raise KeyError(f'queue of {self.streams} was given {tuple(keys)}')
        if batch is None:
            batch = GlobalBatch(len(video_ids), video_ids.device)
        memories = [self.video_ids, *(getattr(self, f'keys_{stream}') for stream in self.streams)]
        own = [video_ids, *(keys[stream] for stream in self.streams)]
        arrived = batch.gather(*(x.to(m.dtype) for x, m in zip(own, memories, strict=True)))
        arriving, pointer = batch.total, self.count('pointer')
        if self.ages is not None:
            self.ages += 1
            memories.append(self.ages)
            arrived = (*arrived, self.ages.new_zeros(arriving))
        for memory, rows in zip(memories, arrived, strict=True):
            _write_round(memory, rows[-self.length :], pointer + max(arriving - self.length, 0))
        self.set_count('pointer', (pointer + arriving) % self.length)
        self.set_count('fill', min(self.count('fill') + arriving, self.length))

    def clear(self) -> None:
        """Forgets all keys."""
        self.set_count('pointer', 0)
        self.set_count('fill', 0)

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Loads a state only as a whole: half a queue would pass unwritten slots as keys."""
        unfit = [
            prefix + name
            for name, buffer in self.named_buffers(recurse=False)
            if getattr(state_dict.get(prefix + name), 'shape', None) != buffer.shape
        ]
        if unfit:
            missing_keys.extend(unfit)
            return
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def extra_repr(self) -> str:
        """The layout, for ``repr``."""
        return f'length={self.length}, streams={self.streams}, track_age={self.ages is not None}'


def _write_round(memory: Tensor, rows: Tensor, first: int) -> None:
    """Writes rows from slot ``first`` on, and from slot 0 on after the last one."""
    first %= len(memory)
    until_end = min(len(rows), len(memory) - first)
    memory[first : first + until_end] = rows[:until_end]
    memory[: len(rows) - until_end] = rows[until_end:]
