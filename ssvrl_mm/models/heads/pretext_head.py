"""What the heads of pretext tasks share: mmaction2's head protocol on features by stream."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from ssvrl_mm.models.utils.features import Features, write_features

StreamTensors = dict[str, Tensor]


class PretextHead(BaseModule, metaclass=ABCMeta):
    """Base of heads that learn without labels.

    Args:
        streams: Names of the streams whose features the head takes.
        init_cfg: OpenMMLab initialisation.
    """

    def __init__(self, streams: Sequence[str], init_cfg: Any = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.streams = tuple(streams)

    @abstractmethod
    def loss(self, feats: Features, data_samples: Sequence[Any], **kwargs: Any) -> StreamTensors:
        """The losses of a batch, their names beginning with ``loss_``, and what is logged.

        Args:
            feats: What the backbone gives for the clips, a map (N, D, T, H, W) or a tuple of maps,
                with several clips per video (N * V, D, T, H, W), the clips of a video side by
                side; or stream -> such features.
            data_samples: N samples.
            **kwargs: What the task needs besides; ``Recognizer3D`` passes ``loss_aux``.
        """

    def predict(
        self,
        feats: Features,
        data_samples: Sequence[Any],
        average_clips: bool = True,
        **kwargs: Any,
    ) -> Sequence[Any]:
        """Writes the representation of every video, before projection, into its data sample.

        Args:
            feats: (N * V, D, ...) features, or stream -> features; the V clips of a video side
                by side. Streams may be missing.
            data_samples: N samples.
            average_clips: Whether to average over the clips of a video or keep a row of each.
            **kwargs: Ignored.

        Returns:
            The samples; ``sample.features[stream]`` is (1, D), or (V, D) without averaging, float32
            on the CPU, pooled over time and space.
        """
        return write_features(self.by_stream(feats), data_samples, average_clips)

    def by_stream(self, feats: Features) -> dict[str, Any]:
        """Stream -> features; bare ones, as mmaction2 gives them, belong to the first stream."""
        return dict(feats) if isinstance(feats, Mapping) else {self.streams[0]: feats}
