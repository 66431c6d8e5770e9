"""Reports what videos are made of and what is wrong with them: `python -m ssvrl_mm.video info`.

Example:
    python tools/analysis/inspect_videos.py data/ucf101/videos --json health.json
"""

import sys

from ssvrl_mm.video.__main__ import main

if __name__ == '__main__':
    sys.exit(main(['info', *sys.argv[1:]]))
