"""Late fusion: classifiers of several streams whose probabilities are averaged."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ssvrl_mm.models.utils.pretrained import load_pretrained
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class LateFusionRecognizer(BaseModel):
    """One classifier per stream of a video; the class probabilities are averaged.

    The RGB + motion rows of MVCGC (Huo et al., NeurIPS 2021, Tables 3 and 4). Each classifier is a
    complete recognizer with the preprocessor it is used to alone, so that it scores here as it
    does by itself. They are trained side by side without influence on one another, or each comes
    from a run of its own (``checkpoints``).

    Args:
        classifiers: Stream (any name) -> config of its recognizer, ``Recognizer3D`` or
            :class:`~ssvrl_mm.models.recognizers.LinearProbe`, with a
            :class:`~ssvrl_mm.models.SingleStreamPreprocessor` and ``average_clips='prob'``.
        weights: Name -> its weight, not negative; None: all alike.
        checkpoints: Name -> checkpoint of its recognizer, loaded whole by
            :meth:`init_weights`; :class:`~ssvrl_mm.engine.hooks.InitBeforeTestHook` calls it
            where nothing is trained.
        data_preprocessor: Not needed: the classifiers have theirs.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: No classifier, one that does not give probabilities, weights or checkpoints of
            other names, weights that are negative or all zero.

    Example:
        >>> rgb = dict(type='Recognizer3D', backbone=..., cls_head=..., data_preprocessor=...)
        >>> model = dict(type='LateFusionRecognizer', classifiers=dict(rgb=rgb, motion=motion),
        ...              checkpoints=dict(rgb='rgb.pth', motion='motion.pth'))
    """

    def __init__(
        self,
        classifiers: Mapping[str, Any],
        weights: Mapping[str, float] | None = None,
        checkpoints: Mapping[str, str] | None = None,
        data_preprocessor: Any = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if not classifiers:
            raise ValueError('LateFusionRecognizer needs at least one classifier')
        weights = dict.fromkeys(classifiers, 1.0) if weights is None else dict(weights)
        for name, mapping in (('weights', weights), ('checkpoints', checkpoints or {})):
            wrong = set(mapping) - set(classifiers)
            if wrong or (name == 'weights' and set(mapping) != set(classifiers)):
                raise ValueError(
                    f'{name} of {sorted(mapping)}, but classifiers {sorted(classifiers)}'
                )
        total = sum(weights.values())
        if min(weights.values()) < 0 or total <= 0:
            raise ValueError(f'weights must not be negative nor all zero, got {weights}')
        self.weights = {name: weights[name] / total for name in classifiers}
        self.checkpoints = dict(checkpoints or {})
        self.classifiers = torch.nn.ModuleDict(
            {name: MODELS.build(config) for name, config in classifiers.items()}
        )
        for name, classifier in self._each():
            if classifier.cls_head.average_clips != 'prob':
                raise ValueError(
                    f'classifier {name!r} must average probabilities: '
                    f"cls_head.average_clips='prob', not {classifier.cls_head.average_clips!r}"
                )

    def init_weights(self) -> None:
        """Initialises the classifiers; those with a checkpoint take all their weights from it."""
        for name, classifier in self._each():
            if name in self.checkpoints:
                load_pretrained(classifier, self.checkpoints[name])
                classifier.is_init = True
            elif not classifier.is_init:
                classifier.init_weights()

    def forward(
        self,
        inputs: Mapping[str, Any],
        data_samples: Sequence[Any] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """The unified entry of mmengine models.

        Args:
            inputs: Stream -> clips as the pipeline packs them; the classifiers normalise them.
            data_samples: N samples.
            mode: ``'tensor'``: stream -> scores of all clips; ``'loss'``: the classifiers' losses,
                named ``loss_cls_rgb``, ...; ``'predict'``: samples with ``pred_score`` (the fused
                probabilities), ``pred_label`` and ``pred_score_<stream>``.

        Raises:
            ValueError: An unknown mode.
        """
        clips = {name: self._clips(classifier, inputs) for name, classifier in self._each()}
        if mode == 'tensor':
            return {n: v(clips[n], mode='tensor', stage='head') for n, v in self._each()}
        if mode == 'loss':
            return {
                f'{key}_{name}': value
                for name, classifier in self._each()
                for key, value in classifier(clips[name], data_samples, mode='loss').items()
            }
        if mode == 'predict':
            return self._predict(clips, data_samples or ())
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")

    def _each(self) -> list[tuple[str, Any]]:
        return list(self.classifiers.items())

    def _clips(self, classifier: Any, inputs: Mapping[str, Any]) -> Tensor:
        data = classifier.data_preprocessor(dict(inputs=inputs), self.training)
        return data['inputs']

    def _predict(self, clips: Mapping[str, Tensor], data_samples: Sequence[Any]) -> Sequence[Any]:
        fused: list[Any] = [0.0] * len(data_samples)
        for name, classifier in self._each():
            copies = [sample.clone() for sample in data_samples]
            for place, scored in enumerate(classifier(clips[name], copies, mode='predict')):
                fused[place] = fused[place] + self.weights[name] * scored.pred_score
                data_samples[place].set_field(scored.pred_score, f'pred_score_{name}')
        for sample, score in zip(data_samples, fused, strict=True):
            sample.set_pred_score(score)
            sample.set_pred_label(score.argmax(dim=-1, keepdim=True))
        return data_samples
