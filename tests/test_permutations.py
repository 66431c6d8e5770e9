import itertools
import math

import pytest

from ssvrl_mm.permutations import permutation_at, permutation_index


@pytest.mark.parametrize('length', [1, 2, 3, 4, 5])
def test_they_are_numbered_as_itertools_lists_them(length):
    every = list(itertools.permutations(range(length)))
    assert [permutation_at(index, length) for index in range(len(every))] == every
    assert [permutation_index(order) for order in every] == list(range(len(every)))


def test_what_is_no_permutation():
    for order in ((0, 0, 1), (1, 2, 3), (0, 2)):
        with pytest.raises(ValueError, match='must hold each of 0..'):
            permutation_index(order)
    for index, length in ((-1, 3), (math.factorial(4), 4), (0, 0)):
        with pytest.raises(ValueError, match=f'{length} numbers have no permutation {index}'):
            permutation_at(index, length)
