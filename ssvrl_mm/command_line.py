"""What the command lines of the tools share; imports neither torch nor OpenMMLab.

So ``--help`` answers at once, and a wrong argument is told before seconds of imports.
"""

import argparse
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssvrl_mm.suggestions import did_you_mean

#: Ways to start several processes.
LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')

_PACKAGE = Path(__file__).resolve().parent


class CfgOptions(argparse.Action):
    """mmengine's ``DictAction``, imported only where settings are given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Reads ``key=value`` pairs."""
        from mmengine.config import DictAction

        action = DictAction(self.option_strings, self.dest, nargs='+')
        action(parser, namespace, values, option_string)


def config_path(text: str) -> Path:
    """The type of arguments that name a config file.

    Args:
        text: As it was given.

    Raises:
        argparse.ArgumentTypeError: There is no such file; the message names those beside it, or of
            that name in folders beside it, that may have been meant.

    Example:
        >>> parser.add_argument('config', type=config_path)
    """
    path = Path(text)
    if path.is_file():
        return path
    if path.is_dir():
        raise argparse.ArgumentTypeError(f'{path} is a folder, not a config')
    folder, pattern = path.parent, '*.py'
    if not folder.is_dir():
        folder, pattern = folder.parent, f'*/{path.name}'
    there = [str(file.relative_to(folder)) for file in folder.glob(pattern)]
    meant = did_you_mean(os.path.relpath(path, folder), there)
    raise argparse.ArgumentTypeError(f'there is no config {path}' + (f'; {meant}' if meant else ''))


def add_cfg_options(parser: argparse.ArgumentParser, default: Any = None) -> None:
    """Adds ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        default=default,
        help='override settings of the config: key=value; nested keys with dots, lists as '
        'key="[a,b]" or key=a,b',
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds ``--device``, where a network runs."""
    parser.add_argument('--device', help='cpu or cuda (default: cuda if there is one)')


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Adds ``--launcher`` and the rank that some launchers give."""
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none')
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that training and testing share.

    Args:
        parser: Parser that already has ``config``.
    """
    parser.add_argument(
        '--work-dir',
        help='folder of logs and checkpoints (default: work_dirs/METHOD/NAME, the path of the '
        'config below configs/)',
    )
    add_cfg_options(parser)
    add_launcher(parser)
    parser.add_argument(
        '--check-only',
        type=int,
        metavar='PROCESSES',
        help='only check that this many processes per node could start the run',
    )


def dataset_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The arguments of the tools that prepare datasets.

    Args:
        name: Of the dataset and its folder.
        description: What ``--help`` says first.
    """
    # OpenCV and PyAV, which the other tools need not wait for here.
    from ssvrl_mm.video.tools.parallel import count_cores

    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('data', name),
        help='folder of the dataset: lists and reports go there (default: %(default)s)',
    )
    parser.add_argument('--videos', type=Path, help='folder of the videos (default: OUT/videos)')
    parser.add_argument(
        '--annotations', type=Path, help='folder of the official lists (default: OUT/annotations)'
    )
    parser.add_argument(
        '--archives', type=Path, help='folder of the official archives, to unpack them first'
    )
    parser.add_argument(
        '--check',
        nargs='?',
        const='sample',
        choices=('sample', 'full'),
        help='decode a few frames of every video (full: all frames) and leave out what fails',
    )
    parser.add_argument(
        '--subset',
        action='store_true',
        help='other numbers than the official ones, and missing videos, are no mistake',
    )
    parser.add_argument(
        '--no-checksums', action='store_true', help='do not compare the archives to known sha256'
    )
    parser.add_argument(
        '--no-link', action='store_true', help='do not link OUT/videos to the folder of --videos'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace lists made otherwise')
    parser.add_argument(
        '--workers', type=int, default=count_cores(), help='processes of --check (%(default)s)'
    )
    parser.add_argument('--quiet', action='store_true', help='no progress bars')
    parser.add_argument(
        '--print-commands',
        action='store_true',
        help='print how to download the dataset, and do nothing',
    )
    return parser


def default_work_dir(config: str | os.PathLike) -> str:
    """Where the run of a config goes: the config's path below ``configs``, without its suffix.

    Two configs never share a folder by it, so that ``--resume`` finds the checkpoints of its own.

    Args:
        config: The config file. One in no folder named ``configs`` has its name alone.

    Example:
        >>> default_work_dir('/home/me/ssvrl_mm/configs/mvcgc/s3d_k400.py')
        'work_dirs/mvcgc/s3d_k400'
    """
    file = Path(config).absolute().with_suffix('')
    # The nearest such folder: the checkout may lie in another one.
    root = next((folder for folder in file.parents if folder.name == 'configs'), file.parent)
    return Path('work_dirs', file.relative_to(root)).as_posix()


def tool_command(tool: str) -> str:
    """The command that runs a tool from where the package is installed.

    A checkout has its tools in ``tools/``. A wheel carries them in ``ssvrl_mm/.mim/tools``, where
    ``mim run`` finds them if OpenMIM is there.

    Args:
        tool: Path below ``tools/``.

    Example:
        >>> tool_command('data/kinetics400/prepare.py')
        'python tools/data/kinetics400/prepare.py'
    """
    checkout = _PACKAGE.parent / 'tools' / tool
    if checkout.exists():
        here = Path.cwd()
        inside = checkout.is_relative_to(here)
        return f'python {checkout.relative_to(here) if inside else checkout}'
    if importlib.util.find_spec('mim') is not None:
        # Two folders deep, as all datasets name their tool alike.
        parts = Path(tool).with_suffix('').parts[-2:]
        return f'mim run ssvrl_mm {":".join(parts)}'
    return f'python {_PACKAGE / ".mim" / "tools" / tool}'
