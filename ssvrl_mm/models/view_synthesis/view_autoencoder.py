"""The generator of view synthesis: a variational autoencoder of clips."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule, kaiming_init
from torch import Tensor, nn

from ssvrl_mm.models.utils.freezing import evaluating
from ssvrl_mm.registry import MODELS

# exp() of what is beyond is no number any more, and sigmas that small or large tell nothing.
_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE = -30.0, 20.0
# Where training starts: sigma is a twelfth.
_FIRST_LOG_VARIANCE = -5.0


class SynthesisedView(NamedTuple):
    """What the generator makes of clips.

    Attributes:
        clips: (N, 3, T, H, W), the views, normalised as the clips were.
        mean: (N, D, T, h, w), mu of the latent values.
        log_variance: (N, D, T, h, w), log sigma^2 of them.
    """

    clips: Tensor
    mean: Tensor
    log_variance: Tensor


@MODELS.register_module()
class ViewAutoencoder(BaseModule):
    """Makes of a clip another one that moves alike: a variational autoencoder.

    G of "Self-supervised Representation Learning for Videos by Segmenting via Sampling Rate Order
    Prediction" (IEEE TCSVT 2021), section III-G, trained by a
    :class:`~ssvrl_mm.models.recognizers.ViewSynthesizer`. The paper gives no layers: 3D
    convolutions of which two halve height and width, D latent values at each place of a quarter of
    the size and each time, and the mirror image of them are our choice. In training latent values
    are drawn, ``mu + sigma n``; a view that is used has none of that noise.

    It takes and returns clips as networks see them, normalised. A checkpoint that was trained with
    another normalisation or ``remove_still``, and any that lacks a weight, is an error, by
    mmengine's ``Pretrained`` as by :class:`~ssvrl_mm.models.PretrainedBackbone`.

    Args:
        mean: Of the channels, on the scale 0 to 255: those of the data preprocessor.
        std: Likewise.
        channels: Of the maps at full, half and quarter size.
        latent_channels: D.
        remove_still: Whether the data preprocessor removes what is still (its ``remove_still``):
            views then are without it, too.
        init_cfg: OpenMMLab initialisation, one or several.

    Raises:
        ValueError: Other than three channels of ``mean`` and ``std``, or than three sizes.

    Example:
        >>> generator = dict(type='ViewAutoencoder', init_cfg=dict(
        ...     type='PretrainedBackbone', checkpoint='epoch_10.pth', prefix='view_generator.'))
    """

    mean: Tensor
    std: Tensor
    removes_still: Tensor

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        channels: Sequence[int] = (32, 64, 128),
        latent_channels: int = 64,
        remove_still: bool = False,
        init_cfg: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg=_strict(init_cfg))
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f'three means and three positive stds are needed: {mean}, {std}')
        if len(channels) != 3:
            raise ValueError(f'channels of full, half and quarter size are needed, got {channels}')
        # Beside the attribute, which nobody waits for, a buffer, which checkpoints keep.
        self.remove_still = remove_still
        self.register_buffer('removes_still', torch.tensor(remove_still))
        for name, values in (('mean', mean), ('std', std)):
            scaled = torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1, 1) / 255
            self.register_buffer(name, scaled)
        full, half, quarter = channels
        to_latent = nn.Conv3d(quarter, 2 * latent_channels, 1)
        to_picture = nn.Conv3d(full, 3, 3, padding=1)
        self.encoder = nn.Sequential(
            nn.Conv3d(3, full, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv3d(full, half, 3, stride=(1, 2, 2), padding=1),
            nn.ReLU(inplace=True),
            nn.Conv3d(half, quarter, 3, stride=(1, 2, 2), padding=1),
            nn.ReLU(inplace=True),
            to_latent,
        )
        self.decoder = nn.Sequential(
            nn.Conv3d(latent_channels, quarter, 1),
            nn.ReLU(inplace=True),
            # Enlarged first: transposed convolutions draw lattices.
            nn.Upsample(scale_factor=(1, 2, 2)),
            nn.Conv3d(quarter, half, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Upsample(scale_factor=(1, 2, 2)),
            nn.Conv3d(half, full, 3, padding=1),
            nn.ReLU(inplace=True),
            to_picture,
        )
        # PyTorch's own weights halve what a layer passes on, and sigma of 1 drowns what is left:
        # the decoder would learn to do without the clip before it hears of it.
        for convolution in self.modules():
            if isinstance(convolution, nn.Conv3d):
                kaiming_init(convolution, mode='fan_in')
        bias: Any = to_latent.bias
        with torch.no_grad():
            bias[latent_channels:] = _FIRST_LOG_VARIANCE
            # Nearly grey: what is far off is silenced first, and stays silent.
            to_picture.weight.mul_(0.1)

    def forward(self, clips: Tensor) -> SynthesisedView:
        """Synthesises, with latent values drawn in training and their means in evaluation.

        Args:
            clips: (N, 3, T, H, W), normalised.
        """
        mean, log_variance = self.encoder(self.to_pixels(clips) * 2 - 1).chunk(2, dim=1)
        log_variance = log_variance.float().clamp(_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE)
        latent = mean
        if self.training:
            latent = mean + torch.exp(log_variance / 2) * torch.randn_like(log_variance)
        height, width = clips.shape[-2:]
        drawn = self.decoder(latent)[..., :height, :width]
        # Eight bits of half precision would show.
        pixels = torch.sigmoid(drawn.to(torch.promote_types(drawn.dtype, torch.float32)))
        return SynthesisedView(self._normalized(pixels), mean, log_variance)

    @torch.no_grad()
    def synthesise(self, clips: Tensor) -> Tensor:
        """Views of clips, without noise and without gradients.

        Args:
            clips: (N, 3, T, H, W), normalised.

        Returns:
            (N, 3, T, H, W), normalised.
        """
        with evaluating(self):
            return self(clips).clips

    def to_pixels(self, clips: Tensor) -> Tensor:
        """Clips (N, 3, T, H, W) that were normalised, on the scale 0 to 1.

        What is still is grey, where the data preprocessor has removed it.
        """
        return clips * self.std + self.mean

    def _normalized(self, pixels: Tensor) -> Tensor:
        clips = (pixels - self.mean) / self.std
        return clips - clips.mean(dim=2, keepdim=True) if self.remove_still else clips

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Refuses the weights of another normalisation, which would give other views."""
        own = {name: getattr(self, name).clone() for name in ('mean', 'std')}
        super()._load_from_state_dict(state_dict, prefix, *args)
        errors = args[-1]
        removed = state_dict.get(f'{prefix}removes_still', self.removes_still)
        if removed.shape == () and bool(removed) != self.remove_still:
            errors.append(
                f'the weights belong to clips with remove_still={bool(removed)}, and this '
                f'generator has {self.remove_still}: set remove_still in its config'
            )
        for name, values in own.items():
            loaded = state_dict.get(f'{prefix}{name}', values)
            # Another shape is an error already.
            if loaded.shape == values.shape and not torch.allclose(loaded.to(values), values):
                errors.append(
                    f'the weights belong to clips normalised with {name}={_on_255(loaded)}, and '
                    f'this generator has {_on_255(values)}: set {name} in its config'
                )


def _strict(init_cfg: Any) -> Any:
    """Initialisations that refuse what fits in part alone, the checkpoint's last."""
    if init_cfg is None:
        return None
    configs = [init_cfg] if isinstance(init_cfg, Mapping) else list(init_cfg)
    # mmengine's own loads what happens to match, and says nothing of the rest.
    loads = [
        {**config, 'type': 'ssvrl_mm.PretrainedBackbone'}
        for config in configs
        if config.get('type') == 'Pretrained'
    ]
    found = [config for config in configs if config.get('type') != 'Pretrained'] + loads
    return found[0] if isinstance(init_cfg, Mapping) else found


def _on_255(values: Tensor) -> list[float]:
    return [round(value, 3) for value in (values * 255).flatten().tolist()]
