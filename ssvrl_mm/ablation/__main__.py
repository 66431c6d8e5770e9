"""One run, for :func:`ssvrl_mm.ablation.execute`: ``python -m ssvrl_mm.ablation FOLDER SHA256``."""

import sys
from pathlib import Path

from ssvrl_mm.ablation.measure import measure
from ssvrl_mm.ablation.runs import CONFIG

if __name__ == '__main__':
    folder = Path(sys.argv[1])
    measure(folder / CONFIG, sys.argv[2]).save(folder)
