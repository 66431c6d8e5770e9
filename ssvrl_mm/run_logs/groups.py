"""Runs of one config by several seeds, which are one curve with a spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssvrl_mm.config_difference import config_difference
from ssvrl_mm.run_logs.runs import RunLog

# What seeds of one config may have differently.
_NOT_SETTINGS = (
    'randomness', 'work_dir', 'resume', 'load_from',
    'val_cfg', 'val_dataloader', 'val_evaluator',
)  # fmt: skip
# Of a path, that a name may have.
_MOST_PARTS = 6


@dataclass(frozen=True)
class RunGroup:
    """Runs that are drawn as one curve.

    Attributes:
        name: What it is called.
        runs: One, or those of several seeds of a config.
    """

    name: str
    runs: tuple[RunLog, ...]


def group_runs(runs: Sequence[RunLog], apart: bool = False) -> list[RunGroup]:
    """Puts runs together that lie in folders ``seed_N`` side by side and have the same settings.

    Args:
        runs: Of any configs.
        apart: Whether each run stands for itself.

    Returns:
        In the order of the runs, with names that are all different.
    """
    groups: list[list[RunLog]] = []
    for run in runs:
        fitting = (group for group in groups if not apart and _belongs(run, group))
        group = next(fitting, None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    names = _names(groups)
    return [RunGroup(name, tuple(group)) for name, group in zip(names, groups, strict=True)]


def _belongs(run: RunLog, group: Sequence[RunLog]) -> bool:
    first = group[0]
    return (
        run.seed is not None
        and first.seed is not None
        and run.folder.parent == first.folder.parent
        and run.seed not in [other.seed for other in group]
        and not config_difference(first.settings, run.settings, ignore=_NOT_SETTINGS)
    )


def _names(groups: Sequence[Sequence[RunLog]]) -> list[str]:
    """A short name for each: that of its config, with seeds or folders as far as it needs them."""
    short = found = [_name(group, 1) for group in groups]
    for parts in range(2, _MOST_PARTS):
        found = [
            _name(group, parts) if found.count(name) > 1 else name
            for name, group in zip(found, groups, strict=True)
        ]
    # The same run twice, or files of one folder that differ in nothing but their suffix.
    return [
        f'{first} ({number})' if found.count(name) > 1 else name
        for number, (name, first) in enumerate(zip(found, short, strict=True), start=1)
    ]


def _name(group: Sequence[RunLog], parts: int) -> str:
    run = group[0]
    seeds = [other.seed for other in group]
    # A seed may have been run with several settings, which only the folder tells apart.
    if run.seed is not None and (parts == 1 or len(group) > 1):
        title = Path(*run.folder.parent.parts[-max(parts - 1, 1) :]).as_posix()
        if parts == 1 and len(group) > 1:
            return title
        return f'{title} seed{"s" if len(group) > 1 else ""} {", ".join(map(str, seeds))}'
    if run.path.is_file() and run.path.absolute().parent == run.folder:
        return Path(*run.path.absolute().with_suffix('').parts[-parts:]).as_posix()
    return Path(*run.folder.parts[-parts:]).as_posix()
