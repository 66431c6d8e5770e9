"""Prints a config with all that it inherits, or what two configs set differently.

    python tools/visualizations/print_config.py configs/mvcgc/demo.py
    python tools/visualizations/print_config.py configs/mvcgc/s3d_ucf101.py configs/mvcgc/demo.py
    python tools/visualizations/print_config.py configs/mvcgc/demo.py --base

A difference has a line for each setting: - removed, + added, ~ changed, with both values. The
numbers of entries of lists are those of the second config, of what was removed those of the first.
`ssvrl_mm::mvcgc/demo.py` names a config of the installed package. On a terminal there are colours,
unless NO_COLOR is set.
"""

import argparse
from pathlib import Path

from ssvrl_mm.visualization.arguments import add_cfg_options, drawing_parser, telling_errors


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = drawing_parser(__doc__)
    parser.add_argument('config', help='config file')
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        'other', nargs='?', metavar='OTHER', help='print what this config sets otherwise'
    )
    other.add_argument(
        '--base', action='store_true', help='print what the config changes of what it inherits'
    )
    parser.add_argument(
        '--all',
        action='store_true',
        help='tell differences of what a run does not read, too: variables of the config files',
    )
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE',
        help='write it there instead: a config as .py, .json or .yaml, a difference as .txt, '
        '.json or .svg, a picture',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Reads and prints."""
    args = parse_args()
    from ssvrl_mm import config_printing as printing

    with telling_errors():
        is_difference = args.base or args.other is not None
        if args.out is not None:
            printing.check_output(args.out, is_difference)
        path = printing.locate_config(args.config)
        cfg = printing.read_config(path)
        if not is_difference:
            apply_options([cfg], args.cfg_options)
            if args.out is None:
                printing.print_config(cfg)
            else:
                printing.write_config(args.out, cfg)
                print(f'wrote {args.out}')
            return
        if args.base:
            first, names = bases_of(path), ('what it inherits', args.config)
            apply_options([cfg], args.cfg_options)
            configs = (first, cfg)
        else:
            second = printing.read_config(printing.locate_config(args.other))
            apply_options([cfg, second], args.cfg_options)
            configs, names = (cfg, second), (args.config, args.other)
        changes, unread = printing.read_difference(*configs)
        if args.all:
            changes = printing.config_difference(*configs)
        title = printing.difference_title(*names, changes)
        if args.out is None:
            printing.print_difference(title, changes)
        else:
            printing.write_difference(args.out, title, changes)
            print(f'wrote {args.out}')
        if unread and not args.all:
            print(f'not shown, as no run reads them: {", ".join(unread)} (--all)')


def apply_options(configs: list, options: dict | None) -> None:
    """Applies ``--cfg-options`` to those of the configs that have what they set."""
    from ssvrl_mm.engine.config_checks import merge_options

    if options:
        merge_options(configs, options)


def bases_of(path: str):
    """What a config inherits."""
    from ssvrl_mm.config_difference import ConfigBasesError, load_bases
    from ssvrl_mm.config_printing import messages_aside

    with messages_aside():
        bases = load_bases(path)
    if bases is None:
        raise ConfigBasesError(f'{path} inherits nothing: it has no _base_')
    return bases


if __name__ == '__main__':
    main()
