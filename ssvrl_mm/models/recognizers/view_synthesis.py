"""Training of the generator of views, with the flow that it must keep."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from ssvrl_mm.models.utils.color import luma
from ssvrl_mm.models.utils.features import pool_features
from ssvrl_mm.models.utils.freezing import freeze
from ssvrl_mm.models.utils.memory_format import lay_out_clips, to_channels_last_3d
from ssvrl_mm.models.view_synthesis.normalisation import check_normalisation
from ssvrl_mm.models.view_synthesis.view_quality import compare_views
from ssvrl_mm.models.view_synthesis.warping import predict_first
from ssvrl_mm.registry import MODELS

#: Terms of the loss and their weights; the paper gives no weights.
WEIGHTS = {'info_max': 1.0, 'info_min': 1.0, 'kl': 1e-3, 'reconstruction': 0.0}


@MODELS.register_module()
class ViewSynthesizer(BaseModel):
    """Trains a generator of views that move like a clip and look like another one.

    Section III-G of "Self-supervised Representation Learning for Videos by Segmenting via Sampling
    Rate Order Prediction" (IEEE TCSVT 2021). The generator G is to give the flow estimator O what
    it sees in the clip (info-max, Eq. 15), and the feature extractor f another thing than it sees
    in the clip (info-min, Eq. 16); its latent values are near the standard normal distribution
    (Eq. 14). O learns at the same time to predict each frame from the next (Eq. 13), by an
    optimizer of its own, f is fixed. No loss reaches the weights of two networks: O in Eq. (15) has
    the weights that it has before the step, as constants, and its flow of the clip is one.

    Eq. (16) is printed with a minus before the cosine D, which would make the features equal; here
    the cosine itself becomes small, as the text says. Nothing of this keeps a view near its clip
    but the flow: ``reconstruction`` weighs Charbonnier's penalty of their luma, 0 in the paper. It
    holds shapes and leaves colours free, which a penalty of all three channels does not.

    Args:
        view_generator: Config of G, a :class:`~ssvrl_mm.models.view_synthesis.ViewAutoencoder`.
        flow_estimator: Config of O, a :class:`~ssvrl_mm.models.view_synthesis.FlowEstimator`.
        feature_extractor: Config of f, a backbone, with an ``init_cfg`` that loads it.
        weights: Of ``info_max``, ``info_min``, ``kl`` and ``reconstruction``, where they are others
            than :data:`WEIGHTS`.
        penalty: Config of rho.
        channels_last: Whether 3D convolutions compute in ``torch.channels_last_3d``.
        test_batch_clips: How many clips to forward at once outside training.
        data_preprocessor: Config of the data preprocessor, of the same mean, std and
            ``remove_still`` as ``view_generator``.
        init_cfg: OpenMMLab initialisation.

    Raises:
        ValueError: Unknown, negative or infinite weights, or a normalisation that is not that of
            the generator; when its training begins: f names no weights to start from.

    Example:
        >>> backbone = dict(type='VideoResNet', arch='r3d', depth=10, init_cfg=dict(
        ...     type='PretrainedBackbone', checkpoint='epoch_300.pth', prefix='backbone_rgb.'))
        >>> model = dict(
        ...     type='ViewSynthesizer', view_generator=dict(type='ViewAutoencoder'),
        ...     flow_estimator=dict(type='FlowEstimator'), feature_extractor=backbone,
        ...     data_preprocessor=dict(type='SSLDataPreprocessor'))
    """

    def __init__(
        self,
        view_generator: Mapping[str, Any],
        flow_estimator: Mapping[str, Any],
        feature_extractor: Mapping[str, Any],
        weights: Mapping[str, float] | None = None,
        penalty: Mapping[str, Any] | None = None,
        channels_last: bool = True,
        test_batch_clips: int = 16,
        data_preprocessor: Any = None,
        init_cfg: Any = None,
    ) -> None:
        # Built here, the preprocessor's name resolves without a default scope too.
        if isinstance(data_preprocessor, Mapping):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        unknown = set(weights or {}) - set(WEIGHTS)
        self.weights = {**WEIGHTS, **(weights or {})}
        if unknown or not all(0 <= weight < math.inf for weight in self.weights.values()):
            raise ValueError(
                f'weights must be of {list(WEIGHTS)}, finite and not negative: {weights}'
            )
        self.channels_last = channels_last
        self.test_batch_clips = test_batch_clips
        self.view_generator = self._built(view_generator)
        self.flow_estimator = MODELS.build(flow_estimator)
        self.feature_extractor = self._built(feature_extractor)
        freeze(self.feature_extractor)
        self.penalty = MODELS.build(penalty or dict(type='ssvrl_mm.CharbonnierLoss'))
        self.divergence = MODELS.build(dict(type='ssvrl_mm.GaussianKLLoss'))
        check_normalisation(self.data_preprocessor, self.view_generator)

    def init_weights(self) -> None:
        """Initialises, which training does at its beginning.

        Raises:
            ValueError: The feature extractor would have random weights.
        """
        extractor = self.feature_extractor
        if not (getattr(extractor, 'init_cfg', None) or getattr(extractor, 'pretrained', None)):
            raise ValueError(
                'feature_extractor names no weights to start from, and those of a random network '
                'say nothing of the content of a clip: give it an init_cfg of type '
                'PretrainedBackbone, with the checkpoint of a training without views'
            )
        super().init_weights()

    def train(self, mode: bool = True) -> 'ViewSynthesizer':
        """Sets the mode; the feature extractor stays in evaluation."""
        super().train(mode)
        freeze(self.feature_extractor)
        return self

    def forward(
        self,
        inputs: Tensor | Mapping[str, Tensor],
        data_samples: Sequence[Any] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """The unified entry of mmengine models.

        Args:
            inputs: ``rgb`` -> clips (N, V, 3, T, H, W), or these alone.
            data_samples: N samples.
            mode: ``'tensor'``: the views; ``'loss'``: losses; ``'predict'``: samples with
                ``view_quality``.

        Raises:
            ValueError: for an unknown mode.
        """
        clips = inputs if isinstance(inputs, Tensor) else inputs['rgb']
        if mode == 'tensor':
            return self.synthesise(clips)
        if mode == 'loss':
            return self.loss(clips)
        if mode == 'predict':
            return self.predict(clips, data_samples or ())
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")

    def loss(self, clips: Tensor) -> dict[str, Tensor]:
        """The losses of a batch: ``loss_photometric`` of O, all others of G.

        Args:
            clips: (N, V, 3, T, H, W), normalised.

        Returns:
            Losses, weighted, of the terms whose weight is not 0; and of the views, for the log,
            ``cosine`` of their features and the clips'.
        """
        clips = lay_out_clips(clips.flatten(0, 1), self.channels_last)
        view, mean, log_variance = self.view_generator(clips)
        pixels, view_pixels = map(self.view_generator.to_pixels, (clips, view))
        flow = self.flow_estimator(pixels)
        losses = {'loss_photometric': self.penalty(predict_first(pixels, flow), pixels[:, :, :-1])}
        constants = {name: value.detach() for name, value in self._flow_weights().items()}
        cosine = self._cosine(clips, view)
        terms: dict[str, Callable[[], Tensor]] = {
            'info_max': lambda: self.penalty(
                flow.detach(), functional_call(self.flow_estimator, constants, (view_pixels,))
            ),
            'info_min': cosine.mean,
            'kl': lambda: self.divergence(mean, log_variance),
            'reconstruction': lambda: self.penalty(luma(view_pixels), luma(pixels)),
        }
        for name, term in terms.items():
            if self.weights[name]:
                losses[f'loss_{name}'] = self.weights[name] * term()
        return {**losses, 'cosine': cosine.detach().mean()}

    def synthesise(self, clips: Tensor) -> Tensor:
        """Views of clips (N, V, 3, T, H, W), both normalised, without noise or gradients."""
        chunks = clips.flatten(0, 1).split(self.test_batch_clips)
        views = [
            self.view_generator.synthesise(lay_out_clips(chunk, self.channels_last))
            for chunk in chunks
        ]
        return torch.cat(views).unflatten(0, clips.shape[:2])

    @torch.no_grad()
    def predict(self, clips: Tensor, data_samples: Sequence[Any]) -> Sequence[Any]:
        """Says of each video how its views differ from its clips.

        Args:
            clips: (N, V, 3, T, H, W), normalised.
            data_samples: N samples.

        Returns:
            The samples; ``sample.view_quality`` is name -> float, the means over the clips, see
            :func:`~ssvrl_mm.models.view_synthesis.view_quality.compare_views`.
        """
        for sample, own in zip(data_samples, clips, strict=True):
            found = self.compare(own)
            means = {name: float(values.mean()) for name, values in found.items()}
            sample.set_field(means, 'view_quality')
        return data_samples

    @torch.no_grad()
    def compare(self, clips: Tensor) -> dict[str, Tensor]:
        """How views differ from clips (M, 3, T, H, W): name -> (M,), the cosine of f among them."""
        views = self.synthesise(clips[None])[0]
        flows = self.flows(clips), self.flows(views)
        pixels, view_pixels = map(self.view_generator.to_pixels, (clips, views))
        found = compare_views(pixels, view_pixels, *flows)
        return {**found, 'cosine': self._cosine(clips, views)}

    def flows(self, clips: Tensor) -> Tensor:
        """What O sees in clips (M, 3, T, H, W), normalised: (M, 2, T - 1, H, W) px."""
        return self.flow_estimator(self.view_generator.to_pixels(clips))

    def _cosine(self, clips: Tensor, views: Tensor) -> Tensor:
        """Cosines (M,) of the features of clips, which are constants, and of views; Eq. (16)."""
        with torch.no_grad():
            wanted = pool_features(self.feature_extractor(clips))
        found = pool_features(self.feature_extractor(lay_out_clips(views, self.channels_last)))
        return F.cosine_similarity(wanted, found)

    def _flow_weights(self) -> dict[str, Tensor]:
        estimator = self.flow_estimator
        return {**dict(estimator.named_parameters()), **dict(estimator.named_buffers())}

    def _built(self, config: Mapping[str, Any]) -> Any:
        network = MODELS.build(config)
        return to_channels_last_3d(network) if self.channels_last else network
