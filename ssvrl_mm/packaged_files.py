"""What comes along with the package beside its code: configs, tools and the model index."""

from difflib import get_close_matches
from pathlib import Path


class ConfigNotFoundError(FileNotFoundError):
    """A name that no config of the package has."""


def packaged_folder() -> Path:
    """The folder that holds ``configs`` and ``model-index.yml``: of an installation, or a checkout.

    Raises:
        FileNotFoundError: The package is neither.
    """
    package = Path(__file__).parent
    for folder in (package / '.mim', package.parent):
        if (folder / 'model-index.yml').is_file():
            return folder
    raise FileNotFoundError(f'no model-index.yml in {package / ".mim"} or {package.parent}')


def config_file(name: str) -> str:
    """The path of a config of the package, to inherit from in a config anywhere.

    mmengine evaluates ``_base_`` before it imports anything that a config names, and so under
    other people's tools knows nothing of ``'ssvrl_mm::...'`` yet; this needs nothing to be known.

    Args:
        name: Its place in ``configs``, with forward slashes.

    Raises:
        ConfigNotFoundError: There is no such config; the message names the nearest.

    Example:
        >>> _base_ = __import__('ssvrl_mm').config_file('mvcgc/s3d_ucf101.py')
    """
    configs = packaged_folder() / 'configs'
    paths = {path.relative_to(configs).as_posix(): path for path in configs.rglob('*.py')}
    if name in paths:
        return str(paths[name])
    near = get_close_matches(name, paths) or get_close_matches(name.rpartition('/')[2], paths)
    hint = f'did you mean {" or ".join(near)}?' if near else f'{configs} holds them'
    raise ConfigNotFoundError(f'ssvrl_mm has no config {name!r}; {hint}')
