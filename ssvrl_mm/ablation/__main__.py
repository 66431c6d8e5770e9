"""One run, for :func:`ssvrl_mm.ablation.execute`: ``python -m ssvrl_mm.ablation FOLDER SHA256``."""

import sys
from pathlib import Path

from ssvrl_mm.ablation.measure import measure
from ssvrl_mm.ablation.runs import CONFIG
from ssvrl_mm.apis.run_lock import RunLock

if __name__ == '__main__':
    folder = Path(sys.argv[1])
    # Whoever started this may be killed: the lock is of the process that writes.
    with RunLock(folder):
        measure(folder / CONFIG, sys.argv[2]).save(folder)
