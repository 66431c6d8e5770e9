"""CPU time and memory of tasks that are to be compared, and the table of them."""

import gc
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

#: By name: 'ms', the ratios, and 'MiB' if memory was measured.
Rows = dict[str, dict[str, float]]

Task = Callable[[], object]


class Comparison(NamedTuple):
    """What is compared.

    Args:
        tasks: What is measured, by name.
        ratios: Headings of columns, and the name of the task that each relates all others to.
        prepare: Called with the number of the round before each task, and not measured.
    """

    tasks: dict[str, Task]
    ratios: dict[str, str]
    prepare: Callable[[int], object] = bool


def compare(make: Callable[[], Comparison], rounds: int, with_memory: bool = False) -> Rows:
    """Measures tasks in one process, in which they take turns.

    Args:
        make: Sets the tasks up; with ``with_memory`` it is pickled, and called once for each task.
        rounds: Measurements of each task.
        with_memory: Measure peak memory too (Linux).

    Returns:
        For each task that does not fail the process CPU time in ms and the ratios, all medians of
        the rounds, and by how many MiB a process grows at most that runs it in three rounds.
    """
    comparison = make()
    times = _measure(comparison, rounds)
    rows: Rows = {}
    for name, own in times.items():
        rows[name] = {'ms': statistics.median(own)}
        for heading, reference in comparison.ratios.items():
            if reference in times:
                pairs = zip(own, times[reference], strict=True)
                rows[name][heading] = statistics.median(ms / other for ms, other in pairs)
    if with_memory:
        for name, row in rows.items():
            row['MiB'] = peak_memory(make, name)
    return rows


def peak_memory(make: Callable[[], Comparison], name: str, rounds: int = 3) -> float:
    """By how many MiB a process grows at most that runs a task for the first times (Linux).

    Args:
        make: Sets the tasks up; it is pickled.
        name: The task.
        rounds: How often it runs.
    """
    # A process of its own, since a peak does not go down again.
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(_growth, (make, name, rounds))


def _measure(comparison: Comparison, rounds: int) -> dict[str, list[float]]:
    """CPU time in ms of each task in each round; tasks that fail are left out, and named."""
    tasks, prepare = dict(comparison.tasks), comparison.prepare
    times: dict[str, list[float]] = {name: [] for name in tasks}
    shuffle = random.Random(0).shuffle
    order = list(tasks)
    gc.freeze()  # collecting what was there before would empty the caches
    for number in range(-1, rounds):  # the first one warms up
        # Each leaves caches and heap to the next one as it likes, but not its garbage.
        shuffle(order)
        for name in order[:]:
            prepare(max(number, 0))
            gc.collect()
            started = time.process_time()
            try:
                tasks[name]()
            except Exception as error:
                print(f'{name}: {type(error).__name__}: {error}', file=sys.stderr)
                order.remove(name)
                del times[name]
                continue
            if number >= 0:
                times[name].append(1000 * (time.process_time() - started))
    gc.unfreeze()
    return times


def _growth(make: Callable[[], Comparison], name: str, rounds: int) -> float:
    """By how many MiB this process grows at most while a task runs for the first times."""
    comparison = make()
    comparison.prepare(0)
    gc.collect()
    before = _resident('VmRSS')
    # Forgets the peak so far, which is that of the imports.
    Path('/proc/self/clear_refs').write_text('5')
    for number in range(rounds):
        comparison.prepare(number)
        comparison.tasks[name]()
    return (_resident('VmHWM') - before) / 1024


def _resident(field: str) -> int:
    status = Path('/proc/self/status').read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1])


def summarise(files: Mapping[str, Rows], pick: Callable[[list[float]], float]) -> Rows:
    """One table from those of several files, such as their medians: those of what all have."""
    tables = list(files.values())
    names = [name for name in tables[0] if all(name in rows for rows in tables)]
    summary: Rows = {}
    for name in names:
        columns = [key for key in tables[0][name] if all(key in rows[name] for rows in tables)]
        summary[name] = {key: pick([rows[name][key] for rows in tables]) for key in columns}
    return summary


def format_table(title: str, rows: Rows) -> str:
    """A table to print: a line for each task."""
    headings = list(dict.fromkeys(key for row in rows.values() for key in row))
    wide = max(len(text) for text in (title, *rows)) + 1
    widths = [max(len(heading) + 2, 9) for heading in headings]
    lines = [f'{title:{wide}}' + ''.join(map(str.rjust, headings, widths))]
    for name, row in rows.items():
        cells = (f'{row[key]:.2f}' if key in row else '' for key in headings)
        lines.append(f'{name:{wide}}' + ''.join(map(str.rjust, cells, widths)))
    return '\n'.join(lines)
