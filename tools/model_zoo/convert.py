"""Converts weights of other libraries to ours, and ours to theirs.

Where a file comes from is told by its names and shapes, which have to be those of a known network,
all of them: torchvision's s3d, r3d_18 and r2plus1d_18, CoCLR's S3D, mmaction2's C3D and its
ResNet3d where that is R3D, all of Context-Motion Decoupling's released code. The last lines are
what belongs into a config beside the weights.

    # to ours
    python tools/model_zoo/convert.py s3d-d76dad2f.pth weights/s3d_k400.pth
    # a checkpoint of CoCLR, whose queues have no counterpart
    python tools/model_zoo/convert.py coclr.pth.tar weights/coclr.pth --leave-out
    # the RGB network of a run of ours as torchvision has it
    python tools/model_zoo/convert.py epoch_500.pth s3d.pth --to torchvision --stream rgb \
        --leave-out

Exit status: 0 when done, 1 if the file cannot be converted, 2 for wrong arguments.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssvrl_mm.models.conversion.converting import Conversion

OURS = 'ssvrl_mm'


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', metavar='IN', help='the file to convert')
    parser.add_argument('target', metavar='OUT', help='the file to write')
    parser.add_argument(
        '--from',
        dest='origin',
        metavar='LIBRARY[:NETWORK]',
        help='where IN comes from (default: recognised, or ssvrl_mm with another --to)',
    )
    parser.add_argument(
        '--to', default=OURS, metavar='LIBRARY[:NETWORK]', help='what OUT is for (%(default)s)'
    )
    parser.add_argument(
        '--stream',
        help='name of the stream whose network it is in our file: backbone_STREAM; without it, '
        'backbone (for CoCLR: backbone_rgb)',
    )
    parser.add_argument(
        '--leave-out',
        action='store_true',
        help='leave out what is known to have no counterpart, which else is an error',
    )
    parser.add_argument(
        '--config',
        help='config of the run that IN is from, where the file does not hold it; it is run',
    )
    parser.add_argument('--force', action='store_true', help='replace OUT if it exists')
    args = parser.parse_args(argv)
    if args.origin is None and args.to != OURS:
        args.origin = OURS
    if (args.origin == OURS) == (args.to == OURS):
        parser.error(f'one of --from and --to has to be {OURS}, and the other one another library')
    return args


def summary(args: argparse.Namespace, conversion: 'Conversion') -> str:
    """What was converted, and what belongs into a config."""
    from ssvrl_mm.models.conversion.converting import left_out

    fit, meta = conversion.fit, conversion.content.get('meta', {})
    lines = [f'{args.source}: {len(fit.taken)} weights of {fit.layout.name}']
    lines.append(f'{args.target}: {", ".join(f"{prefix}*" for prefix in fit.modules)}')
    if fit.left_out:
        lines.append(f'left out: {left_out(fit)}')
    if fit.layout.note:
        lines.append(f'note: {fit.layout.note}')
    if not conversion.to_ours:
        if fit.layout.config:
            lines.append(f'backbone = {_code(dict(fit.layout.config))}')
        return '\n'.join(lines)
    start = dict(
        type='PretrainedBackbone',
        checkpoint=args.target,
        prefix=fit.layout.backbone.our_prefix(fit.stream),
    )
    lines.append(f'backbone = {_code(dict(meta["backbone"], init_cfg=start))}')
    if 'cls_head' in meta:
        lines.append(f'cls_head = {_code(meta["cls_head"])}')
    if 'input' in meta:
        lines.append(f'input = {_code(meta["input"])}')
    return '\n'.join(lines)


def _code(value: object) -> str:
    """A value as it stands in a config."""
    if isinstance(value, dict):
        return f'dict({", ".join(f"{key}={_code(item)}" for key, item in value.items())})'
    return repr(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)
    # Imports torch, which --help need not wait for.
    from ssvrl_mm.models.conversion.converting import convert, write
    from ssvrl_mm.models.conversion.fitting import ConversionError

    to_ours = args.to == OURS
    try:
        conversion = convert(
            args.source,
            args.origin if to_ours else args.to,
            to_ours,
            args.stream,
            args.leave_out,
            args.config,
        )
        write(conversion, args.target, args.force)
    except (ConversionError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(summary(args, conversion))
    return 0


if __name__ == '__main__':
    sys.exit(main())
