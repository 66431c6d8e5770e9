"""Rendering of MotionPrimitives: clips whose class is told only by how an object moves."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

DIRECTIONS = {
    'right': (1, 0),
    'right_down': (1, 1),
    'down': (0, 1),
    'left_down': (-1, 1),
    'left': (-1, 0),
    'left_up': (-1, -1),
    'up': (0, -1),
    'right_up': (1, -1),
}

CLASSES = (
    *DIRECTIONS,
    'expand',
    'contract',
    'rotate_left',
    'rotate_right',
    'oscillate_sideways',
    'oscillate_upright',
    'circle',
    'still',
)


@dataclass(frozen=True)
class _Pose:
    """Place (px), scale and angle (degrees, counter-clockwise on screen) of the object."""

    x: float
    y: float
    scale: float
    angle: float


def _texture(
    rng: np.random.Generator, size: int, scales: tuple[int, ...], contrast: tuple[float, float]
) -> np.ndarray:
    """Random colour texture: float32 (size, size, 3).

    Its detail has the given scales in px, its standard deviation lies in the range ``contrast``.
    """
    image = np.zeros((size, size, 3), np.float32)
    for scale in scales:
        cells = size // scale + 2
        layer = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        image += cv2.resize(layer, (size, size), interpolation=cv2.INTER_CUBIC) * scale**0.5
    image /= image.std()
    return image * rng.uniform(*contrast) + rng.uniform(70, 185, size=3).astype(np.float32)


def _shape(rng: np.random.Generator, size: int, radius: float) -> np.ndarray:
    """Mask of a random smooth star-shaped object: float32 (size, size) in 0..1."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    outline = np.ones_like(angle)
    for order in (2, 3, 4):
        outline += rng.uniform(0, 0.12) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    points = size / 2 + radius * outline[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    mask = np.zeros((size, size), np.float32)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, cv2.LINE_AA, shift=4)
    return mask


def _camera(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """A hand-held camera's path: (T, 2) px, drifting at about 0.35 px per frame.

    Its direction changes within a fraction of a second, so that it tells nothing of the video: two
    clips of one video are as different as clips of two.
    """
    memory = 4.0
    noise = rng.normal(size=(num_frames + 48, 2))
    kernel = np.exp(-0.5 * (np.arange(-24, 25) / memory) ** 2)
    kernel *= 2.0 / np.sqrt((kernel**2).sum())
    return np.stack([np.convolve(noise[:, axis], kernel, 'valid') for axis in (0, 1)], 1)


def _trajectory(
    name: str, rng: np.random.Generator, num_frames: int, size: int, pace: float
) -> Callable[[int], _Pose]:
    """The object's pose as a function of the frame number.

    Every class starts from the same distribution of places, scales and angles at mid-clip.
    """
    middle = (num_frames - 1) / 2
    x, y = size / 2 + rng.uniform(-0.12, 0.12, size=2) * size
    angle = rng.uniform(0, 360)
    speed = pace * rng.uniform(1.3, 2.0)
    zoom = rng.uniform(0.018, 0.026)
    spin = rng.uniform(4.5, 6.5)
    period, phase = rng.uniform(10, 16), rng.uniform(0, 2 * np.pi)
    amplitude = speed * period / 4

    def pose(t: int) -> _Pose:
        offset = t - middle
        wave = 2 * np.pi * t / period + phase
        if name in DIRECTIONS:
            dx, dy = np.asarray(DIRECTIONS[name]) / np.hypot(*DIRECTIONS[name])
            return _Pose(x + speed * dx * offset, y + speed * dy * offset, 1, angle)
        if name in ('expand', 'contract'):
            sign = 1 if name == 'expand' else -1
            return _Pose(x, y, float(np.exp(sign * zoom * offset)), angle)
        if name in ('rotate_left', 'rotate_right'):
            sign = 1 if name == 'rotate_left' else -1
            return _Pose(x, y, 1, angle + sign * spin * offset)
        if name == 'oscillate_sideways':
            return _Pose(x + amplitude * np.sin(wave), y, 1, angle)
        if name == 'oscillate_upright':
            return _Pose(x, y + amplitude * np.sin(wave), 1, angle)
        if name == 'circle':
            return _Pose(x + amplitude * np.cos(wave), y + amplitude * np.sin(wave), 1, angle)
        return _Pose(x, y, 1, angle)

    return pose


def render_clip(
    name: str,
    seed: int | list[int],
    num_frames: int = 40,
    size: int = 112,
    pace: float = 1.0,
    drift: float = 1.0,
) -> np.ndarray:
    """Renders one clip of a class.

    Args:
        name: One of :data:`CLASSES`.
        seed: Seed(s) of appearance and motion parameters.
        num_frames: Frames T.
        size: Height and width in px.
        pace: Factor of the speed at which the object moves along, which is 1.3 to 2 px per frame.
        drift: Factor of the camera's drift, about 0.35 px per frame.

    Returns:
        uint8 (T, size, size, 3) RGB.

    Raises:
        ValueError: Unknown class.
    """
    if name not in CLASSES:
        raise ValueError(f'unknown class {name!r}; there are {", ".join(CLASSES)}')
    rng = np.random.default_rng(seed)
    margin = 16
    background = _texture(rng, size + 2 * margin, (4, 8, 24), contrast=(12, 22))
    patch_size = size
    patch = _texture(rng, patch_size, (4, 8), contrast=(40, 55))
    mask = _shape(rng, patch_size, radius=rng.uniform(0.16, 0.22) * size)
    camera = drift * _camera(rng, num_frames)
    pose = _trajectory(name, rng, num_frames, size, pace)

    frames = np.empty((num_frames, size, size, 3), np.uint8)
    for t in range(num_frames):
        shift = np.array([[1, 0, camera[t, 0] - margin], [0, 1, camera[t, 1] - margin]])
        image = cv2.warpAffine(background, shift, (size, size), borderMode=cv2.BORDER_REFLECT)
        now = pose(t)
        place = cv2.getRotationMatrix2D((patch_size / 2, patch_size / 2), now.angle, now.scale)
        place[:, 2] += np.array([now.x, now.y]) + camera[t] - patch_size / 2
        moved = cv2.warpAffine(patch, place, (size, size), borderMode=cv2.BORDER_REFLECT)
        alpha = cv2.warpAffine(mask, place, (size, size))[..., None]
        frames[t] = np.clip(image + alpha * (moved - image), 0, 255)
    return frames
