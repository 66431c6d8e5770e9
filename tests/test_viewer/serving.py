"""The viewer's server in a thread, asked as a browser or an attacker would."""

import http.client
import json
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlencode

import uvicorn

from ssvrl_mm.viewer.listening import listen
from ssvrl_mm.viewer.server import make_app


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
    config = uvicorn.Config(make_app(viewer), log_level='error', lifespan='on')
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs=dict(sockets=[listener]), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Client(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
