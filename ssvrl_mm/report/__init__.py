"""A page about a run: what it is, how it went, what it reached and what it cost."""

from ssvrl_mm.report.errors import ReportError
from ssvrl_mm.report.network import NetworkOptions
from ssvrl_mm.report.writing import ReportOptions, cache_folder, check_extra, write_page

__all__ = [
    'NetworkOptions',
    'ReportError',
    'ReportOptions',
    'cache_folder',
    'check_extra',
    'write_page',
]
