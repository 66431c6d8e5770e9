"""Checking the options of readers before there is a video to read."""

import inspect
from collections.abc import Mapping
from typing import Any

from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.reader import CompressedVideoReader
from ssvrl_mm.video.streams import MotionOptions, check_choice


def check_reader_options(options: Mapping[str, Any]) -> None:
    """Refuses arguments of :class:`CompressedVideoReader` that no video could be read with.

    Raises:
        TypeError: there is no such argument.
        ValueError: a value is out of range, or two do not go together.
        ImportError: ``flow_method='tvl1'`` without OpenCV's contrib modules.
    """
    bound = inspect.signature(CompressedVideoReader).bind('', **options)
    bound.apply_defaults()
    given = bound.arguments
    check_choice('on_error', given['on_error'], ('pad', 'raise'))
    check_choice('on_size_change', given['on_size_change'], ('resize', 'raise'))
    names = 'motion', 'normalize_time', 'iframe_motion', 'accumulate', 'dense', 'flow_method'
    MotionOptions(*(given[name] for name in names))
    of_flow = 'method', 'scale', 'cell', 'span', 'file'
    FlowOptions(*(given[f'flow_{name}'] for name in of_flow))
