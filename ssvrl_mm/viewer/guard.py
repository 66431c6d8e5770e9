"""Who may ask the server: pages of its own, under its own name."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Scripts, styles and data of this server alone: none from elsewhere, none written inline.
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    # A page of another release, or a frame of a file that has changed, is never taken for this one.
    'Cache-Control': 'no-cache',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
}


def is_own_name(host: str | None, names: frozenset[str]) -> bool:
    """Whether a Host header names this server.

    A foreign site can have its own name lead to this machine (DNS rebinding), and its pages would
    then read ours. It cannot do so with an address in numbers.

    Args:
        host: The header, with or without a port.
        names: Names of this server in lower case.

    Example:
        >>> is_own_name('127.0.0.1:7000', frozenset()), is_own_name('evil.test', frozenset())
        (True, False)
    """
    try:
        parts = urlsplit(f'//{host or ""}')
        name = parts.hostname or ''
        if parts.netloc != (host or '') or '@' in parts.netloc or parts.path:
            return False
        _ = parts.port
    except ValueError:
        return False
    if name == 'localhost' or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Refuses requests under foreign names and from foreign pages, and adds headers to answers.

    Args:
        app: What answers.
        names: Names of this server besides localhost and addresses in numbers.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] = frozenset()) -> None:
        self.app = app
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or refuses it."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_guarded(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(headers, scope['method'])
        answer = PlainTextResponse(refusal, 403) if refusal else self.app
        await answer(scope, receive, send_guarded)

    def _refusal(self, headers: Headers, method: str) -> str | None:
        """Why a request is refused; None if it is not."""
        host = headers.get('host')
        if len(headers.getlist('host')) != 1 or not is_own_name(host, self.names):
            return 'this server does not go by that name'
        origin = headers.get('origin')
        foreign = origin is not None and urlsplit(origin).netloc != host
        # A link on another page may lead here; that page does not see what it leads to.
        followed = method == 'GET' and headers.get('sec-fetch-mode') == 'navigate'
        apart = headers.get('sec-fetch-site') in ('cross-site', 'same-site') and not followed
        return 'only pages of this server may ask it' if foreign or apart else None
