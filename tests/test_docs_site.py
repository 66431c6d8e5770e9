"""The site of the documentation: its configuration, its pages, and where their links lead.

`make docs` builds it, and fails where a link, a name in a docstring or a page is wrong.
"""

import os
import re
import runpy
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import yaml

from ssvrl_mm.apis import list_models
from tests.test_docs import anchors

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / 'docs'
EXTENSIONS = DOCS / '_extensions'
METHODS = sorted(readme.parent.name for readme in ROOT.glob('configs/*/README.md'))


@pytest.fixture
def extension(monkeypatch):
    """Names of an extension's module."""
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    return lambda name: runpy.run_path(str(EXTENSIONS / f'{name}.py'))


@pytest.fixture
def pages(tmp_path, extension):
    """The pages of a small repository: two own ones, and two that include what lies elsewhere."""
    for path, text in {
        'README.md': '# Front',
        'LICENSE': 'License',
        'configs/mvcgc/README.md': '# MVCGC',
        'configs/mvcgc/s3d.py': 'model = 1',
        'docs/index.md': '```{include} ../README.md\n```\n',
        'docs/reader.md': '# Reading',
        'docs/figure.svg': '<svg/>',
        'docs/methods/mvcgc.md': '```{include} ../../configs/mvcgc/README.md\n```\n',
        'docs/notebooks/tour.ipynb': '{}',
        'docs/_build/other.md': '# Built',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return extension('repository_links')['Pages'](tmp_path, tmp_path / 'docs')


def configuration(monkeypatch):
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return runpy.run_path(str(DOCS / 'conf.py'))


def test_the_configuration_needs_no_network(monkeypatch):
    monkeypatch.delenv('READTHEDOCS', raising=False)
    conf = configuration(monkeypatch)
    assert conf['nitpicky'] and 'sphinx.ext.intersphinx' not in conf['extensions']
    assert conf['nb_execution_raise_on_error'] and conf['nb_execution_timeout'] > 0
    assert conf['nb_execution_mode'] in ('cache', 'force') and conf['nb_execution_in_temp']
    assert conf['release'] in conf['html_title']
    for name in ('names', 'repository'):
        assert name in conf['extensions'] and (EXTENSIONS / f'{name}.py').is_file()


def test_notebooks_run_again_when_the_package_has_changed(monkeypatch, tmp_path):
    conf = configuration(monkeypatch)
    for name in ('ssvrl_mm', 'tools', 'configs/mvcgc'):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / 'a.py').write_text('1')
    (tmp_path / 'configs/mvcgc/metafile.yml').touch()
    digest = conf['digest_of_sources']
    monkeypatch.setitem(digest.__globals__, 'ROOT', tmp_path)
    digests = [digest(), digest()]
    for name in ('ssvrl_mm/a.py', 'tools/a.py', 'configs/mvcgc/a.py', 'configs/mvcgc/metafile.yml'):
        (tmp_path / name).write_text('2')
        digests.append(digest())
    # Built by an editable installation, or by running.
    (tmp_path / 'ssvrl_mm/.mim').mkdir()
    (tmp_path / 'ssvrl_mm/.mim/b.py').touch()
    (tmp_path / 'ssvrl_mm/a.pyc').touch()
    digests.append(digest())
    assert digests[0] == digests[1] and digests[-1] == digests[-2]
    assert len({*digests}) == 5
    assert conf['nb_execution_cache_path'].startswith(str(DOCS / '_build'))


def test_notebooks_run_the_package_beside_the_pages(monkeypatch):
    conf = configuration(monkeypatch)
    monkeypatch.setenv('PYTHONPATH', 'elsewhere')
    connected = {}
    app = SimpleNamespace(connect=lambda event, call: connected.setdefault(call.__name__, call))
    conf['setup'](app)
    connected['run_notebooks_with_these_sources'](app)
    assert os.environ['PYTHONPATH'] == f'{ROOT}{os.pathsep}elsewhere'


def test_on_read_the_docs_other_libraries_are_linked(monkeypatch):
    monkeypatch.setenv('READTHEDOCS', 'True')
    conf = configuration(monkeypatch)
    assert 'sphinx.ext.intersphinx' in conf['extensions']
    assert {'python', 'torch'} <= conf['intersphinx_mapping'].keys()
    built = yaml.safe_load((ROOT / '.readthedocs.yaml').read_text())
    assert built['sphinx']['configuration'] == 'docs/conf.py'
    assert built['python']['install'][0]['extra_requirements'] == ['docs']


def test_what_makes_the_site_is_installed_before_it_is_made():
    wanted = (ROOT / 'requirements' / 'docs.txt').read_text()
    for name in ('sphinx', 'myst-nb', 'furo', 'sphinx-copybutton', 'ipykernel'):
        assert re.search(rf'^{name}>=[^,]+,<', wanted, re.MULTILINE), name
    steps = re.findall(r'^ *make (\S+)', (ROOT / '.ci' / 'run').read_text(), re.MULTILINE)
    assert steps == ['lint', 'test', 'docs', 'test-unpinned']


def listed(page):
    """The pages that the toctrees of a page name, patterns included."""
    text = (DOCS / f'{page}.md').read_text()
    for block in re.findall(r'^```\{toctree\}\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line and not line.startswith(':'):
                yield (Path(page).parent / line).as_posix()


def test_every_page_is_reached_from_the_front_page():
    pages = {
        page.relative_to(DOCS).with_suffix('').as_posix()
        for page in [*DOCS.rglob('*.md'), *DOCS.rglob('*.ipynb')]
        if not page.relative_to(DOCS).parts[0].startswith('_')
    }
    reached, waiting = set(), ['index']
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for pattern in listed(page) if (DOCS / f'{page}.md').is_file() else ():
            found = {name for name in pages if fnmatchcase(name, pattern)}
            assert found, f'{page} names {pattern}'
            waiting += found - reached
    assert reached == pages


def test_the_reference_names_packages_with_their_exports():
    text = ''.join(page.read_text() for page in (DOCS / 'api').glob('*.md'))
    packages = set(re.findall(r'automodule:: (\S+)', text))
    for package in ('models.backbones', 'models.necks', 'models.heads', 'models.losses'):
        assert f'ssvrl_mm.{package}' in packages
    for package in packages:
        init = ROOT.joinpath(*package.split('.'), '__init__.py')
        assert '__all__ = [' in init.read_text(), package


def test_every_method_has_a_row_in_the_readme():
    lines = (ROOT / 'README.md').read_text().splitlines()
    start = lines.index('| method | learns from | paper | page | notebook | zoo |')
    rows = [line.split(' | ') for line in lines[start + 2 : lines.index('', start)]]
    methods, shown = [], []
    for row in rows:
        assert len(row) == 6
        _, _, paper, page, notebook, zoo = (re.findall(r'\]\(([^)]+)\)', cell) for cell in row)
        (readme,) = page
        methods.append(Path(readme).parent.name)
        # A paper is that of its page.
        assert f']({paper[0]})' in (ROOT / readme).read_text()
        assert all((ROOT / link).is_file() for link in [readme, *notebook])
        for link in zoo:
            file, _, anchor = link.partition('#')
            assert file == 'model_zoo.md' and anchor in anchors(ROOT / file)
        shown += re.findall(r'\[(\w+)\]\(model_zoo\.md#models-with-weights\)', row[5])
    # Baselines share the page of the method.
    assert sorted(set(methods)) == METHODS
    published = {model.name: model.aliases for model in list_models().values()}
    assert sorted((name,) for name in shown) == sorted(published.values())


@pytest.mark.parametrize('method', METHODS)
def test_every_method_has_a_page_with_a_figure(method):
    included = f'../../configs/{method}/README.md'
    assert included in (DOCS / 'methods' / f'{method}.md').read_text()
    above = (ROOT / 'configs' / method / 'README.md').read_text().partition('\n## ')[0]
    figure = DOCS / 'figures' / f'{method}.svg'
    assert f'](../../docs/figures/{method}.svg)' in above and figure.stat().st_size < 30_000
    names = {'svg': 'http://www.w3.org/2000/svg'}
    picture = ElementTree.parse(figure).getroot()
    width, height = map(float, picture.get('viewBox').split()[2:])
    # What it says without being seen, and its own background: pages are dark or light.
    assert picture.find('svg:title', names).text and picture.find('svg:desc', names).text
    card = picture.find('svg:rect', names)
    assert (float(card.get('width')), float(card.get('height'))) == (width - 2, height - 2)
    for box in picture.findall('svg:rect', names):
        assert float(box.get('x')) + float(box.get('width')) < width
        assert float(box.get('y')) + float(box.get('height')) < height


METHOD = ('configs/mvcgc/README.md', 'methods/mvcgc')
READER = ('docs/reader.md', 'reader')
FRONT = ('README.md', 'index')


@pytest.mark.parametrize(
    'link, where, target',
    [
        # A page of the site's own, and one that includes a text; anchors stay.
        ('reader.md', ('docs/index.md', 'index'), 'reader.md'),
        ('../../docs/reader.md#codecs', METHOD, '../reader.md#codecs'),
        ('../configs/mvcgc/README.md#data', READER, 'methods/mvcgc.md#data'),
        ('../README.md', READER, 'index.md'),
        ('docs/reader.md', FRONT, 'reader.md'),
        ('notebooks/tour.ipynb', READER, 'notebooks/tour.ipynb'),
        # Files and folders that no page shows.
        ('s3d.py', METHOD, 'source:configs/mvcgc/s3d.py'),
        ('../configs/mvcgc/', READER, 'source:configs/mvcgc'),
        ('LICENSE', FRONT, 'source:LICENSE'),
        ('_build/other.md', READER, 'source:docs/_build/other.md'),
        # Not of the repository, or of the same page.
        ('https://arxiv.org/abs/2104.00862', FRONT, 'https://arxiv.org/abs/2104.00862'),
        ('mailto:someone', FRONT, 'mailto:someone'),
        ('#data', METHOD, '#data'),
        # Nowhere.
        ('reader.py', ('docs/index.md', 'index'), None),
        ('../../LICENSE', READER, None),
        ('/LICENSE', READER, None),
    ],
)
def test_where_a_link_leads(pages, link, where, target):
    assert pages.target(link, *where) == target


def test_pictures_are_shown_where_they_lie(pages):
    origin, page = 'configs/mvcgc/README.md', 'methods/mvcgc'
    assert pages.target('../../docs/figure.svg', origin, page, image=True) == '../figure.svg'
    assert pages.target('figure.svg', origin, page, image=True) is None
    text, broken = pages.relink('![A](../../docs/figure.svg) [A](s3d.py)', origin, page)
    assert text == '![A](../figure.svg) [A](source:configs/mvcgc/s3d.py)' and broken == []


TEXT = """[a](LICENSE) and `[b](LICENSE)`, [`c`](LICENSE "title"), [d
over lines](LICENSE)

```python
[e](LICENSE)
```

~~~~
```
[f](nowhere)
~~~~
[![g](docs/figure.svg)](LICENSE) [h](nowhere)
"""


def test_code_stays_and_links_that_lead_nowhere_are_told_by_line(pages):
    text, broken = pages.relink(TEXT, 'README.md', 'index')
    assert broken == [(12, 'nowhere')]
    license, kept = 'source:LICENSE', 'LICENSE'
    assert re.findall(r'\[(\w|`c`|d\nover lines)\]\((\S+?)["\s)]', text) == [
        ('a', license), ('b', kept), ('`c`', license), ('d\nover lines', license),
        ('e', kept), ('f', 'nowhere'), ('g', 'figure.svg'), ('h', 'nowhere'),
    ]  # fmt: skip
    assert f'"title"), [d\nover lines]({license})' in text


def test_a_fence_that_nobody_closes_goes_to_the_end(pages):
    assert pages.relink('```\n[a](nowhere)\n', 'README.md', 'index')[1] == []


@pytest.mark.parametrize(
    'name, scopes, there',
    [
        ('collections.abc.Mapping', [], True),
        ('collections.abc.Maping', [], False),
        ('ssvrl_mm.video.VideoError', [], True),
        ('VideoError', [], False),
        ('VideoError', ['ssvrl_mm.video'], True),
        # A method, from another of its class; a name of the module that a class lies in.
        ('open', ['pathlib.Path.read_text'], True),
        ('PurePath', ['pathlib.Path'], True),
        ('nothing', ['pathlib.Path.read_text'], False),
    ],
)
def test_names_that_exist(extension, name, scopes, there):
    assert extension('names')['exists'](name, *scopes) is there


@pytest.mark.parametrize(
    'about, source, shown',
    [
        (dict(reftarget='os.PathLike'), None, True),
        (dict(reftarget='os.PathLike', refdomain='std'), None, False),
        (dict(reftarget='VideoError'), None, False),
        (dict(reftarget='VideoError') | {'py:module': 'ssvrl_mm.video'}, None, True),
        (dict(reftarget='path') | {'py:module': 'os', 'py:class': 'PathLike'}, None, True),
        # A name of the module that the docstring was written in.
        (dict(reftarget='VideoError'), 'a.py:docstring of ssvrl_mm.video.errors.FrameError', True),
    ],
)
def test_names_without_a_page_are_shown(extension, about, source, shown):
    class Node(dict):
        parent = None

    node = Node(dict(refdomain='py') | about)
    node.source, node.parent = None, Node()
    node.parent.source = source
    answer = extension('names')['show_without_link'](None, None, node, 'text')
    assert answer == ('text' if shown else None)


def test_source_views(tmp_path, extension):
    pytest.importorskip('sphinx')
    views = extension('repository')
    (tmp_path / 'a&b.py').write_text('x = "<1>"')
    (tmp_path / '.hidden').touch()
    (tmp_path / '__pycache__').mkdir()
    (tmp_path / 'clip.bin').write_bytes(b'\xff\xfe')
    (tmp_path / 'notes').write_text('<b>')
    names = views['entries'](tmp_path)
    assert names == ['a&b.py', 'clip.bin', 'notes']
    assert '<a href="data/a&amp;b.py.html">a&amp;b.py</a>' in views['listing']('my/data', names)
    assert '&lt;1&gt;' in views['highlighted'](tmp_path / 'a&b.py')
    assert '&lt;b&gt;' in views['highlighted'](tmp_path / 'notes')
    assert 'Not a text' in views['highlighted'](tmp_path / 'clip.bin')
