"""Counts the bytes that operations read and write, temporary tensors included."""

from collections import Counter

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# What looks at sizes alone, or hands a tensor on.
_FREE = ('empty', 'empty_like', 'empty_strided', 'new_empty', 'detach', '_unsafe_view')


class BytesMoved(TorchDispatchMode):
    """Within it, ``by_operation`` counts what each operation of torch reads and writes.

    Every operand counts as often as it is read; repeated values along an expanded axis count once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.by_operation: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return sum(self.by_operation.values())

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix('aten::')
        if not func.is_view and name not in _FREE:
            given = dict(zip((a.name for a in func._schema.arguments), args, strict=False))
            given.update(kwargs or {})
            # ``out`` and the target of a copy are not read.
            read = {key: value for key, value in given.items() if key != 'out'}
            if name == 'copy_':
                read.pop('self')
            self.by_operation[name] += sum(map(stored_bytes, tree_leaves([read, result])))
        return result


def stored_bytes(leaf: object) -> int:
    """Bytes of a tensor in memory; 0 for anything else."""
    if not isinstance(leaf, Tensor):
        return 0
    sizes = zip(leaf.shape, leaf.stride(), strict=True)
    return leaf.element_size() * torch.Size(s if stride else 1 for s, stride in sizes).numel()
