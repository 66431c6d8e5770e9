"""What was run: the settings that differ from the config file, and from the bases of that."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ssvrl_mm.config_difference import (
    ConfigBasesError,
    SettingChange,
    config_difference,
    load_bases,
)
from ssvrl_mm.engine.config_checks import runner_keys
from ssvrl_mm.packaged_files import packaged_folder
from ssvrl_mm.report.blocks import Block, Cell, Section, Table, Text, missing
from ssvrl_mm.report.errors import ReportError
from ssvrl_mm.report.run_folder import RunFolder

# Where a run writes and how it was started says nothing of what was run.
_HOW = {
    'work_dir', 'launcher', 'resume', 'load_from', 'log_level', 'visualizer', 'vis_backends',
    'experiment_name', 'custom_imports',
}  # fmt: skip
_LONG = 2000


def settings_section(run: RunFolder, base: Path | None = None) -> Section:
    """The section.

    Args:
        run: The run.
        base: The config file to compare with; None: the one of the package that is called so.

    Raises:
        ReportError: ``base`` is no config.
    """
    file = base or find_config(run.name)
    blocks: list[Block] = []
    if file is None:
        blocks.append(
            missing(
                f'No config of the package is called {run.name}: name the file that this run was '
                'started with by --config, and this section lists what differs from it.'
            )
        )
        return Section('settings', 'What was run', blocks)
    try:
        given = Config.fromfile(file)
    except Exception as error:  # a config may raise whatever it likes
        raise ReportError(f'{file} cannot be read as a config: {error}') from error
    changes = changes_between(given, run.cfg)
    if changes:
        blocks.append(
            _table(f'Set otherwise than in {file}', changes, 'in the file', 'in this run')
        )
    else:
        blocks.append(Text(f'Exactly as {file} says.'))
    try:
        bases = load_bases(file)
    except ConfigBasesError as error:
        blocks.append(missing(f'What the file changes of its bases is not known: {error}.'))
        return Section('settings', 'What was run', blocks)
    if bases is None:
        blocks.append(Text('The file inherits nothing.'))
    else:
        own = changes_between(bases, given)
        blocks.append(
            _table(f'What {file.name} says itself, beside what it inherits', own, 'bases', 'file')
        )
    return Section('settings', 'What was run', blocks)


def find_config(name: str) -> Path | None:
    """The config of the package with this name; no two are called alike."""
    found = sorted((packaged_folder() / 'configs').rglob(f'{name}.py')) if _is_plain(name) else []
    return found[0] if len(found) == 1 else None


def changes_between(first: Config, second: Config) -> list[SettingChange]:
    """What differs of what a run depends on; names that a config uses for itself do not count."""
    counted = runner_keys() - _HOW
    keys = {*first.to_dict(), *second.to_dict()}
    return config_difference(first, second, ignore=keys - counted)


def _table(caption: str, changes: Sequence[SettingChange], before: str, after: str) -> Table:
    rows = [
        [Cell(change.path, kind='code'), _value(change, 'before'), _value(change, 'after')]
        for change in changes
    ]
    return Table(caption, ['setting', before, after], rows, len(rows) > 25, stacks=True)


def _value(change: SettingChange, when: str) -> Cell:
    absent = {'added': 'before', 'removed': 'after'}.get(change.kind)
    if when == absent:
        return Cell('not set', kind='note')
    return Cell(_short(getattr(change, when)), kind='code')


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONG else f'{shown[: _LONG - 2]} …'


def _is_plain(name: str) -> bool:
    """Whether a name stands for itself in a pattern of file names."""
    return not set(name) & set('*?[]/\\')
