"""Where weights are looked for, in which order, and what is said when they are nowhere."""

import hashlib
import logging
import re
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest

from ssvrl_mm.zoo import (
    AddressError,
    DownloadError,
    ModelIndexError,
    ModelNotFoundError,
    OfflineError,
    StorageError,
    WeightsNotFoundError,
    WrongHashError,
    fetch_log,
    fetch_weights,
    index,
    list_models,
    load_backbone,
    places,
)
from tests.test_zoo.conftest import CONTENT, NAME, SHA256

LOG = b'{"loss": 3.0, "iter": 1}\n'


@pytest.fixture
def share(tmp_path):
    """A folder that holds the file."""
    folder = tmp_path / 'a share'
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    return folder


def put(folder, content=CONTENT):
    folder.mkdir(exist_ok=True)
    (folder / NAME).write_bytes(content)
    return folder / NAME


def test_cache_comes_before_the_clone_and_the_clone_before_all_else(zoo, server, monkeypatch):
    monkeypatch.setenv('SSVRL_MM_ZOO', server.url)
    in_clone = put(zoo.checkpoints)
    url = zoo.model._replace(weights=f'{server.url}/{NAME}')
    for model in (zoo.model, url):
        assert fetch_weights(model) == in_clone
    assert not zoo.cache.exists()
    in_cache = put(zoo.cache)
    assert fetch_weights(zoo.model) == fetch_weights(url) == in_cache
    assert server.requests == []


@pytest.mark.parametrize('place', ['variable', 'argument', 'file URL', 'the index', 'home'])
def test_a_folder_serves_as_well(place, zoo, share, monkeypatch):
    base, model = None, zoo.model
    monkeypatch.setenv('SSVRL_MM_ZOO', str(share if place == 'variable' else zoo.checkpoints))
    if place == 'argument':
        base = share
    elif place == 'file URL':
        base = share.as_uri() + '/'
    elif place == 'the index':
        model = model._replace(weights=f'file://localhost{(share / NAME).as_uri()[7:]}')
    elif place == 'home':
        monkeypatch.setenv('HOME', str(share.parent))
        base = f'~/{share.name}'
    assert fetch_weights(model, base) == zoo.target and zoo.holds_only_the_file()


@pytest.mark.parametrize('part', [CONTENT[:7], b'another', CONTENT + b'x'])
def test_a_copy_goes_on_as_well(part, zoo, share):
    zoo.cache.mkdir()
    zoo.part.write_bytes(part)
    assert fetch_weights(zoo.model, share) == zoo.target and zoo.holds_only_the_file()


def test_another_destination(zoo, share, tmp_path, server):
    first, second = tmp_path / 'new' / 'first', tmp_path / 'second'
    assert fetch_weights(zoo.model, server.url, first) == first / NAME
    assert [path.name for path in first.iterdir()] == [NAME] and not zoo.cache.exists()
    put(zoo.cache)
    assert fetch_weights(zoo.model, dest=second, offline=True) == second / NAME
    assert (second / NAME).read_bytes() == (first / NAME).read_bytes() == CONTENT
    (zoo.cache / NAME).unlink()
    assert fetch_weights(zoo.model, dest=str(second), offline=True) == second / NAME
    assert len(server.requests) == 1


def test_what_is_damaged_is_passed_over_aloud_and_replaced(zoo, server, caplog):
    put(zoo.cache, CONTENT[:-1])
    put(zoo.checkpoints, b'')
    with pytest.raises(OfflineError) as failed:
        fetch_weights(zoo.model, offline=True)
    for file in (zoo.target, zoo.checkpoints / NAME):
        assert f'{file}: not the file that the index lists' in str(failed.value)
    with caplog.at_level(logging.WARNING):
        fetch_weights(zoo.model, server.url)
    assert f'passed over: {zoo.target}' in caplog.text and zoo.holds_only_the_file()


def test_nowhere_names_all_three_places(zoo):
    with pytest.raises(WeightsNotFoundError) as failed:
        fetch_weights(zoo.model)
    message = str(failed.value)
    assert not isinstance(failed.value, OfflineError) and 'passed over' not in message
    for place in (zoo.cache, zoo.checkpoints, 'SSVRL_MM_CACHE', 'SSVRL_MM_ZOO', '--base-url'):
        assert str(place) in message


@pytest.mark.parametrize(
    'setting, offline, asks',
    [
        ('1', None, False),
        ('True', None, False),
        ('', None, True),
        ('0', None, True),
        ('NO', None, True),
        ('1', False, True),
        ('0', True, False),
    ],
)
def test_offline_nothing_is_asked(setting, offline, asks, zoo, server, monkeypatch):
    monkeypatch.setenv('SSVRL_MM_OFFLINE', setting)
    if asks:
        assert fetch_weights(zoo.model, server.url, offline=offline) == zoo.target
        return
    with pytest.raises(OfflineError, match='offline mode; put the file into'):
        fetch_weights(zoo.model, server.url, offline=offline)
    assert server.requests == [] and not zoo.cache.exists()


def test_a_folder_without_the_file_or_with_another(zoo, share):
    with pytest.raises(WeightsNotFoundError, match=f'there is no file .*{NAME}'):
        fetch_weights(zoo.model, share / 'x')
    (share / NAME).write_bytes(b'another')
    with pytest.raises(WrongHashError, match=f'{share / NAME}: not the file .* its 7 bytes'):
        fetch_weights(zoo.model, share)
    (share / NAME).unlink()
    (share / NAME).mkdir()
    with pytest.raises(DownloadError, match='cannot be read'):
        fetch_weights(zoo.model, share)
    assert not zoo.target.exists() and not zoo.part.exists()


@pytest.mark.parametrize(
    'url, named',
    [
        (f'https://host/x/{NAME}?key=secret', f'that of a folder, .*; leave out {NAME}'),
        ('~/one.safetensors', 'leave out one.safetensors'),
        ('ftp://host/x', 'ftp://host/x: models come from'),
        ('file://elsewhere/x', 'file://elsewhere/x: models come from'),
        ('https:///x', 'https:///x: models'),
        ('https://me:secret@host/x', 'https://host/x: models'),
        ('https://[x', 'no URL'),
    ],
)
def test_addresses_that_nothing_can_come_from(url, named, zoo):
    with pytest.raises(AddressError) as failed:
        fetch_weights(zoo.model, url)
    assert re.search(named, str(failed.value)) and 'secret' not in str(failed.value)


@pytest.mark.parametrize(
    'weights',
    [
        f'../{NAME}',
        f'/tmp/{NAME}',
        f'folder/{NAME}',
        f'..\\{NAME}',
        f'.{NAME}',
        f'{NAME}\n',
        f'https://host/..%2F{NAME}%2F',
        f'https://host/x%00{NAME}',
        'https://host',
        f'https://host/?{NAME}',
        'one.pth',
        'one-12345678.pkl',
        'one-1234567G.pth',
        '-12345678.pth',
    ],
)
def test_a_name_that_could_be_anything_is_refused(weights, zoo):
    with pytest.raises(ModelIndexError, match=r'one_r18: Weights: .* name without folders'):
        fetch_weights(zoo.model._replace(weights=weights, sha256=None))


def test_a_folder_that_cannot_be_written(zoo, server, monkeypatch):
    zoo.target.mkdir(parents=True)
    with pytest.raises(
        StorageError, match=rf'{NAME}: cannot be written \(Is a directory\); choose'
    ):
        fetch_weights(zoo.model, server.url)
    zoo.target.rmdir()
    with monkeypatch.context() as read_only:
        refused = PermissionError(13, 'Permission denied')
        read_only.setattr('filelock.FileLock.acquire', Mock(side_effect=refused))
        with pytest.raises(StorageError, match=r'written \(Permission denied\); choose another'):
            fetch_weights(zoo.model, server.url)
    shutil.rmtree(zoo.cache)
    zoo.cache.write_text('a file where a folder should be')
    with pytest.raises(StorageError, match=r'written \(File exists\); choose another'):
        fetch_weights(zoo.model, server.url)


def test_a_url_may_escape_what_its_name_has(zoo, server):
    path = f'/{NAME.replace("_", "%5F")}'
    server.files[path] = CONTENT
    assert fetch_weights(zoo.model._replace(weights=server.url + path)) == zoo.target
    assert server.requests == [(path, None)]


@pytest.mark.parametrize('digest', [SHA256[:-1], SHA256.upper(), f'f{SHA256[1:]}', 12, '8' * 64])
def test_a_digest_that_cannot_be_that_of_the_name(digest, zoo):
    with pytest.raises(ModelIndexError, match=f'Weights SHA-256: .* {SHA256[:8]} of {NAME}'):
        fetch_weights(zoo.model._replace(sha256=digest))


def test_a_recipe_has_no_file(zoo):
    for fetch in (fetch_weights, fetch_log):
        with pytest.raises(ModelNotFoundError, match="'one_r18' is a recipe: .*reproduce.py one_"):
            fetch(zoo.model._replace(weights=None))


@pytest.mark.parametrize(
    'log, digest, told',
    [
        ('../one.json', SHA256, "Log: '../one.json' has to be a name without folders .* in .json"),
        ('one.log', SHA256, "Log: 'one.log' has to be"),
        ('one.json', SHA256[1:], "Log SHA-256: '.*' has to be 64 hexadecimal digits"),
        ('one.json', 12, 'Log SHA-256: 12 has'),
    ],
)
def test_a_log_that_cannot_be(log, digest, told, zoo):
    model = zoo.model._replace(log=log, metadata={'Log SHA-256': digest})
    with pytest.raises(ModelIndexError, match=f'one_r18: {told}'):
        fetch_log(model)


def test_a_log_lies_beside_weights_that_have_a_url(zoo, server):
    digest = hashlib.sha256(LOG).hexdigest()
    weights = f'{server.url}/models/{NAME}?key=secret'
    model = zoo.model._replace(log='one.json', metadata={'Log SHA-256': digest}, weights=weights)
    server.files['/models/one.json?key=secret'] = LOG
    assert fetch_log(model).read_bytes() == LOG


def test_logs_of_the_published_models_are_those_of_the_index():
    models = {m.name: m for m in list_models().values() if 'Log SHA-256' in m.metadata}
    assert len(models) > 1
    for model in models.values():
        assert fetch_log(model, offline=True).name == f'{Path(model.weights).stem}.log.json'


@pytest.mark.parametrize('model', [3, None, Path('x.pth')])
def test_what_is_no_name(model):
    for fetch in (fetch_weights, fetch_log, load_backbone):
        with pytest.raises(TypeError, match=rf'given by its name, got a {type(model).__name__}: '):
            fetch(model)


def test_a_name_is_one_of_the_packages_index(zoo, share, monkeypatch):
    for module in (index, places):
        monkeypatch.setattr(module, 'packaged_folder', lambda: zoo.model.folder)
    assert fetch_weights('one', share) == zoo.target
    with pytest.raises(ModelNotFoundError, match="'two' is a recipe"):
        fetch_weights('two', share)


def test_the_clone_of_an_editable_installation(zoo, tmp_path, monkeypatch):
    """Its index beside the package is a link; ``checkpoints`` is in the clone alone."""
    beside = tmp_path / '.mim'
    beside.mkdir()
    (beside / 'model-index.yml').symlink_to(zoo.model.folder / 'model-index.yml')
    for model in (zoo.model._replace(folder=beside), zoo.model._replace(folder=None)):
        monkeypatch.setattr(places, 'packaged_folder', lambda: beside)
        assert places.clone_folder(model) == zoo.checkpoints


@pytest.mark.parametrize(
    'settings, folder',
    [
        ({}, 'HOME/.cache/ssvrl_mm/checkpoints'),
        ({'XDG_CACHE_HOME': '/caches'}, '/caches/ssvrl_mm/checkpoints'),
        ({'XDG_CACHE_HOME': 'caches'}, 'HOME/.cache/ssvrl_mm/checkpoints'),
        ({'XDG_CACHE_HOME': '/caches', 'SSVRL_MM_CACHE': '~/mine'}, 'HOME/mine'),
    ],
)
def test_the_cache(settings, folder, zoo, tmp_path, monkeypatch):
    monkeypatch.delenv('SSVRL_MM_CACHE')
    monkeypatch.setenv('HOME', str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert places.cache_folder() == Path(folder.replace('HOME', str(tmp_path)))
