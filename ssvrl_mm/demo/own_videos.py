"""The demo on somebody's own folder: which videos, who looks for whom, and the config of it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ssvrl_mm.datasets import (
    VideoEntry,
    VideoListError,
    find_bad_videos,
    scan_videos,
    split_by_group,
    split_by_ratio,
    write_video_list,
)
from ssvrl_mm.demo.summary import Target
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import CompressedVideoReader, VideoTooShortError

LEAST_VIDEOS = 8
_TEST_RATIO = 0.25
_NAMED = 5  # broken files named on the console

_CONFIG = """# The demo on a folder of videos; `tools/train.py` takes this file too.
_base_ = [{base!r}]

own = dict(
    type='CompressedVideoDataset',
    data_prefix=dict(video={videos!r}),
    reader_options={reader_options},
)
train_dataloader = dict(
    batch_size={batch_size},
    dataset=dict(
        _delete_=True,
        ann_file={train!r},
        streams=_base_.train_dataloader.dataset.streams,
        pipeline=_base_.train_pipeline,
        **own,
    ),
)


def part_of(begin, end):
    return [
        dict(step, part=(begin, end)) if step.type.startswith('Sample') else step
        for step in _base_.test_pipeline
    ]


own.update(type='RetrievalDataset', streams=_base_.test_dataloader.dataset.streams)
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        gallery=dict(ann_file={train!r}, pipeline=part_of{gallery_part}),
        query=dict(ann_file={test!r}, pipeline=part_of{query_part}),
        **own,
    )
)
val_dataloader = test_dataloader
val_evaluator = test_evaluator = {evaluator}
del own, part_of

# As many steps as for the embedded dataset, whatever the size of the folder.
train_cfg = dict(max_epochs={epochs})
param_scheduler = [dict(type='CosineAnnealingLR', T_max={epochs}, convert_to_iter_based=True)]
"""
_STAGES = """model = dict(stages={stages}, head=dict(queue_length={queue}))
"""


@dataclass
class OwnVideos:
    """The demo's view of a folder.

    Attributes:
        config: The config file.
        target: What a video looks for.
        said: What people should know of the split, line by line.
    """

    config: Path
    target: Target
    said: list[str] = field(default_factory=list)


def readable_videos(folder: Path, report: Path) -> tuple[list[VideoEntry], list[str], list[str]]:
    """The videos of a folder that can be read, its classes, and what to say about the others."""
    entries, classes = scan_videos(folder)
    bad = find_bad_videos([folder / entry.path for entry in entries])
    entries = [entry for entry in entries if str(folder / entry.path) not in bad]
    lines = [f'left out {path}: {cause}' for path, cause in bad.items()]
    if len(entries) < LEAST_VIDEOS:
        few = f'{len(entries)} readable videos under {folder}; the demo needs {LEAST_VIDEOS}'
        raise VideoListError('\n  '.join([few, *lines[:_NAMED]]))
    if len(lines) > _NAMED:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text('\n'.join(lines) + '\n')
        lines = [*lines[:_NAMED], f'left out {len(lines) - _NAMED} more: {report}']
    return entries, classes, lines


def motion_options(
    base: Config, folder: Path, entries: list[VideoEntry]
) -> tuple[dict[str, str], list[str]]:
    """What the reader needs beside the options of a config where videos have no vectors.

    Args:
        base: The config; its reader gives vectors alone.
        folder: Folder of the videos.
        entries: The videos.

    Returns:
        The options, none where all videos export their vectors or nobody asks for motion; and
        what to say, line by line.
    """
    loaders = (base.train_dataloader.dataset, base.test_dataloader.dataset)
    streams = {stream for dataset in loaders for stream in dataset.streams}
    given = loaders[0].reader_options
    by_vectors = given.get('flow_method') == 'vectors'
    of_vectors = {'motion', 'residual', *(['flow'] if by_vectors else [])}
    if not streams & of_vectors:
        return {}, []
    codecs: Counter[str] = Counter()
    for entry in entries:
        with CompressedVideoReader(folder / entry.path) as reader:
            if not reader.metadata.exports_motion:
                codecs[reader.metadata.codec] += 1
    if not codecs:
        return {}, []
    options = {'motion': 'auto'}
    what = 'their motion is estimated'
    if by_vectors and 'flow' in streams:
        # Flow of one kind for all, or videos would be told apart by it.
        options['flow_method'] = 'dis'
        what = 'optical flow is computed for all videos'
    return options, [
        f'{codecs.total()} of {len(entries)} videos give no motion vectors away '
        f'({", ".join(sorted(codecs))}): {what}, which is slower than reading it; '
        'python -m ssvrl_mm.video transcode makes H.264 of them'
    ]


def _split(
    entries: list[VideoEntry], classes: list[str], group: str | None
) -> tuple[list[VideoEntry], list[VideoEntry], list[str]]:
    """Training and test videos, both empty where no class can hold any out; and what to say."""
    if len(classes) < 2:
        return [], [], ['no classes, so that the pattern of groups does nothing'] if group else []
    if group is None:
        train, test = split_by_ratio(entries, _TEST_RATIO, seed=0)
        said = [
            'the split is random: the same people or scenes may be on both sides, which flatters '
            "the figures; GROUP='PATTERN' (--group) keeps together what belongs together"
        ]
        return (train, test, said) if test else ([], [], [])
    train, test = split_by_group(entries, group, [], _TEST_RATIO, seed=0)
    if not train or not test:
        raise VideoListError(
            f"the pattern of groups '{group}' puts too many of the {len(entries)} videos into one "
            'group: none are left to hold out'
        )
    known = {entry.label for entry in train}
    lost = sum(entry.label not in known for entry in test)
    said = [f"groups by '{group}': none is on both sides of the split"]
    if lost:
        said.append(f'{lost} of the {len(test)} queries have no training video of their class')
    return train, test, said


def _evaluator(evaluator: Any, gallery: int) -> str:
    """The demo's metrics as its config has them, but for k beyond the gallery, and its classes."""
    if not isinstance(evaluator, list | tuple):
        return f'dict(topk={[k for k in evaluator.topk if k <= gallery]})'
    parts = []
    for i, metric in enumerate(evaluator):
        changes = []
        if 'topk' in metric:
            changes.append(f'topk={[k for k in metric.topk if k <= gallery]}')
        if 'groups' in metric:
            changes.append('groups=None')
        own = f'_base_.test_evaluator[{i}]'
        parts.append(f'dict({", ".join([own, *changes])})' if changes else own)
    return f'[{", ".join(parts)}]'


def _with_parts(
    entries: list[VideoEntry],
    folder: Path,
    base: Config,
    parts: tuple[tuple[float, float], ...],
    options: dict[str, str],
) -> tuple[list[VideoEntry], list[str]]:
    """The videos of which each part is long enough for the test's clips, and what is left out."""
    pipeline = base.test_pipeline
    (place,) = (n for n, step in enumerate(pipeline) if step.type.startswith('Sample'))
    openers = [TRANSFORMS.build(step) for step in pipeline[:place]]
    samplers = [TRANSFORMS.build(dict(pipeline[place], part=part)) for part in parts]
    streams = base.test_dataloader.dataset.streams
    reading = dict(base.train_dataloader.dataset.reader_options, **options)
    kept, lines = [], []
    for entry in entries:
        path = str(folder / entry.path)
        results = dict(filename=path, streams=streams, reader_options=reading)
        for step in openers:
            results = step(results)
        with results['video_reader']:
            try:
                for step in samplers:
                    step(dict(results))
                kept.append(entry)
            except VideoTooShortError as error:
                lines.append(f'left out {error}')
    if len(lines) > _NAMED:
        lines = [*lines[:_NAMED], f'left out {len(lines) - _NAMED} more that are too short']
    if len(kept) < LEAST_VIDEOS:
        few = f'{len(kept)} videos under {folder} can be cut in two; the demo needs {LEAST_VIDEOS}'
        raise VideoListError('\n  '.join([few, *lines]))
    return kept, lines


def write_config(demo: Path, videos: Path, work_dir: Path, group: str | None = None) -> OwnVideos:
    """Writes lists and a config for somebody's own folder.

    Args:
        demo: Config of the demo on the embedded dataset.
        videos: Folder of videos, searched recursively.
        work_dir: Where lists and config go.
        group: Regular expression; videos with the same match (its first group, if it has one) are
            on the same side of the split.

    Returns:
        The config file and what goes with it.

    Raises:
        VideoListError: Too few videos can be read, or are long enough to be cut in two where there
            are no classes; or the groups allow no split.
    """
    base = Config.fromfile(demo)
    entries, classes, said = readable_videos(videos, work_dir / 'left_out.txt')
    options, about_motion = motion_options(base, videos, entries)
    train, test, more = _split(entries, classes, group)
    parts = ((0.0, 1.0), (0.0, 1.0))
    target = Target.CLASS
    if test:
        said.append(
            f'{len(entries)} videos in {len(classes)} classes: {len(test)} held-out videos look '
            f'for {len(train)} training videos'
        )
    else:
        parts, target = ((0.0, 0.5), (0.5, 1.0)), Target.HALF
        entries, short = _with_parts(entries, videos, base, parts, options)
        said += short
        why = 'no classes' if len(classes) < 2 else f'{len(classes)} classes of too few videos'
        said.append(f'{why}: the second halves of {len(entries)} videos look for the first halves')
        train = test = [VideoEntry(entry.path, i) for i, entry in enumerate(entries)]
    said += [*more, *about_motion]
    reader_options = '_base_.train_dataloader.dataset.reader_options'
    if options:
        reader_options = f'dict({reader_options}, **{options!r})'

    work_dir.mkdir(parents=True, exist_ok=True)
    lists = {'train': work_dir / 'train_list.txt', 'test': work_dir / 'test_list.txt'}
    write_video_list(lists['train'], train)
    write_video_list(lists['test'], test)
    batch_size = min(base.train_dataloader.batch_size, len(train) // 2)
    steps_per_epoch = base.steps_per_epoch
    epochs = max(2, round(base.train_cfg.max_epochs * steps_per_epoch / (len(train) // batch_size)))
    text = _CONFIG.format(
        base=str(demo.resolve()),
        videos=str(videos.resolve()),
        reader_options=reader_options,
        train=str(lists['train'].resolve()),
        test=str(lists['test'].resolve()),
        batch_size=batch_size,
        gallery_part=parts[0],
        query_part=parts[1],
        evaluator=_evaluator(base.test_evaluator, len(train)),
        epochs=epochs,
    )
    if 'stages' in base.model:
        share = epochs / base.train_cfg.max_epochs
        text += _STAGES.format(
            stages=[(round(share * first), stage) for first, stage in base.model.stages],
            queue=min(base.model.head.queue_length, 4 * len(train)),
        )
    config = work_dir / 'own_videos.py'
    config.write_text(text)
    return OwnVideos(config, target, said)
