"""Tiny copies of the official datasets: real clips, the official file formats."""

import pytest

from tests.test_datasets.test_official import copies


@pytest.fixture(scope='session')
def clip(tmp_path_factory):
    """The bytes of a real video."""
    return copies.make_clip(tmp_path_factory.mktemp('clip'))


@pytest.fixture
def ucf101(tmp_path, clip):
    """Folders ``videos`` and ``annotations`` of a UCF101 with 2 classes and 6 videos."""
    return copies.write_ucf101(tmp_path, clip)


@pytest.fixture
def hmdb51(tmp_path, clip):
    """Folders ``videos`` and ``annotations`` of an HMDB51 with 2 classes and 6 videos."""
    return copies.write_hmdb51(tmp_path, clip)


@pytest.fixture
def kinetics400(tmp_path, clip):
    """Folders ``videos`` and ``annotations`` of a Kinetics with 2 classes and 5 videos."""
    return copies.write_kinetics400(tmp_path, clip)


@pytest.fixture
def sthv2(tmp_path, clip):
    """Folders ``videos`` and ``annotations`` of a Something-Something with 2 classes."""
    return copies.write_sthv2(tmp_path, clip)


@pytest.fixture
def rar(tmp_path, monkeypatch):
    """Puts an ``unrar`` on the path that unpacks what ``copies.write_rar`` writes."""
    return copies.install_unrar(tmp_path / 'bin', monkeypatch)
