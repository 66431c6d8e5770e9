"""Work on many files in many processes, of which none can stop the others."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NoReturn, TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')

# Processes that are told to stop clean up behind them; this many seconds they have for it.
_GRACE = 10


class WorkerDied(RuntimeError):
    """A process died while it worked on an item, as a decoder that crashes takes it along."""


def count_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Generator[tuple[int, Result | Exception]]:
    """Calls a function on every item, in processes of their own.

    Closing the generator stops the processes; their ``finally`` blocks run. Use it under
    :func:`contextlib.closing`, so that exceptions such as KeyboardInterrupt close it.

    Args:
        function: can be pickled, as module-level functions and their ``partial`` can.
        items: can be pickled.
        workers: number of processes; 0 works in this process.

    Yields:
        An item's number and its result, in the order in which they are done. What the function
        raises comes as the result, and so does :class:`WorkerDied` where a process crashes; the
        others go on.

    Raises:
        RuntimeError: a process cannot even start, as in a script that does not start its work
            under ``if __name__ == '__main__'``.
    """
    if workers == 0:
        for number, item in enumerate(items):
            yield number, _call(function, item)
        return
    waiting = iter(enumerate(items))
    # What each process works on, None while it starts.
    busy: dict[Connection, tuple[BaseProcess, int | None]] = {}
    try:
        for _ in range(min(workers, len(items))):
            pipe, process = _start(function)
            busy[pipe] = process, None
        while busy:
            for pipe in [pipe for pipe in wait(list(busy)) if isinstance(pipe, Connection)]:
                process, done = busy[pipe]
                try:
                    outcome = pipe.recv()
                except (EOFError, OSError):
                    outcome = _died(process, done)
                    del busy[pipe]
                    pipe.close()
                    pipe, process = _start(function)
                    busy[pipe] = process, None
                else:
                    following = next(waiting, None)
                    if following is None:
                        pipe.close()  # which ends the process
                        process.join()
                        del busy[pipe]
                    else:
                        busy[pipe] = process, following[0]
                        pipe.send(following[1])
                if done is not None:
                    yield done, outcome
    finally:
        for process, _ in busy.values():
            process.terminate()
        for pipe, (process, _) in busy.items():
            process.join(_GRACE)
            process.kill()
            process.join()
            pipe.close()


def _start(function: Callable) -> tuple[Connection, BaseProcess]:
    # Spawned, so that it inherits nothing: no open videos, no locks, no end of another's pipe.
    context = multiprocessing.get_context('spawn')
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(function, theirs), daemon=True)
    process.start()
    theirs.close()
    return ours, process


def _died(process: BaseProcess, item: int | None) -> WorkerDied:
    process.join()
    code = process.exitcode or 0
    cause = signal.Signals(-code).name if code < 0 else f'exit status {code}'
    if item is None:
        raise RuntimeError(
            f'a process for the work does not start ({cause}); a script must start such work '
            "under if __name__ == '__main__'"
        )
    return WorkerDied(f'the process that worked on it died of {cause}')


def _work(function: Callable, pipe: Connection) -> None:
    """What a process does: it says that it is there, and then works until the pipe is closed."""
    # Ctrl-C reaches the whole group of processes: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit)
    try:
        pipe.send(None)
        while True:
            pipe.send(_call(function, pipe.recv()))
    except (EOFError, OSError):  # nobody is left to work for
        return


def _call(function: Callable[[Item], Result], item: Item) -> Result | Exception:
    try:
        return function(item)
    except Exception as error:
        # In words, since not every exception can be pickled.
        return RuntimeError(f'{type(error).__name__}: {error}')


def _exit(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)
