"""Recognizers that train backbones against momentum copies of themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.models.utils.distributed import shuffle_batch, unshuffle_batch
from ssvrl_mm.models.utils.features import pool_features
from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder
from ssvrl_mm.registry import MODELS


class ContrastiveRecognizer(MultiStreamRecognizer):
    """Base of recognizers that train backbones against momentum copies of themselves.

    Clip 0 of a video is the query, clip 1 the key. The parts are named so that checkpoints of one
    stream and of two fit each other: ``backbone_<stream>.``, ``key_backbone_<stream>.``, ``head.``.

    Args:
        backbones: Stream -> config of its backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.ContrastiveHead` of the same streams; its
            momentum also moves the key backbones.
        shuffle_bn: Shuffle the key batch over the processes (no effect with one), so that
            BatchNorm cannot tell which key belongs to a query.
        **kwargs: See :class:`MultiStreamRecognizer`.

    Raises:
        ValueError: when backbones and head differ in their streams.
    """

    training_only = ('key_backbone', 'head.')

    def __init__(
        self,
        backbones: Mapping[str, Any],
        head: Mapping[str, Any],
        shuffle_bn: bool = True,
        **kwargs: Any,
    ) -> None:
        built_head = MODELS.build(head)
        if set(backbones) != set(built_head.streams):
            raise ValueError(f'backbones of {tuple(backbones)}, but a head of {built_head.streams}')
        super().__init__({stream: backbones[stream] for stream in built_head.streams}, **kwargs)
        self.head = built_head
        self.shuffle_bn = shuffle_bn
        for stream in self.streams:
            key_backbone = MomentumEncoder(self.backbone(stream), **self.head.momentum_cfg)
            self.add_module(f'key_backbone_{stream}', key_backbone)

    @property
    def stage(self) -> str:
        """The stage of the head's pretext task that training is in."""
        return self.head.stage

    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The head's losses for the queries of clip 0 and the keys of clip 1.

        Args:
            inputs: Stream -> (N, V, C, T, H, W), V at least 2; further clips are not used.
            data_samples: N samples.
        """
        for stream in self.streams:
            if inputs[stream].dim() != 6 or inputs[stream].shape[1] < 2:
                raise ValueError(
                    f'{stream}: training needs two clips per video, (N, 2, C, T, H, W), got '
                    f'{tuple(inputs[stream].shape)}'
                )
        stage = self.stage
        feats = {
            stream: self.extract_feat(inputs[stream][:, 0], stream)
            for stream in self.head.trained_streams(stage)
        }
        key_feats = {s: self._extract_keys(inputs[s][:, 1], s) for s in self.streams}
        return self.head.loss(feats, data_samples, key_feats=key_feats, stage=stage)

    @torch.no_grad()
    def _extract_keys(self, clips: Tensor, stream: str) -> Tensor:
        """Moves the momentum backbone on, then makes the (N, D) features of the keys."""
        encoder = getattr(self, f'key_backbone_{stream}')
        encoder.follow(self.backbone(stream))
        if not self.shuffle_bn:
            return pool_features(encoder(self._lay_out(clips)))
        shuffled, order = shuffle_batch(clips)
        return unshuffle_batch(pool_features(encoder(self._lay_out(shuffled))), order)
