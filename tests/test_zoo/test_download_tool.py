"""`tools/model_zoo/download.py` on the command line."""

import hashlib
import runpy

import pytest

from ssvrl_mm.zoo import index, places
from tests.conftest import REPOSITORY
from tests.test_zoo.conftest import CONTENT, NAME

LOG = b'{"loss": 3.0, "iter": 1}\n'


@pytest.fixture
def download(zoo, monkeypatch):
    for module in (index, places):
        monkeypatch.setattr(module, 'packaged_folder', lambda: zoo.model.folder)
    return runpy.run_path(str(REPOSITORY / 'tools' / 'model_zoo' / 'download.py'))['main']


@pytest.mark.parametrize('names', [['one'], ['one_r18'], ['--all']])
def test_prints_where_the_files_are(names, download, zoo, server, capsys):
    assert download([*names, '--base-url', server.url]) == 0
    name = 'one_r18' if names == ['--all'] else names[0]
    assert capsys.readouterr().out == f'{name}: {zoo.target}\n'
    assert zoo.holds_only_the_file()


def test_one_that_is_missing_does_not_keep_the_others_away(download, zoo, server, tmp_path, capsys):
    dest = tmp_path / 'dest'
    assert download(['one_r81', 'one', '--dest', str(dest), '--base-url', server.url]) == 1
    printed = capsys.readouterr()
    assert (dest / NAME).read_bytes() == CONTENT and printed.out == f'one: {dest / NAME}\n'
    assert (
        printed.err.startswith("error: 'one_r81' is no model")
        and 'did you mean one_r18?' in printed.err
    )


def test_the_log_comes_where_it_is_asked_for_and_can_be_checked(download, zoo, server, capsys):
    metafile, log = zoo.model.folder / 'metafile.yml', zoo.cache / 'one.log.json'
    text, server.files['/one.log.json'] = metafile.read_text(), LOG
    asked = ['one', '--log', '--base-url', server.url]
    weights = f'one: {zoo.target}\n'
    assert download(asked) == 1
    said = capsys.readouterr()
    assert said.out == weights and said.err == (
        'error: one_r18: the index names no log of its training\n'
    )
    metafile.write_text(text.replace('Metadata: {', 'Metadata: {Log: one.log.json, '))
    assert download(asked) == 1 and not log.exists()
    said = capsys.readouterr()
    assert said.out == weights and 'one_r18: the index has no SHA-256 of one.log.json' in said.err

    digest = hashlib.sha256(LOG).hexdigest()
    told = f'Metadata: {{Log: one.log.json, Log SHA-256: {digest}, '
    metafile.write_text(text.replace('Metadata: {', told))
    assert download(['one']) == 0 and capsys.readouterr().out == weights and not log.exists()
    assert download(asked) == 0
    assert capsys.readouterr().out == f'{weights}one: {log}\n' and log.read_bytes() == LOG
    # As weights, it is taken from this machine where it is right, and anew where it is not.
    assert download(['one', '--log', '--offline']) == 0
    log.write_bytes(b'another')
    assert download(['one', '--log', '--offline']) == 1
    assert f'passed over: {log}: not the file that' in capsys.readouterr().err
    assert download(asked) == 0 and log.read_bytes() == LOG
    server.files['/one.log.json'] = b'another'
    log.unlink()
    assert download(asked) == 1 and not log.exists()
    assert f'{server.url}/one.log.json: not the file that' in capsys.readouterr().err


def test_offline(download, server, monkeypatch, capsys):
    monkeypatch.setenv('SSVRL_MM_ZOO', server.url)
    assert download(['one', '--offline']) == 1
    assert 'this is offline mode' in capsys.readouterr().err and server.requests == []
    monkeypatch.setenv('SSVRL_MM_OFFLINE', '1')
    assert download(['one']) == 1
    assert server.requests == []


def test_an_index_without_models(download, zoo, capsys):
    (zoo.model.folder / 'model-index.yml').write_text('Import: []')
    assert download(['--all']) == 1
    assert capsys.readouterr().err == 'error: the model index lists no model with weights\n'
    (zoo.model.folder / 'model-index.yml').write_text('Import: [')
    assert download(['--all']) == download(['one']) == 1
    assert capsys.readouterr().err.count('error: ') == 2


@pytest.mark.parametrize('arguments', [[], ['--all', 'one']])
def test_names_or_all(arguments, download, capsys):
    with pytest.raises(SystemExit) as end:
        download(arguments)
    assert end.value.code == 2 and 'give names of models, or --all' in capsys.readouterr().err
