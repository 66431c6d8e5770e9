"""The demo: pretraining and retrieval in minutes, on MotionPrimitives or a folder of videos."""

from ssvrl_mm.demo.own_videos import OwnVideos, write_config
from ssvrl_mm.demo.run import run_demo
from ssvrl_mm.demo.summary import Target, format_summary, summarise

__all__ = ['OwnVideos', 'Target', 'format_summary', 'run_demo', 'summarise', 'write_config']
