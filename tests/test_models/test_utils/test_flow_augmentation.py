"""Turned and shifted flow against complex numbers and numpy's padding."""

from collections import Counter
from math import pi

import numpy as np
import pytest
import torch

from ssvrl_mm.models.utils import FlowRotation, FlowShift
from ssvrl_mm.registry import MODELS
from ssvrl_mm.video.motion.geometry import rotate_vectors
from tests.test_models.test_utils.test_flow_colouring import random_flow

RELEASED = [(0.2 + 0.2 * j) * pi for j in range(8)]


def angles_of(turned: torch.Tensor, flow: torch.Tensor) -> np.ndarray:
    """By how much each vector was turned, (M, T, H, W) in [0, 2 pi)."""
    before, after = (
        (f[:, 0] - 1j * f[:, 1]).numpy().astype(complex)  # y points down
        for f in (flow, turned)
    )
    return np.angle(after / before) % (2 * pi)


@pytest.mark.parametrize('per', ['clip', 'map'])
def test_every_vector_turns_by_the_angle_and_keeps_its_length(per):
    torch.manual_seed(0)
    flow = random_flow(5, 2, 4, 7, 6)
    turned = FlowRotation(per=per)(flow)
    assert turned.shape == flow.shape and turned.dtype == flow.dtype
    torch.testing.assert_close(turned.norm(dim=1), flow.norm(dim=1))
    angles = angles_of(turned, flow)
    np.testing.assert_allclose(
        angles, np.broadcast_to(angles[..., :1, :1], angles.shape), rtol=1e-4
    )
    maps = angles[..., 0, 0].round(4)
    assert len(set(maps.ravel().tolist())) == {'clip': 5, 'map': 20}[per]
    if per == 'clip':
        assert (maps == maps[:, :1]).all()


def test_turns_are_those_of_numpy():
    flow = random_flow(2, 2, 3, 5, 5)
    expected = rotate_vectors(flow.movedim(1, -1).numpy(), 0.7)
    found = FlowRotation(angles=[0.7])(flow).movedim(1, -1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    # To the right, turned by a quarter: up.
    right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1, 1)
    up = FlowRotation(pi / 2, pi / 2)(right).flatten()
    torch.testing.assert_close(up, torch.tensor([0.0, -1.0]))


@pytest.mark.parametrize(
    ('theta', 'options'), [(pi / 3, {}), (pi / 6, dict(low=pi / 6, high=11 * pi / 6))]
)
def test_angles_are_uniform(theta, options):
    torch.manual_seed(1)
    flow = torch.ones(3000, 2, 1, 1, 1)
    angles = np.sort(angles_of(FlowRotation(**options)(flow), flow).ravel())
    assert angles[0] >= theta - 1e-5 and angles[-1] <= 2 * pi - theta + 1e-5
    uniform = np.linspace(theta, 2 * pi - theta, len(angles))
    # Kolmogorov and Smirnov's distance is below .036 with probability .999.
    assert np.abs(angles - uniform).max() < 0.036 * (2 * pi - 2 * theta)


def test_released_angles():
    torch.manual_seed(2)
    flow = torch.ones(1000, 2, 1, 1, 1)
    found = angles_of(FlowRotation(angles=RELEASED)(flow), flow).ravel()
    nearest = np.abs(found[:, None] - RELEASED).argmin(1)
    np.testing.assert_allclose(found, np.array(RELEASED)[nearest], atol=1e-4)
    assert all(count > 80 for count in np.bincount(nearest, minlength=8))


def expected_shift(maps: np.ndarray, down: int, right: int) -> np.ndarray:
    """(2, H, W) shifted, the border repeated."""
    height, width = maps.shape[1:]
    padded = np.pad(maps, ((0, 0), (height, height), (width, width)), mode='edge')
    return padded[:, height - down : 2 * height - down, width - right : 2 * width - right]


@pytest.mark.parametrize('per', ['clip', 'map'])
def test_shifts(per):
    torch.manual_seed(3)
    flow = random_flow(60, 2, 4, 8, 13)
    found = FlowShift(0.25, per)(flow)
    assert found.shape == flow.shape and found.is_contiguous()
    seen = Counter()
    allowed = [(d, r) for d in range(-2, 3) for r in range(-3, 4)]
    for clip in range(60):
        of_clip = []
        for time in range(4):
            here, there = flow[clip, :, time].numpy(), found[clip, :, time].numpy()
            fits = [s for s in allowed if np.array_equal(expected_shift(here, *s), there)]
            assert len(fits) == 1
            of_clip += fits
        assert per == 'map' or len(set(of_clip)) == 1
        seen.update(of_clip)
    assert (0, 0) not in seen
    if per == 'map':
        assert set(seen) == set(allowed) - {(0, 0)}
        assert max(seen.values()) < 20  # of 240, on 34 shifts


def test_draws_are_those_of_the_hosts_generator():
    flow = random_flow(3, 2, 4, 8, 8)
    for module in (FlowRotation(per='map'), FlowRotation(angles=RELEASED), FlowShift(per='map')):
        made = []
        for seed in (4, 4, 5):
            torch.manual_seed(seed)
            made.append(module(flow))
        assert made[0].equal(made[1]) and not made[0].equal(made[2])
        state = torch.get_rng_state()
        torch.manual_seed(5)
        assert module(flow.to('meta')).shape == flow.shape
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(4)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            assert module(flow).equal(made[0])
        assert module(flow.half()).dtype == torch.float16
        assert not list(module.parameters()) and not module.state_dict()


def test_wrong_arguments_are_named():
    assert isinstance(MODELS.build(dict(type='FlowRotation', per='map')), FlowRotation)
    assert isinstance(MODELS.build(dict(type='FlowShift')), FlowShift)
    for kind, options, told in (
        (FlowRotation, dict(per='frame'), "per.*'frame'"),
        (FlowRotation, dict(low=2, high=1), 'low to high.*2 and 1'),
        (FlowRotation, dict(low=float('nan')), 'nan'),
        (FlowRotation, dict(angles=()), 'angles'),
        (FlowShift, dict(max_share=0), 'max_share.*0'),
        (FlowShift, dict(max_share=1.5), 'max_share.*1.5'),
        (FlowShift, dict(per='video'), "per.*'video'"),
    ):
        with pytest.raises(ValueError, match=told):
            kind(**options)
    with pytest.raises(ValueError, match=r'\(3, 3\).*too small for shifts of 0.25'):
        FlowShift()(torch.zeros(1, 2, 1, 3, 3))
    assert FlowShift()(torch.zeros(1, 2, 1, 4, 3)).shape == (1, 2, 1, 4, 3)
    for module in (FlowRotation(), FlowShift()):
        with pytest.raises(ValueError, match=r'\(M, 2, T, H, W\), got'):
            module(torch.zeros(2, 3, 2, 8, 8))
