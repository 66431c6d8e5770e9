import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from ssvrl_mm.evaluation import wilson_error, wilson_interval
from ssvrl_mm.evaluation.confidence import per_cent

COUNTS = [(0, 20), (1, 3), (5, 17), (10, 20), (3783 * 6 // 10, 3783), (19, 20), (20, 20), (1, 1)]


@pytest.mark.parametrize('successes, trials', COUNTS)
@pytest.mark.parametrize('confidence', [0.68, 0.95])
def test_equals_scipy(successes, trials, confidence):
    expected = binomtest(successes, trials).proportion_ci(confidence, method='wilson')
    assert wilson_interval(successes / trials, trials, confidence) == pytest.approx(
        (expected.low, expected.high), abs=1e-12
    )


def test_bounds_are_where_the_share_is_z_standard_errors_away():
    share, trials, z = 0.3, 40, norm.ppf(0.975)

    def excess(p):
        return abs(share - p) - z * np.sqrt(p * (1 - p) / trials)

    roots = brentq(excess, 1e-9, share), brentq(excess, share, 1 - 1e-9)
    assert wilson_interval(share, trials) == pytest.approx(roots)


def test_holds_at_nothing_and_at_everything():
    # Closed form at 0 of n: [0, z^2 / (n + z^2)].
    z2 = norm.ppf(0.975) ** 2
    low, high = wilson_interval(0.0, 20)
    assert low == 0 and high == pytest.approx(z2 / (20 + z2))
    low, high = wilson_interval(1.0, 20)
    assert high == 1 and low == pytest.approx(20 / (20 + z2))
    for share in (0.0, 1.0):
        assert wilson_error(share, 20) == pytest.approx(z2 / (20 + z2))


def test_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for truth in (0.02, 0.5, 0.97):
        shares = rng.binomial(50, truth, 4000) / 50
        bounds = np.array([wilson_interval(share, 50) for share in shares])
        held = ((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean()
        assert 0.9 < held < 0.99


def test_shown_in_per_cent_with_the_further_bound():
    low, high = wilson_interval(0.25, 16)
    assert per_cent(0.25, 16) == f'25.0 ± {100 * max(0.25 - low, high - 0.25):.1f}'
    assert per_cent(0.25) == '25.0'


@pytest.mark.parametrize('arguments', [(1.2, 5), (-0.1, 5), (0.5, 0), (0.5, 5, 1.0)])
def test_unfit_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match='share|confidence'):
        wilson_interval(*arguments)
