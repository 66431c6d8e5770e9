"""What happens between the command line and the Runner: launchers, checks, what every run has."""

import argparse
import gc
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log

from ssvrl_mm.command_line import add_arguments, default_work_dir, tool_command  # noqa: F401
from ssvrl_mm.config_files import ConfigReadError, read_config
from ssvrl_mm.engine.checkpoint_files import CheckpointFileError
from ssvrl_mm.engine.config_checks import OptionsError, check_keys, merge_options
from ssvrl_mm.engine.hooks.training_amount import NothingToTrainError
from ssvrl_mm.engine.loader_workers import settle_workers
from ssvrl_mm.engine.model_wrapper import settle_wrapper, why_not_static
from ssvrl_mm.engine.starting_points import (
    fetch_checkpoints,
    named_checkpoints,
)
from ssvrl_mm.engine.work_dir import WorkDirError
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.wrapping import innermost_datasets, walk_datasets
from ssvrl_mm.zoo import ModelNotFoundError, ZooError, find_model
from ssvrl_mm.zoo.checkpoint_names import is_model_name

# Datasets with a tool and a page of their own, by the folder that configs give them.
_PREPARED = ('hmdb51', 'kinetics400', 'sthv2', 'ucf101')

# Folders of videos that are encoded anew from `videos` beside them, by the preset and options that
# do it.
_REENCODED = {'gop12': 'mpeg4-gop12', 'gop12_30fps': 'mpeg4-gop12 --fps 30'}

# Where each launcher tells a process its rank, its rank on the node and the number of processes.
_RANK_VARIABLES = {
    'pytorch': ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'),
    'slurm': ('SLURM_PROCID', 'SLURM_LOCALID', 'SLURM_NTASKS'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_SIZE'),
}

#: Hooks of every run, by their names in ``default_hooks``; configs of ours name them themselves.
SAFETY_HOOKS = {
    'strict_checkpoint': 'StrictCheckpointHook',
    'training_amount': 'TrainingAmountHook',
    'finite_loss': 'FiniteLossHook',
}


class LaunchError(Exception):
    """A run cannot start; the message says what is missing and what to do."""


def load_config(args: argparse.Namespace, *needed: str) -> Config:
    """Reads the config file and applies ``--cfg-options`` and ``--work-dir``.

    Args:
        args: Parsed arguments, those of :func:`add_arguments` among them.
        needed: What a config must have for this besides ``model``.

    Returns:
        The config, with a ``work_dir``. A file that is no config ends the process, or has not what
        is needed; and so do an option that nothing reads, and a choice by the environment that the
        config does not have.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    with in_words(args.launcher):
        cfg = _read_config(args.config)
        missing = [key for key in ('model', *needed) if cfg.get(key) is None]
        if missing:
            raise LaunchError(
                f'{args.config} has no {" and no ".join(missing)}: it is a part of configs, as '
                'those of configs/_base_ are, or is for something else'
            )
    if args.cfg_options is not None:
        with in_words(args.launcher):
            merge_options([cfg], args.cfg_options)
    # A config may have variables of its own: what only looks misspelt ends no run.
    for message in check_keys(cfg) if is_first_process(args.launcher) else ():
        print_log(f'{args.config}: {message}', level=logging.WARNING)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(args.config)
    return cfg


def _read_config(path: str) -> Config:
    """The config of a file.

    Raises:
        LaunchError: A variable of the environment names a choice that the config does not have.
    """
    try:
        return read_config(path)
    except KeyError as error:
        for name, value in os.environ.items():
            if name.startswith('SSVRL_') and error.args == (value,):
                raise LaunchError(
                    f'{name}={value}: there is no such choice in {path}; docs/finetuning.md lists '
                    'those of SSVRL_TEST_PROTOCOL, docs/data.md those of SSVRL_FLOW'
                ) from error
        raise


def prepare(cfg: Config, args: argparse.Namespace, dataloaders: Sequence[str]) -> None:
    """Checks what a run needs, then sets up its launcher; ends the process where it cannot start.

    Loaders get what their workers need, and the run the hooks of :func:`add_safety`. With
    ``--check-only`` the process ends here in any case.

    Args:
        cfg: Config of the run; what the launcher needs is written.
        args: Parsed arguments, those of :func:`add_arguments` among them.
        dataloaders: Names of the dataloaders the run uses.
    """
    with in_words(args.launcher):
        check_files(cfg, dataloaders)
        check_presets(cfg, dataloaders)
        fetch_checkpoints(cfg, dataloaders)
        if args.check_only is not None:
            check_devices(args.check_only)
            sys.exit()
        add_safety(cfg)
        settle_workers(cfg)
        setup_launcher(cfg, args.launcher)


@contextmanager
def in_words(launcher: str) -> Iterator[None]:
    """Ends the process with a message alone where a run cannot start, without a traceback.

    Args:
        launcher: As given on the command line. The processes of a distributed run fail alike: the
            first one says why.
    """
    try:
        yield
    except (
        CheckpointFileError, ConfigReadError, LaunchError, NothingToTrainError, OptionsError,
        WeightsError, WorkDirError, ZooError,
    ) as error:  # fmt: skip
        sys.exit(f'error: {error}' if is_first_process(launcher) else 1)


def is_first_process(launcher: str) -> bool:
    """Whether this is the process of rank 0, before there is a process group."""
    rank_variable = _RANK_VARIABLES.get(launcher, [''])[0]
    return os.environ.get(rank_variable, '0') == '0'


def check_devices(num_processes: int) -> None:
    """Checks that every process of this node gets a CUDA device of its own.

    Args:
        num_processes: Processes on this node. On a node without CUDA any number will do.

    Raises:
        LaunchError: There are fewer devices than processes.
    """
    num_devices = torch.cuda.device_count()
    if 0 < num_devices < num_processes:
        raise LaunchError(
            f'{num_processes} processes were asked for on a node with {num_devices} CUDA '
            f'device(s): every process needs its own. Start at most {num_devices}, or set '
            'CUDA_VISIBLE_DEVICES="" to train on the CPU.'
        )


def setup_launcher(cfg: Config, launcher: str) -> None:
    """Prepares a config, and on a machine without CUDA the process group, for a launcher.

    mmengine starts processes with NCCL and binds each to a CUDA device. Without CUDA the group is
    made here with gloo.

    Args:
        cfg: Config of the run; ``launcher`` and ``model_wrapper_cfg`` are written.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        LaunchError: A variable the launcher should set is missing, there are too few devices, or
            the model cannot be wrapped as its config says.
    """
    cfg.launcher = launcher
    if launcher == 'none':
        return
    missing = [name for name in _RANK_VARIABLES[launcher] if name not in os.environ]
    if missing:
        raise LaunchError(f'--launcher {launcher} was given, but {missing} are not set')
    rank, local_rank, world_size = (os.environ[name] for name in _RANK_VARIABLES[launcher])
    check_devices(int(os.environ.get('LOCAL_WORLD_SIZE', int(local_rank) + 1)))
    settle_wrapper(cfg)
    static = why_not_static(cfg)
    if static:
        raise LaunchError(static)
    if torch.cuda.is_available():
        return
    os.environ.update(RANK=rank, LOCAL_RANK=local_rank, WORLD_SIZE=world_size)
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host() if launcher == 'slurm' else '127.0.0.1'
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')


def finish() -> None:
    """Ends the process group of a run that came to its end, if it has one.

    A process that exits with a group of gloo still up may be aborted by a thread of it.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        # The wrapper of the model holds the group too, and the runner's hooks hold the runner.
        gc.collect()
        torch.distributed.destroy_process_group()


def _first_slurm_host() -> str:
    """The host of the first task of a SLURM job."""
    command = ['scontrol', 'show', 'hostname', os.environ['SLURM_NODELIST']]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]


def check_presets(cfg: Config, dataloaders: Sequence[str]) -> None:
    """Checks, before anything is decoded, that retrieval gets the clips its preset compares.

    Args:
        cfg: Config of the run.
        dataloaders: Names of the dataloaders that will be used.

    Raises:
        LaunchError: The preset is ``'vcop'``, which searches clip by clip, or ``'coclr'``, which
            scales each clip to length one, but the model averages the clips of a video; or there
            is one clip only under ``'vcop'``, or more than one of a gallery video under
            ``'coclr'``.
    """
    for name in dataloaders:
        evaluators = cfg.get(name.replace('_dataloader', '_evaluator')) or []
        evaluators = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
        presets = {evaluator.get('preset') for evaluator in evaluators}
        averaged = cfg.model.get('average_clips', True)
        steps = [
            (dataset.get('role'), step)
            for dataset in innermost_datasets((cfg.get(name) or {}).get('dataset'))
            for step in dataset.get('pipeline') or ()
            if step['type'].rpartition('.')[2].startswith('Sample')
        ]
        changes = ['model.average_clips=False'] if averaged else []
        if any(step.get('num_clips', 1) < 2 for _, step in steps):
            changes.append(f'num_clips of {steps[0][1]["type"]} in {name} above 1')
        if 'vcop' in presets and changes:
            raise LaunchError(
                f"the preset 'vcop' searches clip by clip: set {' and '.join(changes)}"
            )
        several = any(r == 'gallery' and step.get('num_clips') != 1 for r, step in steps)
        if 'coclr' in presets and (averaged or several):
            raise LaunchError(
                "the preset 'coclr' compares a moving window with one random clip of each gallery "
                'video: take the clips of configs/_base_/datasets/ucf101_coclr_retrieval.py (or '
                'hmdb51_coclr_retrieval.py) and set model.average_clips=False, as the configs '
                'benchmarks/*_retrieval_*_coclr.py do'
            )


def add_safety(cfg: Config) -> None:
    """Adds the hooks that no run of our tools is without, whatever its config inherits.

    A config that names one of them has its say, ``ignore`` of ``strict_checkpoint`` for instance;
    None leaves it out.

    Args:
        cfg: Config of the run, changed in place.
    """
    if not cfg.get('default_hooks'):
        cfg.default_hooks = {}
    hooks = cfg.default_hooks
    for name, kind in SAFETY_HOOKS.items():
        hooks.setdefault(name, {'type': f'ssvrl_mm.{kind}'})
        if hooks[name] is None:  # mmengine takes None for its own hooks alone
            del hooks[name]
    checkpoint = hooks.get('checkpoint', {})
    if checkpoint is not None and checkpoint.get('type', 'CheckpointHook') == 'CheckpointHook':
        hooks.checkpoint = {**checkpoint, 'type': 'ssvrl_mm.CheckpointHook'}


def check_files(cfg: Config, dataloaders: Sequence[str]) -> None:
    """Checks, before anything is built, that the files a run starts from exist.

    Args:
        cfg: Config of the run.
        dataloaders: Names of the dataloaders that will be used, for example
            ``['train_dataloader', 'val_dataloader']``.

    Raises:
        LaunchError: Data lists, folders of videos or the checkpoint are missing. One message
            names all of them and tells how to provide them. Or a folder holds other
            MotionPrimitives than the run asks for.
    """
    missing: dict[str, str] = {}
    roots: dict[Path, None] = {}
    encoded: dict[Path, str] = {}
    for name in dataloaders:
        for dataset in walk_datasets((cfg.get(name) or {}).get('dataset')):
            _check_embedded(dataset)
            for kind, path in _dataset_paths(dataset):
                if not path.exists():
                    missing.setdefault(f'  {kind:<10} {path.absolute()}', name)
                    if path.name in _REENCODED:
                        encoded[path] = _REENCODED[path.name]
                    else:
                        roots[Path(dataset.get('data_root') or '')] = None
    lines = [f'{line}  ({name})' for line, name in missing.items()]
    for checkpoint, source in named_checkpoints(cfg, dataloaders):
        if '://' in checkpoint or Path(checkpoint).exists():
            continue
        where = str(Path(checkpoint).absolute())
        if is_model_name(checkpoint):
            try:
                find_model(checkpoint)
                continue
            except ModelNotFoundError as error:
                where = f'{where}: {error}'
        lines.append(f'  checkpoint {where}  ({source})')
    if any(line.endswith('(init_cfg)') for line in lines):
        lines.append(
            'Networks start from weights of another run: the environment variable SSVRL_PRETRAINED '
            'names its checkpoint, as docs/finetuning.md shows; SSVRL_VIEWS that of a generator of '
            'views, SSVRL_EXTRACTOR that of the network that it is trained against.'
        )
    lines += [
        f'`python -m ssvrl_mm.video transcode {path.with_name("videos")} {path} --preset {preset}` '
        f'writes {path}, the videos encoded anew.'
        for path, preset in encoded.items()
    ]
    if roots:
        # Imports all of mmaction2, which whoever has the data need not wait for here.
        from ssvrl_mm.datasets.video_list import HOW_TO_MAKE_A_LIST

        lines += [
            f'`{tool_command(f"data/{root.name}/prepare.py")} --out {root}` writes the lists of '
            f'{root.name} from archives or folders of videos; with --print-commands it tells how '
            f'to download them, and docs/datasets/{root.name}.md says more.'
            for root in roots
            if root.name in _PREPARED
        ]
        lines += [
            f'A data list holds one `path label` line per video; {HOW_TO_MAKE_A_LIST}.',
            'Data kept elsewhere: set the environment variable SSVRL_DATA (default: data), or '
            'write a config that names its lists and folders, as docs/training.md shows.',
        ]
    if lines:
        source = cfg.filename or 'this config'
        raise LaunchError('\n'.join([f'{source} needs files that do not exist:', *lines]))


def _check_embedded(dataset: dict) -> None:
    """Whether the folder of MotionPrimitives, which are written where there is none, is theirs."""
    kind = str(dataset.get('dataset_type') or dataset.get('type'))
    if kind.rpartition('.')[2] != 'MotionPrimitives' or not dataset.get('data_root'):
        return
    from ssvrl_mm.datasets.motion_primitives import MotionPrimitivesError, check_motion_primitives

    try:
        check_motion_primitives(dataset['data_root'], dataset.get('spec'))
    except MotionPrimitivesError as error:
        raise LaunchError(str(error)) from None


def _dataset_paths(dataset: dict) -> Iterator[tuple[str, Path]]:
    """The data list and the folders of a dataset, joined as mmengine's ``BaseDataset`` does."""
    root = dataset.get('data_root') or ''
    if dataset.get('ann_file'):
        yield 'data list', Path(root, dataset['ann_file'])
    for prefix in (dataset.get('data_prefix') or {}).values():
        if isinstance(prefix, str) and prefix and '://' not in prefix:
            yield 'videos', Path(root, prefix)
