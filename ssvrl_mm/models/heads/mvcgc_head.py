"""Cross guidance between the streams of RGB and motion vectors."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.heads.contrastive_head import ContrastiveHead, StreamTensors
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.mining import MINING_MODES, mine_positives
from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MVCGCHead(ContrastiveHead):
    """Motion Vector based Cross Guidance Contrastive learning (MVCGC).

    Huo et al., "Compressed Video Contrastive Learning", NeurIPS 2021. Two stages:

    - ``'init'``: each stream alone with InfoNCE, Eq. (1).
    - ``'cross'``: the queries of one stream meet the keys of the other, taken from the other clip
      of the video, with positives mined in the queue, Eq. (4). An entry is a positive when it is
      among the ``k`` nearest of the sample's key in both streams.

    Both stages fill the same queue, so the second finds it full. Mining waits for a full queue;
    without mined positives the cross stage is InfoNCE between the streams.

    Args:
        projector: Config of the projection for both streams, or stream -> config.
        criterion: Config of the loss.
        streams: Names of the two streams.
        k: Nearest entries that each stream proposes as positives.
        mining: ``'intersection'`` (the paper's) or ``'union'`` of the proposals, or ``'none'``.
        sibling_positives: In the cross stage, queue entries of the same video are positives; by
            default they are left out, as in the first stage.
        **kwargs: See :class:`ContrastiveHead`.

    Raises:
        ValueError: for an unknown ``mining``, ``k`` below 1, or not two streams.

    Example:
        >>> head = MVCGCHead(projector=dict(type='ProjectionHead', in_channels=1024),
        ...                  criterion=dict(type='InfoNCELoss', temperature=0.07), k=5)
        >>> losses = head.loss({'rgb': z_r, 'motion': z_m}, data_samples,
        ...                    key_feats={'rgb': k_r, 'motion': k_m}, stage='cross')
    """

    stages: tuple[str, ...] = ('init', 'cross')

    def __init__(
        self,
        projector: Mapping[str, Any],
        criterion: Mapping[str, Any],
        streams: Sequence[str] = ('rgb', 'motion'),
        k: int = 5,
        mining: str = 'intersection',
        sibling_positives: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(streams, projector, criterion, **kwargs)
        if len(self.streams) != 2:
            raise ValueError(f'cross guidance is between two streams, got {self.streams}')
        if mining not in MINING_MODES:
            raise ValueError(f'mining must be one of {MINING_MODES}, got {mining!r}')
        if k < 1:
            raise ValueError(f'k must be at least 1, got {k}')
        self.k = k
        self.mining = mining
        self.sibling_positives = sibling_positives

    def loss_by_embedding(
        self,
        queries: StreamTensors,
        keys: StreamTensors,
        video_ids: Tensor,
        stage: str,
        batch: GlobalBatch,
    ) -> StreamTensors:
        """Eq. (1) per stream or Eq. (4); see the base class for the arguments."""
        usable = self.queue.usable(video_ids)
        if stage == 'init':
            pairs = {stream: stream for stream in self.streams}
            positives = torch.zeros_like(usable)
        else:
            first, second = self.streams
            pairs = {first: second, second: first}
            positives = self.find_positives(keys, video_ids, self.streams)
        losses = self._contrast(pairs, queries, keys, usable, batch, positives)
        losses['num_positives'] = positives.sum(dim=1).float().mean()
        return losses

    @torch.no_grad()
    def find_positives(
        self, keys: StreamTensors, video_ids: Tensor, guides: Sequence[str]
    ) -> Tensor:
        """Marks the queue entries that count as positives besides a sample's own key.

        Args:
            keys: Stream -> (N, C) keys of the batch.
            video_ids: (N,) int.
            guides: The streams whose similarities propose positives.

        Returns:
            (N, K) bool.
        """
        usable = self.queue.usable(video_ids)
        with without_autocast(usable):
            similarities = [
                self.similarity(*full_precision(keys[stream], self.queue[stream]))
                for stream in guides
            ]
        # An early queue holds few videos: its nearest entries mean little.
        positives = mine_positives(similarities, usable, self.k, self.mining) & self.queue.is_full
        if self.sibling_positives:
            positives |= self.queue.same_video(video_ids)
        return positives
