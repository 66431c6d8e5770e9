"""What recognizers with a backbone per stream share."""

from abc import ABCMeta
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ssvrl_mm.models.recognizers.self_supervised import Inputs, SelfSupervisedRecognizer
from ssvrl_mm.models.utils.chunks import padded
from ssvrl_mm.models.utils.features import pool_features
from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
from ssvrl_mm.registry import MODELS


class MultiStreamRecognizer(SelfSupervisedRecognizer, metaclass=ABCMeta):
    """Base of recognizers with one trained backbone per stream, named ``backbone_<stream>``.

    Checkpoints of one stream and of several fit each other by these names.

    Downstream, load a backbone with
    ``init_cfg=dict(type='PretrainedBackbone', checkpoint=..., prefix='backbone_rgb.')``.

    Args:
        backbones: Stream -> config of its backbone; the first stream is the default one.
        input_transforms: Stream -> config of a module without parameters that clips
            (M, C, T, H, W) pass before the backbone, in training, for keys and for features alike:
            the colouring of optical flow for instance. Its channels are the backbone's.
        init_cfg: OpenMMLab initialisation; ``PretrainedStreams`` starts each stream from its own
            checkpoint.
        **kwargs: See :class:`SelfSupervisedRecognizer`.

    Raises:
        ValueError: A transform of a stream that has no backbone, or one with parameters.
    """

    def __init__(
        self,
        backbones: Mapping[str, Any],
        input_transforms: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(tuple(backbones), init_cfg=init_cfg, **kwargs)
        self.input_transforms = _input_transforms(input_transforms or {}, self.streams)
        for stream, config in backbones.items():
            backbone = MODELS.build(config)
            self.add_module(
                f'backbone_{stream}',
                to_channels_last_3d(backbone) if self.channels_last else backbone,
            )

    def backbone(self, stream: str) -> nn.Module:
        """The trained backbone of a stream.

        Raises:
            KeyError: for a stream that the model does not have.
        """
        if stream not in self.streams:
            raise KeyError(f'stream {stream!r} is not among {self.streams}')
        return getattr(self, f'backbone_{stream}')

    @property
    def starts_pretrained(self) -> bool:
        """Whether all backbones name weights of another library (``pretrained``) to start from."""
        return all(getattr(self.backbone(s), 'pretrained', None) for s in self.streams)

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
            pool_features(self._run(self.backbone(stream), stream, padded(chunk, len(chunks[0]))))
            for chunk in chunks
        ]
        features[-1] = features[-1][: len(chunks[-1])]
        return torch.cat(features).unflatten(0, batch_shape)

    def _tensor(self, inputs: Inputs, stream: str | None) -> Tensor | dict[str, Tensor]:
        """The features of a bare tensor, or stream -> features; streams may be missing."""
        if isinstance(inputs, Tensor):
            return self.extract_feat(inputs, stream)
        return {s: self.extract_feat(inputs, s) for s in self.streams if s in inputs}

    def _named_features(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Those of every stream; streams may be missing."""
        return {s: self.extract_feat(inputs, s).flatten(0, -2) for s in self.streams if s in inputs}

    def _run(self, network: nn.Module, stream: str, clips: Tensor) -> Any:
        """What a network makes of clips (M, C, T, H, W) of a stream, transformed and laid out."""
        return network(self._lay_out(self._transformed(stream, clips)))

    def _transformed(self, stream: str, clips: Tensor) -> Tensor:
        """Clips (M, C, T, H, W) of a stream as its networks see them."""
        return self.input_transforms[stream](clips) if stream in self.input_transforms else clips

    @staticmethod
    def _of_head(head: Any, backbones: Mapping[str, Any]) -> dict[str, Any]:
        """The backbones in the order of the head's streams, which must be the same."""
        if set(backbones) != set(head.streams):
            raise ValueError(f'backbones of {tuple(backbones)}, but a head of {head.streams}')
        return {stream: backbones[stream] for stream in head.streams}


def _input_transforms(configs: Mapping[str, Any], streams: tuple[str, ...]) -> nn.ModuleDict:
    """The modules, by stream."""
    unknown = set(configs) - set(streams)
    if unknown:
        raise ValueError(f'input_transforms of {sorted(unknown)}, but streams {streams}')
    built = nn.ModuleDict({stream: MODELS.build(config) for stream, config in configs.items()})
    if any(True for _ in built.parameters()):
        raise ValueError(
            f'input_transforms have parameters, which key copies would not follow: {built}'
        )
    return built
