"""What the heads share that tell what a sampler did to the clips of one stream."""

import math
from abc import ABCMeta, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssvrl_mm.models.heads.joint_head import JointHead
from ssvrl_mm.models.utils.features import Features, pool_features
from ssvrl_mm.models.utils.precision import without_autocast
from ssvrl_mm.registry import MODELS

#: Label of clips that nobody is to be asked about, and that describe the video instead.
UNLABELLED = -1


class LabelledHead(JointHead, metaclass=ABCMeta):
    """Base of heads whose labels a sampler wrote into the data samples, a row for every clip.

    mmaction2's head protocol, so that a head works as ``cls_head`` of its ``Recognizer3D`` as it
    does in a recognizer of this package. Features are pooled; perceptron and loss are computed in
    at least float32, under autocast too.

    Labels are checked on the host, where nothing waits for the device. Those that the data
    preprocessor moved to a device are looked at in the first batch of a training; keep them on the
    host with its ``host_fields`` to have all of them checked.

    Args:
        in_channels: Channels of the features.
        loss_weight: Multiplies the loss.
        stream: Name of the stream whose features the head takes.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: ``in_channels`` below 1.
    """

    def __init__(
        self,
        in_channels: int,
        loss_weight: float = 1.0,
        stream: str = 'rgb',
        init_cfg: Any = None,
    ) -> None:
        super().__init__({stream: in_channels}, loss_weight, init_cfg)
        self._looked = False

    @abstractmethod
    def outputs(self, embedding: Tensor) -> Tensor:
        """What the head makes of pooled features (M, ``in_channels``)."""

    @abstractmethod
    def answer(self, feats: Features, data_samples: Sequence[Any]) -> None:
        """Writes into the data samples what the head says of their clips, and what is right.

        Samples of the gallery (``role``) are not asked.

        Args:
            feats: Features as :meth:`loss` takes them.
            data_samples: N samples with the labels.
        """

    @property
    @abstractmethod
    def label_key(self) -> str:
        """Name of the labels in the data samples."""

    def forward(self, feats: Features, **kwargs: Any) -> Tensor:
        """The outputs of the head for features, in at least float32.

        Args:
            feats: (M, C, ...) maps or pooled features, or stream -> those.
            **kwargs: Ignored; ``Recognizer3D`` passes some.
        """
        embedding = self.embed(feats)
        with without_autocast(embedding):
            return self.outputs(embedding)

    def predict(
        self,
        feats: Features,
        data_samples: Sequence[Any],
        average_clips: bool = True,
        **kwargs: Any,
    ) -> Sequence[Any]:
        """Writes the representation of every video into its data sample, and answers.

        Args:
            feats: See :meth:`PretextHead.predict`.
            data_samples: N samples; if all have the labels, the head is asked, see :meth:`answer`.
                Clips whose label is -1 then describe the video, if there are any, see
                :func:`described_by`.
            average_clips: Whether to average features over the clips of a video.
            **kwargs: Ignored.

        Returns:
            The samples.
        """
        described = described_by(self.by_stream(feats), data_samples, self.label_key)
        samples = super().predict(described, data_samples, average_clips)
        if all(self.label_key in sample for sample in samples):
            self.answer(feats, samples)
        return samples

    def clip_labels(
        self,
        data_samples: Sequence[Any] | None,
        rows: int,
        shape: Sequence[int] = (),
        within: tuple[float, float] = (0, math.inf),
        remedy: str = '',
        unlabelled: bool = False,
    ) -> Tensor:
        """The labels of clips, those of the first ones where features are of fewer.

        Args:
            data_samples: N samples with labels (V, ...).
            rows: N * W clips, W at most V, that there are features of.
            shape: What there is for each clip.
            within: The lowest and the highest value that a label may have; with a finite highest
                one labels are classes, whole numbers.
            remedy: What to do about wrong labels, for the message.
            unlabelled: Whether labels may be -1, of clips that are not to be asked about.

        Returns:
            (rows, ...) as they are, where they lie.

        Raises:
            KeyError: for a sample without labels.
            ValueError: for labels of another shape, fewer than clips, or wrong values.
        """
        parts, key = self.packed(data_samples, self.label_key), self.label_key
        count, left = divmod(rows, len(parts))
        shapes = [tuple(part.shape) for part in parts]
        if left or any(given[1:] != tuple(shape) or given[0] < count for given in shapes):
            raise ValueError(
                f'{type(self).__name__}: features of {rows} clips of {len(parts)} videos need '
                f'{key!r} of shape {("clips", *shape)} of each video, got {sorted({*shapes})}'
                f'{remedy}'
            )
        labels = torch.cat([part[:count] for part in parts])
        if unlabelled or _on_host(labels) or not self._looked:
            values = labels.detach().cpu().numpy()
            known = values[values != UNLABELLED] if unlabelled else values
            _check_values(known, within, key, remedy)
        self._looked = self._looked or not unlabelled
        return labels


def perceptron(
    in_channels: int,
    hidden_channels: int | None,
    out_channels: int,
    activation: Mapping[str, Any] | None,
) -> nn.Sequential:
    """One or two linear layers, ``fc1`` and ``fc2``.

    Args:
        in_channels: Channels of the input.
        hidden_channels: Width of the hidden layer; None: there is none.
        out_channels: Channels of the output.
        activation: Config of what comes between two layers; None: nothing.

    Raises:
        ValueError: for a width below 1.
    """
    if hidden_channels is None:
        return nn.Sequential(OrderedDict(fc1=nn.Linear(in_channels, out_channels)))
    if hidden_channels < 1:
        raise ValueError(
            f'hidden_channels must be at least 1, or None for one layer, got {hidden_channels}'
        )
    layers: OrderedDict[str, nn.Module] = OrderedDict(fc1=nn.Linear(in_channels, hidden_channels))
    if activation is not None:
        layers['activation'] = MODELS.build(activation)
    layers['fc2'] = nn.Linear(hidden_channels, out_channels)
    return nn.Sequential(layers)


def checked_segments(num_segments: int, what: str = 'num_segments') -> int:
    """The number of segments or clips, whose orders are classes.

    Raises:
        ValueError: for fewer than 2, or more than 8, which have 40,320 orders.
    """
    if not 2 <= num_segments <= 8:
        raise ValueError(f'{what} must lie between 2 and 8, got {num_segments}')
    return num_segments


def check_head(name: str, head: Any, kind: type) -> None:
    """Refuses another head than a model can ask, of which None is none.

    Args:
        name: Of the argument that it was given as.
        head: The head.
        kind: What it has to be.

    Raises:
        TypeError: It is not.
    """
    if head is not None and not isinstance(head, kind):
        raise TypeError(f'{name} must be a {kind.__name__}, got a {type(head).__name__}')


def described_by(
    features: Mapping[str, Features], data_samples: Sequence[Any], *keys: str
) -> dict[str, Features]:
    """The features that a video is described by: those of its clips without a label, if it has any.

    So that one pass shows a network clips that were tampered with, to be asked about them, and
    others that tell what the video is.

    Args:
        features: Stream -> features of the V clips of each video, (N * V, C, ...).
        data_samples: N samples, some with labels (V, ...).
        *keys: Names of the labels, of which the first that all samples have counts; -1 is none.

    Returns:
        Stream -> features, (N * W, C) of the W clips without labels; as they are where there is
        none.

    Raises:
        ValueError: for videos that differ in the number of such clips, and features of another
            number of clips than labels.
    """
    key = next((name for name in keys if all(name in sample for sample in data_samples)), None)
    if key is None:
        return dict(features)
    rows = [torch.as_tensor(getattr(sample, key)).cpu() for sample in data_samples]
    marks = [given.reshape(given.shape[0], -1)[:, 0] == UNLABELLED for given in rows]
    counts = {int(mark.sum()) for mark in marks}
    if len(counts) != 1:
        raise ValueError(
            f'videos of one batch differ in how many clips have the {key!r} of -1, which describe '
            f'them: {sorted(counts)}'
        )
    if counts == {0}:
        return dict(features)
    labelled, found = torch.cat(marks), _pooled(features)
    rows_of = {stream: len(pooled) for stream, pooled in found.items()}
    if {*rows_of.values()} != {len(labelled)}:
        raise ValueError(
            f'{key!r} of {len(labelled)} clips in {len(marks)} videos, but features of '
            f'{rows_of}: where labels say which clips describe a video, each needs one; crop each '
            'clip once'
        )
    chosen = labelled.nonzero().flatten()
    return {stream: pooled[chosen.to(pooled.device)] for stream, pooled in found.items()}


def _on_host(labels: Tensor) -> bool:
    """Whether to look at labels makes nobody wait."""
    return labels.device.type == 'cpu'


def _pooled(features: Mapping[str, Features]) -> dict[str, Tensor]:
    return {stream: pool_features(maps) for stream, maps in features.items()}


def _check_values(values: np.ndarray, within: tuple[float, float], key: str, remedy: str) -> None:
    lowest, highest = within
    # So that what is not a number is none of them.
    wrong = values[~((values >= lowest) & (values <= highest))]
    if UNLABELLED in wrong:
        raise ValueError(
            f'{key!r} is -1 of clips that are not to be asked about: a pipeline of training has '
            'none of those, num_ordered=0'
        )
    if len(wrong):
        bounds = f'at least {lowest}' if highest == math.inf else f'from {lowest} to {highest}'
        raise ValueError(f'{key!r} must be {bounds}, got {np.unique(wrong)[:5].tolist()}{remedy}')
    if highest < math.inf and (values % 1).any():
        raise ValueError(
            f'{key!r} must be whole numbers, got {values[values % 1 > 0][:5].tolist()}'
        )
