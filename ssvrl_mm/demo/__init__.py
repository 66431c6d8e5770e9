"""The demo: pretraining and retrieval in minutes, on MotionPrimitives or a folder of videos."""

from ssvrl_mm.demo.own_videos import OwnVideos, write_config
from ssvrl_mm.demo.run import Trial, run_demo, train_between_tests
from ssvrl_mm.demo.summary import Target, format_summary, summarise

__all__ = [
    'OwnVideos',
    'Target',
    'Trial',
    'format_summary',
    'run_demo',
    'summarise',
    'train_between_tests',
    'write_config',
]
