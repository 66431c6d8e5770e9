"""Context-Motion Decoupling: clips matched with I-frames, and asked what will move next."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.models.utils.features import last_map
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.registry import MODELS

_NETWORKS = ('rgb', 'iframe', 'motion', 'flow')


@MODELS.register_module()
class ContextMotionDecoupling(MultiStreamRecognizer):
    """Context-Motion Decoupling (CMD): two pretext tasks on one video network.

    Huang et al., "Self-Supervised Video Representation Learning by Context and Motion Decoupling",
    CVPR 2021. The V-network sees a clip. Context matching, Eq. (1), tells the I-frame of the same
    video from those of other videos; motion prediction, Eq. (2), tells the motion that follows the
    clip, place by place, from motion elsewhere. The heads' weights make their sum Eq. (3).

    The networks are streams: ``'rgb'`` (V-network), ``'iframe'`` (I-network) and ``'motion'``
    (M-network), or ``'flow'`` where optical flow takes the place of motion vectors. Each gives a
    representation of its own, see :meth:`extract_feat`. Leave one task out, and its head and
    network, for the ablations.

    Args:
        backbones: Stream -> config of its network, None leaves it out: ``rgb``, the V-network;
            ``iframe``, the I-network, with ``context_head`` only; ``motion`` or ``flow``, the
            M-network, for a ``motion_head`` that compares features.
        context_head: Config of a :class:`~ssvrl_mm.models.heads.ContextMatchingHead`, or None.
        motion_head: Config of a :class:`~ssvrl_mm.models.heads.MotionPredictionHead`, or None.
        neck: Config of what makes the clip's feature map from what the V-network returns, in
            pretraining alone: :class:`~ssvrl_mm.models.necks.PairedStageFusion` as in the
            released code. None: the last map.
        **kwargs: See :class:`MultiStreamRecognizer`.

    Raises:
        ValueError: no head, a head without its network or the other way round, or an M-network for
            motion vectors and one for flow.

    Example:
        >>> resnet = dict(type='VideoResNet', depth=10)
        >>> model = dict(
        ...     type='ContextMotionDecoupling',
        ...     backbones=dict(
        ...         rgb=dict(type='C3D'),
        ...         iframe=dict(resnet, arch='r2d'),
        ...         motion=dict(resnet, arch='r3d', in_channels=2)),
        ...     context_head=dict(
        ...         type='ContextMatchingHead', in_channels=512, context_channels=512,
        ...         criterion=dict(type='InfoNCELoss', temperature=0.1), loss_weight=0.5),
        ...     motion_head=dict(
        ...         type='MotionPredictionHead', loss_weight=0.5,
        ...         predictor=dict(type='TransformerPredictor', in_channels=512),
        ...         objective=dict(
        ...             type='PointwiseContrast', motion_channels=512,
        ...             criterion=dict(type='InfoNCELoss', temperature=0.1))))
    """

    training_only = ('context_head.', 'motion_head.', 'neck.')

    def __init__(
        self,
        backbones: Mapping[str, Mapping[str, Any] | None],
        context_head: Mapping[str, Any] | None = None,
        motion_head: Mapping[str, Any] | None = None,
        neck: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        unknown = set(backbones) - set(_NETWORKS)
        if unknown or not backbones.get('rgb'):
            raise ValueError(f'backbones are of {_NETWORKS}, rgb always, got {tuple(backbones)}')
        given = {stream: backbones[stream] for stream in _NETWORKS if backbones.get(stream)}
        if {'motion', 'flow'} <= set(given):
            raise ValueError('the M-network sees motion or flow: leave one of them out')
        super().__init__(given, **kwargs)
        #: What is predicted, ``'motion'`` or ``'flow'``.
        self.motion_stream = 'flow' if 'flow' in given else 'motion'
        self.neck = MODELS.build(neck) if neck else None
        self.context_head = MODELS.build(context_head) if context_head else None
        self.motion_head = MODELS.build(motion_head) if motion_head else None
        if self.context_head is None and self.motion_head is None:
            raise ValueError('nothing to train: neither context_head nor motion_head is given')
        compares_motion = self.motion_head is not None and self.motion_head.needs_features
        for stream, is_used in (
            ('iframe', self.context_head is not None),
            (self.motion_stream, compares_motion),
        ):
            if is_used != (stream in self.streams):
                raise ValueError(
                    f'the backbone of {stream} is {"missing" if is_used else "trained by no head"}'
                )

    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """Eq. (3): the weighted losses of the two tasks.

        Args:
            inputs: ``rgb`` (N, 1, 3, T, H, W); for context matching ``iframe`` (N, 1, 3, H, W);
                for motion prediction ``motion`` or ``flow`` (N, V, 2, T3, H, W), motion clip 0 what
                follows the clip, the others from elsewhere in the video.
            data_samples: N samples.

        Raises:
            ValueError: for another number of clips or I-frames.
        """
        clips = self._only_clip(inputs, 'rgb')
        batch = GlobalBatch(len(clips), clips.device)
        maps = self._run(self.backbone('rgb'), 'rgb', clips)
        maps = last_map(maps) if self.neck is None else self.neck(maps)
        losses: dict[str, Tensor] = {}
        if self.context_head is not None:
            frames = self._only_clip(inputs, 'iframe')
            context = self._run(self.backbone('iframe'), 'iframe', frames)
            of_context = {'rgb': maps, 'iframe': context}
            losses.update(self.context_head.loss(of_context, data_samples, batch=batch))
        if self.motion_head is not None:
            motion = inputs[self.motion_stream]
            if self.motion_stream in self.streams:
                network = self.backbone(self.motion_stream)
                maps_of_motion = self._run(network, self.motion_stream, motion.flatten(0, 1))
                motion = maps_of_motion.unflatten(0, motion.shape[:2])
            of_motion = {'rgb': maps, 'motion': motion}
            losses.update(self.motion_head.loss(of_motion, data_samples, batch=batch))
        return losses

    def _only_clip(self, inputs: Mapping[str, Tensor], stream: str) -> Tensor:
        """(N, C, T, H, W), without the axis of clips."""
        if inputs[stream].shape[1] != 1:
            raise ValueError(
                f'{stream}: one per video is trained with, (N, 1, ...), got '
                f'{tuple(inputs[stream].shape)}'
            )
        return self._clips(inputs, stream)[:, 0]
