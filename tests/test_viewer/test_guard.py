"""The server answers to its own names and pages alone."""

import pytest

from tests.test_viewer.serving import guard, server

is_own_name, is_loopback, own_names = guard.is_own_name, server.is_loopback, server.own_names


@pytest.mark.parametrize(
    'host', ['localhost', 'localhost:1', '127.0.0.1:80', '[::1]:7000', '[::1]', '10.0.0.7', 'Box:9']
)
def test_its_own_names(host):
    assert is_own_name(host, frozenset({'box'}))


@pytest.mark.parametrize(
    'host',
    [None, '', 'evil.test', 'evil.test:7860', '127.0.0.1.evil.test', 'localhost.evil.test',
     'evil.test@127.0.0.1', '127.0.0.1/x', '127.0.0.1:port', '127.0.0.1:99999', '[::1', 'box.test',
     '127.0.0.1#evil', '0x7f.1'],
)  # fmt: skip
def test_foreign_names(host):
    assert not is_own_name(host, frozenset({'box'}))


def test_names_of_addresses():
    assert [is_loopback(host) for host in ('127.0.0.1', '::1', 'localhost', '127.9.9.9')] == [
        True
    ] * 4
    assert not any(is_loopback(host) for host in ('0.0.0.0', '10.0.0.7', 'box', '::'))
    assert own_names('127.0.0.1') == {'127.0.0.1'}
    assert {'box'} < own_names('Box')


@pytest.mark.parametrize(
    'method, headers, status',
    [
        ('GET', {}, 200),
        ('GET', {'Host': 'evil.test'}, 403),
        ('GET', {'Origin': 'http://evil.test'}, 403),
        ('GET', {'Origin': 'null'}, 403),
        ('GET', {'Sec-Fetch-Site': 'cross-site'}, 403),
        ('GET', {'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors'}, 403),
        ('GET', {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}, 200),
        ('GET', {'Sec-Fetch-Site': 'same-origin'}, 200),
        ('POST', {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}, 403),
        ('POST', {'Origin': 'http://127.0.0.1:1'}, 403),
    ],
)
def test_requests(client, method, headers, status):
    path = '/' if method == 'GET' else '/api/upload'
    found, sent, _ = client.raw(method, path, headers=headers)
    assert found == status
    # On refusals, too.
    assert sent['X-Content-Type-Options'] == 'nosniff'
    assert "default-src 'none'" in sent['Content-Security-Policy']
    assert sent['Cache-Control'] == 'no-cache'
    assert sent['Cross-Origin-Resource-Policy'] == 'same-origin'


def test_its_own_page_may_upload(client):
    origin = {'Origin': client.address}
    assert client.raw('POST', '/api/upload?name=x', b'text', origin)[0] == 415
