"""A web server of one's own that can be told to misbehave."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[['Handler', bytes, int], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's next behaviour says, honestly when there is none."""

    def do_GET(self):
        wanted = self.headers.get('Range')
        self.server.requests.append((self.path, wanted))
        behave = self.server.behaviours.pop(0) if self.server.behaviours else honest
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = int(re.fullmatch(r'bytes=(\d+)-', wanted)[1]) if wanted else 0
        behave(self, data, start)

    def answer(self, status, data, sent=None, **headers):
        """Sends headers for ``data``, and ``sent`` (default: the same)."""
        headers.setdefault('Content_Length', len(data))
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace('_', '-'), str(value))
        self.end_headers()
        self.wfile.write(data if sent is None else sent)

    def log_message(self, *args):
        pass


def honest(handler, data, start):
    if not start:
        handler.answer(200, data)
    elif start >= len(data):
        handler.answer(416, b'', Content_Range=f'bytes */{len(data)}')
    else:
        part = f'bytes {start}-{len(data) - 1}/{len(data)}'
        handler.answer(206, data[start:], Content_Range=part)


def ignores_range(handler, data, start):
    handler.answer(200, data)


def breaks_off(after: int) -> Behaviour:
    """Ends the connection after so many bytes more, whatever it promised."""

    def behave(handler, data, start):
        rest = data[start:]
        given = f'bytes {start}-{len(data) - 1}/{len(data)}' if start else None
        handler.answer(206 if start else 200, rest, rest[:after], Content_Range=given)

    return behave


def breaks_off_in_a_chunk(handler, data, start):
    handler.answer(
        200,
        b'',
        b'400\r\n' + data[:1024] + b'\r\n400\r\n' + data[1024:1500],
        Content_Length=None,
        Transfer_Encoding='chunked',
    )


def says_nothing_of_length(handler, data, start):
    handler.answer(200, data, Content_Length=None)


def sends_without_end(chunk: bytes, pause: float = 0.0) -> Behaviour:
    """Chunk after chunk until the client leaves."""

    def behave(handler, data, start):
        handler.answer(200, b'', Content_Length=None, Transfer_Encoding='chunked')
        while not handler.server.silence.wait(pause):
            handler.wfile.write(b'%x\r\n%s\r\n' % (len(chunk), chunk))

    return behave


def ends_unannounced(after: int) -> Behaviour:
    """Ends after so many bytes more, having promised nothing."""

    def behave(handler, data, start):
        part = f'bytes {start}-{len(data) - 1}/{len(data)}'
        sent = data[start : start + after]
        handler.answer(206 if start else 200, sent, Content_Length=None, Content_Range=part)

    return behave


def says(line: bytes) -> Behaviour:
    """Begins with a line of one's own."""
    return lambda handler, data, start: handler.wfile.write(line + b'\r\n\r\n')


def promises(more: int) -> Behaviour:
    """Says a wrong length of what it sends."""
    return lambda handler, data, start: handler.answer(
        200, data, Content_Length=len(data) - start + more
    )


def goes_on_from(other: int, content_range: str | None = 'bytes {}-{}/{}') -> Behaviour:
    """Answers a request for a range by a range that begins elsewhere, or says nothing of it."""

    def behave(handler, data, start):
        given = content_range and content_range.format(start + other, len(data) - 1, len(data))
        handler.answer(206, data[start + other :], Content_Range=given)

    return behave


def fails(status: int) -> Behaviour:
    return lambda handler, data, start: handler.send_error(status)


def leads_to(url: str) -> Behaviour:
    return lambda handler, data, start: handler.answer(302, b'', Location=url)


def hangs_up(handler, data, start):
    handler.close_connection = True


class Server(ThreadingHTTPServer):
    """Serves ``files``, path -> content; ``requests`` are (path, Range), as they came."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.files = files
        self.behaviours: list[Behaviour] = []
        self.silence = threading.Event()
        self.requests: list[tuple[str, str | None]] = []
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *client):
        """Says nothing of clients that leave before the end, as they should when it misbehaves."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.silence.set()
        self.shutdown()
        self.server_close()
