"""What the tables of names share."""

import re
from collections.abc import Iterable, Mapping, Sequence


def rename(
    names: Iterable[str], patterns: Sequence[tuple[str, str]], words: Mapping[str, str], what: str
) -> dict[str, str]:
    """Renames each by the first pattern that describes all of it.

    Args:
        names: The names.
        patterns: Regular expression and template, as :meth:`re.Match.expand` takes it.
        words: Parts between the dots of the result -> what they become.
        what: Whose names they should be, for the message.

    Raises:
        ValueError: A name that none of the patterns describes.
    """
    compiled = [(re.compile(pattern), template) for pattern, template in patterns]
    renamed, unknown = {}, []
    for name in names:
        matches = ((pattern.fullmatch(name), template) for pattern, template in compiled)
        found = next(((match, template) for match, template in matches if match), None)
        if found is None:
            unknown.append(name)
            continue
        match, template = found
        parts = [words.get(word, word) for word in match.expand(template).split('.')]
        renamed[name] = '.'.join(part for part in parts if part)
    if unknown:
        raise ValueError(f'{len(unknown)} names are none of {what}: {", ".join(unknown[:5])}')
    return renamed


def only(table: Mapping[str, str], names: Iterable[str], what: str) -> dict[str, str]:
    """The part of a table of names that is asked for.

    Raises:
        ValueError: A name that is not in the table.
    """
    unknown = [name for name in names if name not in table]
    if unknown:
        raise ValueError(f'{len(unknown)} names are none of {what}: {", ".join(unknown[:5])}')
    return {name: table[name] for name in names}
