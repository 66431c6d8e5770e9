"""Pictures of motion."""

from ssvrl_mm.visualization.motion import colour_wheel, draw_motion, motion_panel

__all__ = ['colour_wheel', 'draw_motion', 'motion_panel']
