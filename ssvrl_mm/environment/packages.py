"""Versions of what is installed, and whether it can be imported."""

import importlib
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

# What everything rests on: distribution -> module. mmcv and mmcv-lite share a module.
_CORE = {
    'torch': 'torch',
    'torchvision': 'torchvision',
    'mmengine': 'mmengine',
    'mmcv': 'mmcv',
    'mmcv-lite': 'mmcv',
    'mmaction2': 'mmaction',
    'av': 'av',
    'decord': 'decord',
    'numpy': 'numpy',
    'opencv-python': 'cv2',
    'opencv-contrib-python': 'cv2',
    'scikit-learn': 'sklearn',
    'setuptools': 'setuptools',
}
# Nothing of ours needs it; or one of it is enough.
_MAY_BE_MISSING = ('torchvision', 'mmcv', 'mmcv-lite')
# Those who work on the package have these.
_NOT_EXTRAS = ('tests', 'docs')
_REQUIREMENT = re.compile(r'([A-Za-z0-9._-]+).*?extra == [\'"]([\w-]+)[\'"]')
_DECODERS = ('h264', 'hevc', 'mpeg4', 'mpeg2video', 'mpeg1video', 'vp8', 'vp9', 'av1', 'libdav1d')


def describe_packages(imported: bool = True) -> dict[str, str]:
    """The version of each package, and what is wrong with it.

    Args:
        imported: Whether to import those that are there, to see that it works. Otherwise only
            their metadata are read, which takes no time.
    """
    found = {}
    for distribution, module in _CORE.items():
        installed = installed_version(distribution)
        if installed is not None:
            found[distribution] = installed + (_imported(module, installed) if imported else '')
        elif distribution not in _MAY_BE_MISSING:
            found[distribution] = 'not installed'
    if not {'mmcv', 'mmcv-lite'} & found.keys():
        found['mmcv-lite'] = 'not installed'
    return found


def describe_extras() -> dict[str, str]:
    """Extra -> what it brings, with versions."""
    try:
        listed = requires('ssvrl_mm') or []
    except PackageNotFoundError:
        return {}
    extras: dict[str, list[str]] = {}
    for name, extra in (match.groups() for line in listed if (match := _REQUIREMENT.match(line))):
        if extra not in _NOT_EXTRAS:
            extras.setdefault(extra, []).append(f'{name} {installed_version(name) or "-"}')
    return {extra: ', '.join(names) for extra, names in sorted(extras.items())}


def describe_video() -> dict[str, str]:
    """The libraries of FFmpeg that PyAV brings, and which codecs they decode."""
    try:
        import av
        from av.codec import Codec
    except Exception as error:
        return {'FFmpeg': f'not known, as PyAV cannot be imported: {_in_words(error)}'}
    numbers = getattr(av, 'library_versions', {})
    libraries = ', '.join(f'{name} {".".join(map(str, n))}' for name, n in numbers.items())
    has = {name: _has_decoder(Codec, name) for name in _DECODERS}
    found = {
        'FFmpeg of PyAV': str(getattr(av, 'ffmpeg_version_info', 'version not known')),
        'libraries': libraries or 'not known',
        'decoders': ', '.join(name for name, there in has.items() if there) or 'none',
    }
    missing = ', '.join(name for name in ('h264', 'hevc', 'mpeg4') if not has[name])
    return found | ({'missing decoders': missing} if missing else {})


def _has_decoder(codec: Any, name: str) -> bool:
    try:
        codec(name, 'r')
    except Exception:
        return False
    return True


def installed_version(distribution: str) -> str | None:
    """The version of a distribution; None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
    except Exception as error:  # metadata that are broken
        return f'version not known ({_in_words(error)})'


def _imported(module: str, installed: str) -> str:
    """What to say behind a version: that the module cannot be imported, or is of another one."""
    try:
        found = importlib.import_module(module)
    except Exception as error:
        return f', but cannot be imported: {_in_words(error)}'
    own = str(getattr(found, '__version__', installed))
    return '' if installed.startswith(own) else f', but {own} is imported'


def git_revision(package: Path) -> str | None:
    """The commit of a checkout, and whether something in it was changed.

    Args:
        package: The folder of the package.

    Returns:
        None where the package is not in a checkout of its own, or there is no git.
    """
    if not (package.parent / '.git').exists():
        return None
    commit = _git(package.parent, 'rev-parse', '--short=12', 'HEAD')
    if commit is None:
        return None
    changes = _git(package.parent, 'status', '--porcelain', '--untracked-files=no')
    return commit + (', with changes' if changes else '')


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ['git', *arguments], cwd=folder, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _in_words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f'{type(error).__name__}: {lines[0]}' if lines else type(error).__name__


def python_version() -> str:
    """Version and build of this Python."""
    return ' '.join(sys.version.split())
