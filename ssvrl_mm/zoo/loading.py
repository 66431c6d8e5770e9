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
        WeightsError: They are not those of the config.
        KeyError: The model has no such stream.
        TypeError: A config is given; ``ssvrl_mm.apis.init_model`` takes one.

    Example:
        >>> model = load_model('mvcgc_s3d')
        >>> model.extract_feat(clips, stream='rgb').shape  # clips: (2, 1, 3, 16, 112, 112)
        torch.Size([2, 1, 512])
    """
    # Not above: the zoo does without OpenMMLab, and the APIs import the zoo.
    from mmengine.config import Config

    from ssvrl_mm.apis.loading import init_model

    if not isinstance(model, str | ZooModel):
        raise TypeError(
            f'load_model takes the name of a model of the zoo, got a {type(model).__name__}; '
            'ssvrl_mm.apis.init_model(config, checkpoint) takes a config and the file of a training'
        )
    model = find_model(model) if isinstance(model, str) else model
    weights = fetch_weights(model)
    loaded, _ = init_model(Config.fromfile(model.config), weights, device)
    return loaded if stream is None else loaded.backbone(stream)
