"""Sphinx extension: names in docstrings that have no place on the site have to exist all the same.

A link to ``torch.Tensor`` or to a class that no package exports leads nowhere in a build without a
network. Such a name is imported: where there is one, it is shown without a link; where there is
none it is a slip, and the build's warning stays.
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_DOCSTRING = re.compile(r'docstring of ([\w.]+)')


def find(name: str) -> Any:
    """What a dotted name stands for.

    Raises:
        LookupError: There is nothing of this name.

    Example:
        >>> find('collections.abc.Mapping.get')
        <function Mapping.get at 0x...>
    """
    parts = name.split('.')
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module('.'.join(parts[:length]))
            for part in parts[length:]:
                found = getattr(found, part)
        except (ImportError, AttributeError):
            continue
        return found
    raise LookupError(name)


def exists(name: str, *scopes: str) -> bool:
    """Whether a name can be imported as it is, or in one of the scopes or what encloses them."""
    enclosing = [
        '.'.join(parts[:length])
        for parts in (scope.split('.') for scope in scopes)
        for length in range(len(parts), 0, -1)
    ]
    for place in ('', *(f'{scope}.' for scope in enclosing)):
        try:
            find(place + name)
        except LookupError:
            continue
        return True
    return False


def show_without_link(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.Element
) -> nodes.Element | None:
    """The text of a name that is nowhere on the site; None where there is no such name."""
    if node.get('refdomain') != 'py':
        return None
    module, inside = node.get('py:module') or '', node.get('py:class') or ''
    scopes = [scope for scope in (f'{module}.{inside}'.strip('.'), module) if scope]
    scopes += _DOCSTRING.findall(f'{node.source} {node.parent.source}')
    return shown if exists(node['reftarget'], *scopes) else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Connects the extension, after those that look names up elsewhere."""
    app.connect('missing-reference', show_without_link, priority=900)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
