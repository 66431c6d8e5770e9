"""Configs and differences as text, with colours and without."""

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mmengine.config import Config

from ssvrl_mm import ConfigNotFoundError
from ssvrl_mm.config_difference import SettingChange, config_difference, load_bases
from ssvrl_mm.config_printing import (
    ConfigReadError,
    difference_lines,
    difference_title,
    locate_config,
    print_config,
    print_difference,
    read_config,
    read_difference,
    write_config,
    write_difference,
)

ROOT = Path(__file__).resolve().parents[1]
FIRST = Config(dict(model=dict(width=1, old='x'), seed=0))
SECOND = Config(dict(model=dict(width=2), load_from='y', steps=[dict(type='A'), dict(type='B')]))
TOLD = """\
a.py -> b.py
~ model.width  1 -> 2
- model.old    'x'
+ load_from    'y'
+ steps
      {'type': 'A'}
      {'type': 'B'}
- seed         0
"""


@pytest.fixture
def terminal(monkeypatch):
    """A terminal, in an environment without wishes of its own."""
    for name in ('NO_COLOR', 'FORCE_COLOR', 'COLORTERM', 'TTY_COMPATIBLE'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm')

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    return Terminal()


def test_a_line_for_each_setting(tmp_path):
    changes = config_difference(FIRST, SECOND)
    piped = io.StringIO()
    print_difference('a.py -> b.py', changes, piped)
    assert piped.getvalue() == TOLD
    write_difference(tmp_path / 'new' / 'er' / 'x.txt', 'a.py -> b.py', changes)
    assert (tmp_path / 'new' / 'er' / 'x.txt').read_text() == TOLD
    write_difference(tmp_path / 'x.json', '', changes[:1])
    assert json.loads((tmp_path / 'x.json').read_text()) == [
        dict(path='model.width', kind='changed', keys=['model', 'width'], before=1, after=2)
    ]
    # A long path moves no other line's values out of sight.
    long = SettingChange('added', ('a' * 100,), None, 1)
    assert difference_lines([long, changes[0]])[1][1] == '~ ' + 'model.width'.ljust(60) + '  1 -> 2'
    assert difference_lines([]) == []
    mixed = SettingChange('added', ('a',), None, [{'type': 'A'}, 1])
    assert difference_lines([mixed]) == [('added', "+ a  [{'type': 'A'}, 1]")]


def test_a_setting_is_a_line_however_long():
    words = 'one word ' * 40
    piped = io.StringIO()
    print_difference('t' * 200, [SettingChange('added', ('a',), None, words)], piped)
    assert piped.getvalue() == f'{"t" * 200}\n+ a  {words!r}\n'
    piped.truncate(0)
    print_config(Config(dict(a=words)), piped)
    assert f'a = {words!r}\n' in piped.getvalue()


def test_colours_are_for_terminals(terminal, monkeypatch):
    print_difference('title', config_difference(FIRST, SECOND)[:3], terminal)
    assert terminal.getvalue() == (
        '\x1b[1mtitle\x1b[0m\n\x1b[33m~ model.width  1 -> 2\x1b[0m\n'
        "\x1b[31m- model.old    'x'\x1b[0m\n\x1b[32m+ load_from    'y'\x1b[0m\n"
    )
    print_config(FIRST, terminal)
    assert terminal.getvalue().count('\x1b[') > 10
    monkeypatch.setenv('NO_COLOR', '1')
    terminal.truncate(0)
    print_difference('title', config_difference(FIRST, SECOND), terminal)
    # Bold is no colour.
    assert '\x1b[3' not in terminal.getvalue()


def test_a_printed_config_can_be_read_again(tmp_path):
    cfg = Config(dict(model=dict(words=['one' * 9] * 20, pair=(1, 2)), said="it's [red] \n"))
    piped = io.StringIO()
    print_config(cfg, piped)
    assert '\x1b' not in piped.getvalue()
    again = Config.fromstring(piped.getvalue(), '.py')
    assert config_difference(cfg, again) == []
    for suffix in ('.py', '.json', '.yaml'):
        write_config(tmp_path / 'new' / 'er' / f'x{suffix}', cfg)
        assert config_difference(cfg, read_config(tmp_path / 'new' / 'er' / f'x{suffix}')) == []


def text_of(picture):
    """The title and the lines of a terminal in SVG."""
    words = ElementTree.fromstring(picture).iterfind('.//{http://www.w3.org/2000/svg}text')
    lines = {}
    for word in words:
        lines.setdefault(word.get('y'), []).append((float(word.get('x')), word.text))
    return [''.join(text for _, text in sorted(line)).split() for line in lines.values()]


def test_a_difference_as_a_picture(tmp_path, monkeypatch):
    monkeypatch.setenv('NO_COLOR', '1')
    long = SettingChange('added', ('text',), None, 'x' * 150)
    write_difference(tmp_path / 'x.SVG', 'a.py -> b.py', [*config_difference(FIRST, SECOND), long])
    picture = (tmp_path / 'x.SVG').read_text()
    title, *lines = text_of(picture)
    told = [line.split() for line in TOLD.splitlines()]
    assert [title, *lines[:-3]] == told
    # Folded, and not cut off.
    assert ''.join(sum(lines[-3:], [])) == f"+text'{'x' * 150}'"
    fills = dict(re.findall(r'\.(difference-r\d+) { fill: #(\w+)', picture))
    colour = {
        sign: bytes.fromhex(fills[name])
        for name, sign in re.findall(r'class="(difference-r\d+)"[^>]*>([-+~])', picture)
    }
    red, green, yellow = (colour[sign] for sign in '-+~')
    assert red[0] > red[1] and green[1] > green[0] and yellow[0] > 100 < yellow[1] > yellow[2]
    # Nothing comes from the network.
    assert 'url(' not in picture.replace('url(#', '') and '@font-face' not in picture


def test_the_picture_of_the_documentation_is_that_of_the_config(tmp_path):
    file = 'configs/mvcgc/demo.py'
    changes, _ = read_difference(load_bases(ROOT / file), read_config(ROOT / file))
    title = difference_title('what it inherits', file, changes)
    write_difference(tmp_path / 'config.svg', title, changes)
    shown = (ROOT / 'docs' / 'config.svg').read_text()
    assert text_of(shown) == text_of((tmp_path / 'config.svg').read_text())


def test_variables_are_told_apart():
    changes, unread = read_difference(FIRST, SECOND)
    assert [change.path for change in changes] == ['model.width', 'model.old', 'load_from']
    assert unread == ['steps', 'seed']


def test_configs_by_name(repository):
    assert locate_config('x.py') == 'x.py'
    assert locate_config('ssvrl_mm::mvcgc/demo.py').endswith('configs/mvcgc/demo.py')
    with pytest.raises(ConfigNotFoundError, match='did you mean mvcgc/demo.py'):
        locate_config('ssvrl_mm::mvcg/demo.py')


@pytest.mark.parametrize(
    'name, content, said',
    [
        ('x.py', None, 'x.py: no such file'),
        ('', None, 'is a folder, not a config'),
        ('x.md', 'words', 'x.md is no config: its name ends'),
        ('x.py', 'a = ', 'x.py, or a .* is no Python: invalid syntax'),
        ('x.py', 'a = 1 / 0', 'x.py is no config: ZeroDivisionError: division by zero'),
        ('x.py', "_base_ = 'y.py'", 'x.py inherits from .*y.py'),
        ('x.json', '{', 'x.json, or a .* is damaged: Expecting'),
        ('x.py', b'\xff\xfe', 'x.py, or a .* is damaged: .utf-8'),
    ],
)
def test_what_is_no_config_says_so(name, content, said, tmp_path):
    if content is not None:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigReadError, match=said):
        read_config(tmp_path / name)
