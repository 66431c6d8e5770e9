"""A published model in one line."""

from typing import TYPE_CHECKING

from ssvrl_mm.zoo.fetching import fetch_weights
from ssvrl_mm.zoo.index import ZooModel, find_model

if TYPE_CHECKING:
    from torch import nn


def load_model(
    model: str | ZooModel, device: str = 'cpu', stream: str | None = None
) -> 'nn.Module':
    """A model of the index with its published weights, in evaluation mode.

    It is built from its config, in that one's precision, and so needs OpenMMLab. The file is where
    :func:`~ssvrl_mm.zoo.fetching.fetch_weights` finds it.

    Args:
        model: A model, or its name or alias in the index of the package.
        device: Where it goes.
        stream: Gives the trained backbone of this stream alone, clips (N, C, T, H, W) -> map of
            features; None: the whole recognizer, with ``extract_feat``.

    Raises:
        ZooError: The weights cannot be had; see :func:`~ssvrl_mm.zoo.fetching.fetch_weights`.
        WeightsError: They are not those of the config, or the model has no such stream.
        OpenMMLabMissingError: OpenMMLab is not installed; :func:`~ssvrl_mm.zoo.load_backbone` does
            without.
        TypeError: A config is given; ``ssvrl_mm.apis.init_model`` takes one.

    Example:
        >>> model = load_model('mvcgc_s3d')
        >>> model.extract_feat(clips, stream='rgb').shape  # clips: (2, 1, 3, 16, 112, 112)
        torch.Size([2, 1, 512])
    """
    # Not above: the zoo does without OpenMMLab, and the APIs import the zoo.
    try:
        from mmengine.config import Config

        from ssvrl_mm.apis.loading import init_model
    except ModuleNotFoundError as error:
        if error.name not in ('mmaction', 'mmcv', 'mmengine'):
            raise
        from ssvrl_mm.models.standalone import OpenMMLabMissingError

        raise OpenMMLabMissingError(
            f'load_model builds a recognizer, which needs OpenMMLab, and {error.name} is not '
            'installed; ssvrl_mm.zoo.load_backbone(name, stream) gives the network with torch alone'
        ) from error
    from ssvrl_mm.zoo.backbones import backbone_prefix

    if not isinstance(model, str | ZooModel):
        raise TypeError(
            f'load_model takes the name of a model of the zoo, got a {type(model).__name__}; '
            'ssvrl_mm.apis.init_model(config, checkpoint) takes a config and the file of a training'
        )
    model = find_model(model) if isinstance(model, str) else model
    weights = fetch_weights(model)
    config = Config.fromfile(model.config)
    loaded, _ = init_model(config, weights, device)
    if stream is None:
        return loaded
    prefix = backbone_prefix(loaded.state_dict(), stream, config.model.to_dict(), str(weights))
    return loaded.get_submodule(prefix.removesuffix('.'))
