"""Workers of the loaders: how long to wait for one, and what to say when it gives nothing."""

import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from mmengine.config import Config
from torch.utils.data._utils import signal_handling
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

#: Seconds to wait for a batch.
TIMEOUT = 600


class WorkerStoppedError(RuntimeError):
    """A worker of a loader gives no batches any more; the message says which and since when."""


def settle_workers(cfg: Config) -> None:
    """Gives every loader of a config what its number of workers asks for.

    With workers a ``timeout``, as torch waits for ever without one; without workers none of the
    settings that torch then refuses.

    Args:
        cfg: Config of a run, changed in place.
    """
    hooks = [hook for hook in cfg.get('custom_hooks') or () if isinstance(hook, dict)]
    loaders = [cfg.get(f'{split}_dataloader') for split in ('train', 'val', 'test')]
    for loader in [*loaders, *(hook.get('dataloader') for hook in hooks)]:
        if not isinstance(loader, dict):
            continue
        if loader.get('num_workers', 0) > 0:
            loader.setdefault('timeout', TIMEOUT)
        else:
            for name in ('timeout', 'persistent_workers', 'prefetch_factor'):
                loader.pop(name, None)


@contextmanager
def named_workers() -> Iterator[None]:
    """Names the worker that a run inside waited for in vain.

    torch's own timeout covers the wait for a batch, not that for the tensors of one that a worker
    announced before it stopped: there a thread keeps the time.

    Raises:
        WorkerStoppedError: In place of torch's error. The loader's workers are killed, as leaving
            would wait for a stopped one again.
    """
    try:
        with _named_waits():
            yield
    except RuntimeError as error:
        # The signal of a worker's end comes when it likes: in the midst of a step, or while the
        # error of a wait for this worker is on its way.
        ended = re.match(r'DataLoader worker \(pid (\d+)\) (.+)', str(error))
        if ended is None:
            raise
        raise WorkerStoppedError(_ended(*ended.groups())) from error


@contextmanager
def _named_waits() -> Iterator[None]:
    watch = _Watch()
    watch.start()
    try:
        yield
    except (RuntimeError, OSError, EOFError) as error:
        iterator = _waiting_iterator(_frames_of(error.__traceback__))
        if iterator is None:
            raise
        _silence(iterator)
        stopped = watch.expired or 'DataLoader timed out' in str(error)
        message = _stopped(iterator, watch.owing) if stopped else _first_ended(iterator, error)
        _kill(iterator)
        raise WorkerStoppedError(message) from error
    finally:
        # Python may abort where a thread is still about when it ends.
        watch.done.set()
        watch.join()


class _Watch(threading.Thread):
    """Kills the workers of a loader that the starting thread waits for beyond their timeout."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name='loader watch')
        self.done, self.expired = threading.Event(), False
        self._watched = threading.get_ident()
        self.owing: int | None = None

    def run(self) -> None:
        """Looks where the thread is, every second."""
        batch, since = None, 0.0
        while not self.done.wait(1):
            frame = sys._current_frames().get(self._watched)
            iterator = _waiting_iterator(_outwards(frame))
            now = time.monotonic()
            key = None if iterator is None else (id(iterator), iterator._rcvd_idx)
            if key != batch:
                batch, since = key, now
            elif iterator is not None and 0 < iterator._timeout < now - since - 1:
                self.owing, self.expired = _owing(iterator), True
                _kill(iterator)
                return


def _stopped(iterator: Any, process: int | None) -> str:
    timeout = iterator._timeout
    since = time.strftime('%H:%M:%S', time.localtime(time.time() - timeout))
    return (
        f'worker process {process or _owing(iterator)} of the loader stopped: no batch for '
        f'{timeout:g} s, since {since}. It may wait for a disk or a network that does not answer, '
        'or have been stopped. Where batches do take that long, raise timeout of the dataloader; '
        'num_workers=0 decodes without workers.'
    )


def _first_ended(iterator: Any, error: Exception) -> str:
    for worker in iterator._workers:
        worker.join(1)
        if worker.exitcode is not None:
            return _ended(worker.pid, f'exit code {worker.exitcode}')
    return f'a worker of the loader ended: {error}'


def _ended(process: Any, how: str) -> str:
    how = how.removeprefix('is ').rstrip('. ')
    if re.search('-9|Killed', how):
        how += ', for want of memory perhaps'
    return f'worker process {process} of the loader ended: {how}'


def _silence(iterator: Any) -> None:
    """Keeps torch's handler of SIGCHLD from raising when a worker of this loader ends."""
    if iterator._worker_pids_set:
        signal_handling._remove_worker_pids(id(iterator))
        iterator._worker_pids_set = False


def _kill(iterator: Any) -> None:
    _silence(iterator)
    for worker in iterator._workers:
        worker.kill()


def _owing(iterator: Any) -> int | None:
    """The process whose batch comes next: batches keep their order."""
    task = iterator._task_info.get(iterator._rcvd_idx)
    return iterator._workers[task[0]].pid if task else None


def _frames_of(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _waiting_iterator(frames: Iterable[FrameType]) -> Any:
    """The iterator of the loader that is waited for; an error of a dataset comes another way."""
    for frame in frames:
        if frame.f_code.co_name in ('_get_data', '_try_get_data'):
            iterator = frame.f_locals.get('self')
            if isinstance(iterator, _MultiProcessingDataLoaderIter):
                return iterator
    return None
