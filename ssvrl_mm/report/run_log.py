"""What the log files of a run say of its machine and of its videos."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

_LINE = re.compile(
    r'^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) - mmengine - '
    r'(?:\x1b\[\d+m)*(DEBUG|INFO|WARNING|ERROR|CRITICAL)(?:\x1b\[0m)* - ?(.*)$'
)
_SETTING = re.compile(r'^ {4}([^:]+): (.*)$')
_TOO_SHORT = re.compile(r'(\d+) of (\d+) videos are too short and left out so far')
_RULE = '-' * 60


@dataclass
class LogFacts:
    """What log files say.

    Attributes:
        environment: Name and value of what the last launch found of its machine.
        unusable: Video -> why training replaced it by another one.
        skipped: Video -> why a test left it out.
        too_short: How many training videos were left out as too short, and of how many; None
            where the log does not speak of any.
        first_too_short: What the log says of the first such video.
        warnings: Warnings and errors about something else, with how often each was said.
        started: Time of the first line; None where there is none.
        ended: Time of the last line.
    """

    environment: dict[str, str] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    too_short: tuple[int, int] | None = None
    first_too_short: str = ''
    warnings: dict[str, int] = field(default_factory=dict)
    started: datetime | None = None
    ended: datetime | None = None


def read_logs(files: Iterable[Path]) -> LogFacts:
    """Reads the log files of a run, the first launch first.

    Args:
        files: Log files as mmengine writes them; what is cut off is read as far as it goes.
    """
    facts = LogFacts()
    for file in files:
        in_environment = False
        for line in file.read_text(errors='replace').splitlines():
            found = _LINE.match(line)
            if found:
                _note(facts, *found.groups())
            elif line.startswith('System environment:'):
                in_environment, facts.environment = True, {}
            elif line.startswith('Runtime environment:'):
                continue
            elif in_environment and line.startswith(_RULE):
                in_environment = False
            elif in_environment and (setting := _SETTING.match(line)):
                facts.environment[setting[1].strip()] = setting[2].strip()
    # How torch was compiled is pages long, and its first line says nothing.
    facts.environment.pop('PyTorch compiling details', None)
    return facts


def _note(facts: LogFacts, time: str, level: str, message: str) -> None:
    facts.ended = datetime.strptime(time, '%Y/%m/%d %H:%M:%S')
    facts.started = facts.started or facts.ended
    for start, kept in (('cannot use ', facts.unusable), ('skipped ', facts.skipped)):
        if message.startswith(start) and ': ' in message:
            path, _, cause = message.removeprefix(start).partition(': ')
            kept[path] = cause
            return
    if found := _TOO_SHORT.search(message):
        facts.too_short = (int(found[1]), int(found[2]))
    elif message.startswith('leaves out videos that are too short'):
        facts.first_too_short = message.partition('the first being ')[2]
        facts.too_short = facts.too_short or (1, 0)
    elif level in ('WARNING', 'ERROR', 'CRITICAL') and message.strip():
        text = f'{level.lower()}: {message}'
        facts.warnings[text] = facts.warnings.get(text, 0) + 1
