"""A live page of what the codec of a video knows, and of the videos that a model finds near it.

    python -m ssvrl_mm.viewer my_videos          # a folder of videos, or one video
    python -m ssvrl_mm.viewer work_dirs/demo/epoch_30.pth --videos my_videos

Scrub through a video and see each frame, its motion vectors, its residual, what is coded and what
is held, over the strip of its GOPs; drop a file of your own onto the page. With a checkpoint, the
page shows the nearest videos of the folder, which is indexed once.

The page is for this machine alone unless --host says otherwise. Uploads are removed at the end.
"""

import argparse
import signal
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssvrl_mm.viewer.library import Folder
    from ssvrl_mm.viewer.server import Viewer

_MOST = 2**20  # MB of an upload: a terabyte
_WEIGHTS = ('.pth', '.pt', '.safetensors')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog='python -m ssvrl_mm.viewer',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'shown', metavar='VIDEOS_OR_CKPT', help='folder of videos, a video, or a checkpoint'
    )
    parser.add_argument('--videos', help='with a checkpoint: the folder that is shown and searched')
    parser.add_argument(
        '--config', help='of the checkpoint (default: the one that it carries, or that of the zoo)'
    )
    parser.add_argument('--device', help='cpu or cuda (default: cuda if there is one)')
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to listen at (default: %(default)s)'
    )
    parser.add_argument(
        '--port', type=int, default=7860, help='0: any that is free (default: %(default)s)'
    )
    parser.add_argument(
        '--max-upload', type=float, default=200, metavar='MB', help='(default: %(default)s)'
    )
    parser.add_argument('--open', action='store_true', help='open the page in a browser')
    args = parser.parse_args(argv)
    if not 0 <= args.port < 2**16:
        parser.error(f'--port must be in 0..65535, got {args.port}')
    if not 0 < args.max_upload <= _MOST:
        parser.error(f'--max-upload must be over 0, at most {_MOST} MB, got {args.max_upload}')
    return args


def make_viewer(args: argparse.Namespace) -> 'Viewer':
    """What the arguments ask for; indexes the folder where there is a checkpoint.

    Raises:
        ViewerError: They do not go together.
        VideoFilesError: There is no such folder, or no video in it.
    """
    from ssvrl_mm.viewer.checking import Limits, open_video
    from ssvrl_mm.viewer.errors import ViewerError
    from ssvrl_mm.viewer.library import Folder
    from ssvrl_mm.viewer.server import Viewer

    limits = Limits(upload_bytes=int(args.max_upload * 2**20))
    place = Path(args.shown)
    is_checkpoint = place.suffix.lower() in _WEIGHTS and not place.is_dir()
    if not is_checkpoint and not args.videos:
        if args.config:
            raise ViewerError('--config is for a checkpoint, and needs --videos FOLDER')
        folder = Folder(place)
        names = _names(folder)
        if folder.only is not None:
            open_video(folder.find(names[0]).file, names[0], limits).close()
        return Viewer(folder, limits=limits)
    if not args.videos:
        raise ViewerError(f'{place}: say which videos to search: --videos FOLDER')
    if is_checkpoint and not place.is_file():
        raise ViewerError(f'there is no checkpoint {place}')
    folder = Folder(args.videos)
    _names(folder)
    # Seconds of imports, which a wrong path need not wait for.
    print('loading the model ...', file=sys.stderr, flush=True)
    from ssvrl_mm.viewer.nearest import NearestVideos

    nearest = NearestVideos(args.shown, folder, args.config, args.device)
    kept = 'as indexed before' if nearest.was_indexed else 'indexed; the next start takes it'
    print(f'{len(nearest.names)} videos, {kept}', file=sys.stderr)
    for entry in nearest.left_out:
        print(f'left out: {entry["path"]}: {entry["cause"]}', file=sys.stderr)
    return Viewer(folder, nearest, limits)


def _names(folder: 'Folder') -> list[str]:
    """The names of the videos; says which are left out."""
    names = folder.names()
    for name in folder.unnamable():
        print(f'left out: {name}: the name is not UTF-8', file=sys.stderr)
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Serves the page until it is stopped; returns the exit status, 130 if that was before."""
    args = parse_args(argv)
    with _Ending() as ending:
        try:
            _serve(args, ending)
        except KeyboardInterrupt:
            if ending.server is None:
                print('stopped before the page was there', file=sys.stderr)
                return 128 + signal.SIGINT
    return 0


def _serve(args: argparse.Namespace, ending: '_Ending') -> None:
    from ssvrl_mm.viewer.listening import listen
    from ssvrl_mm.visualization.arguments import telling_errors

    with telling_errors():
        uvicorn = _web_server()
        # Before minutes of indexing, so that a port that is taken is told at once.
        listener = listen(args.host, args.port)
        viewer = make_viewer(args)
    from ssvrl_mm.viewer.server import is_loopback, make_app, own_names

    if not is_loopback(args.host):
        print(
            f'warning: everyone who reaches {args.host} sees {viewer.folder.name} and may upload; '
            'there is no password',
            file=sys.stderr,
        )
    host = f'[{args.host}]' if ':' in args.host else args.host
    address = f'http://{host}:{listener.getsockname()[1]}'
    # Whoever comes before the server runs is waited for; flushed, for who reads from a pipe.
    listener.listen(128)
    print(f'the page is at {address} (Ctrl+C ends it)', flush=True)
    if args.open:
        webbrowser.open(address)
    config = uvicorn.Config(
        make_app(viewer, own_names(args.host)),
        log_level='warning',
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        proxy_headers=False,
    )
    ending.server = uvicorn.Server(config)
    ending.server.run(sockets=[listener])


class _Ending:
    """Signals to end, which clean up as Ctrl+C does, whenever they come.

    That are the one to terminate and, except under nohup, that of a terminal that closes.

    Attributes:
        server: What they end from when it is there; before that they raise KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.server: Any = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> '_Ending':
        if threading.current_thread() is threading.main_thread():
            for name in ('SIGTERM', 'SIGHUP'):  # Windows has no SIGHUP
                number = getattr(signal, name, None)
                if number and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._end)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, *_: object) -> None:
        if self.server is None:
            raise KeyboardInterrupt
        self.server.should_exit = True


def _web_server() -> ModuleType:
    """Uvicorn, if it and Starlette are installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ModuleNotFoundError as error:
        if error.name not in ('starlette', 'uvicorn'):
            raise
        raise ImportError(f'the page needs {error.name}: pip install "ssvrl_mm[demo]"') from None
    return uvicorn


if __name__ == '__main__':
    sys.exit(main())
