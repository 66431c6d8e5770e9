"""The arguments of the tools that publish; needs neither torch nor OpenMMLab."""

import argparse
from pathlib import Path
from typing import Any

from ssvrl_mm.packaged_files import packaged_folder


def add_publishing_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what to keep, how to write it and where."""
    parser.add_argument('--out', type=Path, help='folder to write to (default: INDEX/checkpoints)')
    parser.add_argument(
        '--index', type=Path, help='model-index.yml to write to (default: that of this checkout)'
    )
    parser.add_argument('--keep-momentum', action='store_true', help='keep momentum encoders')
    parser.add_argument('--keep-queue', action='store_true', help='keep the queue of keys')
    parser.add_argument(
        '--keep-heads', action='store_true', help='keep heads that only training uses'
    )
    parser.add_argument('--fp16', action='store_true', help='write float16, if that loses nothing')
    parser.add_argument('--safetensors', action='store_true', help='write safetensors, too')
    parser.add_argument(
        '--replace', action='store_true', help='remove the files that were published before'
    )
    parser.add_argument(
        '--device', help='what it was trained on (default: the GPU of the log, or cores)'
    )


def index_to_write(chosen: Path | None) -> Path:
    """The model index that is written to, and whose folder has the page and the checkpoints.

    Of an editable installation, what lies beside the package are links into the checkout.

    Args:
        chosen: Of the command line; None: that of the package.
    """
    return (chosen or packaged_folder() / 'model-index.yml').resolve()


def choices_of(args: argparse.Namespace, seeds: dict[str, Any] | None = None) -> Any:
    """The :class:`~ssvrl_mm.zoo.publishing.Choices` of parsed arguments.

    Args:
        args: Those of :func:`add_publishing_arguments` among them.
        seeds: The spread over seeds, where it was measured.
    """
    from ssvrl_mm.zoo.publishing import Choices

    index = index_to_write(args.index)
    return Choices(
        out=args.out or index.parent / 'checkpoints',
        index=index,
        momentum=args.keep_momentum,
        queue=args.keep_queue,
        heads=args.keep_heads,
        half=args.fp16,
        safetensors=args.safetensors,
        replace=args.replace,
        device=args.device,
        seeds=seeds,
    )


def say_published(done: Any, page: Path | None) -> None:
    """Prints what :func:`~ssvrl_mm.zoo.publishing.publish` wrote."""
    for file in done.files:
        print(f'wrote {file} ({file.stat().st_size / 1e6:.2f} MB)')
    for file in done.removed:
        print(f'removed {file}')
    print(f'{done.metafile}: {done.entry["Name"]}, {done.entry["Results"][0]["Metrics"]}')
    print(f'left out: {done.left_out or "nothing"}')
    for what in done.outdated:
        print(f'the entry no longer has {what}')
    if page is None:
        print('wrote no page: there is no model_zoo.md beside the index')
    else:
        print(f'wrote {page}')
