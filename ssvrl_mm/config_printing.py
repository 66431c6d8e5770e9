"""Configs and their differences as text, coloured where it is read on a terminal."""

import io
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ssvrl_mm import config_files
from ssvrl_mm.config_difference import SettingChange, config_difference
from ssvrl_mm.config_files import ConfigReadError
from ssvrl_mm.packaged_files import config_file

if TYPE_CHECKING:
    from mmengine.config import Config
    from rich.text import Text

_OURS = 'ssvrl_mm::'
_SIGNS = {'removed': '-', 'added': '+', 'changed': '~'}
_COLOURS = {'removed': 'red', 'added': 'green', 'changed': 'yellow'}
_CONFIG_FORMATS = ('.py', '.json', '.yaml', '.yml')
_DIFFERENCE_FORMATS = ('.txt', '.json', '.svg')
_PICTURE_COLUMNS = 110


def locate_config(name: str) -> str:
    """The path of a config: as it is, or of ``ssvrl_mm::mvcgc/demo.py`` wherever that is installed.

    Raises:
        ConfigNotFoundError: The package has no such config; the message names the nearest.
    """
    return config_file(name.removeprefix(_OURS)) if name.startswith(_OURS) else name


def read_config(path: str | os.PathLike) -> 'Config':
    """Reads a config with all that it inherits.

    Args:
        path: A file, .py, .json or .yaml.

    Raises:
        ConfigReadError: It is no config; a config is a program, and may fail like one.
    """
    try:
        with messages_aside():
            return config_files.read_config(path, import_custom_modules=False)
    except ConfigReadError:
        raise
    except Exception as error:
        words = ' '.join(str(error).split())
        raise ConfigReadError(f'{path} is no config: {type(error).__name__}: {words}') from error


@contextmanager
def messages_aside() -> Iterator[None]:
    """What mmengine says while it reads configs goes to stderr: stdout is for the config alone."""
    from mmengine.logging import MMLogger

    # Its logger keeps the stdout that it was made with.
    handlers = MMLogger.get_current_instance().handlers
    streams = [getattr(handler, 'stream', None) for handler in handlers]
    try:
        for handler, stream in zip(handlers, streams, strict=True):
            if stream in (sys.stdout, sys.__stdout__):
                handler.setStream(sys.stderr)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        for handler, stream in zip(handlers, streams, strict=True):
            if stream is not None:
                handler.setStream(stream)


def read_difference(first: 'Config', second: 'Config') -> tuple[list[SettingChange], list[str]]:
    """What a run does otherwise with the second config than with the first.

    Args:
        first: A config.
        second: Another one.

    Returns:
        The changes; and the names of the other keys that differ, which a run does not read: a
        config file has them for itself.
    """
    from ssvrl_mm.engine.config_checks import runner_keys

    changes = config_difference(first, second)
    read = runner_keys()
    unread = dict.fromkeys(str(c.keys[0]) for c in changes if c.keys[0] not in read)
    return [change for change in changes if change.keys[0] in read], list(unread)


def difference_lines(changes: Sequence[SettingChange]) -> list[tuple[str, str]]:
    """A line for each change, or some where it is a pipeline, and its kind.

    Args:
        changes: Of :func:`~ssvrl_mm.config_difference.config_difference`.

    Example:
        >>> difference_lines([SettingChange('changed', ('model', 'width'), 1, 2)])
        [('changed', '~ model.width  1 -> 2')]
    """
    width = min(max((len(change.path) for change in changes), default=0), 60)
    lines: list[tuple[str, str]] = []
    for change in changes:
        values = {
            'removed': _shown(change.before),
            'added': _shown(change.after),
            'changed': f'{_shown(change.before)} -> {_shown(change.after)}',
        }
        line = f'{_SIGNS[change.kind]} {change.path:<{width}}  {values[change.kind]}'
        lines.append((change.kind, '\n'.join(map(str.rstrip, line.split('\n')))))
    return lines


def _shown(value: Any) -> str:
    """A value; entries of a pipeline below each other."""
    if isinstance(value, list | tuple) and value and all(isinstance(v, dict) for v in value):
        return ''.join(f'\n      {entry!r}' for entry in value)
    return repr(value)


def difference_title(first: str, second: str, changes: Sequence[SettingChange]) -> str:
    """What is compared, and how many settings differ."""
    counts = Counter(change.kind for change in changes)
    told = ', '.join(f'{counts[kind]} {kind}' for kind in ('changed', 'added', 'removed'))
    return f'{first} -> {second}: ' + (told if changes else 'no setting differs')


def print_config(cfg: 'Config', file: TextIO | None = None) -> None:
    """Prints a config, in colours on a terminal; NO_COLOR and FORCE_COLOR are heard.

    Args:
        cfg: The config.
        file: Where to; standard output by default.
    """
    from rich.syntax import Syntax

    text = cfg.pretty_text
    highlighted = Syntax(text, 'python', theme='ansi_dark').highlight(text)
    highlighted.rstrip()
    _console(file).print(highlighted, soft_wrap=True)


def print_difference(
    title: str, changes: Sequence[SettingChange], file: TextIO | None = None
) -> None:
    """Prints a difference: what was removed red, what was added green, what changed yellow.

    Args:
        title: What stands above.
        changes: The changes.
        file: Where to; standard output by default.
    """
    from rich.text import Text

    console = _console(file)
    console.print(Text(title, style='bold'), soft_wrap=True)
    for line in _coloured(changes):
        console.print(line, soft_wrap=True)


def _coloured(changes: Sequence[SettingChange]) -> Iterator['Text']:
    from rich.text import Text

    for kind, line in difference_lines(changes):
        yield Text(line, style=_COLOURS[kind])


def _console(file: TextIO | None) -> Any:
    from rich.console import Console

    return Console(file=file, highlight=False)


def check_output(path: Path, is_difference: bool) -> None:
    """Refuses a file whose suffix is none of what would be in it.

    Raises:
        ConfigReadError: It is not.
    """
    allowed = _DIFFERENCE_FORMATS if is_difference else _CONFIG_FORMATS
    if path.suffix.lower() not in allowed:
        what = 'a difference' if is_difference else 'a config'
        raise ConfigReadError(f'{path}: {what} is written as {", ".join(allowed)}')


def write_config(path: Path, cfg: 'Config') -> None:
    """Writes a config, to be read again; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cfg.dump(path)


def write_difference(path: Path, title: str, changes: Sequence[SettingChange]) -> None:
    """Writes a difference, as text, JSON or a picture; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == '.svg':
        text = _picture(title, changes)
    elif path.suffix.lower() == '.json':
        entries = [{'path': change.path, **asdict(change)} for change in changes]
        text = json.dumps(entries, indent=2, default=repr)
    else:
        text = '\n'.join([title, *(line for _, line in difference_lines(changes))])
    path.write_text(text + '\n', encoding='utf-8')


def _picture(title: str, changes: Sequence[SettingChange]) -> str:
    """A terminal with a difference, as SVG; long lines are folded."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        record=True,
        width=_PICTURE_COLUMNS,
        force_terminal=True,
        color_system='truecolor',
        no_color=False,
    )
    for line in _coloured(changes):
        console.print(line, overflow='fold')
    # Its fonts would come from the network; equal pictures have equal names inside.
    picture = console.export_svg(title=title, unique_id='difference')
    return re.sub(r'@font-face \{.*?\}\s*', '', picture, flags=re.DOTALL)
