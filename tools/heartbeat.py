"""Runs a command that says nothing for minutes, and says that it still runs.

    python tools/heartbeat.py 'installing the packages' --log pip.log -- pip install ...

On a terminal one line updates; elsewhere a line comes every ten seconds. What the command prints
goes to the log file, and is shown if the command fails. Needs Python's standard library alone: it
works before anything is installed.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

# In a fresh clone the package is there, but not installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ssvrl_mm.progress import Progress  # noqa: E402

# How lines of pip's begin that say what it does.
_STEPS = ('Collecting', 'Downloading', 'Building', 'Installing')


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('title', help='what happens')
    parser.add_argument('--log', type=Path, required=True, help='file of what the command prints')
    parser.add_argument('--interval', type=float, default=10.0, help='seconds between two lines')
    parser.add_argument('command', nargs='+', help='the command and its arguments, behind --')
    return parser.parse_args()


def run(command: list[str], log: Path, title: str, interval: float) -> int:
    """Runs the command; gives its exit status."""
    log.parent.mkdir(parents=True, exist_ok=True)

    def step() -> str:
        """What pip is at: collecting or downloading a package, or installing what it has."""
        lines = [line.split() for line in log.read_text(errors='replace').splitlines()]
        known = (words for words in reversed(lines) if words and words[0] in _STEPS)
        words = next(known, [])
        return ' '.join(words[: 1 if words[:1] == ['Installing'] else 2]).split('-')[0]

    with log.open('w') as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            with Progress(title, interval=interval, stream=sys.stdout, note=step) as progress:
                if process.wait():
                    raise subprocess.CalledProcessError(process.returncode, command)
                progress.note = None
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            return 130
        except subprocess.CalledProcessError:
            print(log.read_text(errors='replace').rstrip(), file=sys.stderr)
            print(f'{title}: failed, as said above: {" ".join(command)}', file=sys.stderr)
    return process.returncode


def main() -> None:
    """Runs it."""
    args = parse_args()
    # pip's own bars are for a terminal.
    os.environ['PIP_PROGRESS_BAR'] = 'off'
    sys.exit(run(args.command, args.log, args.title, args.interval))


if __name__ == '__main__':
    main()
