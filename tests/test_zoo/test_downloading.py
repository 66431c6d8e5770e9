"""Against servers that break off, lie and serve wrong files; the hash tells what may be kept."""

import io
import shutil
import ssl
import subprocess
import sys
import textwrap
import threading
from types import SimpleNamespace
from urllib.error import URLError

import pytest

from ssvrl_mm.zoo import (
    AddressError,
    DownloadError,
    ModelIndexError,
    NoSpaceError,
    StorageError,
    WeightsNotFoundError,
    WrongHashError,
    downloading,
    fetch_weights,
    origins,
    verification,
)
from tests.test_zoo import server as serves
from tests.test_zoo.conftest import CONTENT, NAME, SHA256

TOTAL = len(CONTENT)


def ranges(server):
    return [wanted for _, wanted in server.requests]


def test_a_file_arrives_whole_and_once(zoo, server):
    for _ in range(2):
        assert fetch_weights(zoo.model, server.url) == zoo.target
    assert zoo.holds_only_the_file()
    assert server.requests == [(f'/{NAME}', None)]


def test_what_broke_off_is_gone_on_with(zoo, server, pauses):
    server.behaviours = [serves.breaks_off(1000), serves.breaks_off(300_000)]
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file()
    assert ranges(server) == [None, 'bytes=1000-', 'bytes=301000-']
    assert pauses == [0.5, 1.0]


@pytest.mark.parametrize(
    'second',
    [
        serves.ignores_range,
        serves.fails(416),
        serves.goes_on_from(-1),
        serves.goes_on_from(7),
        serves.goes_on_from(0, None),
        serves.goes_on_from(0, 'octets {}-{}/{}'),
    ],
)
def test_a_server_that_does_not_go_on_sends_all_of_it(second, zoo, server):
    zoo.cache.mkdir()
    zoo.part.write_bytes(CONTENT[:5000])
    server.behaviours = [second]
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file()
    assert ranges(server)[:1] == ['bytes=5000-'] and set(ranges(server)[1:]) <= {None}


@pytest.mark.parametrize(
    'part, asked',
    [
        (b'x' * 5000, ['bytes=5000-', None]),  # of another file
        (CONTENT + b'x', [f'bytes={TOTAL + 1}-', None]),
        (CONTENT, []),  # killed before it had its name
        (b'', [None]),
    ],
)
def test_what_an_earlier_call_left_is_used_where_it_can(part, asked, zoo, server):
    zoo.cache.mkdir()
    zoo.part.write_bytes(part)
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file() and ranges(server) == asked


@pytest.mark.parametrize(
    'first',
    [
        serves.fails(500),
        serves.fails(503),
        serves.fails(408),
        serves.fails(429),
        serves.hangs_up,
        serves.breaks_off_in_a_chunk,
    ],
)
def test_what_may_pass_is_tried_again(first, zoo, server, pauses):
    server.behaviours = [first]
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file() and pauses == [0.5]
    going_on = 'bytes=1500-' if first is serves.breaks_off_in_a_chunk else None
    assert ranges(server) == [None, going_on]


def test_attempts_end_and_the_next_call_goes_on(zoo, server, pauses):
    server.behaviours = [serves.breaks_off(10)] * 5
    with pytest.raises(DownloadError) as failed:
        fetch_weights(zoo.model, server.url)
    assert f'{server.url}/{NAME}: the transfer ended after 50 of {TOTAL} bytes' in str(failed.value)
    assert 'last of 5 attempts; 50 bytes are kept' in str(failed.value)
    assert pauses == [0.5, 1.0, 2.0, 4.0] and zoo.part.read_bytes() == CONTENT[:50]
    assert not zoo.target.exists()
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file() and ranges(server)[-1] == 'bytes=50-'


def test_nobody_answers(zoo, server, pauses):
    server.server_close()
    with pytest.raises(DownloadError, match='cannot be reached .*refused.* last of 5'):
        fetch_weights(zoo.model, server.url)


def test_what_went_wrong_is_said_before_the_next_attempt(zoo, server, pauses, caplog):
    server.behaviours = [serves.hangs_up]
    fetch_weights(zoo.model, server.url)
    (record,) = caplog.records
    assert record.getMessage() == (
        f'{server.url}/{NAME}: the server cannot be reached (Remote end closed connection without '
        'response); next attempt in 0.5 s'
    )


def test_a_server_that_falls_silent_is_given_up(zoo, server, pauses, monkeypatch):
    silence = threading.Event()
    monkeypatch.setattr(origins, '_TIMEOUT', 0.1)
    server.behaviours = [lambda *request: silence.wait(5)]
    fetch_weights(zoo.model, server.url)
    silence.set()
    assert zoo.holds_only_the_file() and pauses == [0.5]


@pytest.mark.parametrize('status', [404, 410])
def test_a_file_that_is_not_there(status, zoo, server, pauses):
    server.behaviours = [serves.fails(status)]
    with pytest.raises(WeightsNotFoundError, match=f'{NAME}: not there, .* answers {status} '):
        fetch_weights(zoo.model, server.url)
    assert pauses == []


@pytest.mark.parametrize('status', [401, 403, 416, 204])
def test_a_server_that_gives_nothing_is_not_asked_again(status, zoo, server, pauses):
    server.behaviours = [
        lambda handler, data, start: handler.answer(status, b'', Content_Length=None)
    ]
    with pytest.raises(DownloadError, match=f'{NAME}: the server answers {status} '):
        fetch_weights(zoo.model, server.url)
    assert pauses == [] and len(server.requests) == 1


def test_a_part_that_nobody_asked_for(zoo, server):
    server.behaviours = [serves.goes_on_from(5)]
    with pytest.raises(DownloadError, match='answers 206 .*Content-Range: bytes 5-'):
        fetch_weights(zoo.model, server.url)


def test_a_server_that_nobody_vouches_for_is_not_asked_again(zoo, monkeypatch, pauses):
    def refuse(*args, **kwargs):
        raise URLError(ssl.SSLCertVerificationError('self-signed certificate'))

    monkeypatch.setattr(origins, 'urlopen', refuse)
    with pytest.raises(DownloadError, match='not trusted .*self-signed'):
        fetch_weights(zoo.model, 'https://localhost:1')
    assert pauses == []


def test_a_server_that_leads_out_of_the_web(zoo, monkeypatch):
    monkeypatch.setattr(origins, 'urlopen', lambda *args, **kwargs: io.BytesIO(CONTENT))
    with pytest.raises(DownloadError, match=r'leads to what is not http\(s\)'):
        fetch_weights(zoo.model, 'http://localhost:1')
    assert list(zoo.cache.iterdir()) == []


def test_of_nothing_nothing_is_kept(zoo, server, pauses):
    server.behaviours = [serves.says(b'HTTP/1.1 200 x\r\nTransfer-Encoding: chunked')] * 5
    with pytest.raises(DownloadError, match='broke off .* last of 5 attempts$'):
        fetch_weights(zoo.model, server.url)
    assert list(zoo.cache.iterdir()) == []


def test_a_wrong_file_is_not_kept(zoo, server, pauses):
    server.files[f'/{NAME}'] = b'x' + CONTENT[1:]
    with pytest.raises(WrongHashError) as failed:
        fetch_weights(zoo.model, server.url)
    message = str(failed.value)
    assert f'{server.url}/{NAME}: not the file' in message
    assert f'{TOTAL} bytes' in message and message.endswith(f'instead of {SHA256}')
    assert list(zoo.cache.iterdir()) == [] and len(server.requests) == 1


def test_a_digest_in_the_name_alone_is_enough_to_tell(zoo, server):
    server.files[f'/{NAME}'] = b'x' + CONTENT[1:]
    with pytest.raises(WrongHashError, match=rf'instead of {SHA256[:8]}\.\.\.$'):
        fetch_weights(zoo.model._replace(sha256=None), server.url)
    server.files[f'/{NAME}'] = CONTENT
    assert fetch_weights(zoo.model._replace(sha256=None), server.url) == zoo.target


def test_too_short_a_length_gives_too_short_a_file(zoo, server):
    server.behaviours = [serves.promises(-10)]
    with pytest.raises(WrongHashError, match=f'its {TOTAL - 10} bytes'):
        fetch_weights(zoo.model, server.url)


@pytest.mark.parametrize('first', [serves.promises(10), serves.says_nothing_of_length])
def test_a_wrong_length_or_none_does_no_harm_to_the_right_file(first, zoo, server, pauses):
    server.behaviours = [first]
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file() and len(server.requests) == 1


@pytest.mark.parametrize('size', [TOTAL - 1, None])
def test_what_does_not_end_is_ended(size, zoo, server, monkeypatch):
    if size:
        model = zoo.model._replace(metadata={'Weights Bytes': size})
    else:
        monkeypatch.setattr(verification, '_MOST', TOTAL - 1)
        model = zoo.model
    written = []
    update = downloading._NoBar.update
    monkeypatch.setattr(downloading, '_bar', lambda *args: downloading._NoBar())
    monkeypatch.setattr(
        downloading._NoBar, 'update', lambda bar, n: written.append(n) or update(bar, n)
    )
    server.behaviours = [serves.sends_without_end(b'x' * 5000)]
    said = 'index says' if size else 'may have'
    with pytest.raises(WrongHashError, match=f'larger than the {TOTAL - 1} bytes that .*{said}'):
        fetch_weights(model, server.url)
    assert sum(written) <= TOTAL - 1 and list(zoo.cache.iterdir()) == []
    with pytest.raises(WrongHashError, match='larger than'):
        fetch_weights(model, server.url)  # which it says beforehand
    assert len(server.requests) == 2 and list(zoo.cache.iterdir()) == []


def test_the_size_that_the_index_says_is_enough(zoo, server, pauses):
    model = zoo.model._replace(metadata={'Weights Bytes': TOTAL})
    server.behaviours = [serves.ends_unannounced(TOTAL - 7), serves.ends_unannounced(3)]
    fetch_weights(model, server.url)
    assert zoo.holds_only_the_file() and len(pauses) == 2
    assert ranges(server) == [None, f'bytes={TOTAL - 7}-', f'bytes={TOTAL - 4}-']


def test_what_ends_without_a_word_of_its_length_is_gone_on_with(zoo, server, pauses):
    server.behaviours = [serves.ends_unannounced(1000)]
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file() and ranges(server) == [None, 'bytes=1000-']


@pytest.mark.parametrize('size', [0, -1, '12', True, 1.5])
def test_a_size_that_is_none(size, zoo):
    with pytest.raises(ModelIndexError, match=f'Weights Bytes: {size!r} has to be the size'):
        fetch_weights(zoo.model._replace(metadata={'Weights Bytes': size}))


def test_a_trickle_is_broken_off(zoo, server, pauses, monkeypatch):
    monkeypatch.setattr(downloading, '_WINDOW', 0.1)
    server.behaviours = [serves.sends_without_end(b'x', 0.02)] * 5
    with pytest.raises(DownloadError, match=r'bytes came in 0 s, at the last of 5 attempts'):
        fetch_weights(zoo.model, server.url)
    assert not zoo.target.exists()


@pytest.mark.parametrize(
    'line', [b'HTTP/1.1 403 \x1b[2J' + b'a' * 999, b'\x1b[2J' + b'a' * 999, b'HTTP/1.1 206 \x9b2J']
)
def test_what_a_server_says_does_not_move_the_cursor(line, zoo, server, pauses, caplog):
    server.behaviours = [serves.says(line)] * 5
    with pytest.raises(DownloadError) as failed:
        fetch_weights(zoo.model, server.url)
    for message in (str(failed.value), *caplog.messages):
        assert message.isprintable() and len(message) < 500
        assert r'\x1b[2J' in message or r'\x9b2J' in message


@pytest.mark.parametrize('missing', ['tqdm', 'filelock'])
def test_packages_that_may_not_be_there(missing, zoo, server, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == 'filelock':
        with pytest.raises(StorageError, match='needs filelock.* pip install filelock'):
            fetch_weights(zoo.model, server.url)
        return
    fetch_weights(zoo.model, server.url, progress=True)
    assert zoo.holds_only_the_file() and 'no progress bar without tqdm' in caplog.text


def test_another_place_and_what_follows_a_question_mark(zoo, server):
    server.files[f'/a/{NAME}?key=secret'] = CONTENT
    server.files[f'/b/{NAME}'] = b''
    server.behaviours = [serves.leads_to(f'{server.url}/a/{NAME}?key=secret')]
    fetch_weights(zoo.model._replace(weights=f'{server.url}/b/{NAME}'))
    assert zoo.holds_only_the_file()
    zoo.target.unlink()
    fetch_weights(zoo.model, f'{server.url}/a/?key=secret')
    assert zoo.holds_only_the_file()
    zoo.target.unlink()
    with pytest.raises(WeightsNotFoundError) as failed:
        fetch_weights(zoo.model, f'{server.url}/c?key=secret')
    assert f'{server.url}/c/{NAME}: not there' in str(failed.value)
    assert 'secret' not in str(failed.value)


@pytest.mark.parametrize('url', ['http://a b', 'http://localhost:port', 'http://..'])
def test_what_is_no_url(url, zoo, pauses):
    with pytest.raises(AddressError, match='no URL'):
        fetch_weights(zoo.model, url)
    assert pauses == []


def test_no_room(zoo, server, monkeypatch):
    zoo.cache.mkdir()
    zoo.part.symlink_to('/dev/full')
    with pytest.raises(NoSpaceError, match=f'{NAME}: cannot be written .*No space.*SSVRL_MM_CACHE'):
        fetch_weights(zoo.model, server.url)
    assert list(zoo.cache.iterdir()) == []
    room = SimpleNamespace(free=TOTAL - 1)
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: room)
    with pytest.raises(NoSpaceError, match=f'{TOTAL} bytes are to come .* {TOTAL - 1} are free'):
        fetch_weights(zoo.model, server.url)
    assert list(zoo.cache.iterdir()) == []
    room.free += 1
    fetch_weights(zoo.model, server.url)
    assert zoo.holds_only_the_file()


def test_a_bar_on_demand(zoo, server, capfd, pauses):
    server.behaviours = [serves.breaks_off(300_000)]
    fetch_weights(zoo.model, server.url, progress=True)
    shown = capfd.readouterr().err
    assert f'{NAME}: 100%' in shown and '586k/586k' in shown and '50%' in shown
    zoo.target.unlink()
    fetch_weights(zoo.model, server.url, progress=False)
    zoo.target.unlink()
    fetch_weights(zoo.model, server.url)  # no terminal
    assert capfd.readouterr().err == ''


def test_of_two_processes_one_fetches(zoo, server, repository):
    asked, go_on = threading.Event(), threading.Event()

    def waits(handler, data, start):
        asked.set()
        assert go_on.wait(60)
        serves.honest(handler, data, start)

    server.behaviours = [waits]
    code = f"""
        from ssvrl_mm.zoo import fetch_weights, find_model
        model = find_model('one', index={str(zoo.model.folder / 'model-index.yml')!r})
        print(fetch_weights(model, {server.url!r}))
    """
    command = [sys.executable, '-c', textwrap.dedent(code)]
    pipe = subprocess.PIPE
    start = dict(cwd=repository, stdout=pipe, stderr=pipe, text=True)
    with subprocess.Popen(command, **start) as first:
        assert asked.wait(60)
        with subprocess.Popen(command, **start) as second:
            assert 'another process fetches it' in second.stderr.readline()
            go_on.set()
            outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert outputs == [f'{zoo.target}\n'] * 2
    assert zoo.holds_only_the_file() and len(server.requests) == 1


def test_the_file_gets_its_name_at_the_end(zoo, server, monkeypatch):
    """A kill between any two steps leaves no half of it under its name."""
    steps = []
    for module, name in ((downloading.os, 'fsync'), (downloading.os, 'replace')):
        monkeypatch.setattr(module, name, lambda *args, name=name: steps.append((name, *args)))
    fetch_weights(zoo.model, server.url)
    (sync, _), replace = steps
    assert sync == 'fsync' and replace == ('replace', zoo.part, zoo.target)
    assert zoo.part.read_bytes() == CONTENT and not zoo.target.exists()
