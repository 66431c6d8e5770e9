"""What stands in for OpenMMLab where networks are used with torch alone.

:mod:`ssvrl_mm.models.foundation` chooses between this and OpenMMLab.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import nn

from ssvrl_mm.suggestions import did_you_mean

_INSTALL = 'pip install mmengine mmcv-lite mmaction2'
ClassT = TypeVar('ClassT', bound=type)


class OpenMMLabMissingError(ImportError):
    """What was asked for needs mmengine, mmcv and mmaction2, which are not all installed."""


class BaseModule(nn.Module):
    """A module that mmengine does not initialise.

    Args:
        init_cfg: None; weights start as the module itself has them start.

    Raises:
        OpenMMLabMissingError: There is an ``init_cfg``, which mmengine alone can carry out.
    """

    def __init__(self, init_cfg: Any = None) -> None:
        super().__init__()
        if init_cfg is not None:
            raise OpenMMLabMissingError(
                f'{type(self).__name__} was given init_cfg={init_cfg!r}, which needs OpenMMLab: '
                f'{_INSTALL}; or leave it out, and load weights with load_state_dict'
            )
        self.init_cfg = None


class ResNet(nn.Module):
    """The place of mmaction2's 2D ResNet, which torch alone does not have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise OpenMMLabMissingError(
            f"{type(self).__name__} is built on mmaction2's ResNet: {_INSTALL}"
        )


class Registry:
    """Classes by name; what networks use of mmengine's ``Registry``.

    Attributes:
        module_dict: Name -> class.
        parent: None.
    """

    parent = None

    def __init__(self) -> None:
        self.module_dict: dict[str, Any] = {}

    def import_from_location(self) -> None:
        """Does nothing: who imports the networks has registered them."""

    def register_module(self) -> Callable[[ClassT], ClassT]:
        """Makes a decorator that registers a class under its name."""

        def register(cls: ClassT) -> ClassT:
            self.module_dict[cls.__name__] = cls
            return cls

        return register

    def get(self, name: str) -> Any:
        """The class of a name, with or without ``ssvrl_mm.``; None for one that is unknown."""
        return self.module_dict.get(name.removeprefix('ssvrl_mm.'))

    def build(self, cfg: Mapping[str, Any]) -> Any:
        """Builds what a config describes.

        Args:
            cfg: ``type``, the name of a class, and the arguments of the class.

        Raises:
            OpenMMLabMissingError: No class of the name is registered here.
        """
        arguments = dict(cfg)
        name = arguments.pop('type')
        cls = self.get(name)
        if cls is None:
            raise OpenMMLabMissingError(not_alone(name, self))
        return cls(**arguments)


def not_alone(name: str, registry: Registry) -> str:
    """What to tell of a network that is not registered where torch is alone."""
    known = registry.module_dict
    meant = did_you_mean(name, known) or f'there are {", ".join(known)}'
    return f'torch alone builds no {name!r} ({meant}); everything else needs OpenMMLab: {_INSTALL}'


MODELS = Registry()
ModuleDict = nn.ModuleDict
