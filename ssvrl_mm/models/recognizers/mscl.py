"""MSCL: RGB and flow clips against momentum copies, and their frames against each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ssvrl_mm.models.heads.mscl_head import AUGMENTED
from ssvrl_mm.models.recognizers.contrastive import ContrastiveRecognizer
from ssvrl_mm.models.recognizers.pretext_answers import write_answers
from ssvrl_mm.models.utils.chunks import stream_chunks
from ssvrl_mm.models.utils.features import last_map, pool_over_space
from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class MSCLRecognizer(ContrastiveRecognizer):
    """Motion Sensitive Contrastive Learning (MSCL) of an RGB and a flow network.

    Ni et al., "Motion Sensitive Contrastive Learning for Self-supervised Video Representation",
    ECCV 2022; see :class:`~ssvrl_mm.models.heads.MSCLHead` for the terms. Beside the pooled
    features of queries and keys the head is given local ones, of the queries alone: of RGB what
    the neck makes of the maps of several stages, Eq. (1), of flow the last maps, Eq. (2), both
    pooled over space.

    Augmented flow passes the flow network by itself, after the flow and as in the released code,
    so that BatchNorm's statistics of the flow do not depend on it. Gradients of the local and
    the inter-modality terms reach both networks.

    Args:
        backbones: Stream -> config of its backbone, that of RGB with the ``out_indices`` which the
            neck takes; the last map is the global one.
        head: Config of an :class:`~ssvrl_mm.models.heads.MSCLHead`.
        neck: Config of what makes a map (N, C, T', h, w) of RGB's maps: a
            :class:`~ssvrl_mm.models.necks.TemporalPyramid`; None: the first map as it is. It has
            no momentum copy.
        flow_augment: Config of what alters the motion in flow (M, 2, T, H, W), or a list that is
            applied in order: a ``FlowRotation`` for Flow Rotation Augmentation, Eq. (6). Applied
            before ``input_transforms``. None: nothing.
        num_augmentations: How many augmented flows there are of a clip, each drawn anew: N of Eq.
            (10), where the paper has 3.
        contrast_augmented: Whether augmented flow is contrasted like the flow too, as in the
            released code; the clips of a video, query and key, then share a draw.
        answers_pretext: Whether :meth:`predict` also asks the local term, for
            :class:`~ssvrl_mm.evaluation.PretextAccuracy`.
        **kwargs: See :class:`ContrastiveRecognizer`.

    Raises:
        ValueError: for a neck, ``flow_augment`` or ``answers_pretext`` that nothing uses, or
            ``contrast_augmented`` without exactly one augmentation.

    Example:
        >>> resnet = dict(type='VideoResNet', depth=18)
        >>> project = dict(type='Conv1d', in_channels=64, out_channels=128, kernel_size=1)
        >>> model = dict(
        ...     type='MSCLRecognizer',
        ...     backbones=dict(
        ...         rgb=dict(resnet, arch='r3d', out_indices=(2, 3, 4)),
        ...         flow=dict(resnet, arch='r2d', width=0.125)),
        ...     input_transforms=dict(flow=dict(type='FlowColouring')),
        ...     neck=dict(type='TemporalPyramid', in_channels=(128, 256, 512)),
        ...     flow_augment=dict(type='FlowRotation'),
        ...     head=dict(
        ...         type='MSCLHead', queue_length=65536,
        ...         criterion=dict(type='InfoNCELoss', temperature=0.07),
        ...         projector=dict(
        ...             rgb=dict(type='ProjectionHead', in_channels=512),
        ...             flow=dict(type='ProjectionHead', in_channels=64)),
        ...         local=dict(type='LocalMotionContrast', projections=dict(flow=project))))
    """

    training_only = ('key_backbone', 'head.', 'neck.')

    def __init__(
        self,
        backbones: Mapping[str, Any],
        head: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        flow_augment: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        num_augmentations: int = 1,
        contrast_augmented: bool = False,
        answers_pretext: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(backbones, head, **kwargs)
        is_local = self.head.local is not None
        if neck is not None and not is_local:
            raise ValueError('the neck makes local features, but the head has no local term')
        if answers_pretext and not is_local:
            raise ValueError('answers_pretext: the head has no local term to be asked')
        if flow_augment is not None and not (is_local or contrast_augmented):
            raise ValueError('nothing uses flow_augment: the head has no local term')
        if num_augmentations < 1 or (flow_augment is None and num_augmentations > 1):
            raise ValueError(
                'num_augmentations must be at least 1, and without flow_augment not more, got '
                f'{num_augmentations}'
            )
        if flow_augment is None:
            num_augmentations = 0
        if contrast_augmented and num_augmentations != 1:
            raise ValueError(
                f'contrast_augmented needs flow_augment once, got {num_augmentations} augmentations'
            )
        self.neck = None
        if neck is not None:
            built = MODELS.build(neck)
            self.neck = to_channels_last_3d(built) if self.channels_last else built
        steps = [flow_augment] if isinstance(flow_augment, Mapping) else flow_augment or ()
        self.flow_augment = nn.Sequential(*map(MODELS.build, steps))
        self.augmented = tuple(f'{AUGMENTED}_{i}' for i in range(num_augmentations))
        self.contrast_augmented = contrast_augmented
        self.answers_pretext = answers_pretext

    @torch.no_grad()
    def predict(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> Sequence[Any]:
        """Writes the videos' features into the samples, and with ``answers_pretext`` answers.

        Args:
            inputs: Stream -> (N, V, C, T, H, W).
            data_samples: N samples.

        Returns:
            The samples, see :class:`SelfSupervisedRecognizer`; those that are not of the gallery
            with ``answer_local`` and ``truth_local``, (V * T',) int64 on the CPU, which time's flow
            was found and which it is, and where flow is augmented ``answer_local_augmented``
            and ``truth_local_augmented`` with that among the candidates. ``choices_*`` (1,) is the
            number of candidates. Augmentations are the same for the same batch.

        Raises:
            KeyError: when the local term is to be asked and a stream is missing.
        """
        samples = super().predict(inputs, data_samples)
        asked = [i for i, s in enumerate(samples) if s.metainfo.get('role') != 'gallery']
        if not self.answers_pretext or not asked:
            return samples
        missing = [stream for stream in self.streams if stream not in inputs]
        if missing:
            raise KeyError(
                f'answers_pretext compares {self.streams}, and {missing} are missing: let the test '
                'pipeline pack them, or set model.answers_pretext=False'
            )
        clips = {s: self._clips(inputs, s)[asked].flatten(0, 1) for s in self.streams}
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(0)
            found = self.head.local.answers(*self._local_chunks(clips))
        for task, (answers, truths, choices) in found.items():
            write_answers(samples, asked, task, answers, truths)
            for i in asked:
                samples[i].set_field(torch.tensor([choices]), f'choices_{task}')
        return samples

    def _local_chunks(self, clips: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Local features of RGB, flow and augmented flow, from some clips at a time."""
        shown = {
            **clips,
            **{name: self._augment(clips[self.streams[1]]) for name in self.augmented},
        }
        total = len(clips[self.streams[0]])
        chunks = []
        for chunk in stream_chunks(shown, self.test_batch_clips):
            feats = {
                name: self._run(self.backbone(self._stream_of(name)), self._stream_of(name), x)
                for name, x in chunk.items()
            }
            chunks.append(self._local_features(feats))
        names = (*self.streams, *self.augmented)
        joined = [torch.cat([chunk[name] for chunk in chunks])[:total] for name in names]
        return joined[0], joined[1], joined[2:]

    def _views(self, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Those of the streams, and augmented flow."""
        queries, keys = super()._views(inputs)
        flow = self.streams[1]
        if not self.contrast_augmented:
            queries.update({name: self._augment(queries[flow]) for name in self.augmented})
            return queries, keys
        # As one clip, which is drawn for once.
        both = self._augment(torch.cat([queries[flow], keys[flow]], dim=2))
        queries[self.augmented[0]], keys[AUGMENTED] = both.chunk(2, dim=2)
        return queries, keys

    def _stream_of(self, name: str) -> str:
        return self.streams[1] if name.startswith(AUGMENTED) else name

    def _head_loss(
        self, feats: Mapping[str, Any], data_samples: Sequence[Any], **kwargs: Any
    ) -> dict[str, Tensor]:
        """The head's losses, for which local features are pooled."""
        local: dict[str, Any] | None = None
        if self.head.local is not None or self.contrast_augmented:
            pooled = self._local_features(feats)
            local = {stream: pooled[stream] for stream in self.streams}
            local[AUGMENTED] = [pooled[name] for name in self.augmented]
        own = {stream: feats[stream] for stream in self.streams}
        return super()._head_loss(own, data_samples, local_feats=local, **kwargs)

    def _local_features(self, feats: Mapping[str, Any]) -> dict[str, Tensor]:
        """Name -> (N, C, T), pooled over space."""
        rgb, maps = self.streams[0], dict(feats)
        if self.neck is not None:
            maps[rgb] = self.neck(feats[rgb])
        elif not isinstance(feats[rgb], Tensor):
            maps[rgb] = feats[rgb][0]
        return {name: pool_over_space(last_map(x)) for name, x in maps.items()}

    @torch.no_grad()
    def _augment(self, flow: Tensor) -> Tensor:
        return self.flow_augment(flow)
