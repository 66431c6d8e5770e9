"""What runs have logged: found, read whatever state it is in, joined where runs were resumed.

Imports neither torch nor OpenMMLab.
"""

from ssvrl_mm.run_logs.curves import (
    Curve,
    chance_of,
    choose_keys,
    curve_of,
    keys_of,
    mean_and_spread,
    smoothed,
)
from ssvrl_mm.run_logs.groups import RunGroup, group_runs
from ssvrl_mm.run_logs.launches import Launch, launch_in, launches_in
from ssvrl_mm.run_logs.parts import (
    LogPart,
    is_number,
    join_parts,
    read_scalar_file,
    read_text_log,
)
from ssvrl_mm.run_logs.runs import RunLog, RunLogError, find_runs, run_in
from ssvrl_mm.run_logs.tables import aligned, time_table, unfinished_seeds, value_table
from ssvrl_mm.run_logs.timing import Timing, timing_of, training_seconds

__all__ = [
    'Curve',
    'Launch',
    'LogPart',
    'RunGroup',
    'RunLog',
    'RunLogError',
    'Timing',
    'aligned',
    'chance_of',
    'choose_keys',
    'curve_of',
    'find_runs',
    'group_runs',
    'is_number',
    'join_parts',
    'keys_of',
    'launch_in',
    'launches_in',
    'mean_and_spread',
    'read_scalar_file',
    'read_text_log',
    'run_in',
    'smoothed',
    'time_table',
    'unfinished_seeds',
    'timing_of',
    'training_seconds',
    'value_table',
]
