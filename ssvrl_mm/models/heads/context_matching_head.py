"""Matching of clips with the I-frames near them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ssvrl_mm.models.heads.in_batch_contrast import contrast_over_processes
from ssvrl_mm.models.heads.pretext_head import PretextHead
from ssvrl_mm.models.necks import PointwiseMLP
from ssvrl_mm.models.utils.features import Features, last_map, pool_features
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.spread_monitor import SpreadMonitor
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class ContextMatchingHead(PretextHead):
    """Context matching: each clip finds the I-frame of its video among those of the batch.

    Eq. (1) of Huang et al., "Self-Supervised Video Representation Learning by Context and Motion
    Decoupling", CVPR 2021. Clip and I-frame features are pooled, projected by a perceptron each,
    and contrasted by cosine similarity over the batches of all processes.

    Args:
        in_channels: Channels of the clips' features.
        context_channels: Channels of the I-frames' features.
        criterion: Config of the :class:`~ssvrl_mm.models.losses.InfoNCELoss`. On its temperature
            the paper is silent; the released code has 0.1.
        hidden_channels: Hidden width of the perceptrons.
        out_channels: Width of the embeddings.
        loss_weight: Multiplies the loss: 1 - alpha of Eq. (3).
        streams: Names of the clips' and of the I-frames' stream.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for not two streams.

    Example:
        >>> criterion = dict(type='InfoNCELoss', temperature=0.1)
        >>> head = ContextMatchingHead(512, context_channels=512, criterion=criterion)
        >>> feats = dict(rgb=torch.rand(4, 512, 2, 7, 7), iframe=torch.rand(4, 512, 1, 7, 7))
        >>> sorted(head.loss(feats, data_samples))
        ['effective_rank_iframe', 'effective_rank_rgb', 'loss_context', 'mean_cosine_iframe',
         'mean_cosine_rgb', 'top1_context']
    """

    def __init__(
        self,
        in_channels: int,
        context_channels: int,
        criterion: Mapping[str, Any],
        hidden_channels: int = 2048,
        out_channels: int = 512,
        loss_weight: float = 1.0,
        streams: Sequence[str] = ('rgb', 'iframe'),
        init_cfg: Any = None,
    ) -> None:
        super().__init__(streams, init_cfg)
        if len(streams) != 2:
            raise ValueError(f'clips and I-frames are two streams, got {tuple(streams)}')
        self.in_channels = dict(zip(self.streams, (in_channels, context_channels), strict=True))
        self.loss_weight = loss_weight
        self.projector = nn.ModuleDict(
            {s: PointwiseMLP(c, hidden_channels, out_channels) for s, c in self.in_channels.items()}
        )
        self.criterion = MODELS.build({**criterion, 'reduction': 'none'})
        self.spread = SpreadMonitor()

    def loss(
        self,
        feats: Features,
        data_samples: Sequence[Any] | None = None,
        batch: GlobalBatch | None = None,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            feats: Stream -> (N, C, ...) maps or (N, C) pooled features; row i of both streams is
                of the same video. Further streams are not looked at.
            data_samples: Not looked at.
            batch: What the step knows of the batches of all processes; None: it is found out.
            **kwargs: Ignored.

        Returns:
            ``loss_context``, Eq. (1) times ``loss_weight``; and to be logged ``top1_context``, the
            share of clips that are nearest to their own I-frame, and, every so many steps anew,
            ``effective_rank_<stream>`` and ``mean_cosine_<stream>`` of this process's embeddings,
            see :class:`~ssvrl_mm.models.utils.SpreadMonitor`.

        Raises:
            KeyError: for a stream that is missing.
            ValueError: for features of other channels, or numbers of clips and I-frames that
                differ.
        """
        maps = self.by_stream(feats)
        clips, frames = (self._embed(maps, stream) for stream in self.streams)
        if len(clips) != len(frames):
            raise ValueError(f'{len(clips)} clips do not pair with {len(frames)} I-frames')
        own = torch.arange(len(clips), device=clips.device)
        batch = batch or GlobalBatch(len(clips), clips.device)
        loss, top1 = contrast_over_processes(self.criterion, clips, frames, own, batch)
        spread = self.spread(lambda: dict(zip(self.streams, (clips, frames), strict=True)))
        return {'loss_context': self.loss_weight * loss, 'top1_context': top1, **spread}

    def _embed(self, feats: Mapping[str, Any], stream: str) -> Tensor:
        """(N, out_channels), not normalised."""
        if stream not in feats:
            raise KeyError(f'context matching needs the streams {self.streams}, got {tuple(feats)}')
        features = last_map(feats[stream])
        if features.dim() < 2 or features.shape[1] != self.in_channels[stream]:
            raise ValueError(
                f'{stream}: features of {self.in_channels[stream]} channels (N, C, ...) are '
                f'needed, got shape {tuple(features.shape)}'
            )
        return self.projector[stream](pool_features(features))
