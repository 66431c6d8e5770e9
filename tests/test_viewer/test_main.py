"""The command line: what it says, and what it refuses in a line."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

from ssvrl_mm.viewer import __main__ as command
from tests.interpreter import run_fresh

# Without the extra, all that the command says is what to install.
pytest.importorskip('starlette', reason='the extra demo is not installed')
uvicorn = pytest.importorskip('uvicorn', reason='the extra demo is not installed')


def ended(capsys, *arguments):
    """The message and the status of a start that fails."""
    with pytest.raises(SystemExit) as end:
        command.main([str(each) for each in arguments])
    message = capsys.readouterr().err if isinstance(end.value.code, int) else end.value.code
    return message.strip().splitlines()[-1], end.value.code


@pytest.mark.parametrize(
    'arguments, said',
    [
        (['{}/nowhere'], 'no video or folder of videos at {}/nowhere'),
        (['{}/outside/empty'], 'no video (.*) under {}/outside/empty'),
        (['{}/shown/notes.mp4'], 'notes.mp4.*video'),
        (['{}/shown', '--config', 'x.py'], '--config is for a checkpoint, and needs --videos'),
        (['{}/nowhere.pth'], 'say which videos to search: --videos FOLDER'),
        (['{}/nowhere.pth', '--videos', '{}/shown'], 'there is no checkpoint {}/nowhere.pth'),
        (['{}/nowhere.pth', '--videos', '{}/no'], 'there is no checkpoint'),
        (['{}/shown', '--host', 'no.such.host.invalid'], 'is no address to listen at'),
        (['{}/shown', '--host', '192.0.2.1'], 'cannot listen at 192.0.2.1, port 0'),
    ],
)
def test_what_is_refused(place, capsys, arguments, said):
    (place / 'outside/empty').mkdir(exist_ok=True)
    given = [each.format(place) for each in arguments]
    message, status = ended(capsys, *given, '--port', '0')
    assert message.startswith('error: ') and '\n' not in message
    assert re.search(said.format(re.escape(str(place))).replace('(.*)', r'\(.*\)'), message)
    assert status == message


@pytest.mark.parametrize(
    'arguments, said',
    [
        (['--port', '70000'], 'must be in 0..65535'),
        *((['--max-upload', each], 'must be over 0') for each in ('0', 'nan', 'inf', '1e308')),
    ],
)
def test_wrong_numbers(capsys, arguments, said):
    message, status = ended(capsys, '.', *arguments)
    assert said in message and status == 2


def test_a_port_that_is_taken(place, capsys):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        message, _ = ended(capsys, place / 'shown', '--port', port)
    assert message.startswith(f'error: cannot listen at 127.0.0.1, port {port}: ')
    assert message.endswith('--port 0 takes a free one')


@pytest.mark.parametrize('missing', ['starlette', 'uvicorn'])
def test_the_extra_is_named_where_it_is_missing(place, tmp_path, missing):
    code = f"""
        import sys
        sys.modules[{missing!r}] = None
        from ssvrl_mm.viewer.__main__ import main
        try:
            main([{str(place / 'shown')!r}, '--port', '0'])
        except SystemExit as end:
            print(end.code)
    """
    said = run_fresh(code, tmp_path).strip()
    assert said == f'error: the page needs {missing}: pip install "ssvrl_mm[demo]"'


def test_help_imports_nothing_slow(tmp_path):
    code = """
        import sys
        from ssvrl_mm.viewer.__main__ import main
        try:
            main(['--help'])
        except SystemExit as end:
            assert not end.code
        assert not {'torch', 'mmengine', 'cv2', 'starlette'} & set(sys.modules)
    """
    assert run_fresh(code, tmp_path).startswith('usage: python -m ssvrl_mm.viewer')


@pytest.mark.parametrize(
    'host, warned, end',
    [('127.0.0.1', False, signal.SIGINT), ('0.0.0.0', True, signal.SIGHUP)],
)
def test_a_whole_run(place, tmp_path, host, warned, end):
    run = subprocess.Popen(
        [sys.executable, '-m', 'ssvrl_mm.viewer', place / 'shown', '--port', '0', '--host', host],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {'TMPDIR': str(tmp_path)},
        # Tests that run under nohup hand its deafness on.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    try:
        line = run.stdout.readline()
        port = int(
            re.fullmatch(rf'the page is at http://{re.escape(host)}:(\d+) \(.*\)\n', line)[1]
        )
        page = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
        page.request('GET', '/')
        assert b'<title>' in page.getresponse().read()
        page.close()
    finally:
        assert len(list(tmp_path.iterdir())) == 2
        run.send_signal(end)
        errors = run.communicate(timeout=30)[1]
    assert run.returncode == 0 and 'Traceback' not in errors
    assert list(tmp_path.iterdir()) == []
    warning = (
        f'warning: everyone who reaches {host} sees shown and may upload; there is no password'
    )
    assert errors.strip() == (warning if warned else '')


@pytest.fixture
def hears():
    """Signals end a process again that was started under nohup."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def itself(number):
    return lambda *given, **named: os.kill(os.getpid(), number)


@pytest.mark.parametrize('number', [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('moment', ['make_viewer', 'webbrowser.open', 'uvicorn.Server.startup'])
def test_an_end_in_the_moment_of_the_start(
    place, tmp_path, monkeypatch, capsys, hears, number, moment
):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    if moment == 'uvicorn.Server.startup':
        startup = uvicorn.Server.startup

        async def started(*given, **named):
            os.kill(os.getpid(), number)
            await startup(*given, **named)

        monkeypatch.setattr(uvicorn.Server, 'startup', started)
    elif moment == 'make_viewer':
        monkeypatch.setattr(command, 'make_viewer', itself(number))
    else:
        monkeypatch.setattr(command.webbrowser, 'open', itself(number))
    status = command.main([str(place / 'shown'), '--port', '0', '--open'][: 3 + ('web' in moment)])
    was_there = moment == 'uvicorn.Server.startup'
    assert status == (0 if was_there else 130)
    assert capsys.readouterr().err == ('' if was_there else 'stopped before the page was there\n')
    # What comes later is not for it, and nothing is left.
    assert signal.getsignal(signal.SIGHUP) == signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert list(tmp_path.iterdir()) == []


def test_nohup_is_respected(place, monkeypatch, hears):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with command._Ending():
        os.kill(os.getpid(), signal.SIGHUP)
