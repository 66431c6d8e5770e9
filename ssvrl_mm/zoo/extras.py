"""Packages of the optional extras, imported when asked for, with an error that names the extra."""

from importlib import import_module
from types import ModuleType


def require_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Imports a module that comes with an extra of ours.

    Args:
        module: Name of the module.
        extra: Name of the extra, ``'hub'`` or ``'deploy'``.
        purpose: What needs it, for the message.

    Raises:
        ImportError: It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition('.')[0]
        if error.name != name:
            raise
        raise ImportError(
            f"{purpose} needs {name}: pip install {name}, or pip install 'ssvrl_mm[{extra}]'",
            name=error.name,
        ) from error
