"""MotionPrimitives: an embedded dataset of real bitstreams whose class is told only by the motion.

A textured object of random shape moves before a textured background while a hand-held camera
drifts over both, unless it is held still. Textures, shapes, colours, sizes, places and speeds are
drawn alike for every class, so that a single frame says nothing about the class. Half of the clips
are H.264 with B-frames, half MPEG-4 Part 2 with a GOP of 12; or all of them are such MPEG-4,
without B-frames.

Everything follows from a seed; nothing is downloaded.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from mmengine.dist import barrier, is_main_process

from ssvrl_mm.datasets.compressed_video import CompressedVideoDataset
from ssvrl_mm.datasets.motion_rendering import CLASSES, render_clip
from ssvrl_mm.datasets.whole_folder import ended_by_sigterm, partial_folder, remove_stale
from ssvrl_mm.progress import Progress
from ssvrl_mm.registry import DATASETS
from ssvrl_mm.video.motion.flow import VECTORS, FlowOptions
from ssvrl_mm.video.motion_score_files import SUFFIX
from ssvrl_mm.video.tools.encoding import PRESETS
from ssvrl_mm.video.tools.motion_scoring import score_motion

SPLITS = ('train', 'test')


class MotionPrimitivesError(FileExistsError):
    """A folder that holds something else than the MotionPrimitives that are asked for."""


# Raised whenever the same specification gives other clips.
FORMAT = 1
_STAMP = 'spec.json'
# Options that older folders do not name: these have the defaults.
_LATER = ('codecs', 'pace', 'drift')
# All that a folder of the dataset has while it is written.
_WRITTEN = {'videos', 'classes.txt', _STAMP, *(f'{split}_list.txt' for split in SPLITS)}


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
        codecs: 'mixed': half H.264 with B-frames, half MPEG-4 Part 2. 'mpeg4-gop12': all of it
            MPEG-4 Part 2, 11 P-frames after each I-frame and no B-frames.
        pace: Factor of the speed at which objects move along, 1.3 to 2 px per frame, for every
            class alike. At 72 frames of 112 px, 0.75 keeps an object's centre in view in 99.4 % of
            the frames of the eight directions (1: 94 %), at 1 px per frame or more. Turning and
            growing objects stay in view, and stay as fast.
        drift: Factor of the camera's drift, about 0.35 px per frame; 0: the camera is still, and
            only the object moves. Nothing else of a clip depends on it.

    Raises:
        ValueError: One of them is out of range.
    """

    train_per_class: int = 40
    test_per_class: int = 20
    num_frames: int = 36
    size: int = 112
    fps: int = 25
    seed: int = 0
    codecs: str = 'mixed'
    pace: float = 1.0
    drift: float = 1.0

    def __post_init__(self) -> None:
        if self.codecs not in _ENCODINGS:
            raise ValueError(f'codecs must be one of {list(_ENCODINGS)}, got {self.codecs!r}')
        if self.pace <= 0:
            raise ValueError(f'pace must be above 0, got {self.pace}')
        if self.drift < 0:
            raise ValueError(f'drift must be 0 or more, got {self.drift}')
        if self.size % 8 or self.size < 64:
            raise ValueError(f'size must be a multiple of 8 from 64 on, got {self.size}')
        if self.num_frames < 16:
            raise ValueError(f'num_frames must be at least 16, got {self.num_frames}')


_X264 = {
    'preset': 'fast',
    'crf': '20',
    'bf': '2',
    # One thread and no macroblock tree: with either, x264 does not always give the same bytes.
    'threads': '1',
    'x264-params': 'mbtree=0',
}

_MPEG4 = {'qmin': '3', 'qmax': '3', 'threads': '1'}

# Per choice of codecs, what clips get by turns: container suffix, encoder and its options.
_ENCODINGS: dict[str, tuple[tuple[str, str, dict[str, str]], ...]] = {
    'mixed': (('.mp4', 'libx264', _X264), ('.avi', 'mpeg4', _MPEG4)),
    'mpeg4-gop12': (('.avi', 'mpeg4', {**PRESETS['mpeg4-gop12'].options, **_MPEG4}),),
}


def _encode(path: Path, frames: np.ndarray, fps: int, encoder: str, options: dict) -> None:
    with av.open(str(path), 'w') as container:
        stream: Any = container.add_stream(encoder, rate=Fraction(fps), options=dict(options))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        stream.codec_context.gop_size = 12
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        container.mux(stream.encode(None))


# Path, class, seed, encoding and what all clips have in common.
_Job = tuple[Path, str, list[int], int, MotionPrimitivesSpec]


def _write_clip(job: _Job) -> None:
    path, name, seed, encoding, spec = job
    _, encoder, options = _ENCODINGS[spec.codecs][encoding]
    frames = render_clip(name, seed, spec.num_frames, spec.size, spec.pace, spec.drift)
    path.parent.mkdir(parents=True, exist_ok=True)
    _encode(path, frames, spec.fps, encoder, options)


def _clips(spec: MotionPrimitivesSpec) -> Iterator[tuple[str, str, int, list[int], int]]:
    """All clips as (split, file, label, seed, encoding)."""
    encodings = _ENCODINGS[spec.codecs]
    for split_index, split in enumerate(SPLITS):
        count = spec.train_per_class if split == 'train' else spec.test_per_class
        for label, name in enumerate(CLASSES):
            for number in range(count):
                encoding = number % len(encodings)
                file = f'{split}/{name}/{number:04d}{encodings[encoding][0]}'
                yield split, file, label, [spec.seed, split_index, label, number], encoding


def _stamp_of(spec: MotionPrimitivesSpec) -> str:
    """What a folder of this specification says of itself."""
    said = asdict(spec)
    for field in fields(spec):
        if field.name in _LATER and said[field.name] == field.default:
            del said[field.name]
    return json.dumps({'format': FORMAT, **said})


def _is_written(root: Path, stamp: str) -> bool:
    """Whether a folder holds what is asked for.

    Raises:
        MotionPrimitivesError: It holds something else.
    """
    if not root.is_dir() or not any(root.iterdir()):
        return False
    if not (root / _STAMP).exists():
        raise MotionPrimitivesError(
            f'{root} exists, but holds no MotionPrimitives; name another folder'
        )
    difference = _difference((root / _STAMP).read_text(), stamp)
    if difference:
        raise MotionPrimitivesError(
            f'{root} holds MotionPrimitives of another spec: {difference}; '
            'it is not replaced, as others may be reading it: remove it, or name another folder '
            '(data_root, or for all configs the environment variable SSVRL_DATA)'
        )
    return True


def _difference(said: str, stamp: str) -> str:
    """Where two stamps differ, in words; empty where they do not."""
    try:
        there = dict(json.loads(said))
    except (ValueError, TypeError):
        return f'{_STAMP} cannot be read'
    defaults = {field.name: field.default for field in fields(MotionPrimitivesSpec)}
    there, asked = defaults | there, defaults | json.loads(stamp)
    names = [name for name in {**asked, **there} if there.get(name) != asked.get(name)]
    return ', '.join(
        f'{name} is {there.get(name)!r} where {asked.get(name)!r} is asked for' for name in names
    )


def check_motion_primitives(root: str | Path, spec: Mapping[str, Any] | None = None) -> None:
    """Tells early, before anything is built, that a folder holds something else.

    Args:
        root: Folder of the dataset, which need not exist.
        spec: Keyword arguments of :class:`MotionPrimitivesSpec`.

    Raises:
        MotionPrimitivesError: It holds something else than this specification.
    """
    _is_written(Path(root), _stamp_of(MotionPrimitivesSpec(**(spec or {}))))


def write_motion_primitives(
    root: str | Path, spec: MotionPrimitivesSpec | None = None, workers: int = 2
) -> Path:
    """Writes the dataset: ``videos/``, ``train_list.txt``, ``test_list.txt``, ``classes.txt``.

    A folder that already holds the same specification is left as it is, and one with another is
    refused. The folder appears only when it is whole.

    Args:
        root: Folder to write to.
        spec: What to write; the default has 640 training and 320 test clips.
        workers: Processes that render and encode.

    Returns:
        The folder.

    Raises:
        MotionPrimitivesError: The folder holds something else, another specification for
            instance.

    Example:
        >>> write_motion_primitives('data/motion_primitives')
        PosixPath('data/motion_primitives')
    """
    root, spec = Path(root), spec or MotionPrimitivesSpec()
    stamp = _stamp_of(spec)
    remove_stale(root, _WRITTEN)
    if _is_written(root, stamp):
        return root
    partial = partial_folder(root)
    clips = list(_clips(spec))
    jobs = [
        (partial / 'videos' / file, CLASSES[label], seed, encoding, spec)
        for _, file, label, seed, encoding in clips
    ]
    try:
        with ended_by_sigterm():
            _write_clips(jobs, workers)
        for wanted in SPLITS:
            lines = [f'{file} {label}\n' for split, file, label, *_ in clips if split == wanted]
            (partial / f'{wanted}_list.txt').write_text(''.join(lines))
        (partial / 'classes.txt').write_text('\n'.join(CLASSES) + '\n')
        (partial / _STAMP).write_text(stamp)
        # Another process may have written it meanwhile.
        if not _is_written(root, stamp):
            partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


def _write_clips(jobs: list[_Job], n: int) -> None:
    """Renders and encodes in ``n`` processes."""
    with ProcessPoolExecutor(n) as pool:
        # Its processes are forked here, before the line has a thread.
        written = pool.map(_write_clip, jobs, chunksize=8)
        try:
            with Progress('writing MotionPrimitives', len(jobs), 'clips') as progress:
                for _ in written:
                    progress.advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # it would write all of them before it ends
            raise


def score_motion_primitives(root: str | Path, span: int) -> Path:
    """Scores the motion of the training videos where that is missing, for ``SampleMotionClips``.

    Args:
        root: Folder of the dataset.
        span: Frames over which motion vectors are followed.

    Returns:
        ``motion_scores_<span>`` in the folder, which holds the scores.

    Raises:
        VideoError: A video could not be scored.
    """
    videos, target = Path(root) / 'videos', Path(root) / f'motion_scores_{span}'
    lines = (Path(root) / 'train_list.txt').read_text().splitlines()
    names = [line.rpartition(' ')[0] for line in lines]
    missing = [name for name in names if not (target / f'{name}{SUFFIX}').exists()]
    options = FlowOptions(VECTORS, span=span)
    if missing:
        with Progress('scoring MotionPrimitives', len(missing), 'clips') as progress:
            for name in missing:
                score_motion(videos / name, target / f'{name}{SUFFIX}', options=options)
                progress.advance()
    return target


@DATASETS.register_module()
class MotionPrimitives(CompressedVideoDataset):
    """The embedded dataset, written on first use.

    In a distributed run the main process writes while the others wait: the folder must be one
    that all of them see.

    Args:
        split: 'train' or 'test'.
        data_root: Folder of the dataset.
        spec: Keyword arguments of :class:`MotionPrimitivesSpec`.
        score_span: Frames over which the motion of the training videos is scored, where that is
            missing, for ``SampleMotionClips(scores_root='motion_scores_<score_span>')``. None: it
            is not.
        **kwargs: For :class:`CompressedVideoDataset`: ``pipeline``, ``role``, ``test_mode``, ...

    Raises:
        ValueError: Unknown split.

    Example:
        >>> MotionPrimitives('train', data_root='data/motion_primitives').metainfo['classes'][:2]
        ['right', 'right_down']
    """

    def __init__(
        self,
        split: str,
        data_root: str = 'data/motion_primitives',
        spec: dict[str, Any] | None = None,
        score_span: int | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f'split must be one of {SPLITS}, got {split!r}')
        if is_main_process():
            write_motion_primitives(data_root, MotionPrimitivesSpec(**(spec or {})))
            if score_span is not None:
                score_motion_primitives(data_root, score_span)
        barrier()
        super().__init__(
            f'{split}_list.txt', data_root=data_root, data_prefix={'video': 'videos'}, **kwargs
        )
