"""The recognizer of contrastive methods: backbones trained against their momentum copies."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from ssvrl_mm.models.recognizers.multi_stream import MultiStreamRecognizer
from ssvrl_mm.models.utils.features import pool_features
from ssvrl_mm.models.utils.freezing import evaluating
from ssvrl_mm.models.utils.global_batch import GlobalBatch
from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class ContrastiveRecognizer(MultiStreamRecognizer):
    """Trains the backbones of one or several streams against momentum copies of themselves.

    Clip 0 of a video is the query, clip 1 the key. What is contrasted with what is the head's
    matter: with a :class:`~ssvrl_mm.models.heads.MoCoHead` this is
    `MoCo <https://arxiv.org/abs/1911.05722>`_, with a :class:`~ssvrl_mm.models.heads.MVCGCHead`
    MVCGC (Huo et al., "Compressed Video Contrastive Learning", NeurIPS 2021), with a
    :class:`~ssvrl_mm.models.heads.CoCLRHead` `CoCLR <https://arxiv.org/abs/2010.09709>`_.

    A head that computes several stages needs a table that says when: ``stages`` lists (first
    epoch, stage), and :class:`~ssvrl_mm.engine.hooks.SetEpochHook` tells the epoch, after resuming
    too. A stage may leave a stream without gradients, as CoCLR's do: with several processes set
    ``find_unused_parameters=True``. Its momentum copy goes on to settle.

    Args:
        backbones: Stream -> config of its backbone.
        head: Config of a :class:`~ssvrl_mm.models.heads.ContrastiveHead` of the same streams; its
            momentum also moves the key backbones.
        stages: The head's stages with the epochs (0-based) that they begin at, in rising order
            from epoch 0 on. None: the only stage of the head.
        shuffle_bn: Shuffle the key batch over the processes (no effect with one), so that
            BatchNorm cannot tell which key belongs to a query.
        **kwargs: See :class:`MultiStreamRecognizer`.

    Raises:
        ValueError: when backbones and head differ in their streams, or table and head in their
            stages, or epochs do not rise from 0.

    Example:
        >>> model = dict(
        ...     type='ContrastiveRecognizer',
        ...     backbones=dict(rgb=dict(type='S3D', in_channels=3),
        ...                    motion=dict(type='S3D', in_channels=2)),
        ...     head=dict(type='MVCGCHead', k=5, queue_length=2048,
        ...               projector=dict(type='ProjectionHead', in_channels=1024),
        ...               criterion=dict(type='InfoNCELoss', temperature=0.07)),
        ...     stages=[(0, 'init'), (300, 'cross')])
    """

    training_only: tuple[str, ...] = ('key_backbone', 'head.')

    def __init__(
        self,
        backbones: Mapping[str, Any],
        head: Mapping[str, Any],
        stages: Sequence[tuple[int, str]] | None = None,
        shuffle_bn: bool = True,
        **kwargs: Any,
    ) -> None:
        built_head = MODELS.build(head)
        super().__init__(self._of_head(built_head, backbones), **kwargs)
        self.head = built_head
        self.stages = _checked_stages(stages, built_head)
        self.shuffle_bn = shuffle_bn
        self._epoch: int | None = None
        for stream in self.streams:
            key_backbone = MomentumEncoder(self.backbone(stream), **self.head.momentum_cfg)
            self.add_module(f'key_backbone_{stream}', key_backbone)

    def set_epoch(self, epoch: int) -> None:
        """Tells the model which epoch (0-based) it is trained for; logs a change of stage."""
        before = None if self._epoch is None else self.stage_of_epoch(self._epoch)
        self._epoch = epoch
        stage = self.stage_of_epoch(epoch)
        if stage != before and len(self.stages) > 1:
            print_log(f'epoch {epoch + 1}: training stage is {stage!r}', logger='current')

    def stage_of_epoch(self, epoch: int) -> str:
        """The head's stage that an epoch (0-based) is trained in."""
        return [stage for start, stage in self.stages if start <= epoch][-1]

    def loss(self, inputs: Mapping[str, Tensor], data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """The head's losses for the queries of clip 0 and the keys of clip 1.

        The head is given the feature maps of the queries, and of the keys the pooled features.

        Args:
            inputs: Stream -> (N, V, C, T, H, W), V at least 2; further clips are not used.
            data_samples: N samples.

        Raises:
            ValueError: for fewer than two clips.
            RuntimeError: when stages follow one another and nobody told the epoch.
        """
        self._check_clips(inputs)
        stage = self._stage()
        first = inputs[self.streams[0]]
        batch = GlobalBatch(len(first), first.device)
        followers = [s for s in self.streams if s not in self.head.fixed_streams(stage)]
        # Before the queries: the copies start from what the backbones were before this batch.
        for stream in followers:
            self._key_backbone(stream).follow(self.backbone(stream))
        queries, keys = self._views(inputs)
        feats = {
            name: self._run(self.backbone(self._stream_of(name)), self._stream_of(name), clips)
            for name, clips in queries.items()
            if self._stream_of(name) in self.head.trained_streams(stage)
        }
        key_feats = self._extract_keys(keys, followers, batch)
        return self._head_loss(feats, data_samples, key_feats=key_feats, stage=stage, batch=batch)

    def restart(self) -> None:
        """Empties the queue, and has the momentum copies start from exact copies anew.

        :class:`~ssvrl_mm.engine.hooks.RestartStagesHook` calls it.
        """
        self.head.restart()
        for stream in self.streams:
            self._key_backbone(stream).restart()

    def _views(self, inputs: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The clips (N, C, T, H, W) of queries and of keys, by name: those of the streams.

        A subclass may add further ones, and says in :meth:`_stream_of` which networks see them and
        in :meth:`_head_loss` what becomes of their features.
        """
        queries, keys = ({s: inputs[s][:, view] for s in self.streams} for view in (0, 1))
        return queries, keys

    def _stream_of(self, name: str) -> str:
        """The stream whose networks see the clips of a name."""
        return name

    def _head_loss(
        self, feats: Mapping[str, Any], data_samples: Sequence[Any], **kwargs: Any
    ) -> dict[str, Tensor]:
        """What the head makes of the features of the queries, by name."""
        return self.head.loss(feats, data_samples, **kwargs)

    def _check_clips(self, inputs: Mapping[str, Tensor]) -> None:
        for stream in self.streams:
            if inputs[stream].dim() != 6 or inputs[stream].shape[1] < 2:
                raise ValueError(
                    f'{stream}: training needs two clips per video, (N, 2, C, T, H, W), got '
                    f'{tuple(inputs[stream].shape)}'
                )

    def _stage(self) -> str:
        if self._epoch is None and len(self.stages) > 1:
            raise RuntimeError(
                'the stage follows from the epoch, which nobody told: add '
                "dict(type='SetEpochHook') to the hooks, or call set_epoch"
            )
        return self.stage_of_epoch(self._epoch or 0)

    def _key_backbone(self, stream: str) -> Any:
        return getattr(self, f'key_backbone_{stream}')

    @torch.no_grad()
    def _extract_keys(
        self, views: Mapping[str, Tensor], followers: Sequence[str], batch: GlobalBatch
    ) -> dict[str, Tensor]:
        """Name -> (N, D) features of the keys, those of the followers by the momentum backbones.

        Those of the other streams come from the trained backbones themselves, in evaluation.
        """
        feats, dealt = {}, []
        for name, clips in views.items():
            stream = self._stream_of(name)
            if stream not in followers:
                backbone = self.backbone(stream)
                with evaluating(backbone):
                    feats[name] = pool_features(self._run(backbone, stream, clips))
                continue
            # What the convolutions see is sent, in their precision; a transform works in its own.
            clips = self._transformed(stream, clips)
            clips = batch.shuffle(clips) if self.shuffle_bn else clips
            feats[name] = pool_features(self._key_backbone(stream)(self._lay_out(clips)))
            dealt.append(name)
        if self.shuffle_bn and dealt:
            restored = batch.unshuffle(*(feats[name] for name in dealt))
            feats.update(zip(dealt, restored, strict=True))
        return feats


def _checked_stages(
    stages: Sequence[tuple[int, str]] | None, head: Any
) -> tuple[tuple[int, str], ...]:
    """The table; without one, the head's only stage from the first epoch on."""
    known = head.stages
    if stages is None:
        if len(known) > 1:
            raise ValueError(
                f'{type(head).__name__} has the stages {known}: say which begins when, for '
                f'example stages=[(0, {known[0]!r}), (300, {known[1]!r})]'
            )
        return ((0, known[0]),)
    table = tuple((int(epoch), stage) for epoch, stage in stages)
    epochs = [epoch for epoch, _ in table]
    if not table or epochs[0] != 0 or epochs != sorted(set(epochs)):
        raise ValueError(f'stages must begin at rising epochs, the first at 0, got {table}')
    unknown = [stage for _, stage in table if stage not in known]
    if unknown:
        raise ValueError(f'{type(head).__name__} has the stages {known}, not {unknown}')
    return table
