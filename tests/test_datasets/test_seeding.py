import random

import numpy as np
import torch

from ssvrl_mm.datasets.seeding import seeded_generators


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002


def test_draws_follow_from_the_numbers_given():
    with seeded_generators(3, 1, 7):
        first = draw()
    with seeded_generators(3, 1, 7):
        assert draw() == first
    others = []
    for entropy in [(3, 1, 8), (3, 2, 7), (4, 1, 7), (3, 7, 1)]:
        with seeded_generators(*entropy):
            others.append(draw())
    # Every generator differs for every other combination.
    for values in zip(first, *others, strict=True):
        assert len(set(values)) == 5


def test_outer_generators_do_not_notice():
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    expected = [draw(), draw()]

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    got = [draw()]
    try:
        with seeded_generators(5):
            draw()
            raise KeyError
    except KeyError:
        got.append(draw())
    assert got == expected
