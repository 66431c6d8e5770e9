"""The files that one process has logged to, and how those of a resumed run belong together."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

# '2026/11/22 18:41:20 - mmengine - INFO - Epoch(train)  [2][ 20/160]  lr: 1e-3  eta: ...'; the
# number of the epoch is missing in runs that count iterations, and of tests.
_HEAD = re.compile(
    r' - (?:Epoch|Iter)\((?P<mode>train|val)\) +(?:\[ *(?P<epoch>\d+)\] *)?'
    r'\[ *(?P<number>\d+)/(?P<length>\d+)\]  (?P<rest>.*)$'
)
_FIGURE = re.compile(r'(?:^| )(\S+): (-?(?:\d[\d.]*(?:e[+-]?\d+)?|nan|inf))(?= |$)')
# Logs of mmcv before mmengine name the mode and count iterations within the epoch.
_OF_MMCV = 'mode'


class LogPart(NamedTuple):
    """What is in one file.

    Attributes:
        lines: Of the training with ``iter``, of evaluations without; each with what it logged.
        problems: Number of an entry, from 1, and why it is left out.
        cut_off: Whether the last entry is not whole, as the process was killed; it is left out.
        epoch_length: Iterations of an epoch, where the file tells.
    """

    lines: list[dict[str, Any]]
    problems: list[tuple[int, str]]
    cut_off: bool = False
    epoch_length: int | None = None


def read_scalar_file(file: Path) -> LogPart:
    """Reads what mmengine's ``LocalVisBackend`` wrote: one JSON object per line.

    Args:
        file: ``vis_data/scalars.json`` of a run. Its last line may be cut off.

    Raises:
        OSError: It cannot be read.
    """
    text = file.read_text(encoding='utf-8', errors='replace')
    entries = [line for line in text.splitlines() if line.strip()]
    lines: list[dict[str, Any]] = []
    problems: list[tuple[int, str]] = []
    cut_off = False
    for number, entry in enumerate(entries, start=1):
        try:
            content = json.loads(entry)
        except (ValueError, RecursionError) as error:
            cut_off = number == len(entries)
            problems += [] if cut_off else [(number, f'is no JSON ({error})')]
            continue
        problem = _problem(content)
        if problem:
            problems.append((number, problem))
        else:
            lines.append(content)
    return LogPart(lines, problems, cut_off)


def _problem(content: Any) -> str:
    """Why an entry cannot be taken; nothing where it can."""
    if not isinstance(content, dict):
        shown = repr(content)
        return f'is {shown if len(shown) < 80 else f"{shown[:76]} ..."}, and no mapping'
    if content.get(_OF_MMCV) in ('train', 'val'):
        return 'is of mmcv before mmengine, whose logs are not read'
    wrong = [
        f'{key} {content[key]!r}'
        for key in ('iter', 'epoch', 'step')
        if key in content and (type(content[key]) is not int or content[key] < 0)
    ]
    return f'has {" and ".join(wrong)}, which counts nothing' if wrong else ''


def read_text_log(file: Path) -> LogPart:
    """Reads the text that mmengine logs, in the same form as the scalars.

    Args:
        file: ``TIME.log`` of a run; what is not a line of figures does not count.

    Raises:
        OSError: It cannot be read.
    """
    lines: list[dict[str, Any]] = []
    length = None
    reached = 0
    for text in file.read_text(encoding='utf-8', errors='replace').splitlines():
        head = _HEAD.search(text)
        if head is None:
            continue
        figures: dict[str, Any] = {name: float(v) for name, v in _FIGURE.findall(head['rest'])}
        epoch, number = head['epoch'], int(head['number'])
        if head['mode'] == 'train':
            reached = number
            if epoch is not None:
                length = int(head['length'])
                reached = (int(epoch) - 1) * length + number
                figures['epoch'] = int(epoch)
            lines.append({**figures, 'iter': reached, 'step': reached})
        # Evaluations have a line for some batches as well, which gives times alone.
        elif set(figures) - {'time', 'data_time', 'memory'}:
            lines.append({**figures, 'step': reached if epoch is None else int(epoch)})
    return LogPart(lines, [], epoch_length=length)


def join_parts(parts: Iterable[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The lines of a run that was resumed, each iteration once: the later one counts.

    A run that is killed has often logged steps after its last checkpoint, which are done again.

    Args:
        parts: The lines of each process, in their order.
    """
    joined: list[dict[str, Any]] = []
    for part in parts:
        steps = [line for line in part if 'iter' in line]
        if steps:
            joined = [line for line in joined if _is_before(line, steps[0])]
        joined += [dict(line) for line in part]
    return joined


def _is_before(line: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Evaluations are logged by the epoch behind which they were, if epochs are counted."""
    if 'iter' in line:
        return line['iter'] < first['iter']
    return line.get('step', 0) < first.get('epoch', first['iter'])


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether something that was logged is a number; NaN is one, yes and no are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
