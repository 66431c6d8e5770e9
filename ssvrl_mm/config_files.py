"""Config files, and in words why one cannot be read."""

import os
from json import JSONDecodeError
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config


class ConfigReadError(ValueError):
    """A config that cannot be read or written; the message names it and says why."""


def read_config(path: str | os.PathLike, import_custom_modules: bool = True) -> 'Config':
    """Reads a config with all that it inherits.

    Args:
        path: A file, .py, .json or .yaml.
        import_custom_modules: Whether to import what it names in ``custom_imports``.

    Raises:
        ConfigReadError: There is no such file, or none of those that it inherits from; one of them
            is no Python, is damaged or of another kind. What else a config raises, being a program,
            is left as it is, for its traceback.
    """
    from mmengine.config import Config

    if os.path.isdir(path):
        raise ConfigReadError(f'{path} is a folder, not a config')
    if not os.path.exists(path):
        raise ConfigReadError(f'{path}: no such file')
    if not str(path).endswith(('.py', '.json', '.yaml', '.yml')):
        raise ConfigReadError(f'{path} is no config: its name ends neither in .py nor .json, .yaml')
    try:
        return Config.fromfile(path, import_custom_modules=import_custom_modules)
    except (JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigReadError(
            f'{path}, or a config that it inherits from, is damaged: {error}'
        ) from error
    except SyntaxError as error:
        where = f'line {error.lineno}: {(error.text or "").strip()}'
        raise ConfigReadError(
            f'{path}, or a config that it inherits from, is no Python: {error.msg} ({where})'
        ) from error
    except FileNotFoundError as error:
        if error.filename is None or not str(error.filename).endswith('.py'):
            raise
        raise ConfigReadError(
            f'{path} inherits from {error.filename}, which does not exist'
        ) from error
