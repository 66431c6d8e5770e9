"""A model's entry in a metafile, written without touching any other line of it."""

import copy
from collections.abc import Mapping
from typing import Any

import yaml


class MetafileError(ValueError):
    """A metafile cannot take an entry without harm to what else it holds; the message says why."""


def set_entry(text: str, entry: Mapping[str, Any], source: str = 'metafile') -> str:
    """Replaces the block of the model of this name, or appends one behind the last model.

    Comments, order and lines of everything else stay as they are: what is parsed before and after
    is compared.

    Args:
        text: Content of a metafile.
        entry: The model, with its ``Name``.
        source: What to call the file in messages.

    Returns:
        The new content.

    Raises:
        MetafileError: The file cannot be parsed, holds the name twice, is not written in blocks,
            or would lose or change something else.

    Example:
        >>> print(set_entry('Models:\\n  - Name: one\\n', {'Name': 'two'}))
        Models:
          - Name: one
          - Name: two
    """
    before = _parsed(text, source)
    models = before.get('Models') or []
    names = [model.get('Name') if isinstance(model, dict) else None for model in models]
    if names.count(entry['Name']) > 1:
        raise MetafileError(f'{source}: {names.count(entry["Name"])} models {entry["Name"]!r}')
    place = names.index(entry['Name']) if entry['Name'] in names else len(names)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith('\n'):
        lines[-1] += '\n'
    if models:
        nodes = _model_nodes(text, source)
        dash = _indent_of(lines, nodes[min(place, len(nodes) - 1)], source)
        if place < len(nodes):
            first, last = nodes[place].start_mark.line, _last_line(nodes[place], lines)
        else:
            first = _last_line(nodes[-1], lines) + 1
            last = first - 1
    elif 'Models' in before:
        raise MetafileError(f'{source}: Models is empty; delete the key, or name one there')
    else:
        lines.append('Models:\n')
        first, last, dash = len(lines), len(lines) - 1, '  '
    lines[first : last + 1] = [_block(entry, dash)]
    written = ''.join(lines)
    wanted = copy.deepcopy(before)
    wanted['Models'] = [*models[:place], dict(entry), *models[place + 1 :]]
    if _parsed(written, source) != wanted:
        raise MetafileError(
            f'{source}: writing {entry["Name"]} would change other entries, because the file is '
            'written in an uncommon way; write each model as a block of lines of its own'
        )
    return written


def _block(entry: Mapping[str, Any], dash: str) -> str:
    """The lines of an entry; what holds plain values alone stands in one line."""
    dumped = yaml.dump(
        [dict(entry)],
        Dumper=_Indented,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=10**6,
    )
    if dumped.startswith('- {'):  # an entry of plain values is a block, too
        dumped = yaml.dump([dict(entry)], Dumper=_Indented, sort_keys=False, width=10**6)
    own = len(dumped) - len(dumped.lstrip(' '))
    return ''.join(f'{dash}{line[own:]}' for line in dumped.splitlines(keepends=True))


class _Indented(yaml.SafeDumper):
    """Lists stand further in than their keys, as in the rest of the metafiles."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _parsed(text: str, source: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MetafileError(f'{source}: cannot be parsed ({error})') from error
    if not isinstance(content, dict):
        raise MetafileError(f'{source}: has to hold Collections and Models')
    return content


def _model_nodes(text: str, source: str) -> list[yaml.Node]:
    """The models as they stand in the text."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = [value for key, value in root.value if key.value == 'Models']
    if len(found) != 1 or not isinstance(found[0], yaml.SequenceNode) or found[0].flow_style:
        raise MetafileError(f'{source}: write Models once, each model in lines of its own')
    return found[0].value


def _indent_of(lines: list[str], node: yaml.Node, source: str) -> str:
    """What stands before the dash of a model."""
    before = lines[node.start_mark.line][: node.start_mark.column]
    indent, dash, rest = before.partition('-')
    if not dash or indent.strip() or rest.strip():
        raise MetafileError(f'{source}: line {node.start_mark.line + 1} begins no model')
    return indent


def _last_line(node: yaml.Node, lines: list[str]) -> int:
    """The last line of what a node holds; comments and empty lines behind it are not its own."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last, lines)
    # What ends with its line, as literal text does, ends at the beginning of a later one.
    mark = node.end_mark
    line = mark.line
    if line == len(lines) or not lines[line][: mark.column].strip():
        line -= 1
    while not lines[line].strip():
        line -= 1
    return line
