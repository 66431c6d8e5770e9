"""An index of one published model, the file of which is elsewhere, and servers."""

import hashlib
import random
from typing import NamedTuple

import pytest

from ssvrl_mm.zoo import ZooModel, downloading
from tests.test_zoo.server import Server

# Fixtures of what publishes.
from tests.test_zoo.trained_run import data_folder, run, small_zoo, trained  # noqa: F401

CONTENT = random.Random(0).randbytes(600_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = f'one_r18-{SHA256[:8]}.pth'


class Zoo(NamedTuple):
    """What a test begins with: nothing is in the cache."""

    model: ZooModel
    cache: object
    checkpoints: object

    @property
    def target(self):
        return self.cache / NAME

    @property
    def part(self):
        return self.cache / f'{NAME}.part'

    def holds_only_the_file(self):
        """Whether the file, whole, is all that is in the cache."""
        assert [path.name for path in self.cache.iterdir()] == [NAME]
        return self.target.read_bytes() == CONTENT


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    for variable in ('SSVRL_MM_ZOO', 'SSVRL_MM_OFFLINE', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv('SSVRL_MM_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '*')
    clone = tmp_path / 'clone'
    clone.mkdir()
    (clone / 'model-index.yml').write_text('Import: [metafile.yml]')
    (clone / 'metafile.yml').write_text(
        f'Models: [{{Name: one_r18, Alias: one, Config: one.py, Weights: {NAME}, '
        f'Metadata: {{Weights SHA-256: {SHA256}}}}}, {{Name: two, Config: two.py}}]'
    )
    model = ZooModel('one_r18', clone / 'one.py', NAME, ('one',), SHA256, folder=clone)
    return Zoo(model, tmp_path / 'cache', clone / 'checkpoints')


@pytest.fixture
def server(zoo):
    with Server({f'/{NAME}': CONTENT}) as server:
        yield server


@pytest.fixture
def pauses(monkeypatch):
    """The seconds that a download waits, which it does not."""
    waited = []
    monkeypatch.setattr(downloading.time, 'sleep', waited.append)
    return waited
