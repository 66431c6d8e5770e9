"""Exports a backbone with its pooling, clips to features, for use without Python or without us.

OUT decides the format: .onnx, or .pt2 for torch.export.load. The number of clips is left open,
their shape is given here. What was written is computed with one clip and with three, by onnxruntime
or torch, and compared with the network.

    # a model of the zoo
    python tools/model_zoo/export_model.py mvcgc_s3d mvcgc_s3d_rgb.onnx --stream rgb \
        --frames 16 --size 112
    # a training of your own
    python tools/model_zoo/export_model.py CONFIG OUT.pt2 --checkpoint epoch_500.pth \
        --stream motion --frames 16 --size 112

Exit status: 0 when done, 1 if the model cannot be exported, 2 for wrong arguments.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('model', metavar='MODEL', help='name in the zoo; or a config file')
    parser.add_argument('out', metavar='OUT', help='the file to write: .onnx or .pt2')
    parser.add_argument('--checkpoint', help='file with the weights, for a config file')
    parser.add_argument(
        '--random-weights', action='store_true', help='new weights instead, to try an export'
    )
    parser.add_argument('--stream', help='which network of several (default: the one, or rgb)')
    parser.add_argument('--frames', type=int, required=True, help='frames of a clip')
    parser.add_argument(
        '--size',
        type=int,
        nargs='+',
        required=True,
        metavar='PX',
        help='height and width, or one number for both',
    )
    args = parser.parse_args(argv)
    if not args.out.endswith(('.onnx', '.pt2')):
        parser.error(f'OUT has to end in .onnx or .pt2: {args.out}')
    if args.frames < 1 or min(args.size) < 1 or len(args.size) > 2:
        parser.error(f'--frames and --size take numbers from 1 on: {args.frames}, {args.size}')
    if args.model.endswith('.py'):
        if (args.checkpoint is None) != args.random_weights:
            parser.error('a config file needs --checkpoint, or else --random-weights')
    elif args.checkpoint is not None:
        parser.error('--checkpoint is for a config file; a name in the zoo has its own')
    args.size = (args.size[0], args.size[-1])
    return args


def load(args: argparse.Namespace) -> 'nn.Module':
    """The backbone with its weights, or with new ones."""
    from ssvrl_mm.zoo.backbones import load_backbone, read_config, read_training

    if not args.model.endswith('.py'):
        return load_backbone(args.model, args.stream, pretrained=not args.random_weights)
    if args.random_weights:
        return read_config(args.model, args.stream).build(pretrained=False)
    return read_training(args.model, args.checkpoint, args.stream).build()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    args = parse_args(argv)
    # Import torch, which --help need not wait for.
    from ssvrl_mm.models.utils.weights import WeightsError
    from ssvrl_mm.zoo import ZooError
    from ssvrl_mm.zoo.exporting import ExportError, export_backbone

    try:
        differences = export_backbone(load(args), args.out, args.frames, args.size)
    except (ExportError, ImportError, OSError, WeightsError, ZooError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    found = ', '.join(f'{value:.1e} with {count}' for count, value in differences.items())
    print(f'{args.out}: written; features differ by {found} clips, as a share of the largest')
    return 0


if __name__ == '__main__':
    sys.exit(main())
