"""What the contrastive recognizers share: backbones, momentum copies, the three modes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ssvrl_mm.models.utils.distributed import shuffle_batch, unshuffle_batch
from ssvrl_mm.models.utils.features import pool_features
from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder
from ssvrl_mm.registry import MODELS

Inputs = Tensor | Mapping[str, Tensor]


class ContrastiveRecognizer(BaseModel):
    """Base of recognizers that train backbones against momentum copies of themselves.

    Clip 0 of a video is the query, clip 1 the key. The parts are named so that checkpoints of one
    stream and of two fit each other: ``backbone_<stream>.``, ``key_backbone_<stream>.``, ``head.``.
    Downstream, load a backbone with
    ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone_rgb.')``.

    Args:
        backbones: Stream -> config of its backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.ContrastiveHead` of the same streams; its
            momentum also moves the key backbones.
        shuffle_bn: Shuffle the key batch over the processes (no effect with one), so that
            BatchNorm cannot tell which key belongs to a query.
        channels_last: Whether convolutions compute in ``torch.channels_last_3d``: faster on CUDA
            and on CPUs.
        test_batch_clips: How many clips to forward at once outside training.
        average_clips: Whether prediction averages the features of a video's clips, or keeps a row
            of each.
        data_preprocessor: Config of the data preprocessor.
        init_cfg: OpenMMLab initialisation; a list of two ``Pretrained`` loads two checkpoints.

    Raises:
        ValueError: when backbones and head differ in their streams.
    """

    def __init__(
        self,
        backbones: Mapping[str, Any],
        head: Mapping[str, Any],
        shuffle_bn: bool = True,
        channels_last: bool = True,
        test_batch_clips: int = 16,
        average_clips: bool = True,
        data_preprocessor: Any = None,
        init_cfg: Any = None,
    ) -> None:
        # Built here, the preprocessor's name resolves without a default scope too.
        if isinstance(data_preprocessor, Mapping):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.head = MODELS.build(head)
        self.streams: tuple[str, ...] = self.head.streams
        if set(backbones) != set(self.streams):
            raise ValueError(f'backbones of {tuple(backbones)}, but a head of {self.streams}')
        if test_batch_clips < 1:
            raise ValueError(f'test_batch_clips must be at least 1, got {test_batch_clips}')
        self.shuffle_bn = shuffle_bn
        self.channels_last = channels_last
        self.test_batch_clips = test_batch_clips
        self.average_clips = average_clips
        for stream in self.streams:
            backbone = MODELS.build(backbones[stream])
            if self.channels_last:
                to_channels_last_3d(backbone)
            key_backbone = MomentumEncoder(backbone, **self.head.momentum_cfg)
            self.add_module(f'backbone_{stream}', backbone)
            self.add_module(f'key_backbone_{stream}', key_backbone)

    @property
    def stage(self) -> str:
        """The stage of the head's pretext task that training is in."""
        return self.head.stage

    def backbone(self, stream: str) -> nn.Module:
        """The trained backbone of a stream.

        Raises:
            KeyError: for a stream that the model does not have.
        """
        if stream not in self.streams:
            raise KeyError(f'stream {stream!r} is not among {self.streams}')
        return getattr(self, f'backbone_{stream}')

    def extract_feat(self, inputs: Inputs, stream: str | None = None) -> Tensor:
        """The representation used downstream: pooled backbone features, before projection.

        Args:
            inputs: Clips (N, V, C, T, H, W) or (N, C, T, H, W), or stream -> clips.
            stream: Which backbone; None: the first stream.

        Returns:
            (N, V, D) or (N, D), in at least float32.
        """
        stream = self.streams[0] if stream is None else stream
        clips = inputs[stream] if isinstance(inputs, Mapping) else inputs
        batch_shape = clips.shape[:-4]
        # Clips beyond this many at a time would cost memory, and gain no speed.
        size = len(clips.flatten(0, -5)) if self.training else self.test_batch_clips
        features = [
            pool_features(self.backbone(stream)(self._lay_out(chunk)))
            for chunk in clips.flatten(0, -5).split(size)
        ]
        return torch.cat(features).unflatten(0, batch_shape)

    def forward(
        self,
        inputs: Inputs,
        data_samples: Sequence[Any] | None = None,
        mode: str = 'tensor',
        stream: str | None = None,
    ) -> Any:
        """The unified entry of mmengine models.

        Args:
            inputs: Stream -> clips (N, V, C, T, H, W); a bare tensor belongs to ``stream``.
            data_samples: N samples.
            mode: ``'tensor'``: the features of :meth:`extract_feat`, a dict of them for a dict of
                inputs; ``'loss'``: losses; ``'predict'``: samples with ``features``.
            stream: The stream of a bare tensor; None: the first.

        Raises:
            ValueError: for an unknown mode, or clips that do not hold a query and a key.
        """
        if mode == 'tensor' and isinstance(inputs, Tensor):
            return self.extract_feat(inputs, stream)
        if isinstance(inputs, Tensor):
            inputs = {self.streams[0] if stream is None else stream: inputs}
        if mode == 'tensor':
            return {s: self.extract_feat(inputs, s) for s in self.streams if s in inputs}
        if mode == 'loss':
            return self.loss(inputs, data_samples or ())
        if mode == 'predict':
            return self.predict(inputs, data_samples or ())
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")

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
    def predict(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> Sequence[Any]:
        """Writes the videos' features into the samples, see ``ContrastiveHead.predict``.

        Args:
            inputs: Stream -> (N, V, C, T, H, W); streams may be missing.
            data_samples: N samples.
        """
        feats = {
            stream: self.extract_feat(inputs[stream], stream).flatten(0, -2)
            for stream in self.streams
            if stream in inputs
        }
        return self.head.predict(feats, data_samples, average_clips=self.average_clips)

    @torch.no_grad()
    def _extract_keys(self, clips: Tensor, stream: str) -> Tensor:
        """Moves the momentum backbone on, then makes the (N, D) features of the keys."""
        encoder = getattr(self, f'key_backbone_{stream}')
        encoder.follow(self.backbone(stream))
        if not self.shuffle_bn:
            return pool_features(encoder(self._lay_out(clips)))
        shuffled, order = shuffle_batch(clips)
        return unshuffle_batch(pool_features(encoder(self._lay_out(shuffled))), order)

    def _lay_out(self, clips: Tensor) -> Tensor:
        """The layout that the convolutions work in; a slice of views has neither."""
        if self.channels_last:
            return clips.contiguous(memory_format=torch.channels_last_3d)
        return clips.contiguous()
