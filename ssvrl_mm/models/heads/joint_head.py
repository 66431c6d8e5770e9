"""What the heads over the maps of several streams share."""

from abc import ABCMeta
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.heads.pretext_head import PretextHead
from ssvrl_mm.models.utils.features import Features, last_map, pool_features


class JointHead(PretextHead, metaclass=ABCMeta):
    """Base of heads that look at all streams of a clip together.

    Args:
        channels: Stream -> channels of its maps, in the order in which features lie side by side.
        loss_weight: Multiplies the loss.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: No stream, or channels below 1.
    """

    #: Whether the head tells corresponding streams from others, see
    #: :class:`~ssvrl_mm.models.heads.CTPHead`.
    needs_types: bool = False

    def __init__(
        self, channels: Mapping[str, int], loss_weight: float = 1.0, init_cfg: Any = None
    ) -> None:
        super().__init__(tuple(channels), init_cfg)
        if not channels or min(channels.values()) < 1:
            raise ValueError(f'channels: stream -> channels of its maps, got {dict(channels)}')
        self.channels = dict(channels)
        self.loss_weight = loss_weight

    @property
    def width(self) -> int:
        """Channels of all streams together."""
        return sum(self.channels.values())

    def maps(self, feats: Features) -> dict[str, Tensor]:
        """The maps of the head's streams, in its order.

        Args:
            feats: Stream -> (M, C, ...), or several maps of which the last counts.

        Raises:
            KeyError: for a stream that is missing.
            ValueError: for other channels, or numbers of clips that differ.
        """
        given = self.by_stream(feats)
        if not set(self.streams) <= set(given):
            raise KeyError(
                f'{type(self).__name__} needs the streams {self.streams}, got {tuple(given)}'
            )
        maps = {stream: last_map(given[stream]) for stream in self.streams}
        shapes = {stream: tuple(features.shape) for stream, features in maps.items()}
        wrong = [s for s, c in self.channels.items() if len(shapes[s]) < 2 or shapes[s][1] != c]
        if wrong or len({shape[0] for shape in shapes.values()}) != 1:
            raise ValueError(
                f'{type(self).__name__} needs maps (M, C, ...) of {self.channels} channels of the '
                f'same clips, got {shapes}'
            )
        return maps

    def answers(self, feats: Features) -> dict[str, Tensor]:
        """What the head answers: task -> (M, K) int64, K answers of each clip.

        Args:
            feats: Stream -> (M, C, ...) maps.
        """
        return {}

    def truths(self, data_samples: Sequence[Any], like: Tensor) -> dict[str, Tensor]:
        """What it should have answered: task -> (M, K) int64; -1 where nothing is right.

        Args:
            data_samples: N samples, of M / N clips each.
            like: (M, ...) of the clips.
        """
        return {}

    def embed(self, feats: Features) -> Tensor:
        """(M, width) pooled maps of all streams side by side, in at least float32."""
        return pool_features(self.maps(feats))

    def labels(
        self, data_samples: Sequence[Any] | None, key: str, shape: Sequence[int], like: Tensor
    ) -> Tensor:
        """What a transform wrote for every clip, on the device of the features.

        Args:
            data_samples: N samples with (V, ...) of this name.
            key: The name.
            shape: What there is for each clip.
            like: (N * V, ...) features.

        Returns:
            (N * V, ...) int64.

        Raises:
            KeyError: for a sample without labels.
            ValueError: for another shape.
        """
        labels = torch.cat(self.packed(data_samples, key))
        if tuple(labels.shape) != (len(like), *shape):
            raise ValueError(
                f'{key!r} of {len(like)} clips must be {(len(like), *shape)}, got '
                f'{tuple(labels.shape)}'
            )
        return labels.to(like.device, torch.long, non_blocking=True)

    def packed(self, data_samples: Sequence[Any] | None, key: str) -> list[Tensor]:
        """The field of this name of every data sample, at least (1,), where it lies.

        Args:
            data_samples: N samples.
            key: The name.

        Raises:
            KeyError: for a sample without it.
        """
        found = [getattr(sample, key, None) for sample in data_samples or ()]
        if not found or any(labels is None for labels in found):
            raise KeyError(
                f'{type(self).__name__} needs {key!r} in every data sample: the transform that '
                f"writes it in the pipeline, and dict(type='PackSSLInputs', extra_keys=({key!r},)) "
                f"or mmaction2's dict(type='PackActionInputs', algorithm_keys=({key!r},))"
            )
        return [torch.atleast_1d(torch.as_tensor(labels)) for labels in found]
