"""`tools/model_zoo/download.py` on the command line."""

import runpy

import pytest

from ssvrl_mm.zoo import index, places
from tests.conftest import REPOSITORY
from tests.test_zoo.conftest import CONTENT, NAME


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


def test_a_log_that_stays_behind_is_named(download, zoo, server, capsys):
    metafile = zoo.model.folder / 'metafile.yml'
    metafile.write_text(
        metafile.read_text().replace('Metadata: {', 'Metadata: {Log: one.log.json, ')
    )
    assert download(['one', '--base-url', server.url]) == 0
    assert 'one: one.log.json, the log of the training, stays' in capsys.readouterr().err
    (zoo.cache / 'one.log.json').touch()
    assert download(['one']) == 0 and capsys.readouterr().err == ''


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
