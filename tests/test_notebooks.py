"""The notebooks: whole, without outputs, linked, and with one place for what is the reader's own.

`make docs` runs them from the first cell to the last.
"""

import ast
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.test_docs import anchors

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / 'docs').rglob('*.ipynb'))
NOTEBOOKS = [path for path in NOTEBOOKS if '_build' not in path.parts]
# A home, a temporary folder, the root of a machine: where somebody has run it.
MACHINE = re.compile(r'(?<![\w.])(/(home|root|Users|tmp|work|content|mnt|private|var)/|[A-Z]:\\)')
LINK = re.compile(r'\]\(([^)\s]+)\)')


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    """A notebook: its `path`, its content as `book`, its cells by kind."""
    book = json.loads(request.param.read_text())
    for cell in book['cells']:
        cell['source'] = ''.join(cell['source'])
    kinds = {
        kind: [cell for cell in book['cells'] if cell['cell_type'] == kind]
        for kind in ('code', 'markdown')
    }
    return SimpleNamespace(path=request.param, book=book, **kinds)


def test_which_there_are():
    names = ['checkpoint_in_mmaction2', 'compressed_video', 'pretrain_own_clips']
    assert [path.stem for path in NOTEBOOKS] == names


def test_it_is_a_notebook(notebook):
    nbformat = pytest.importorskip('nbformat')
    book = nbformat.read(notebook.path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(book)
    assert book.metadata['kernelspec']['name'] == 'python3'
    assert notebook.markdown[0] is notebook.book['cells'][0]
    assert notebook.markdown[0]['source'].startswith('# ')


def test_nothing_of_a_run_is_kept(notebook):
    for cell in notebook.code:
        kept = f'{notebook.path.name}: clear its outputs before it is committed'
        assert not cell['outputs'] and cell['execution_count'] is None, kept
    for cell in notebook.book['cells']:
        assert not cell['metadata'], cell['metadata']
    found = MACHINE.search(notebook.path.read_text())
    assert not found, found


@pytest.mark.parametrize(
    'text, is_one',
    [('open("/home/me/a")', True), ('C:\\data', True), ('/tmp/x', True), ('path/to/tmp/x', False),
     ('/path/to/the/clone', False), ('../home/x', False)],
)  # fmt: skip
def test_what_a_path_of_a_machine_is(text, is_one):
    assert bool(MACHINE.search(text)) is is_one


def test_code_is_python_and_nothing_else(notebook):
    for cell in notebook.code:
        ast.parse(cell['source'])


def test_what_is_the_readers_own_stands_on_top(notebook):
    first = ast.parse(notebook.code[0]['source']).body
    assert first and all(isinstance(line, ast.Assign) for line in first)
    names = [line.targets[0].id for line in first]
    assert all(name.isupper() for name in names) and {'VIDEO', 'VIDEOS'} & {*names}
    for line in notebook.code[0]['source'].splitlines():
        assert '  # ' in line, f'what is {line}?'
    # The text above says so, and the end says it again.
    assert 'next cell' in notebook.markdown[0]['source']
    assert any(f'`{names[-1]}` at the top' in cell['source'] for cell in notebook.markdown[-2:])


def test_where_the_package_is_missing_it_says_how_to_install_it(notebook, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ssvrl_mm', None)
    with pytest.raises(ModuleNotFoundError, match='%pip install "?/path/to/the/clone'):
        exec(notebook.code[1]['source'], {})
    assert '%pip install' in notebook.markdown[1]['source']


def test_it_leaves_nothing_behind(notebook):
    assert notebook.code[-1]['source'] == 'temporary.cleanup()'
    assert 'tempfile.TemporaryDirectory()' in notebook.code[1]['source']
    for cell in notebook.code[2:]:
        assert not re.search(r"open\('|Path\('|work_dirs|chdir", cell['source'])


def test_links_lead_to_pages(notebook):
    for cell in notebook.markdown:
        for link in LINK.findall(cell['source']):
            file, _, anchor = link.partition('#')
            target = (notebook.path.parent / file).resolve()
            assert target.is_file(), link
            assert not anchor or anchor in anchors(target), link
    end = notebook.markdown[-1]['source']
    assert len(LINK.findall(end[end.index('Read on:') :])) >= 3


def test_it_is_linked(notebook):
    name = notebook.path.relative_to(ROOT / 'docs').as_posix()
    assert f'({name})' in (ROOT / 'docs' / 'notebooks.md').read_text()
    assert f'(docs/{name})' in (ROOT / 'README.md').read_text()


def test_without_weights_it_says_where_they_come_from(monkeypatch):
    from ssvrl_mm import zoo

    book = json.loads((ROOT / 'docs/notebooks/checkpoint_in_mmaction2.ipynb').read_text())
    (cell,) = (
        ''.join(cell['source'])
        for cell in book['cells']
        if cell['cell_type'] == 'code' and 'fetch_weights(' in ''.join(cell['source'])
    )
    monkeypatch.setattr(zoo, 'list_models', dict)
    with pytest.raises(RuntimeError, match=r'(?s)nothing_such.*%pip install -e.*SSVRL_MM_ZOO'):
        exec(cell, {'MODEL': 'nothing_such'})
