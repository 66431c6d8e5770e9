"""The adapter between pipelines of several streams and recognizers that take one tensor."""

from collections.abc import Sequence
from typing import Any

import torch

from ssvrl_mm.models.data_preprocessor import SSLDataPreprocessor
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class StackedStreamsPreprocessor(SSLDataPreprocessor):
    """Normalises the streams and lays them side by side in the channels of one tensor.

    For mmaction2's ``Recognizer3D`` with a
    :class:`~ssvrl_mm.models.backbones.StackedStreamsBackbone`. The streams have to be of one size
    (T, H, W): ``motion=dict(size='rgb')``, the default, brings motion to that of RGB;
    of flow it is ``flow=dict(size='rgb')``.

    Args:
        streams: Which streams, in the order of the backbone's ``channels``.
        **kwargs: Settings of the streams, see :class:`~ssvrl_mm.models.SSLDataPreprocessor`.

    Example:
        >>> preprocessor = StackedStreamsPreprocessor(('rgb', 'motion'))
        >>> clips = dict(rgb=[torch.zeros(2, 3, 8, 64, 64, dtype=torch.uint8)] * 4,
        ...              motion=[torch.zeros(2, 2, 8, 8, 8, dtype=torch.float16)] * 4)
        >>> preprocessor(dict(inputs=clips))['inputs'].shape
        torch.Size([4, 2, 5, 8, 64, 64])
    """

    def __init__(self, streams: Sequence[str] = ('rgb', 'motion'), **kwargs: Any) -> None:
        super().__init__(**{'host_fields': ('augmented_clips',), **kwargs})
        self.streams = tuple(streams)

    @torch.no_grad()
    def forward(self, data: dict, training: bool = False) -> dict:
        """Makes a batch ready, see ``SSLDataPreprocessor.forward``.

        Returns:
            ``dict(inputs, data_samples)`` with ``inputs`` (N, V, C, T, H, W), contiguous.

        Raises:
            KeyError: A stream is not in the batch.
            ValueError: The streams differ in their numbers of videos or clips, or in size.
        """
        data = super().forward(data, training)
        clips = data['inputs']
        missing = [stream for stream in self.streams if stream not in clips]
        if missing:
            raise KeyError(
                f'no stream {missing[0]!r} in the batch, which has {sorted(clips)}: what the '
                'pipeline decodes and what the model takes differ'
            )
        shapes = {stream: tuple(clips[stream].shape) for stream in self.streams}
        if len({shape[:2] + shape[3:] for shape in shapes.values()}) != 1:
            raise ValueError(
                f'streams of different sizes do not lie side by side: {shapes} (N, V, C, T, H, W); '
                "motion=dict(size='rgb') brings motion to the size of RGB"
            )
        return {**data, 'inputs': torch.cat([clips[stream] for stream in self.streams], dim=2)}
