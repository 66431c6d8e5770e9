"""What the text of a config says, without running it or importing OpenMMLab."""

import ast
import re
from collections.abc import Collection
from typing import Any

# As the text of a config has it, which is no literal: inf, or float('inf').
_INFINITE = re.compile(r"(-?)(?:inf|float\('(-?)inf'\))")


def literal_settings(text: str, names: Collection[str] | None = None) -> dict[str, Any]:
    """What the text of a config assigns to some names; it is read, not run.

    Args:
        text: As a run writes it into its checkpoints.
        names: Of the settings; None: all.

    Returns:
        Name -> value, lists as tuples; those that the text does not assign are missing, and all
        of them where it cannot be read.

    Example:
        >>> literal_settings('train_cfg = dict(max_epochs=2)', ('train_cfg',))
        {'train_cfg': {'max_epochs': 2}}
    """
    found = {}
    try:
        for statement in ast.parse(text).body:
            if isinstance(statement, ast.Assign):
                name = ast.unparse(statement.targets[0])
                if names is None or name in names:
                    found[name] = _literal(statement.value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return {}
    return found


def _literal(node: ast.expr) -> Any:
    """The value of a literal in which ``dict(...)`` may stand; None for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        pairs = {key.arg: _literal(key.value) for key in node.keywords if key.arg is not None}
        return {**(_literal(node.args[0]) or {}), **pairs} if node.args else pairs
    if isinstance(node, ast.Dict):
        return {
            ast.literal_eval(key): _literal(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(_literal(item) for item in node.elts)
    try:
        return ast.literal_eval(node)
    except ValueError:
        infinite = _INFINITE.fullmatch(ast.unparse(node))
        return float(f'{infinite[1] or infinite[2] or ""}inf') if infinite else None
