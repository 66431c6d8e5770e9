"""Supervised recognition by one network that takes several streams."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.models import Recognizer3D
from torch import Tensor

from ssvrl_mm.models.utils.chunks import stream_chunks
from ssvrl_mm.models.utils.features import last_map
from ssvrl_mm.models.utils.memory_format import lay_out_clips
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MultiStreamClassifier(Recognizer3D):
    """mmaction2's ``Recognizer3D`` for a backbone that takes a mapping of streams.

    Networks whose streams exchange features inside, over I-frames, motion and residuals for
    instance, cannot be put together from classifiers of one stream
    (:class:`~ssvrl_mm.models.recognizers.LateFusionRecognizer` averages those).

    Args:
        channels_last: Whether clips are laid out in ``torch.channels_last_3d``, in which
            convolutions are faster.
        **kwargs: Arguments of ``Recognizer3D``. The backbone takes stream -> (N * V, C, T, H, W)
            and returns a map (N * V, D, ...), or several of which the last counts, or stream ->
            such maps, which :class:`~ssvrl_mm.models.heads.ClassificationHead` pools and puts side
            by side; the data preprocessor gives stream -> (N, V, C, T, H, W), as
            :class:`~ssvrl_mm.models.SSLDataPreprocessor` does. ``test_cfg`` may have
            ``max_testing_views``: clips to forward at once.

    Example:
        >>> model = dict(
        ...     type='MultiStreamClassifier',
        ...     backbone=dict(type='YourFusedBackbone'),
        ...     cls_head=dict(type='ClassificationHead', num_classes=101, in_channels=512),
        ...     data_preprocessor=dict(type='SSLDataPreprocessor'))
    """

    def __init__(self, channels_last: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels_last = channels_last

    def extract_feat(
        self,
        inputs: Mapping[str, Tensor],
        stage: str = 'neck',
        data_samples: Any = None,
        test_mode: bool = False,
    ) -> tuple[Tensor | dict[str, Tensor], dict[str, Any]]:
        """Features of clips, as ``Recognizer3D.extract_feat`` gives them of one tensor.

        Args:
            inputs: Stream -> (N, V, C, T, H, W), the same N and V in all streams; single frames
                also as (N, V, C, H, W).
            stage: 'backbone', 'neck' or 'head': what to return.
            data_samples: N samples.
            test_mode: Whether in a test.

        Returns:
            Features (N * V, D, ...), or stream -> such features, as the backbone gives them; or of
            the head scores (N * V, classes); and what the head's ``loss`` or ``predict`` takes
            besides.

        Raises:
            ValueError: The streams differ in their numbers of videos or clips.
        """
        counts = {stream: tuple(clips.shape[:2]) for stream, clips in inputs.items()}
        if len(set(counts.values())) != 1:
            raise ValueError(f'streams of different (videos, clips) do not go together: {counts}')
        clips = {stream: self._flat(batch) for stream, batch in inputs.items()}
        total = len(next(iter(clips.values())))
        size = (self.test_cfg or {}).get('max_testing_views') if test_mode else None
        chunks = stream_chunks(clips, size or total)
        features = _joined([self.backbone(chunk) for chunk in chunks], total)
        if stage == 'backbone':
            return features, {}
        kwargs: dict[str, Any] = {}
        if self.with_neck:
            features, auxiliary = self.neck(features, data_samples=data_samples)
            kwargs['loss_aux'] = auxiliary
        if stage == 'head' and self.with_cls_head:
            return self.cls_head(features, **kwargs), kwargs
        return features, kwargs

    def _flat(self, batch: Tensor) -> Tensor:
        clips = batch.flatten(0, 1)
        clips = clips.unsqueeze(2) if clips.dim() == 4 else clips
        return lay_out_clips(clips, self.channels_last)


def _joined(chunks: Sequence[Any], total: int) -> Tensor | dict[str, Tensor]:
    """The maps of all chunks, those of each stream, less what filled up the last chunk."""
    first = chunks[0]
    if isinstance(first, Mapping):
        return {s: torch.cat([last_map(maps[s]) for maps in chunks])[:total] for s in first}
    return torch.cat([last_map(maps) for maps in chunks])[:total]
