"""The dataset of compressed videos: a list or a folder of ordinary video files."""

import logging
import os
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal, Self

from mmaction.datasets import BaseActionDataset
from mmengine.logging import print_log

from ssvrl_mm.datasets.checking import find_bad_videos
from ssvrl_mm.datasets.recordings import describe_recordings, name_recordings, recording_id
from ssvrl_mm.datasets.seeding import GeneratorStates, seeded_generators
from ssvrl_mm.datasets.shared_state import FailureTally, SharedIntegers, SharedSet
from ssvrl_mm.datasets.stored_files_check import check_stored_files
from ssvrl_mm.datasets.video_list import (
    HOW_TO_MAKE_A_LIST,
    VIDEO_SUFFIXES,
    VideoEntry,
    VideoListError,
    read_classes,
    read_video_list,
    scan_videos,
)
from ssvrl_mm.registry import DATASETS, TRANSFORMS
from ssvrl_mm.video import VideoError, VideoTooShortError

_NO_SEED = -1


def pipeline_with_choice(dataset: Mapping[str, Any]) -> list[Any]:
    """The pipeline of a dataset's config behind what it chooses to read, as the dataset runs it.

    Args:
        dataset: Config with ``pipeline`` and, if it likes, ``streams`` and ``reader_options``.

    Example:
        >>> pipeline_with_choice(dict(streams=('rgb',), pipeline=[dict(type='PackSSLInputs')]))
        [{'type': 'ChooseStreams', 'streams': ('rgb',)}, {'type': 'PackSSLInputs'}]
    """
    keys = ('streams', 'reader_options')
    choice = {key: dataset[key] for key in keys if dataset.get(key) is not None}
    pipeline = list(dataset.get('pipeline') or ())
    return [dict(type='ChooseStreams', **choice), *pipeline] if choice else pipeline


class BadVideosError(RuntimeError):
    """Too many videos of a dataset cannot be used; the message counts and names them."""


@DATASETS.register_module()
class CompressedVideoDataset(BaseActionDataset):
    """Videos named by a list file, or found under a folder.

    A sample starts as ``dict(filename, label, video_id[, recording_id][, role])``: full path,
    class index (-1 unknown), index in the list, in training the number of its recording;
    ``data_root`` and ``video_root`` go with it. What the pipeline draws at random follows from
    (seed, epoch, index) alone, so samples do not depend on the number of workers or on who ran
    before.

    A video that cannot be read is logged with its cause and counted; in training another one is
    drawn in its place. In test mode it raises, as a result without it would be wrong in silence.

    A video that turns out to be too short for the pipeline (``VideoTooShortError``) is no failure:
    training goes on without it. It is opened once, by whichever worker comes first;
    ``len(dataset.too_short)`` says how many videos that concerns, and so does the log, each epoch.

    Args:
        ann_file: List of ``path [label]`` lines, relative to ``data_root``. Empty: all videos
            under the folder, classes from its first-level folders.
        pipeline: Transforms.
        data_root: Root of ``ann_file`` and ``data_prefix``.
        data_prefix: ``dict(video=...)``, the folder that the paths of the list start from.
        streams: What is decoded of every video, where ``DecodeCompressedVideo`` does not say it.
        reader_options: How every video is read: options of the reader that count before those of
            ``OpenCompressedVideo``, such as ``dict(motion='auto')`` or ``dict(flow_root='tvl1')``.
        metainfo: ``dict(classes=names or file)``. By default the ``classes.txt`` beside the list,
            or the folder names.
        group: What names the recording of a video in training; contrastive heads take keys of the
            same recording for no negatives. A regular expression, searched for in the paths of the
            list, of which the first group counts, or else the whole match. None: the
            ``groups.txt`` beside the list, of ``path group`` lines, where there is one. False, or
            without such a file: every video is a recording of its own.
        role: 'query' or 'gallery' for retrieval; put into every sample.
        seed: Seed of all samples' randomness; :meth:`set_seed` changes it. None: whatever the
            global generators give.
        max_retries: Other videos to try in place of one that cannot be read.
        max_failed_share: Stop when a larger share of the samples failed ...
        min_tried: ... of at least this many.
        skip_bad: Open every video beforehand and leave out those that fail (for test mode). Each
            kept one keeps its ``video_id``.
        suffixes: What counts as a video when a folder is scanned.
        test_mode: Whether a video that cannot be read raises.
        **kwargs: For mmaction2's ``BaseActionDataset``: ``indices``, ``lazy_init``, ...

    Raises:
        VideoListError: List or folder missing, empty or malformed, or ``group`` does not name the
            recording of every video; raised when built, and says what was looked for.
        FlowFileError, video.ScoreFileError: When built: flow, or scores, are to be read from a
            folder that has none of the videos'.
        BadVideosError: From ``dataset[i]``, when too many videos cannot be read, or all are too
            short.
        VideoError: From ``dataset[i]`` in test mode.

    Example:
        >>> dataset = CompressedVideoDataset(
        ...     'train_list.txt', data_root='data/ucf101', data_prefix=dict(video='videos'),
        ...     pipeline=[dict(type='OpenCompressedVideo'), dict(type='SampleClips', clip_len=32),
        ...               dict(type='DecodeCompressedVideo'), dict(type='PackSSLInputs')])
        >>> dataset[0]['inputs']['motion'].shape
        torch.Size([2, 2, 32, 30, 40])
    """

    def __init__(
        self,
        ann_file: str = '',
        pipeline: Sequence[dict | Callable] = (),
        data_root: str = '',
        data_prefix: dict[str, str] | None = None,
        streams: Sequence[str] | None = None,
        reader_options: Mapping[str, Any] | None = None,
        metainfo: dict | None = None,
        group: str | Literal[False] | None = None,
        role: str | None = None,
        seed: int | None = None,
        max_retries: int = 10,
        max_failed_share: float = 0.1,
        min_tried: int = 100,
        skip_bad: bool = False,
        suffixes: Sequence[str] = VIDEO_SUFFIXES,
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        if role not in (None, 'query', 'gallery'):
            raise ValueError(f"role must be 'query', 'gallery' or None, got {role!r}")
        if max_retries < 0 or not 0 <= max_failed_share <= 1:
            raise ValueError(
                'max_retries must be 0 or more and max_failed_share in 0..1, '
                f'got {max_retries} and {max_failed_share}'
            )
        if not (group is None or group is False or (isinstance(group, str) and group)):
            raise ValueError(f'group must be a regular expression, None or False, got {group!r}')
        self.group = group
        self.role = role
        self.max_retries = max_retries
        self.max_failed_share = max_failed_share
        self.min_tried = min_tried
        self.skip_bad = skip_bad
        self.suffixes = tuple(suffixes)
        self.failures = FailureTally()
        self.too_short = SharedSet(0)
        self._told_too_short = 0
        self._seed_and_epoch = SharedIntegers([_NO_SEED, 0])
        self.set_seed(seed)
        self._video_folder = (data_prefix or {}).get('video', '')
        steps = pipeline_with_choice(
            dict(streams=streams, reader_options=reader_options, pipeline=pipeline)
        )
        super().__init__(
            ann_file,
            # Built here, so that our names resolve without a default scope too.
            pipeline=[TRANSFORMS.build(t) if isinstance(t, dict) else t for t in steps],
            data_root=data_root,
            data_prefix={'video': '', **(data_prefix or {})},
            metainfo=metainfo,
            test_mode=test_mode,
            **kwargs,
        )

    def set_seed(self, seed: int | None) -> None:
        """Sets the seed of all samples, in running workers too; None: the global generators."""
        if seed is not None and seed < 0:
            raise ValueError(f'seed must be 0 or more, got {seed}')
        self._seed_and_epoch.values[0] = _NO_SEED if seed is None else seed

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, in running workers too: each epoch draws anew.

        Call it before the loader's next pass begins, as workers fetch ahead.
        """
        self._seed_and_epoch.values[1] = epoch
        found = len(self.too_short)
        if found > self._told_too_short:
            self._log(f'{found} of {len(self)} videos are too short and left out so far')
            self._told_too_short = found

    def full_init(self) -> None:
        """Reads the list, unless that has been done."""
        if not self._fully_initialized:
            super().full_init()
            self._forget_too_short()

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keeps some of the videos."""
        super().get_subset_(indices)
        self._forget_too_short()

    def get_subset(self, indices: Sequence[int] | int) -> Self:
        """A dataset of some of the videos."""
        subset = super().get_subset(indices)
        subset._forget_too_short()
        return subset

    def _forget_too_short(self) -> None:
        # Marks go by index, and now others have the indices.
        self.too_short, self._told_too_short = SharedSet(len(self)), 0

    def load_data_list(self) -> list[dict]:
        """Reads the list, or scans the folder; checks both before anything is decoded."""
        folder = self.data_prefix['video']
        if isinstance(self._metainfo.get('classes'), str):
            # What mmengine makes of a file that is not there.
            raise VideoListError(f'no file of class names at {self._metainfo["classes"]}')
        if self.ann_file:
            entries = read_video_list(self.ann_file)
            beside = os.path.join(os.path.dirname(self.ann_file), 'classes.txt')
            if 'classes' not in self._metainfo and os.path.exists(beside):
                self._metainfo['classes'] = read_classes(beside)
        else:
            entries = self._scan(folder)
        classes = self._metainfo.get('classes')
        highest = max(entries, key=lambda entry: entry.label)
        if classes and highest.label >= len(classes):
            raise VideoListError(
                f'{self.ann_file or folder}: {highest.path!r} has label {highest.label}, '
                f'but there are {len(classes)} classes'
            )
        videos = [
            dict(filename=os.path.join(folder, path), label=label, video_id=index)
            for index, (path, label) in enumerate(entries)
        ]
        self._check_folder(videos)
        if not self.test_mode:
            self._number_recordings(videos, [entry.path for entry in entries])
        for video in videos if self.role else ():
            video['role'] = self.role
        return videos

    def _number_recordings(self, videos: list[dict], paths: list[str]) -> None:
        """Gives every video the number of its recording; logs how many there are."""
        names = name_recordings(paths, self.group, self.ann_file)
        # Not by the whole path, as a folder may lie elsewhere on another machine.
        root = os.path.basename(os.path.normpath(self.data_root or ''))
        folder = os.path.join(root, self._video_folder)
        for video, name in zip(videos, names or paths, strict=True):
            video['recording_id'] = recording_id(name, folder)
        if names is None:
            return
        alone = len(names) > 1 and len(set(names)) == 1
        self._log(
            f'{self.ann_file or self.data_prefix["video"]}: {describe_recordings(names)}'
            + ('; contrast needs another one, as keys of the same are left out' if alone else ''),
            logging.WARNING if alone else logging.INFO,
        )
        packers = [t for t in self.pipeline.transforms if hasattr(t, 'meta_keys')]
        if packers and 'recording_id' not in packers[-1].meta_keys:
            packer = type(packers[-1]).__name__
            self._log(f"{packer} needs 'recording_id' in meta_keys to tell a model of recordings")

    def _scan(self, folder: str) -> list[VideoEntry]:
        """The folder's videos, labelled by the given classes or else by the folder names."""
        try:
            entries, found = scan_videos(folder or '.', self.suffixes)
        except VideoListError as error:
            raise VideoListError(
                f'{error}; set data_root and data_prefix, or give a list as ann_file '
                f'({HOW_TO_MAKE_A_LIST})'
            ) from None
        if found:
            self._metainfo.setdefault('classes', found)
        classes = list(self._metainfo.get('classes', ()))
        unknown = sorted(set(found) - set(classes))
        if unknown:
            raise VideoListError(f'{folder}: folders {unknown} are not among the classes {classes}')
        return [
            VideoEntry(path, classes.index(found[label]) if found else label)
            for path, label in entries
        ]

    def _check_folder(self, videos: list[dict]) -> None:
        """Tells a wrong root from a few missing files by looking for some; so of what is stored."""
        looked_for = [video['filename'] for video in videos[:: max(1, len(videos) // 16)]]
        backends = (getattr(t, 'backend_args', None) for t in self.pipeline.transforms)
        if any(backends) or '://' in looked_for[0]:
            return  # they are not in the file system
        if not any(os.path.exists(path) for path in looked_for):
            raise VideoListError(
                f'{self.ann_file}: its videos are not where data_root={self.data_root!r} and '
                f"data_prefix's video={self.data_prefix['video']!r} point; looked for "
                f'{looked_for[0]!r} and {len(looked_for) - 1} more; correct these, or '
                f'{HOW_TO_MAKE_A_LIST}'
            )
        check_stored_files(
            self.pipeline.transforms, looked_for, self.data_root or '', self.data_prefix['video']
        )

    def filter_data(self) -> list[dict]:
        """With ``skip_bad``, opens every video and drops those that fail."""
        if not self.skip_bad:
            return self.data_list
        bad = find_bad_videos([video['filename'] for video in self.data_list])
        for path, cause in bad.items():
            self._log(f'skipped {path}: {cause}')
        if len(bad) == len(self.data_list):
            raise BadVideosError(f'none of the {len(bad)} videos of {self.ann_file} can be read')
        return [video for video in self.data_list if video['filename'] not in bad]

    def get_cat_ids(self, idx: int) -> list[int]:
        """The class of a video, for class-balanced sampling."""
        return [self.get_data_info(idx)['label']]

    def prepare_data(self, idx: int) -> Any:
        """Runs the pipeline on a video and closes its reader whatever happens."""
        results = self.get_data_info(idx)
        results |= dict(data_root=self.data_root or '', video_root=self.data_prefix['video'])
        try:
            return self.pipeline(results)
        finally:
            reader = results.pop('video_reader', None)
            if reader is not None:
                reader.close()

    def __getitem__(self, idx: int) -> Any:
        """The packed sample of a video, drawn for the current seed and epoch."""
        if not -len(self) <= idx < len(self):
            raise IndexError(f'index {idx} is out of range for {len(self)} videos')
        idx = int(idx) % len(self)
        seed, epoch = self._seed_and_epoch.values.tolist()
        with seeded_generators(seed, epoch, idx) if seed != _NO_SEED else nullcontext():
            return self._test_sample(idx) if self.test_mode else self._train_sample(idx)

    def _test_sample(self, idx: int) -> Any:
        try:
            sample = self.prepare_data(idx)
        except VideoError as error:
            error.add_note(
                'A test must not leave out a video in silence; skip_bad=True leaves out '
                'the unreadable ones beforehand and logs them.'
            )
            raise
        if sample is None:
            raise BadVideosError(
                f'the pipeline returned nothing for {self.get_data_info(idx)["filename"]}'
            )
        return sample

    def _train_sample(self, idx: int) -> Any:
        failed = 0
        while failed <= self.max_retries:
            if idx not in self.too_short:
                before, cause = GeneratorStates.now(), 'the pipeline returned nothing'
                try:
                    sample = self.prepare_data(idx)
                except VideoTooShortError as error:
                    self._leave_out(idx, error)
                    # Nothing is drawn for it once it is known: the stand-in must not differ.
                    before.restore()
                    continue
                except VideoError as error:
                    sample, cause = None, f'{type(error).__name__}: {error.reason}'
                if sample is not None:
                    self.failures.success()
                    return sample
                self._count_failure(self.get_data_info(idx)['filename'], cause)
                failed += 1
            elif len(self.too_short) == len(self):
                raise BadVideosError(
                    f'all {len(self)} videos are too short for the pipeline, such as '
                    f'{self.get_data_info(idx)["filename"]}; ask for shorter or fewer clips'
                )
            idx = random.randrange(len(self))
        raise BadVideosError(
            f'gave up after {failed} videos in a row that could not be read; '
            + self.failures.describe()
        )

    def _leave_out(self, idx: int, error: VideoTooShortError) -> None:
        if not len(self.too_short):
            self._log(f'leaves out videos that are too short, the first being {error}')
        self.too_short.add(idx)

    def _count_failure(self, path: str, cause: str) -> None:
        if self.failures.failure(path, cause):
            self._log(f'cannot use {path}: {cause}')
        tally = self.failures
        if tally.tried >= self.min_tried and tally.failed_share > self.max_failed_share:
            raise BadVideosError(
                f'more than max_failed_share={self.max_failed_share:.0%} of the samples could not '
                f'be read; {tally.describe()}'
            )

    @staticmethod
    def _log(message: str, level: int = logging.WARNING) -> None:
        print_log(message, logger='current', level=level)
