"""Backbones, and the streams of a recognizer, that start from checkpoints."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from ssvrl_mm.models.utils.checkpoint_settings import check_norm_eps
from ssvrl_mm.models.utils.weights import WeightsError, load_weights, named_weights
from ssvrl_mm.registry import WEIGHT_INITIALIZERS
from ssvrl_mm.zoo.local_checkpoint import local_checkpoint


def load_pretrained(
    module: nn.Module, checkpoint: str, prefix: str = '', ignore: Sequence[str] = ()
) -> int:
    """Loads all weights of a module from a checkpoint, or raises.

    The file is read with ``weights_only=True``. The module's own hooks see the weights first: an
    :class:`~ssvrl_mm.models.backbones.s3d.S3D` takes those of torchvision's ``s3d``.

    Args:
        module: Module to fill.
        checkpoint: Path or address, or the name of a model of the zoo; a state dict or a dict with
            a ``state_dict``.
        prefix: What the names of the module's weights start with in the checkpoint, for example
            ``'backbone_rgb.'``. A checkpoint of this part alone has the prefix ``''``.
        ignore: Starts of names (in the module) that may be missing from the checkpoint or from
            the module.

    Returns:
        How many weights were loaded, BatchNorm's statistics among them.

    Raises:
        FileNotFoundError: There is no such file.
        ZooError: It cannot be fetched, or no model of the zoo with weights is called so.
        WeightsError: See :func:`~ssvrl_mm.models.utils.weights.load_weights`; or the checkpoint
            says that its weights belong to another ``norm_eps``.

    Example:
        >>> load_pretrained(S3D(), 'epoch_500.pth', 'backbone_rgb.')  # doctest: +SKIP
        385
    """
    checkpoint, content = _load(checkpoint)
    weights = named_weights(content, checkpoint)
    matched = load_weights(module, weights, checkpoint, prefix, ignore)
    check_norm_eps(module, content, checkpoint, prefix)
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
        >>> init_cfg['checkpoint'] = 'mvcgc_s3d'  # of the zoo
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
        _keep_parts(module)


@WEIGHT_INITIALIZERS.register_module()
class PretrainedStreams:
    """``init_cfg`` of a recognizer whose streams were trained apart, all of each or not at all.

    Of each checkpoint counts what is named after its stream: ``backbone_rgb.``,
    ``key_backbone_rgb.``, ``head.projector.rgb.``, ``head.key_projector.rgb.``. The weights of a
    stream have to be the model's, name by name and in their shapes; there has to be a checkpoint
    for each weight of the model. Queues are left empty, as half a queue is no queue of pairs.

    Args:
        checkpoints: Stream -> path, address or name, as of :func:`load_pretrained`, of a checkpoint
            that has the stream.
        ignore: Starts of names (in the model) that no checkpoint has to have.

    Raises:
        ValueError: No checkpoint is named.

    Example:
        >>> init_cfg = dict(
        ...     type='PretrainedStreams',
        ...     checkpoints=dict(rgb='rgb_moco/epoch_300.pth', motion='mv_moco/epoch_300.pth'))
    """

    def __init__(
        self, checkpoints: Mapping[str, str], ignore: Sequence[str] = ('head.queue.',)
    ) -> None:
        if not checkpoints or not all(checkpoints.values()):
            raise ValueError(f'PretrainedStreams needs a checkpoint per stream, got {checkpoints}')
        self.checkpoints = dict(checkpoints)
        self.ignore = tuple(ignore)

    def __call__(self, module: nn.Module) -> None:
        """Fills the recognizer.

        Raises:
            WeightsError: See the class.
        """
        names = [name for name in module.state_dict() if not name.startswith(self.ignore)]
        of_none = [n for n in names if not any(_is_of(n, stream) for stream in self.checkpoints)]
        if of_none:
            raise WeightsError(
                f'{len(of_none)} weights of {type(module).__name__} belong to none of the streams '
                f'{tuple(self.checkpoints)}, {of_none[0]} the first; they would stay random'
            )
        for stream, checkpoint in self.checkpoints.items():
            checkpoint, content = _load(checkpoint)
            weights = {
                name: weight
                for name, weight in named_weights(content, checkpoint).items()
                if _is_of(name, stream) and not name.startswith(self.ignore)
            }
            if not weights:
                raise WeightsError(f'{checkpoint}: nothing there is of the stream {stream!r}')
            others = tuple(
                n for n in module.state_dict() if n not in names or not _is_of(n, stream)
            )
            matched = load_weights(module, weights, checkpoint, ignore=others)
            backbone = f'backbone_{stream}'
            check_norm_eps(module.get_submodule(backbone), content, checkpoint, f'{backbone}.')
            print_log(
                f'{type(module).__name__}, stream {stream}: {matched} weights from {checkpoint}',
                logger='current',
            )
        _keep_parts(module)


def _load(checkpoint: str) -> tuple[str, Any]:
    """The file of a checkpoint, and what it holds."""
    checkpoint = local_checkpoint(checkpoint)
    return checkpoint, CheckpointLoader.load_checkpoint(
        checkpoint, map_location='cpu', logger='silent'
    )


def _is_of(name: str, stream: str) -> bool:
    """Whether a weight is named after a stream: ``backbone_rgb.x``, ``head.projector.rgb.x``."""
    return any(part == stream or part.endswith(f'_{stream}') for part in name.split('.'))


def _keep_parts(module: nn.Module) -> None:
    """Keeps mmengine from going on to the parts: their own initialisation would come on top."""
    part: Any
    for part in module.modules():
        if part is not module and hasattr(part, 'init_weights'):
            part.is_init = True
