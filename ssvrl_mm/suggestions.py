"""What somebody may have meant by a name that does not exist."""

import difflib
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

_UNEXPECTED = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def did_you_mean(name: str, known: Iterable[str], most: int = 3, likeness: float = 0.7) -> str:
    """The known names that are like one that is not, as the end of a message.

    Args:
        name: What was written; capitals do not count.
        known: What there is.
        most: How many names to give.
        likeness: How like, from 0 to 1; see ``difflib.get_close_matches``.

    Returns:
        ``'did you mean A or B?'``, or nothing where no name is like it.

    Example:
        >>> did_you_mean('SamplClips', ['SampleClips', 'ClipResize'])
        'did you mean SampleClips?'
    """
    by_lower: dict[str, str] = {}
    for candidate in known:
        by_lower.setdefault(candidate.lower(), candidate)
    close = difflib.get_close_matches(name.lower(), by_lower, n=most, cutoff=likeness)
    return f'did you mean {" or ".join(by_lower[c] for c in close)}?' if close else ''


def argument_names(cls: Any) -> set[str]:
    """The names of the arguments of a class, or of a function.

    Where a class passes others on (``**kwargs``), those of its bases as well.
    """
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = {p.name for signature in _signatures(cls) for p in signature if p.kind in kinds}
    return names - {'self'}


def takes_any_argument(cls: Any) -> bool:
    """Whether the names of the arguments of a class, or of a function, are not known."""
    signatures = _signatures(cls)
    return not signatures or _is_open(signatures[-1])


def _signatures(cls: Any) -> list[list[inspect.Parameter]]:
    """The parameters of a class and of the bases that it passes arguments on to."""
    found: list[list[inspect.Parameter]] = []
    for base in cls.__mro__ if inspect.isclass(cls) else (cls,):
        function = base.__dict__.get('__init__') if inspect.isclass(base) else base
        if function is None:
            continue
        if base is not object:
            try:
                found.append(list(inspect.signature(function).parameters.values()))
            except ValueError:  # one written in C
                return []
        if found and not _is_open(found[-1]):
            break
    return found


def _is_open(signature: list[inspect.Parameter]) -> bool:
    return any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature)


def explain_failed_build(registry: Any, cfg: Any, error: Exception) -> str:
    """What may have been meant by a config that a registry could not build.

    Args:
        registry: mmengine's ``Registry`` that was asked.
        cfg: What it was given.
        error: What it raised: ``KeyError`` for a type that it does not know, or ``TypeError`` for
            an argument that the class does not have.

    Returns:
        A sentence, or nothing where the error is another one, or of something inside.
    """
    name = cfg.get('type') if isinstance(cfg, Mapping) else None
    if not isinstance(name, str):
        return ''
    with registry.switch_scope_and_registry(cfg.get('_scope_')) as found:
        cls = found.get(name)
        if isinstance(error, KeyError):
            if cls is not None or f'{name} is not in' not in str(error):
                return ''
            short = name.rpartition('.')[2]
            return _of_type(short, did_you_mean(short, _names(found)))
    match = _UNEXPECTED.search(str(error))
    if match is None or not inspect.isclass(cls):
        return ''
    owner, argument = match.groups()
    if argument not in cfg or owner not in {base.__name__ for base in cls.__mro__}:
        return ''
    meant = did_you_mean(argument, argument_names(cls))
    return f'{cls.__name__} has no argument {argument!r}' + (f'; {meant}' if meant else '')


def _of_type(name: str, meant: str) -> str:
    return f'there is no type {name!r}' + (f'; {meant}' if meant else '')


def _names(registry: Any) -> set[str]:
    """The names that a registry finds: its own and its parents'."""
    names: set[str] = set()
    while registry is not None:
        registry.import_from_location()
        names |= set(registry.module_dict)
        registry = registry.parent
    return names
