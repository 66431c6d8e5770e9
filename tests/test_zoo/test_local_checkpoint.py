"""Checkpoints by path, by address and by name, for everything that takes one."""

import io

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from ssvrl_mm.models.utils.pretrained import load_pretrained
from ssvrl_mm.zoo import DownloadError, ModelNotFoundError, OfflineError, StorageError
from ssvrl_mm.zoo.local_checkpoint import local_checkpoint
from tests.test_zoo.server import Server


def content(value):
    file = io.BytesIO()
    torch.save(dict(state_dict=dict(weight=torch.full((1, 1), value))), file)
    return file.getvalue()


def value_of(file):
    return torch.load(file)['state_dict']['weight'].item()


def test_paths_stay_what_they_are(zoo, tmp_path):
    for path in ('epoch_1.pth', tmp_path / 'gone', 'runs/gone'):
        assert local_checkpoint(path) == str(path)
    with pytest.raises(ModelNotFoundError, match='gone'):
        local_checkpoint('gone')


def test_each_address_has_a_file_of_its_own(zoo, monkeypatch):
    files = [{'/a/epoch_1.pth': content(1), '/b/epoch_1.pth': content(2)}]
    with Server(*files) as one, Server({'/a/epoch_1.pth': content(3)}) as other:
        addresses = [f'{one.url}/a/epoch_1.pth', f'{one.url}/b/epoch_1.pth']
        addresses.append(f'{other.url}/a/epoch_1.pth')
        found = [local_checkpoint(address) for address in addresses]
        assert [value_of(file) for file in found] == [1, 2, 3]
        assert [local_checkpoint(address) for address in addresses] == found
        assert len(one.requests) == 2
        with pytest.raises(DownloadError, match=r'/gone.pth: cannot be fetched .*404') as error:
            local_checkpoint(f'{one.url}/gone.pth?signature=secret')
        assert 'secret' not in str(error.value)
        # Offline: what was fetched is there, for mmengine too, and nothing else is asked for.
        monkeypatch.setenv('SSVRL_MM_OFFLINE', '1')
        linear = torch.nn.Linear(1, 1, bias=False)
        load_pretrained(linear, addresses[2])
        assert linear.weight.item() == 3
        loaded = CheckpointLoader.load_checkpoint(addresses[1], 'cpu')
        assert loaded['state_dict']['weight'] == 2
        for load in (
            local_checkpoint,
            CheckpointLoader.load_checkpoint,
            lambda address: load_pretrained(linear, address),
        ):
            with pytest.raises(OfflineError, match='offline mode'):
                load(f'{other.url}/b/epoch_1.pth?signature=secret')
        assert len(other.requests) == 1


def test_a_cache_that_cannot_be_written(zoo, tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('SSVRL_MM_CACHE', str(tmp_path / 'file'))
    with pytest.raises(StorageError, match='cannot be fetched'):
        local_checkpoint('http://127.0.0.1:9/epoch_1.pth')
