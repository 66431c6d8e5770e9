"""Packages that only some functions need: imported when asked for, with an error that helps."""

from importlib import import_module
from types import ModuleType


def require(module: str, distribution: str, purpose: str) -> ModuleType:
    """Imports a module that need not be installed.

    Args:
        module: Name of the module, ``'sklearn.linear_model'``.
        distribution: What to install, ``'scikit-learn'``.
        purpose: What needs it, for the message.

    Raises:
        ImportError: It is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition('.')[0]:
            raise
        raise ImportError(
            f'{purpose} needs {distribution}: pip install {distribution}', name=error.name
        ) from error
