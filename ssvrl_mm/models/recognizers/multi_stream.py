"""What the self-supervised recognizers share: a backbone per stream and the three modes."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ssvrl_mm.models.utils.chunks import padded
from ssvrl_mm.models.utils.features import pool_features, write_features
from ssvrl_mm.models.utils.memory_format import lay_out_clips, to_channels_last_3d
from ssvrl_mm.registry import MODELS

Inputs = Tensor | Mapping[str, Tensor]


class MultiStreamRecognizer(BaseModel, metaclass=ABCMeta):
    """Base of recognizers with one trained backbone per stream, named ``backbone_<stream>``.

    Checkpoints of one stream and of several fit each other by these names.

    Downstream, load a backbone with
    ``init_cfg=dict(type='PretrainedBackbone', checkpoint=..., prefix='backbone_rgb.')``.

    Args:
        backbones: Stream -> config of its backbone; the first stream is the default one.
        channels_last: Whether convolutions compute in ``torch.channels_last_3d``: faster on CUDA
            and on CPUs.
        test_batch_clips: How many clips to forward at once outside training.
        average_clips: Whether prediction averages the features of a video's clips, or keeps a row
            of each.
        data_preprocessor: Config of the data preprocessor.
        init_cfg: OpenMMLab initialisation; ``PretrainedStreams`` starts each stream from its own
            checkpoint.

    Raises:
        ValueError: for a ``test_batch_clips`` below 1.
    """

    #: Starts of the names of weights that features and predictions do not depend on.
    training_only: tuple[str, ...] = ()

    def __init__(
        self,
        backbones: Mapping[str, Any],
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
        if test_batch_clips < 1:
            raise ValueError(f'test_batch_clips must be at least 1, got {test_batch_clips}')
        self.streams = tuple(backbones)
        self.channels_last = channels_last
        self.test_batch_clips = test_batch_clips
        self.average_clips = average_clips
        for stream, config in backbones.items():
            backbone = MODELS.build(config)
            self.add_module(
                f'backbone_{stream}', to_channels_last_3d(backbone) if channels_last else backbone
            )

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
            inputs: Clips (N, V, C, T, H, W) or (N, C, T, H, W), or stream -> clips; of the stream
                ``'iframe'`` also single frames (N, V, C, H, W).
            stream: Which backbone; None: the first stream.

        Returns:
            (N, V, D) or (N, D), in at least float32.
        """
        stream = self.streams[0] if stream is None else stream
        clips = self._clips(inputs, stream)
        batch_shape = clips.shape[:-4]
        # Clips beyond this many at a time would cost memory, and gain no speed.
        chunks = clips.flatten(0, -5).split(
            len(clips.flatten(0, -5)) if self.training else self.test_batch_clips
        )
        features = [
            pool_features(self.backbone(stream)(self._lay_out(padded(chunk, len(chunks[0])))))
            for chunk in chunks
        ]
        features[-1] = features[-1][: len(chunks[-1])]
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
            ValueError: for an unknown mode, or inputs that training cannot use.
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

    @abstractmethod
    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The losses of a batch, and what is logged.

        Args:
            inputs: Stream -> clips.
            data_samples: N samples.
        """

    @torch.no_grad()
    def predict(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> Sequence[Any]:
        """Writes the videos' features into the samples.

        Args:
            inputs: Stream -> (N, V, C, T, H, W); streams may be missing.
            data_samples: N samples.

        Returns:
            The samples; ``sample.features[stream]`` is (1, D), or (V, D) unless clips are averaged,
            float32 on the CPU.
        """
        feats = {
            stream: self.extract_feat(inputs[stream], stream).flatten(0, -2)
            for stream in self.streams
            if stream in inputs
        }
        return write_features(feats, data_samples, self.average_clips)

    def _lay_out(self, clips: Tensor) -> Tensor:
        """The layout that the convolutions work in; a slice of clips has neither."""
        return lay_out_clips(clips, self.channels_last)

    @staticmethod
    def _clips(inputs: Inputs, stream: str) -> Tensor:
        """The clips (..., C, T, H, W) of a stream; a single I-frame is a clip of one frame."""
        clips = inputs[stream] if isinstance(inputs, Mapping) else inputs
        return clips.unsqueeze(3) if stream == 'iframe' and clips.dim() == 5 else clips

    @staticmethod
    def _of_head(head: Any, backbones: Mapping[str, Any]) -> dict[str, Any]:
        """The backbones in the order of the head's streams, which must be the same."""
        if set(backbones) != set(head.streams):
            raise ValueError(f'backbones of {tuple(backbones)}, but a head of {head.streams}')
        return {stream: backbones[stream] for stream in head.streams}
