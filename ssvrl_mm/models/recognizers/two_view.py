"""Late fusion: classifiers of several streams whose probabilities are averaged."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ssvrl_mm.models.utils.pretrained import load_pretrained
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class TwoViewRecognizer(BaseModel):
    """One classifier per view of a video; the class probabilities are averaged.

    The RGB + motion rows of MVCGC (Huo et al., NeurIPS 2021, Tables 3 and 4). Each view is a
    complete recognizer with the preprocessor it is used to alone, so that a view scores here as
    it does by itself. Views are trained side by side without influence on one another, or each
    comes from a run of its own (``checkpoints``).

    Args:
        views: Name of the view -> config of its recognizer, for example ``Recognizer3D`` or
            :class:`~ssvrl_mm.models.recognizers.LinearProbe`, with a
            :class:`~ssvrl_mm.models.SingleStreamPreprocessor` and ``average_clips='prob'``.
        weights: Name of the view -> its weight, not negative; None: all alike.
        checkpoints: Name of the view -> checkpoint of its recognizer, loaded whole by
            :meth:`init_weights`; :class:`~ssvrl_mm.engine.hooks.InitBeforeTestHook` calls it
            where nothing is trained.
        data_preprocessor: Not needed: the views have theirs.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: No views, views that do not give probabilities, views or weights of unequal
            names, weights that are negative or all zero.

    Example:
        >>> rgb = dict(type='Recognizer3D', backbone=..., cls_head=..., data_preprocessor=...)
        >>> model = dict(type='TwoViewRecognizer', views=dict(rgb=rgb, mv=motion),
        ...              checkpoints=dict(rgb='rgb.pth', mv='motion.pth'))
    """

    def __init__(
        self,
        views: Mapping[str, Any],
        weights: Mapping[str, float] | None = None,
        checkpoints: Mapping[str, str] | None = None,
        data_preprocessor: Any = None,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        if not views:
            raise ValueError('TwoViewRecognizer needs at least one view')
        weights = dict.fromkeys(views, 1.0) if weights is None else dict(weights)
        for name, mapping in (('weights', weights), ('checkpoints', checkpoints or {})):
            wrong = set(mapping) - set(views)
            if wrong or (name == 'weights' and set(mapping) != set(views)):
                raise ValueError(f'{name} of {sorted(mapping)}, but views {sorted(views)}')
        total = sum(weights.values())
        if min(weights.values()) < 0 or total <= 0:
            raise ValueError(f'weights must not be negative nor all zero, got {weights}')
        self.weights = {name: weights[name] / total for name in views}
        self.checkpoints = dict(checkpoints or {})
        self.views = torch.nn.ModuleDict(
            {name: MODELS.build(config) for name, config in views.items()}
        )
        for name, view in self._each():
            if view.cls_head.average_clips != 'prob':
                raise ValueError(
                    f"view {name!r} must average probabilities: cls_head.average_clips='prob', "
                    f'not {view.cls_head.average_clips!r}'
                )

    def init_weights(self) -> None:
        """Initialises the views; those with a checkpoint take all their weights from it."""
        for name, view in self._each():
            if name in self.checkpoints:
                load_pretrained(view, self.checkpoints[name])
                view.is_init = True
            elif not view.is_init:
                view.init_weights()

    def forward(
        self,
        inputs: Mapping[str, Any],
        data_samples: Sequence[Any] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """The unified entry of mmengine models.

        Args:
            inputs: Stream -> clips as the pipeline packs them; the views normalise them.
            data_samples: N samples.
            mode: ``'tensor'``: view -> scores of all clips; ``'loss'``: the views' losses, named
                ``loss_cls_rgb``, ...; ``'predict'``: samples with ``pred_score`` (the fused
                probabilities), ``pred_label`` and ``pred_score_<view>``.

        Raises:
            ValueError: An unknown mode.
        """
        clips = {name: self._clips(view, inputs) for name, view in self._each()}
        if mode == 'tensor':
            return {n: v(clips[n], mode='tensor', stage='head') for n, v in self._each()}
        if mode == 'loss':
            return {
                f'{key}_{name}': value
                for name, view in self._each()
                for key, value in view(clips[name], data_samples, mode='loss').items()
            }
        if mode == 'predict':
            return self._predict(clips, data_samples or ())
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")

    def _each(self) -> list[tuple[str, Any]]:
        return list(self.views.items())

    def _clips(self, view: Any, inputs: Mapping[str, Any]) -> Tensor:
        data = view.data_preprocessor(dict(inputs=inputs), self.training)
        return data['inputs']

    def _predict(self, clips: Mapping[str, Tensor], data_samples: Sequence[Any]) -> Sequence[Any]:
        fused: list[Any] = [0.0] * len(data_samples)
        for name, view in self._each():
            copies = [sample.clone() for sample in data_samples]
            for place, scored in enumerate(view(clips[name], copies, mode='predict')):
                fused[place] = fused[place] + self.weights[name] * scored.pred_score
                data_samples[place].set_field(scored.pred_score, f'pred_score_{name}')
        for sample, score in zip(data_samples, fused, strict=True):
            sample.set_pred_score(score)
            sample.set_pred_label(score.argmax(dim=-1, keepdim=True))
        return data_samples
