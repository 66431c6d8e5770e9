"""Backbones that start from a checkpoint."""

from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from ssvrl_mm.models.utils.weights import load_weights, named_weights
from ssvrl_mm.registry import WEIGHT_INITIALIZERS


def load_pretrained(
    module: nn.Module, checkpoint: str, prefix: str = '', ignore: Sequence[str] = ()
) -> int:
    """Loads all weights of a module from a checkpoint, or raises.

    The file is read with ``weights_only=True``. The module's own hooks see the weights first: an
    :class:`~ssvrl_mm.models.backbones.s3d.S3D` takes those of torchvision's ``s3d``.

    Args:
        module: Module to fill.
        checkpoint: Path or address; a state dict or a dict with a ``state_dict``.
        prefix: What the names of the module's weights start with in the checkpoint, for example
            ``'backbone_rgb.'``. A checkpoint of this part alone has the prefix ``''``.
        ignore: Starts of names (in the module) that may be missing from the checkpoint or from
            the module.

    Returns:
        How many weights were loaded, BatchNorm's statistics among them.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: See :func:`~ssvrl_mm.models.utils.weights.load_weights`.

    Example:
        >>> load_pretrained(S3D(), 'epoch_500.pth', 'backbone_rgb.')  # doctest: +SKIP
        385
    """
    content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger='silent')
    weights = named_weights(content, checkpoint)
    matched = load_weights(module, weights, checkpoint, prefix, ignore)
    under = f'under the prefix {prefix!r}' if prefix else 'without a prefix'
    print_log(
        f'{type(module).__name__}: {matched} weights from {checkpoint}, {under}', logger='current'
    )
    return matched


@WEIGHT_INITIALIZERS.register_module()
class PretrainedBackbone:
    """``init_cfg`` of a backbone that starts from a checkpoint, all of it or not at all.

    mmengine's ``Pretrained`` loads what happens to match and goes on without an error when nothing
    does; a linear probe of random weights is the result. Nothing below the backbone is initialised
    again afterwards.

    Args:
        checkpoint: See :func:`load_pretrained`.
        prefix: Likewise.
        ignore: Likewise.

    Raises:
        ValueError: No checkpoint is named.

    Example:
        >>> init_cfg = dict(
        ...     type='PretrainedBackbone', checkpoint='epoch_500.pth', prefix='backbone_rgb.')
        >>> backbone = dict(type='S3D', init_cfg=init_cfg)
    """

    def __init__(self, checkpoint: str, prefix: str = '', ignore: Sequence[str] = ()) -> None:
        if not checkpoint:
            raise ValueError(
                'PretrainedBackbone needs a checkpoint; init_cfg=None starts from random weights'
            )
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.ignore = tuple(ignore)

    def __call__(self, module: nn.Module) -> None:
        """Fills the module."""
        load_pretrained(module, self.checkpoint, self.prefix, self.ignore)
        # mmengine goes on to the parts, whose own initialisation would overwrite what was loaded.
        part: Any
        for part in module.modules():
            if part is not module and hasattr(part, 'init_weights'):
                part.is_init = True
