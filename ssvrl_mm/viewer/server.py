"""The server behind the page: videos, frames, uploads and near videos as JSON and pictures."""

import base64
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ssvrl_mm.video.tools.files import VideoFilesError
from ssvrl_mm.viewer.checking import Limits, check_upload
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.frames import FrameView, OpenVideos
from ssvrl_mm.viewer.guard import Guard
from ssvrl_mm.viewer.library import Folder, Library, Uploads, shown_name
from ssvrl_mm.viewer.previews import Previews
from ssvrl_mm.viewer.rendering import LAYERS, render, strong

if TYPE_CHECKING:
    from ssvrl_mm.viewer.nearest import NearestVideos

_PAGE = Path(__file__).parent / 'page'
_QUALITY = 90
_NEIGHBOURS = 6
_LOG = logging.getLogger('ssvrl_mm.viewer')


class Viewer:
    """What the page can ask for.

    Args:
        folder: The videos of the page.
        nearest: What finds near videos in the folder; None without a checkpoint.
        limits: Of the work.
    """

    def __init__(
        self,
        folder: Folder,
        nearest: 'NearestVideos | None' = None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.folder = folder
        self.nearest = nearest
        self.uploads = Uploads(self.limits)
        self.library = Library(folder, self.uploads)
        self.videos = OpenVideos(self.limits)
        self.previews = Previews(self.limits)

    def state(self, _: Mapping[str, str]) -> dict[str, Any]:
        """What there is: videos, limits, the model."""
        try:
            names = self.folder.names()
        except VideoFilesError:
            names = []
        search = None
        if self.nearest is not None:
            search = {
                'model': self.nearest.model,
                'streams': self.nearest.streams,
                'indexed': len(self.nearest.names),
                'leftOut': len(self.nearest.left_out),
            }
        return {
            'folder': self.folder.name,
            'videos': names,
            'uploadBytes': self.limits.upload_bytes,
            'search': search,
        }

    def facts(self, query: Mapping[str, str]) -> dict[str, Any]:
        """What a video is, and how its frames are coded."""
        return self.videos.facts(self.library.find(query.get('video', '')))

    def frame(self, query: Mapping[str, str]) -> dict[str, Any]:
        """A frame and its layers, as pictures in data URLs."""
        video = self.library.find(query.get('video', ''))
        number = _number(query, 'frame', int)
        full = _number(query, 'full', float) if query.get('full') else None
        if full is not None and not 0.1 <= full <= 1000:
            raise ViewerError(f'full must be in 0.1..1000 px/frame, got {full:g}')
        layers = query['layers'].split(',') if query.get('layers') else list(LAYERS)
        unknown = sorted(set(layers) - set(LAYERS))
        if unknown:
            raise ViewerError(f'there is no layer {unknown[0]!r}, but {", ".join(LAYERS)}')
        view = self.videos.view(video, number)
        pictures = render(view, layers, full)
        return _described(view, full) | {
            'images': {layer: _data_url(picture) for layer, picture in pictures.items()}
        }

    def near(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The nearest videos of the folder."""
        if self.nearest is None:
            raise ViewerError('no checkpoint was given, so that nothing is searched', 404)
        video = self.library.find(query.get('video', ''))
        found = self.nearest.search(video, _NEIGHBOURS, query.get('streams') or None)
        return {
            'near': [
                {'id': f'folder/{each.name}', 'name': each.name, 'similarity': each.similarity}
                for each in found
            ]
        }

    def preview(self, query: Mapping[str, str]) -> Path:
        """A small copy of a video that plays in every browser."""
        return self.previews.make(self.library.find(query.get('video', '')))

    async def upload(self, request: Request) -> dict[str, Any]:
        """Takes a video that was dropped onto the page."""
        name = shown_name(request.query_params.get('name', ''))
        length = request.headers.get('content-length', '')
        if length.isdecimal() and int(length) > self.limits.upload_bytes:
            raise ViewerError(self.uploads.too_large(name), 413)
        video = await self.uploads.receive(name, request.stream())
        try:
            await run_in_threadpool(check_upload, video.file, video.name, self.limits)
        except BaseException:
            self.uploads.drop(video)
            raise
        for gone in self.uploads.keep(video):
            self.videos.forget(gone)
        return {'id': video.id, 'name': video.name}

    def close(self) -> None:
        """Closes all videos and removes uploads and previews."""
        self.videos.close()
        self.uploads.close()
        self.previews.close()


def make_app(viewer: Viewer, names: frozenset[str] = frozenset()) -> Starlette:
    """The application; the viewer is closed when it ends.

    Args:
        viewer: What it serves.
        names: Names of the server besides localhost and addresses in numbers, in lower case.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            viewer.close()

    async def page(_: Request) -> Response:
        return FileResponse(_PAGE / 'index.html')

    async def asked(
        answer: Callable[[Mapping[str, str]], dict[str, Any]], request: Request
    ) -> Response:
        return JSONResponse(await run_in_threadpool(answer, request.query_params))

    async def preview(request: Request) -> Response:
        return FileResponse(await run_in_threadpool(viewer.preview, request.query_params))

    async def upload(request: Request) -> Response:
        return JSONResponse(await viewer.upload(request))

    routes = [Route('/', page), Mount('/page', StaticFiles(directory=_PAGE))]
    for path, answer in (
        ('/api/state', viewer.state),
        ('/api/video', viewer.facts),
        ('/api/frame', viewer.frame),
        ('/api/near', viewer.near),
    ):
        routes.append(Route(path, partial(asked, answer)))
    routes += [Route('/preview', preview), Route('/api/upload', upload, methods=['POST'])]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, names=names)],
        exception_handlers={ViewerError: _refused, Exception: _failed},
        lifespan=lifespan,
    )


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def own_names(host: str) -> frozenset[str]:
    """The names that a server goes by: the one that it was given, and elsewhere the machine's."""
    names = {host.lower()}
    if not is_loopback(host):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ViewerError)
    return JSONResponse({'error': str(error)}, error.status)


async def _failed(request: Request, error: Exception) -> Response:
    if not isinstance(error, ClientDisconnect):
        _LOG.error('%s failed', request.url.path, exc_info=error)
    return JSONResponse({'error': 'something went wrong here; the server says what'}, 500)


def _number(query: Mapping[str, str], name: str, kind: type) -> Any:
    text = query.get(name, '')
    try:
        return kind(text[:20])
    except ValueError:
        raise ViewerError(f'{name} must be a number, got {shown_name(text)!r}') from None


def _described(view: FrameView, full: float | None) -> dict[str, Any]:
    """What the page says of a frame."""
    described: dict[str, Any] = {
        'frame': view.number,
        'seconds': round(view.seconds, 3),
        'kind': view.kind,
        'lost': view.lost,
    }
    if view.motion is not None and view.valid is not None:
        described |= {
            'origin': view.origin,
            'coded': round(float(view.valid.mean()), 4),
            'median': [round(float(v), 2) for v in np.median(view.motion, axis=(0, 1))],
            'full': round(full or strong(view), 2),
        }
    return described


def _data_url(picture: np.ndarray) -> str:
    parameters = [
        cv2.IMWRITE_JPEG_QUALITY,
        _QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    done, encoded = cv2.imencode('.jpg', picture[..., ::-1], parameters)
    assert done
    return 'data:image/jpeg;base64,' + base64.b64encode(encoded.tobytes()).decode('ascii')
