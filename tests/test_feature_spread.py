import numpy as np
import pytest
import torch

from ssvrl_mm.feature_spread import (
    CONSTANT,
    ONE_DIRECTION,
    RANK_ROWS,
    FeatureSpread,
    collapse_message,
    feature_spread,
)


def by_definition(rows):
    """exp of the entropy of the singular values' shares, and the mean of all pairs' cosines."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    values = np.linalg.svd(unit, compute_uv=False)
    shares = values / values.sum()
    shares = shares[shares > 1e-14]
    cosines = (unit @ unit.T)[~np.eye(len(unit), dtype=bool)]
    return np.exp(-(shares * np.log(shares)).sum()), cosines.mean()


@pytest.mark.parametrize('shape', [(50, 8), (8, 50), (2, 3), (30, 30)])
@pytest.mark.parametrize('shift', [0, 3])
def test_equals_the_singular_values(shape, shift):
    rows = np.random.default_rng(0).normal(size=shape) + shift
    spread = feature_spread(torch.from_numpy(rows))
    assert (spread.effective_rank, spread.mean_cosine) == pytest.approx(by_definition(rows))
    assert spread.rows == shape[0]


def test_closed_forms():
    # An orthonormal basis, repeated: every direction alike; of 12 rows, 2 of 11 others are equal.
    spread = feature_spread(torch.eye(4).repeat(3, 1))
    assert spread.effective_rank == pytest.approx(4)
    assert spread.mean_cosine == pytest.approx(2 / 11)
    # Two classes at a cosine rho: singular values as sqrt(1 + rho) to sqrt(1 - rho).
    rho = 0.5
    rows = torch.tensor([[1.0, 0.0], [rho, (1 - rho**2) ** 0.5]]).double().repeat(50, 1)
    values = np.sqrt([1 + rho, 1 - rho])
    shares = values / values.sum()
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert feature_spread(rows).effective_rank == pytest.approx(expected)
    # One line, in both directions: rank 1 although the cosines are as often -1 as 1.
    spread = feature_spread(torch.tensor([[1.0, 2.0], [-2.0, -4.0]] * 5))
    assert spread.effective_rank == pytest.approx(1) and spread.mean_cosine == pytest.approx(-1 / 9)


def test_parts_length_and_zero_rows():
    rows = torch.from_numpy(np.random.default_rng(1).normal(size=(40, 6)))
    whole = feature_spread(rows)
    scaled = rows * torch.arange(1, 41)[:, None]
    parts = feature_spread(scaled[:7], scaled[7:])
    assert parts == pytest.approx(whole)
    zeros = feature_spread(torch.cat([torch.eye(3), torch.zeros(1, 3)]))
    assert zeros.mean_cosine == 0 and zeros.effective_rank == pytest.approx(3)
    assert feature_spread(torch.zeros(3, 2)).mean_cosine == 0
    assert not feature_spread(torch.ones(1, 5)).collapsed


def test_of_many_rows_the_rank_is_of_a_sample_and_the_cosine_of_all():
    rng = np.random.default_rng(2)
    # A class after the other, as lists are sorted: a sample has to take from all of them.
    rows = np.repeat(np.eye(8), (RANK_ROWS + 8000) // 8, axis=0)
    rows += 0.01 * rng.normal(size=rows.shape)
    spread = feature_spread(torch.from_numpy(rows).float())
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    total = unit.sum(axis=0)
    expected = (total @ total - len(rows)) / (len(rows) * (len(rows) - 1))
    assert spread.mean_cosine == pytest.approx(expected, rel=1e-5)
    assert spread.effective_rank == pytest.approx(8, rel=1e-3)


def test_features_equal_up_to_rounding_have_collapsed():
    rng = np.random.default_rng(3)
    one = rng.uniform(size=512)
    rows = (one * (1 + 1e-4 * rng.normal(size=(64, 512)))).astype(np.float32)
    cosines = by_definition(rows.astype(float))[1]
    assert 1e-9 < 1 - cosines < 1e-7
    spread = feature_spread(torch.from_numpy(rows))
    assert spread.mean_cosine == pytest.approx(cosines, abs=1e-12)
    assert spread.collapsed and spread.effective_rank < 1.2
    message = collapse_message('rgb', spread)
    assert message.startswith(f'rgb: the features have collapsed (effective rank {1:.0f}.')
    assert f'mean cosine 1 - {1 - cosines:.1e}, of 64 rows' in message


def test_spread_features_have_not_collapsed():
    rng = np.random.default_rng(4)
    # A large common part, as rectified and pooled features have.
    rows = torch.from_numpy(1 + 0.1 * rng.normal(size=(100, 64)))
    spread = feature_spread(rows)
    assert spread.mean_cosine > 0.98 and not spread.collapsed
    # Two classes that are told apart without doubt.
    assert not feature_spread(torch.eye(2).repeat(8, 1)).collapsed


@pytest.mark.parametrize(
    'rank, cosine, collapsed',
    [
        (1.49, 0.5, True),
        (ONE_DIRECTION, 0.5, False),
        (9.0, CONSTANT, False),
        (9.0, CONSTANT + 1e-5, True),
    ],
)
def test_either_figure_is_enough(rank, cosine, collapsed):
    assert FeatureSpread(rank, cosine, 10).collapsed == collapsed


def test_bound_of_the_rank_is_what_it_says():
    # One of two directions with this share of the sum, and two classes at this cosine.
    for share in (0.86, (1.95**0.5) / (1.95**0.5 + 0.05**0.5)):
        shares = np.array([share, 1 - share])
        assert np.exp(-(shares * np.log(shares)).sum()) == pytest.approx(ONE_DIRECTION, abs=0.01)
