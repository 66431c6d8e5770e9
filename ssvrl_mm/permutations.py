"""Orders of a few things and their numbers, which transforms draw and heads tell."""

import math
from collections.abc import Sequence


def permutation_index(order: Sequence[int]) -> int:
    """The place of a permutation among all, in lexicographic order: that of ``itertools``.

    Args:
        order: Each of the numbers 0 to n - 1 once.

    Returns:
        0 to n! - 1.

    Raises:
        ValueError: ``order`` is no permutation.

    Example:
        >>> permutation_index((0, 1, 2)), permutation_index((2, 1, 0))
        (0, 5)
    """
    left = list(range(len(order)))
    if sorted(order) != left:
        raise ValueError(f'order must hold each of 0..{len(order) - 1} once, got {tuple(order)}')
    index = 0
    for number in order:
        place = left.index(number)
        # Those that begin with a smaller number of the ones that are left come first.
        index = index * len(left) + place
        del left[place]
    return index


def permutation_at(index: int, length: int) -> tuple[int, ...]:
    """The permutation of 0 to ``length`` - 1 at a place, see :func:`permutation_index`.

    Args:
        index: 0 to length! - 1.
        length: How many numbers n.

    Raises:
        ValueError: There is no such permutation.

    Example:
        >>> permutation_at(3, 3)
        (1, 2, 0)
    """
    if length < 1 or not 0 <= index < math.factorial(length):
        raise ValueError(f'{length} numbers have no permutation {index}, counted from 0')
    left = list(range(length))
    order = []
    for others in reversed(range(length)):
        place, index = divmod(index, math.factorial(others))
        order.append(left.pop(place))
    return tuple(order)
