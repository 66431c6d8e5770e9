import math

import numpy as np
import pytest
from scipy import stats

from ssvrl_mm.ablation import Difference, difference_of, spread_of


def test_differences_are_welchs():
    rng = np.random.default_rng(0)
    for first, second in ((3, 3), (3, 5), (2, 9)):
        a, b = rng.normal(0.6, 0.02, first), rng.normal(0.5, 0.1, second)
        spreads = spread_of(a.tolist()), spread_of(b.tolist())
        assert spreads[0].mean == pytest.approx(a.mean())
        assert spreads[0].deviation == pytest.approx(a.std(ddof=1)) and spreads[0].seeds == first
        difference = difference_of(*spreads)
        reference = stats.ttest_ind(a, b, equal_var=False)
        assert difference.value / difference.error == pytest.approx(reference.statistic)


@pytest.mark.parametrize(
    'value, error, undecided',
    [
        (0.21, 0.1, False),
        (0.2, 0.1, True),
        (-0.21, 0.1, False),
        (-0.19, 0.1, True),
        (0.0, 0.0, True),
    ],
)
def test_within_twice_its_error_a_difference_is_undecided(value, error, undecided):
    assert Difference(value, error).undecided is undecided


def test_a_single_seed_decides_nothing():
    single = spread_of([0.9])
    assert single.mean == 0.9 and math.isnan(single.deviation) and single.seeds == 1
    difference = difference_of(single, spread_of([0.1, 0.1, 0.1]))
    assert difference.value == pytest.approx(0.8) and math.isnan(difference.error)
    assert difference.undecided
    with pytest.raises(ValueError, match='no mean'):
        spread_of([])
