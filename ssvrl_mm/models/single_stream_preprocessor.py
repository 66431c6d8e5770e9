"""The adapter between our pipelines and recognizers that take one tensor."""

from typing import Any

import torch

from ssvrl_mm.models.data_preprocessor import SSLDataPreprocessor
from ssvrl_mm.registry import MODELS

_STREAMS = ('rgb', 'motion', 'residual', 'flow', 'iframe')


@MODELS.register_module()
class SingleStreamPreprocessor(SSLDataPreprocessor):
    """Normalises as in pretraining and hands one stream over, as one-stream recognizers take it.

    What was pretrained sees what it is used to: the settings of the streams are those of
    :class:`~ssvrl_mm.models.SSLDataPreprocessor`. Of motion without pictures,
    ``motion=dict(size=...)`` must name the size that pretraining brought it to; of flow,
    ``flow=dict(size=...)``.

    Args:
        stream: ``'rgb'``, ``'motion'`` (motion vectors), ``'residual'``, ``'flow'``, ``'iframe'``.
        channels_last: Whether clips are laid out in ``torch.channels_last_3d``, in which
            convolutions are faster.
        single_frames: Whether clips have one frame and no axis of time, as ``Recognizer2D`` takes
            the segments of a video.
        **kwargs: Settings of the streams.

    Example:
        >>> preprocessor = SingleStreamPreprocessor('motion', motion=dict(clip=20, size=64))
        >>> clips = dict(motion=[torch.zeros(3, 2, 8, 16, 16, dtype=torch.float16)] * 4)
        >>> preprocessor(dict(inputs=clips))['inputs'].shape
        torch.Size([4, 3, 2, 8, 64, 64])
    """

    def __init__(
        self,
        stream: str = 'rgb',
        channels_last: bool = True,
        single_frames: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{'host_fields': ('augmented_clips',), **kwargs})
        if stream not in _STREAMS:
            raise ValueError(f'stream must be one of {_STREAMS}, got {stream!r}')
        self.stream = stream
        self.channels_last = channels_last
        self.single_frames = single_frames

    @torch.no_grad()
    def forward(self, data: dict, training: bool = False) -> dict:
        """Makes a batch ready, see ``SSLDataPreprocessor.forward``.

        Returns:
            ``dict(inputs, data_samples)`` with ``inputs`` (N, V, C, T, H, W), or (N, V, C, H, W) of
            single frames.

        Raises:
            KeyError: The stream is not in the batch.
            ValueError: Clips of several frames where single ones are wanted.
        """
        streams = data['inputs']
        if isinstance(streams, dict):
            if self.stream not in streams:
                raise KeyError(
                    f'no stream {self.stream!r} in the batch, which has {sorted(streams)}: what '
                    'the pipeline decodes and what the model takes differ'
                )
            # Pictures tell motion and flow their size; whatever else came along is not needed.
            sizes = {'motion': self.motion_size, 'flow': self.flow_size}
            pictures = 'rgb' if 'rgb' in streams else 'iframe'
            wanted = {self.stream, *([pictures] if sizes.get(self.stream) == 'rgb' else [])}
            if self.stream == 'flow':
                wanted.add('flow_peak')
            kept = {name: stream for name, stream in streams.items() if name in wanted}
            data = {**data, 'inputs': kept}
        data = super().forward(data, training)
        clips = data['inputs'][self.stream]
        if clips.dim() == 5:  # I-frames, one per clip
            clips = clips.unsqueeze(3)
        layout = torch.channels_last_3d if self.channels_last else torch.contiguous_format
        flat = clips.flatten(0, 1).contiguous(memory_format=layout)
        if self.single_frames:
            if clips.shape[3] != 1:
                raise ValueError(
                    f'{self.stream}: a network of single frames needs clips of one, got '
                    f'{clips.shape[3]} (clip_len=1 in the pipeline)'
                )
            flat = flat.squeeze(2)
        return {**data, 'inputs': flat.unflatten(0, clips.shape[:2])}
