"""The socket that the page is served at."""

import socket


class CannotListenError(OSError):
    """An address or a port that cannot be listened at."""


def listen(host: str, port: int) -> socket.socket:
    """Takes a port, so that its number is known, and a taken one is told, before anything runs.

    Args:
        host: Name or address.
        port: 0 for any that is free.

    Raises:
        CannotListenError: There is no such address on this machine, or the port is taken.
    """
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise CannotListenError(f'{host} is no address to listen at: {error}') from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise CannotListenError(
            f'cannot listen at {host}, port {port}: {error.strerror}; --port 0 takes a free one'
        ) from None
    return listener
