"""Self-supervised video representation learning from compressed video.

Importing the package is cheap: neither torch nor OpenMMLab is imported, so that
:mod:`ssvrl_mm.video` serves on its own. The registries import what they need on first use.
"""

from ssvrl_mm import compat
from ssvrl_mm.packaged_files import ConfigNotFoundError, config_file
from ssvrl_mm.version import __version__

compat.setup()

__all__ = ['ConfigNotFoundError', '__version__', 'config_file']
