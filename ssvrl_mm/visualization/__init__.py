"""Pictures: motion, and where a clip moves most."""

from ssvrl_mm.visualization.motion import colour_wheel, draw_motion, motion_panel
from ssvrl_mm.visualization.pmsp import draw_pmsp

__all__ = ['colour_wheel', 'draw_motion', 'draw_pmsp', 'motion_panel']
