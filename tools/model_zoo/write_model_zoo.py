"""Writes the tables of model_zoo.md from model-index.yml and its metafiles.

    python tools/model_zoo/write_model_zoo.py           # after a change of a metafile
    python tools/model_zoo/write_model_zoo.py --check   # exit status 1 where the page is stale

What stands outside of the marks in model_zoo.md stays as it is.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ssvrl_mm.zoo.page import updated, write_page
from ssvrl_mm.zoo.publishing_arguments import index_to_write


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the tool; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--index', type=Path, help='default: model-index.yml of this checkout')
    parser.add_argument('--check', action='store_true', help='write nothing')
    args = parser.parse_args(argv)
    index = index_to_write(args.index)
    page = index.with_name('model_zoo.md')
    try:
        if args.check:
            text = page.read_text(encoding='utf-8')
            if text != updated(text, index):
                print(f'{page} is stale: python tools/model_zoo/write_model_zoo.py writes it')
                return 1
        elif write_page(index) is None:
            raise FileNotFoundError(f'there is no {page}')
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
