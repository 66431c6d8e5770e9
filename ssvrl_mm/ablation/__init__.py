"""Ablations: what each of several configs reaches, over seeds, beside random weights and chance."""

from ssvrl_mm.ablation.plan import AblationError, Run, prepare_config
from ssvrl_mm.ablation.results import RunResult, load_result, other_results, read_result
from ssvrl_mm.ablation.runs import RunFailedError, ended_with_its_runs, execute
from ssvrl_mm.ablation.statistics import Difference, Spread, difference_of, spread_of
from ssvrl_mm.ablation.summary import summarise_ablation, unknown_columns
from ssvrl_mm.ablation.table import format_ablation

__all__ = [
    'AblationError',
    'Difference',
    'Run',
    'RunFailedError',
    'RunResult',
    'Spread',
    'difference_of',
    'ended_with_its_runs',
    'execute',
    'format_ablation',
    'load_result',
    'other_results',
    'prepare_config',
    'read_result',
    'spread_of',
    'summarise_ablation',
    'unknown_columns',
]
