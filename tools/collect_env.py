"""Prints what a bug report needs: versions, codecs, the machine, and variables that matter.

    python tools/collect_env.py

Secrets are left out; the home is written as ~, the user's name in other paths as USER. What is
missing, or cannot be imported, is said.
"""

import argparse
import json
import os
import sys


def main() -> None:
    """Collects and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--json', action='store_true', help='print it as JSON')
    args = parser.parse_args()
    # Of no interest to anybody who reads the report.
    import warnings

    warnings.simplefilter('ignore')
    from ssvrl_mm.environment import collect_environment, format_environment

    found = collect_environment()
    try:
        print(json.dumps(found, indent=2) if args.json else format_environment(found), flush=True)
    except BrokenPipeError:
        # Whoever reads it has enough; what is left must not be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == '__main__':
    main()
