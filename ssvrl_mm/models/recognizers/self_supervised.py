"""What all self-supervised recognizers share: how clips come in, and the three modes."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ssvrl_mm.models.utils.features import Features, write_features
from ssvrl_mm.models.utils.memory_format import lay_out_clips
from ssvrl_mm.registry import MODELS

Inputs = Tensor | Mapping[str, Tensor]


class SelfSupervisedRecognizer(BaseModel, metaclass=ABCMeta):
    """Base of recognizers that learn from clips without labels of classes.

    Args:
        streams: The streams that the model takes; the first is the default one.
        channels_last: Whether convolutions compute in ``torch.channels_last_3d``: faster on CUDA
            and on CPUs.
        test_batch_clips: How many clips to forward at once outside training.
        average_clips: Whether prediction averages the features of a video's clips, or keeps a row
            of each.
        data_preprocessor: Config of the data preprocessor.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: for a ``test_batch_clips`` below 1.
    """

    #: Starts of the names of weights that features and predictions do not depend on.
    training_only: tuple[str, ...] = ()

    def __init__(
        self,
        streams: Sequence[str],
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
        self.streams = tuple(streams)
        self.channels_last = channels_last
        self.test_batch_clips = test_batch_clips
        self.average_clips = average_clips

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
            mode: ``'tensor'``: the features of ``extract_feat``; ``'loss'``: losses; ``'predict'``:
                samples with ``features``.
            stream: The stream of a bare tensor; None: the first.

        Raises:
            ValueError: for an unknown mode, or inputs that training cannot use.
        """
        if mode == 'tensor':
            return self._tensor(inputs, stream)
        if isinstance(inputs, Tensor):
            inputs = {self.streams[0] if stream is None else stream: inputs}
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
            inputs: Stream -> (N, V, C, T, H, W).
            data_samples: N samples.

        Returns:
            The samples; ``sample.features[name]`` is (1, D), or (V, D) unless clips are averaged,
            float32 on the CPU.
        """
        return self._write(self._named_features(inputs), data_samples)

    @abstractmethod
    def _tensor(self, inputs: Inputs, stream: str | None) -> Any:
        """What mode ``'tensor'`` gives."""

    @abstractmethod
    def _named_features(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Features]:
        """Name -> (N * V, D), the features that :meth:`predict` writes."""

    def _write(self, features: Mapping[str, Features], samples: Sequence[Any]) -> Sequence[Any]:
        """Writes what :meth:`predict` says of the videos, from name -> (N * V, D)."""
        return write_features(features, samples, self.average_clips)

    def _lay_out(self, clips: Tensor) -> Tensor:
        """The layout that the convolutions work in; a slice of clips has neither."""
        return lay_out_clips(clips, self.channels_last)

    @staticmethod
    def _clips(inputs: Inputs, stream: str) -> Tensor:
        """The clips (..., C, T, H, W) of a stream; a single I-frame is a clip of one frame."""
        clips = inputs[stream] if isinstance(inputs, Mapping) else inputs
        return clips.unsqueeze(3) if stream == 'iframe' and clips.dim() == 5 else clips
