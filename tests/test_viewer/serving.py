"""The viewer's server in a thread, asked as a browser or an attacker would."""

import http.client
import importlib
import json
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest

from ssvrl_mm.viewer.listening import listen

pytest.importorskip('starlette', reason='the extra demo is not installed')
uvicorn = pytest.importorskip('uvicorn', reason='the extra demo is not installed')
# Who tests them has them from here, where it is known that they can be imported.
guard = importlib.import_module('ssvrl_mm.viewer.guard')
server = importlib.import_module('ssvrl_mm.viewer.server')


class Client:
    """Asks a server at a port of this machine."""

    def __init__(self, port):
        self.port = port
        self.address = f'http://127.0.0.1:{port}'

    def raw(self, method, target, body=None, headers=None):
        """Status, headers and content of an answer to exactly this request."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, **query):
        """Status and JSON of an answer."""
        status, _, content = self.raw('GET', f'{path}?{urlencode(query)}')
        return status, json.loads(content)

    def upload(self, name, content):
        status, _, said = self.raw('POST', f'/api/upload?{urlencode({"name": name})}', content)
        return status, json.loads(said)


@contextmanager
def serving(viewer):
    """A client of a server that runs until the end."""
    listener = listen('127.0.0.1', 0)
    config = uvicorn.Config(server.make_app(viewer), log_level='error', lifespan='on')
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs=dict(sockets=[listener]), daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield Client(listener.getsockname()[1])
    finally:
        running.should_exit = True
        thread.join(20)
        listener.close()
