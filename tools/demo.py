"""The main job in minutes on a CPU: pretrains on compressed video, evaluates retrieval.

    python tools/demo.py                              # MVCGC on the embedded MotionPrimitives
    python tools/demo.py --videos /path/to/videos     # on your own folder
    python tools/demo.py --config configs/context_motion/context_motion_demo.py

The table compares R@1 of the network before and after pretraining. Where the folder's sub-folders
are classes, held-out videos look for training videos of their class. Without classes, the second
half of each video looks for the first half of the same video.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

import ssvrl_mm  # noqa: F401 - arranges the workarounds for upstream defects
from ssvrl_mm.datasets import (
    VideoEntry,
    VideoListError,
    find_bad_videos,
    scan_videos,
    split_by_ratio,
    write_video_list,
)
from ssvrl_mm.engine.launch import default_work_dir
from ssvrl_mm.engine.loader_workers import named_workers, settle_workers
from ssvrl_mm.engine.work_dir import WorkDirError, claim_for_demo, clear
from ssvrl_mm.evaluation.retrieval import ROW_NAMES

CONFIG = Path(__file__).resolve().parents[1] / 'configs/mvcgc/demo.py'
LEAST_VIDEOS = 8

OWN_VIDEOS = """# The demo on a folder of videos; `tools/train.py` takes this file too.
_base_ = [{base!r}]

own = dict(
    type='CompressedVideoDataset',
    data_prefix=dict(video={videos!r}),
    reader_options=_base_.train_dataloader.dataset.reader_options,
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
del own, part_of

# As many steps as for the embedded dataset, whatever the size of the folder.
train_cfg = dict(max_epochs={epochs})
param_scheduler = [dict(type='CosineAnnealingLR', T_max={epochs}, convert_to_iter_based=True)]
"""
OWN_STAGES = """model = dict(stages={stages}, head=dict(queue_length={queue}))
"""


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--config', type=Path, default=CONFIG, help='demo of another method')
    parser.add_argument('--videos', type=Path, help='folder of your own videos')
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='folder of the figures, checkpoints and logs (default: work_dirs/demo, '
        'work_dirs/demo_videos with --videos, that of its config with --config)',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='override the config'
    )
    args = parser.parse_args()
    if args.work_dir is None:
        if args.config == CONFIG:
            args.work_dir = Path('work_dirs/demo')
        else:
            args.work_dir = Path(default_work_dir(args.config))
        if args.videos:
            args.work_dir = args.work_dir.with_name(f'{args.work_dir.name}_videos')
    return args


def readable_videos(folder: Path) -> tuple[list[VideoEntry], list[str]]:
    """The videos of a folder that can be read, and its classes; reports the others."""
    entries, classes = scan_videos(folder)
    bad = find_bad_videos([folder / entry.path for entry in entries])
    for path, cause in bad.items():
        print(f'left out {path}: {cause}', file=sys.stderr)
    entries = [entry for entry in entries if str(folder / entry.path) not in bad]
    if len(entries) < LEAST_VIDEOS:
        raise VideoListError(
            f'{len(entries)} readable videos under {folder}; the demo needs {LEAST_VIDEOS}'
        )
    return entries, classes


def write_config(demo: Path, videos: Path, work_dir: Path) -> Path:
    """Writes lists and a config for the user's own folder.

    Args:
        demo: Config of the demo on the embedded dataset.
        videos: Folder of videos, searched recursively.
        work_dir: Where lists and config go.

    Returns:
        The config file.

    Raises:
        VideoListError: Too few videos can be read.
    """
    entries, classes = readable_videos(videos)
    train, test = split_by_ratio(entries, 0.25, seed=0) if len(classes) > 1 else ([], [])
    parts = ((0.0, 1.0), (0.0, 1.0))
    if train and test:
        print(f'{len(classes)} classes: {len(test)} videos look for {len(train)} others')
    else:
        print(f'no classes: second halves of {len(entries)} videos look for first halves')
        train = test = [VideoEntry(entry.path, i) for i, entry in enumerate(entries)]
        parts = ((0.0, 0.5), (0.5, 1.0))

    work_dir.mkdir(parents=True, exist_ok=True)
    lists = {'train': work_dir / 'train_list.txt', 'test': work_dir / 'test_list.txt'}
    write_video_list(lists['train'], train)
    write_video_list(lists['test'], test)
    base = Config.fromfile(demo)
    batch_size = min(base.train_dataloader.batch_size, len(train) // 2)
    steps_per_epoch = base.steps_per_epoch
    epochs = max(2, round(base.train_cfg.max_epochs * steps_per_epoch / (len(train) // batch_size)))
    text = OWN_VIDEOS.format(
        base=str(demo.resolve()),
        videos=str(videos.resolve()),
        train=str(lists['train'].resolve()),
        test=str(lists['test'].resolve()),
        batch_size=batch_size,
        gallery_part=parts[0],
        query_part=parts[1],
        epochs=epochs,
    )
    if 'stages' in base.model:
        share = epochs / base.train_cfg.max_epochs
        text += OWN_STAGES.format(
            stages=[(round(share * first), stage) for first, stage in base.model.stages],
            queue=min(base.model.head.queue_length, 4 * len(train)),
        )
    config = work_dir / 'own_videos.py'
    config.write_text(text)
    return config


def retrieve(runner: Runner) -> dict[str, float]:
    """Retrieval of the runner's model: ``chance``, ``queries``, and R@1 of each stream."""
    metrics = runner.test()
    recall = {
        name.removeprefix('retrieval/').removesuffix('_R@1'): value
        for name, value in metrics.items()
        if name.endswith('_R@1')
    }
    return {**recall, 'queries': metrics['retrieval/num_query']}


def summarise(before: dict[str, float], after: dict[str, float]) -> tuple[dict, str]:
    """The figures as they go to JSON, and as a table."""
    chance, queries = after['chance'], int(after['queries'])
    streams = [name for name in after if name not in ('chance', 'queries')]
    figures = {
        'chance': chance,
        'queries': queries,
        'before': {name: before[name] for name in streams},
        'after': {name: after[name] for name in streams},
    }
    lines = [
        f'Retrieval R@1 in per cent over {queries} queries (chance {100 * chance:.1f})',
        f'{"":<8}{"before":>8}{"after":>8}{"gain":>8}{"of chance":>12}',
    ]
    for name in streams:
        first, last = before[name], after[name]
        lines.append(
            f'{ROW_NAMES.get(name, name):<8}{100 * first:>8.1f}{100 * last:>8.1f}'
            f'{100 * (last - first):>+8.1f}'
            f'{last / chance:>11.1f}x'
        )
    error = max((after[name] * (1 - after[name]) / queries) ** 0.5 for name in streams)
    lines.append(f'standard error of one figure: up to about {100 * error:.1f}')
    return figures, '\n'.join(lines)


def main() -> None:
    """Runs the demo."""
    args = parse_args()
    try:
        claim_for_demo(args.work_dir)
        config = args.config
        if args.videos:
            config = write_config(args.config, args.videos, args.work_dir)
    except (VideoListError, WorkDirError) as error:
        sys.exit(f'error: {error}')
    cfg = Config.fromfile(config)
    cfg.work_dir = str(args.work_dir)
    cfg.randomness.seed = args.seed
    cfg.merge_from_dict(args.cfg_options)
    # The two evaluations around the training are enough.
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None

    settle_workers(cfg)
    # Threads that share a core with the loader's worker wait more than they compute.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - cfg.train_dataloader.num_workers))

    clear(args.work_dir)
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()
    with named_workers():
        before = retrieve(runner)
        runner.train()
        after = retrieve(runner)

    figures, table = summarise(before, after)
    path = args.work_dir / 'retrieval.json'
    path.write_text(json.dumps(figures, indent=2) + '\n')
    print(f'\n{table}\n\nfigures: {path}\ncheckpoint and logs: {args.work_dir}')


if __name__ == '__main__':
    main()
