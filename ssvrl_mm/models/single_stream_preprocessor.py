"""The adapter between our pipelines and recognizers that take one tensor."""

from typing import Any

import torch

from ssvrl_mm.models.data_preprocessor import SSLDataPreprocessor
from ssvrl_mm.registry import MODELS

_STREAMS = ('rgb', 'motion', 'residual', 'flow')


@MODELS.register_module()
class SingleStreamPreprocessor(SSLDataPreprocessor):
    """Normalises as in pretraining and hands one stream over, as ``Recognizer3D`` takes it.

    What was pretrained sees what it is used to: the settings of the streams are those of
    :class:`~ssvrl_mm.models.SSLDataPreprocessor`. Of motion without RGB, ``motion=dict(size=...)``
    must name the size that pretraining brought it to; of flow, ``flow=dict(size=...)``.

    Args:
        stream: ``'rgb'``, ``'motion'`` (motion vectors), ``'residual'``, ``'flow'``.
        channels_last: Whether clips are laid out in ``torch.channels_last_3d``, in which
            convolutions are faster.
        **kwargs: Settings of the streams.

    Example:
        >>> preprocessor = SingleStreamPreprocessor('motion', motion=dict(clip=20, size=64))
        >>> clips = dict(motion=[torch.zeros(3, 2, 8, 16, 16, dtype=torch.float16)] * 4)
        >>> preprocessor(dict(inputs=clips))['inputs'].shape
        torch.Size([4, 3, 2, 8, 64, 64])
    """

    def __init__(self, stream: str = 'rgb', channels_last: bool = True, **kwargs: Any) -> None:
        super().__init__(**{'host_fields': ('augmented_clips',), **kwargs})
        if stream not in _STREAMS:
            raise ValueError(f'stream must be one of {_STREAMS}, got {stream!r}')
        self.stream = stream
        self.channels_last = channels_last

    @torch.no_grad()
    def forward(self, data: dict, training: bool = False) -> dict:
        """Makes a batch ready, see ``SSLDataPreprocessor.forward``.

        Returns:
            ``dict(inputs, data_samples)`` with ``inputs`` (N, V, C, T, H, W).

        Raises:
            KeyError: The stream is not in the batch.
        """
        streams = data['inputs']
        if isinstance(streams, dict):
            if self.stream not in streams:
                raise KeyError(
                    f'no stream {self.stream!r} in the batch, which has {sorted(streams)}: what '
                    'the pipeline decodes and what the model takes differ'
                )
            # RGB tells motion and flow their size; whatever else came along is not needed.
            sizes = {'motion': self.motion_size, 'flow': self.flow_size}
            wanted = {self.stream, *(['rgb'] if sizes.get(self.stream) == 'rgb' else [])}
            kept = {name: stream for name, stream in streams.items() if name in wanted}
            data = {**data, 'inputs': kept}
        data = super().forward(data, training)
        clips = data['inputs'][self.stream]
        layout = torch.channels_last_3d if self.channels_last else torch.contiguous_format
        flat = clips.flatten(0, 1).contiguous(memory_format=layout)
        return {**data, 'inputs': flat.unflatten(0, clips.shape[:2])}
