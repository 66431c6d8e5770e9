"""Facts about the videos that a run trained and tested with."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmengine.config import Config

from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.datasets import VideoListError
from ssvrl_mm.report.network import check_there
from ssvrl_mm.video import CompressedVideoReader, VideoError
from ssvrl_mm.video.motion.vectors import plan_motion
from ssvrl_mm.video.tools.health import VideoHealth, inspect_videos
from ssvrl_mm.wrapping import innermost_datasets

_LOADERS = {'training': 'train_dataloader', 'test': 'test_dataloader'}


@dataclass
class DataHealth:
    """What a look at the videos says.

    Attributes:
        lists: Purpose ('training', 'test, query', ...) -> the lists of its videos.
        looked_at: The files that were looked into.
        healths: What they are made of.
        origins: Origin of motion -> how many of their frames have it.
        motion: How the run reads motion, in the reader's words; '' where it reads none.
        missing: Purpose -> why its videos are not there.
    """

    lists: dict[str, list[VideoSource]] = field(default_factory=dict)
    looked_at: list[str] = field(default_factory=list)
    healths: list[VideoHealth] = field(default_factory=list)
    origins: dict[str, int] = field(default_factory=dict)
    motion: str = ''
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Videos of all lists, one that is on several of them once."""
        sources = [source for lists in self.lists.values() for source in lists]
        return len({(source.root, path) for source in sources for path, _ in source.entries})


def look_at_data(cfg: Config, number: int, workers: int = 2) -> DataHealth:
    """Looks into some videos of each list of a run, evenly spread over it.

    Args:
        cfg: Config of the run.
        number: How many videos at most, of all lists together; 0: none.
        workers: Processes.
    """
    found = DataHealth()
    paths: list[str] = []
    options: Mapping[str, Any] = {}
    for purpose, loader in _LOADERS.items():
        datasets = innermost_datasets((cfg.get(loader) or {}).get('dataset'))
        if not datasets:
            found.missing[purpose] = f'the config has no {loader}'
            continue
        try:
            for dataset in datasets:
                check_there(dataset)
            lists = [
                (dataset.get('role'), VideoSource.from_dataset(dataset)) for dataset in datasets
            ]
        except (KeyError, OSError, TypeError, ValueError, VideoListError) as error:
            found.missing[purpose] = str(error)
            continue
        for role, source in lists:
            found.lists.setdefault(f'{purpose}, {role}' if role else purpose, []).append(source)
        options = options or reader_options(datasets[0])
        paths += [
            os.path.join(source.root, path) for _, source in lists for path, _ in source.entries
        ]
    paths = list(dict.fromkeys(paths))
    places = np.linspace(0, len(paths) - 1, min(number, len(paths))).astype(int)
    found.looked_at = [paths[place] for place in dict.fromkeys(places.tolist())]
    if found.looked_at:
        healths = dict(inspect_videos(found.looked_at, workers=min(workers, len(found.looked_at))))
        found.healths = [healths[row] for row in range(len(found.looked_at))]
        readable = [health for health in found.healths if health.readable]
        found.origins = motion_origins([health.path for health in readable], options)
    found.motion = ', '.join(f'{name}={value!r}' for name, value in options.items())
    return found


def reader_options(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """How a dataset's videos have their motion read: options of the reader, its defaults too."""
    steps = [step for step in dataset.get('pipeline') or () if isinstance(step, Mapping)]
    given: dict[str, Any] = {}
    for step in steps:
        if str(step.get('type')).endswith('OpenCompressedVideo'):
            given.update(step)
    given.update(dataset.get('reader_options') or {})
    defaults = {'motion': 'codec', 'iframe_motion': 'hold'}
    return {name: given.get(name, default) for name, default in defaults.items()}


def motion_origins(paths: Sequence[str], options: Mapping[str, Any]) -> dict[str, int]:
    """Where the motion of frames comes from, by the headers of their pictures alone.

    Args:
        paths: Videos that can be read.
        options: Of the reader: ``motion`` and ``iframe_motion``.

    Returns:
        Origin -> number of frames; 'not known' of videos whose headers do not tell the types.
    """
    counts: Counter[str] = Counter()
    for path in paths:
        try:
            with CompressedVideoReader(path, on_size_change='resize') as reader:
                types = reader.get_frames_at(range(len(reader)), streams=()).frame_types
                facts = reader.metadata
        except VideoError:  # of which its health speaks
            continue
        if options['motion'] == 'estimate' or not facts.exports_motion:
            counts['none' if options['motion'] == 'codec' else 'estimated'] += len(types)
        elif '?' in types:
            counts['not known'] += len(types)
        else:
            plan = plan_motion(types, facts.codec, options['iframe_motion'])
            counts.update(plan.origins.tolist())
    return dict(counts.most_common())
