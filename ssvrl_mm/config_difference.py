"""What one config sets otherwise than another, setting by setting."""

import difflib
import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mmengine.config import Config

Key = str | int


class ConfigBasesError(ValueError):
    """A config whose bases cannot be told; the message names it."""


@dataclass(frozen=True)
class SettingChange:
    """A setting that two configs have differently.

    Attributes:
        kind: ``'removed'``: only the first has it, ``'added'``: only the second, ``'changed'``.
        keys: Names and numbers of entries that lead to it. A number is that of the second config,
            of what was removed that of the first.
        before: Its value in the first config; None where that lacks it.
        after: Its value in the second config; None where that lacks it.
    """

    kind: Literal['removed', 'added', 'changed']
    keys: tuple[Key, ...]
    before: Any = None
    after: Any = None

    @property
    def path(self) -> str:
        """The keys with dots, as ``--cfg-options`` takes them; a key with dots in quotes."""
        return '.'.join(f'"{key}"' if '.' in str(key) else str(key) for key in self.keys)


def config_difference(
    first: 'Config | Mapping[str, Any]',
    second: 'Config | Mapping[str, Any]',
    ignore: Collection[str] = (),
) -> list[SettingChange]:
    """What the second config sets otherwise than the first.

    Dicts are compared key by key. Lists of dicts, such as pipelines, are compared entry by entry,
    each with that of the same ``type``, so that a further transform is one change and moves no
    others; all other lists are one value each. Tuples count as lists, as a config that was
    written to a file and read again has them.

    Args:
        first: A resolved config, or a part of one.
        second: Another one.
        ignore: Keys of the top level that do not count: folders, or the variables of a config file
            that nothing reads, as those not among
            :func:`~ssvrl_mm.engine.config_checks.runner_keys`.

    Returns:
        The changes, those of one key together, in the order of the second config; what the second
        lacks comes last.

    Example:
        >>> config_difference(dict(a=dict(b=1, c=2)), dict(a=dict(b=3, c=2)))
        [SettingChange(kind='changed', keys=('a', 'b'), before=1, after=3)]
    """
    before, after = (
        {key: value for key, value in _plain(cfg).items() if key not in ignore}
        for cfg in (first, second)
    )
    return list(_of_dicts((), before, after))


def load_bases(file: str | os.PathLike) -> 'Config | None':
    """The config that a file inherits: all its bases put together, without what it says itself.

    Args:
        file: A config file.

    Returns:
        The config; None where the file inherits nothing.

    Raises:
        ConfigBasesError: Its bases are imported (``with read_base():``), not listed.

    Example:
        >>> changes = config_difference(load_bases(file), Config.fromfile(file))
    """
    from mmengine.config import Config

    if Config._is_lazy_import(str(file)):
        raise ConfigBasesError(f'{file} imports its bases; only those listed in _base_ can be told')
    bases = [str(base) for base in Config._get_base_files(str(file))]
    if not bases:
        return None
    places = [base if '::' in base else _beside(file, base) for base in bases]
    return Config.fromstring(f'_base_ = {places!r}\n', '.py')


def _beside(file: str | os.PathLike, base: str) -> str:
    """Where a base lies that a file names by a path of its own."""
    folder = os.path.dirname(os.path.abspath(file))
    return os.path.normpath(os.path.join(folder, os.path.expanduser(base)))


def _plain(cfg: Any) -> dict[str, Any]:
    """A config as dicts; mmengine's own would look for imports when it is read."""
    return cfg.to_dict() if hasattr(cfg, 'to_dict') else dict(cfg)


def _of_dicts(
    at: tuple[Key, ...], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[SettingChange]:
    for key, value in after.items():
        if key in before:
            yield from _of_values((*at, key), before[key], value)
        else:
            yield SettingChange('added', (*at, key), None, value)
    for key, value in before.items():
        if key not in after:
            yield SettingChange('removed', (*at, key), value, None)


def _of_values(at: tuple[Key, ...], before: Any, after: Any) -> Iterator[SettingChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_dicts(at, before, after)
    elif _is_list_of_dicts(before) and _is_list_of_dicts(after):
        yield from _of_lists(at, before, after)
    elif not _equal(before, after):
        yield SettingChange('changed', at, before, after)


def _of_lists(
    at: tuple[Key, ...], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[SettingChange]:
    """Entries of the same type are compared in their order; the others came or went."""
    types, others = ([str(entry.get('type')) for entry in entries] for entries in (before, after))
    matcher = difflib.SequenceMatcher(None, types, others, autojunk=False)
    for what, first, first_end, second, second_end in matcher.get_opcodes():
        numbers, other_numbers = range(first, first_end), range(second, second_end)
        if what == 'equal':
            for number, other in zip(numbers, other_numbers, strict=True):
                yield from _of_dicts((*at, other), before[number], after[other])
            continue
        for number in numbers:
            yield SettingChange('removed', (*at, number), before[number], None)
        for number in other_numbers:
            yield SettingChange('added', (*at, number), None, after[number])


def _is_list_of_dicts(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(entry, Mapping) for entry in value)
    )


def _equal(before: Any, after: Any) -> bool:
    """Whether two values mean the same: no bool is a number, and NaN is NaN."""
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        return len(before) == len(after) and all(map(_equal, before, after))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_equal(before[k], after[k]) for k in before)
    if isinstance(before, bool) != isinstance(after, bool):
        return False
    if isinstance(before, float) and isinstance(after, float) and math.isnan(before):
        return math.isnan(after)
    try:
        return bool(before == after)
    except ValueError:  # arrays
        return repr(before) == repr(after)
