"""The report that a demo ends with."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config

from ssvrl_mm.progress import Progress
from ssvrl_mm.report.kept_features import FeatureKeeper
from ssvrl_mm.report.network import NetworkOptions
from ssvrl_mm.report.writing import ReportOptions, cache_folder, check_extra, write_page

# Its videos were read just now.
_LOOKED_AT = 32


def feature_keeper(say: Callable[[str], None]) -> FeatureKeeper | None:
    """Keeps the features of the demo's two tests.

    Args:
        say: Prints a line.

    Returns:
        The evaluator; None, and a line says why, where what a report needs is not installed.
    """
    try:
        check_extra()
    except ImportError as error:
        say(f'no report at the end: {error}')
        return None
    return FeatureKeeper()


def report_demo(
    cfg: Config,
    work_dir: Path,
    keeper: FeatureKeeper,
    say: Callable[[str], None],
    base: Path | None = None,
    checkpoint: Path | None = None,
) -> None:
    """Writes ``report.html`` into the work dir of a demo; whatever becomes of it, the demo goes on.

    Args:
        cfg: Config of the demo.
        work_dir: Where its checkpoint is.
        keeper: With the features of the random network and of the trained one.
        say: Prints a line.
        base: Config file that the page compares with; None: the one of its name.
        checkpoint: That of the weights that were tested last; None: there is none.
    """
    out = work_dir / 'report.html'
    try:
        with Progress('report', stream=sys.stdout):
            # Of an earlier demo in the same folder.
            shutil.rmtree(cache_folder(out), ignore_errors=True)
            if checkpoint is not None:
                keeper.write(cfg, [None, checkpoint], cache_folder(out))
            network = NetworkOptions(enabled=False, progress=False)
            options = ReportOptions(look_at=_LOOKED_AT, base=base, network=network, progress=False)
            write_page(work_dir, out, options)
    except Exception as error:  # the figures are there, and a page is no reason to lose them
        say(f'no report: {type(error).__name__}: {error}')
    else:
        say(f'\nreport, to open in a browser: {out}')
