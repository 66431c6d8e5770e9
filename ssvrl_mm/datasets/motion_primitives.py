"""MotionPrimitives: an embedded dataset of real bitstreams whose class is told only by the motion.

A textured object of random shape moves before a textured background while a hand-held camera
drifts over both. Textures, shapes, colours, sizes, places and speeds are drawn alike for every
class, so that a single frame says nothing about the class. Half of the clips are H.264 with
B-frames, half MPEG-4 Part 2 with a GOP of 12.

Everything follows from a seed; nothing is downloaded.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

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
class MotionPrimitivesSpec:
    """What is written.

    Args:
        train_per_class: Training clips per class.
        test_per_class: Test clips per class; their seeds never coincide with those of training.
        num_frames: Frames per clip.
        size: Height and width in px, a multiple of 8.
        fps: Frames per second.
        seed: The whole dataset follows from it.
    """

    train_per_class: int = 40
    test_per_class: int = 20
    num_frames: int = 40
    size: int = 112
    fps: int = 25
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size % 8 or self.size < 64:
            raise ValueError(f'size must be a multiple of 8 from 64 on, got {self.size}')
        if self.num_frames < 16:
            raise ValueError(f'num_frames must be at least 16, got {self.num_frames}')


@dataclass(frozen=True)
class _Pose:
    """Place (px), scale and angle (degrees, counter-clockwise on screen) of the object."""

    x: float
    y: float
    scale: float
    angle: float


def _noise(rng: np.random.Generator, size: int, scales: tuple[int, ...]) -> np.ndarray:
    """Random colour texture with detail at the given scales (px): float32 (size, size, 3)."""
    image = np.zeros((size, size, 3), np.float32)
    for scale in scales:
        cells = size // scale + 2
        layer = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        image += cv2.resize(layer, (size, size), interpolation=cv2.INTER_CUBIC) * scale**0.5
    image /= image.std()
    return image * rng.uniform(30, 50) + rng.uniform(70, 185, size=3).astype(np.float32)


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
    """A hand-held camera's path: (T, 2) px, drifting at up to about 1 px per frame.

    Its direction changes within a fraction of a second, so that two clips of one video do not
    share it.
    """
    period = rng.uniform(10, 20, size=(2, 2))
    phase = rng.uniform(0, 2 * np.pi, size=(2, 2))
    amplitude = rng.uniform(0.4, 1.6, size=(2, 2))
    t = np.arange(num_frames)[:, None, None]
    return (amplitude * np.sin(2 * np.pi * t / period + phase)).sum(-1)


def _trajectory(
    name: str, rng: np.random.Generator, num_frames: int, size: int
) -> Callable[[int], _Pose]:
    """The object's pose as a function of the frame number.

    Every class starts from the same distribution of places, scales and angles at mid-clip.
    """
    middle = (num_frames - 1) / 2
    x, y = size / 2 + rng.uniform(-0.12, 0.12, size=2) * size
    angle = rng.uniform(0, 360)
    speed = rng.uniform(1.0, 1.7)
    zoom = rng.uniform(0.012, 0.02)
    spin = rng.uniform(3.5, 6.0)
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
    name: str, seed: int | list[int], num_frames: int = 40, size: int = 112
) -> np.ndarray:
    """Renders one clip of a class.

    Args:
        name: One of :data:`CLASSES`.
        seed: Seed(s) of appearance and motion parameters.
        num_frames: Frames T.
        size: Height and width in px.

    Returns:
        uint8 (T, size, size, 3) RGB.

    Raises:
        ValueError: Unknown class.
    """
    if name not in CLASSES:
        raise ValueError(f'unknown class {name!r}; there are {", ".join(CLASSES)}')
    rng = np.random.default_rng(seed)
    margin = 8
    background = _noise(rng, size + 2 * margin, (4, 8, 24))
    patch_size = size
    patch = _noise(rng, patch_size, (4, 8))
    mask = _shape(rng, patch_size, radius=rng.uniform(0.13, 0.2) * size)
    camera = _camera(rng, num_frames)
    pose = _trajectory(name, rng, num_frames, size)

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


# Per codec: container suffix, encoder and its options. One thread: the same bytes every time.
_ENCODINGS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ('.mp4', 'libx264', {'preset': 'fast', 'crf': '20', 'bf': '2', 'threads': '1'}),
    ('.avi', 'mpeg4', {'qmin': '3', 'qmax': '3', 'threads': '1'}),
)


def _encode(path: Path, frames: np.ndarray, fps: int, encoder: str, options: dict) -> None:
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(encoder, rate=Fraction(fps), options=dict(options))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.gop_size = 12
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))


def _write_clip(job: tuple[Path, str, list[int], int, MotionPrimitivesSpec]) -> None:
    path, name, seed, encoding, spec = job
    _, encoder, options = _ENCODINGS[encoding]
    frames = render_clip(name, seed, spec.num_frames, spec.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    _encode(path, frames, spec.fps, encoder, options)


def _jobs(root: Path, spec: MotionPrimitivesSpec) -> Iterator[tuple[str, int, tuple]]:
    """All clips as (split, label, job)."""
    for split_index, split in enumerate(('train', 'test')):
        count = spec.train_per_class if split == 'train' else spec.test_per_class
        for label, name in enumerate(CLASSES):
            for number in range(count):
                encoding = number % len(_ENCODINGS)
                file = f'{split}/{name}/{number:04d}{_ENCODINGS[encoding][0]}'
                seed = [spec.seed, split_index, label, number]
                yield split, label, (root / 'videos' / file, name, seed, encoding, spec)


def write_motion_primitives(
    root: str | Path, spec: MotionPrimitivesSpec | None = None, workers: int = 2
) -> Path:
    """Writes the dataset: ``videos/``, ``train_list.txt``, ``test_list.txt``, ``classes.txt``.

    A folder that already holds the same specification is left as it is; one with another is
    written anew.

    Args:
        root: Folder to write to.
        spec: What to write; the default has 640 training and 320 test clips.
        workers: Processes that render and encode.

    Returns:
        The folder.

    Example:
        >>> write_motion_primitives('data/motion_primitives')
    """
    root, spec = Path(root), spec or MotionPrimitivesSpec()
    stamp = root / 'spec.json'
    wanted = {'format': 1, **asdict(spec)}
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return root
    shutil.rmtree(root / 'videos', ignore_errors=True)
    stamp.unlink(missing_ok=True)
    root.mkdir(parents=True, exist_ok=True)

    jobs = list(_jobs(root, spec))
    with ProcessPoolExecutor(workers) as pool:
        written = pool.map(_write_clip, [job for _, _, job in jobs], chunksize=8)
        for _ in tqdm(written, total=len(jobs), desc='MotionPrimitives', unit='clip'):
            pass
    for split in ('train', 'test'):
        lines = [
            f'{job[0].relative_to(root / "videos").as_posix()} {label}\n'
            for name, label, job in jobs
            if name == split
        ]
        (root / f'{split}_list.txt').write_text(''.join(lines))
    (root / 'classes.txt').write_text('\n'.join(CLASSES) + '\n')
    # Last, so that an interrupted run is not taken for a whole one.
    stamp.write_text(json.dumps(wanted))
    return root
