"""Colours of flow against the published colour wheel, and boundaries against OpenCV's Sobel."""

import cv2
import numpy as np
import pytest
import torch

from ssvrl_mm.models.utils import FlowBoundary, FlowColouring, FlowRotation
from ssvrl_mm.registry import MODELS
from ssvrl_mm.video.motion.flow import colour_code_flow
from tests.test_models.bytes_moved import BytesMoved

# The wheel as published: steps, the channel that is full, and the one that rises or falls.
RED, GREEN, BLUE = range(3)
RAMPS = [
    (15, RED, GREEN, 'rises'),
    (6, GREEN, RED, 'falls'),
    (4, GREEN, BLUE, 'rises'),
    (11, BLUE, GREEN, 'falls'),
    (13, BLUE, RED, 'rises'),
    (6, RED, BLUE, 'falls'),
]


def middlebury(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """The benchmark's colours of vectors of length 1 at most, (..., 3) in [0, 1], step by step."""
    rows = []
    for steps, full, moving, way in RAMPS:
        for step in range(steps):
            share = int(255 * step / steps) / 255
            row = [0.0, 0.0, 0.0]
            row[full], row[moving] = 1.0, share if way == 'rises' else 1 - share
            rows.append(row)
    wheel = np.array(rows)
    place = (np.arctan2(-dy, -dx) / np.pi + 1) / 2 * (len(wheel) - 1)
    first = np.floor(place).astype(int)
    part = (place - first)[..., None]
    hue = (1 - part) * wheel[first] + part * wheel[(first + 1) % len(wheel)]
    return 1 - np.hypot(dx, dy)[..., None] * (1 - hue)


def as_clip(vectors: np.ndarray) -> torch.Tensor:
    """(n, 2) -> (1, 2, 1, 1, n)."""
    return torch.from_numpy(vectors.astype(np.float32)).T[None, :, None, None]


def random_flow(*shape: int, seed: int = 0) -> torch.Tensor:
    """Vectors in all directions, the longest of length 1."""
    flow = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return flow / flow.norm(dim=1).max()


def test_unit_vectors_have_the_colours_of_the_wheel():
    angles = np.linspace(-np.pi, np.pi, 721)[1:-1]
    vectors = np.stack([np.cos(angles), np.sin(angles)], -1)
    found = FlowColouring()(as_clip(vectors))[0, :, 0, 0].T
    np.testing.assert_allclose(found, middlebury(*vectors.T), atol=1e-5)
    # Right, down, left and up.
    axes = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, -0.0], [0, 0]])
    red, yellowish, cyanish, violet, again, rest = FlowColouring()(as_clip(axes))[0, :, 0, 0].T
    assert red.tolist() == again.tolist() == [1, 0, 0] and rest.tolist() == [1, 1, 1]
    assert yellowish[0] == 1 and yellowish[1] > 0.8 and yellowish[2] == 0
    assert cyanish[0] == 0 and cyanish[2] == 1 and violet[2] == 1 and violet[1] == 0


def test_colours_are_those_of_numpy_up_to_their_rounding():
    flow = random_flow(3, 2, 4, 21, 30)
    found = FlowColouring()(flow)
    assert found.shape == (3, 3, 4, 21, 30) and found.dtype == torch.float32
    assert found.is_contiguous() and found.min() >= 0 and found.max() <= 1
    expected = colour_code_flow(flow.movedim(1, -1).numpy(), max_magnitude=1.0)
    off = found.movedim(1, -1).numpy() * 255 - expected
    assert off.min() > -0.01 and off.max() < 1.01
    halves = flow.half()
    assert FlowColouring()(halves).equal(FlowColouring()(halves.float()))


def test_what_is_too_long_looks_as_long_as_it_may():
    flow = random_flow(1, 2, 1, 9, 9)
    unit = flow / flow.norm(dim=1, keepdim=True)
    torch.testing.assert_close(FlowColouring()(3 * unit), FlowColouring()(unit), atol=1e-5, rtol=0)


def test_turned_vectors_are_turned_hues():
    """A vector of angle b turned by a has the colours of angle a + b, as white as before."""
    angles, lengths = np.linspace(0.1, 6.1, 60), np.linspace(0, 1, 60)
    for turn in (0.2 * np.pi, 1.4 * np.pi):
        vectors, turned = (
            lengths[:, None] * np.stack([np.cos(angles + a), -np.sin(angles + a)], -1)
            for a in (0, turn)
        )
        found = FlowColouring()(FlowRotation(angles=[turn])(as_clip(vectors)))[0, :, 0, 0].T
        np.testing.assert_allclose(found, middlebury(*turned.T), atol=1e-4)


def test_boundaries_are_sobels():
    flow = random_flow(2, 2, 3, 12, 17)
    found = FlowBoundary()(flow).numpy()
    assert found.shape == (2, 3, 3, 12, 17) and found.dtype == np.float32
    border = cv2.BORDER_REPLICATE
    for clip, time in np.ndindex(2, 3):
        steepness = []
        for channel in flow[clip, :, time].numpy():
            x, y = (cv2.Sobel(channel, cv2.CV_32F, *d, borderType=border) for d in ((1, 0), (0, 1)))
            steepness.append(np.minimum(np.hypot(x, y) / 8, 1))
        both = np.sqrt(np.mean(np.square(steepness), axis=0))
        np.testing.assert_allclose(found[clip, :, time], [*steepness, both], atol=1e-6)
    flow = torch.ones(1, 2, 1, 8, 8)
    flow[:, 0, :, :, 4:] = -1
    found = FlowBoundary()(flow)[0, :, 0]
    assert found[0, :, 3:5].eq(1).all() and found[0, :, :3].eq(0).all() and found[1].eq(0).all()
    # Corners are steeper than 1.
    flow[:, 0, :, :3] = 1
    assert FlowBoundary()(flow).max() == 1
    assert FlowBoundary()(flow.half()).dtype == torch.float32


@pytest.mark.parametrize('kind', [FlowColouring, FlowBoundary])
def test_pictures_of_flow_are_parts_of_models(kind):
    module = MODELS.build(dict(type=kind.__name__))
    assert isinstance(module, kind)
    assert not list(module.parameters()) and not module.state_dict()
    flow = random_flow(2, 2, 2, 16, 16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = module(flow)
    assert mixed.equal(module(flow)) and mixed.dtype == torch.float32
    for shape in ((2, 3, 2, 8, 8), (2, 2, 8, 8)):
        with pytest.raises(ValueError, match=r'\(M, 2, T, H, W\), got'):
            module(torch.zeros(shape))
    assert module.to('meta')(flow.to('meta')).shape == mixed.shape


@pytest.mark.parametrize(('kind', 'most'), [(FlowColouring, 10), (FlowBoundary, 15)])
def test_bytes_moved_are_a_small_multiple_of_those_given_and_made(kind, most):
    module, flow = kind(), random_flow(4, 2, 4, 32, 32)
    with BytesMoved() as moved:
        picture = module(flow)
    assert moved.total < most * (4 * flow.numel() + 4 * picture.numel())
