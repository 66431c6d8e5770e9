"""Versions of packages that are there, missing or broken."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import numpy as np
import pytest

from ssvrl_mm.environment import describe_packages, describe_video, git_revision, packages


@pytest.fixture
def installed(monkeypatch):
    """Makes other packages be installed, and imported, than are."""

    def make(versions, modules):
        def version(name):
            if name not in versions:
                raise PackageNotFoundError(name)
            if isinstance(versions[name], Exception):
                raise versions[name]
            return versions[name]

        def load(name):
            if isinstance(modules.get(name), Exception):
                raise modules[name]
            return SimpleNamespace(**modules.get(name, {}))

        monkeypatch.setattr(packages, 'version', version)
        monkeypatch.setattr(packages.importlib, 'import_module', load)

    return make


def test_packages_that_are_here():
    found = describe_packages()
    assert found['numpy'] == np.__version__
    assert {'mmcv', 'mmcv-lite'} & found.keys() and 'torch' in found
    assert not any('cannot be imported' in told for told in found.values())


def test_packages_that_are_missing_or_broken(installed):
    versions = {'numpy': '2.4.1', 'av': '18.1', 'decord': '0.6', 'torch': '2.13.0+cpu'}
    versions |= {'mmengine': ValueError('no such line'), 'mmcv': '2.1'}
    modules = {
        'av': OSError('libavcodec.so: no such file\nand more'),
        'numpy': {'__version__': '1'},
    }
    modules |= {'decord': ImportError(), 'torch': {'__version__': '2.13.0+cpu'}}
    installed(versions, modules)
    found = describe_packages()
    assert found == {
        'torch': '2.13.0+cpu',
        'mmengine': 'version not known (ValueError: no such line)',
        'mmcv': '2.1',
        'mmaction2': 'not installed',
        'av': '18.1, but cannot be imported: OSError: libavcodec.so: no such file',
        'decord': '0.6, but cannot be imported: ImportError',
        'numpy': '2.4.1, but 1 is imported',
        'opencv-python': 'not installed',
        'opencv-contrib-python': 'not installed',
        'scikit-learn': 'not installed',
        'setuptools': 'not installed',
    }
    # Nothing is imported for a log.
    assert describe_packages(imported=False)['av'] == '18.1'
    installed({}, {})
    assert describe_packages()['mmcv-lite'] == 'not installed'


def test_extras(installed, monkeypatch):
    listed = ['torch<3', 'h5py>=3; extra == "analysis"', "faiss-cpu ; extra == 'analysis'"]
    listed += ['pytest; extra == "tests"', 'onnx<2,>=1.17; extra == "deploy"']
    monkeypatch.setattr(packages, 'requires', lambda name: listed)
    installed({'h5py': '3.1'}, {})
    assert packages.describe_extras() == {'analysis': 'h5py 3.1, faiss-cpu -', 'deploy': 'onnx -'}

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, 'requires', missing)
    assert packages.describe_extras() == {}


def test_codecs(monkeypatch):
    found = describe_video()
    assert {'h264', 'hevc', 'mpeg4'} <= set(found['decoders'].split(', '))
    assert 'libavcodec ' in found['libraries'] and 'missing decoders' not in found
    monkeypatch.setattr(packages, '_has_decoder', lambda codec, name: name == 'vp9')
    found = describe_video()
    assert (found['decoders'], found['missing decoders']) == ('vp9', 'h264, hevc, mpeg4')
    monkeypatch.setitem(sys.modules, 'av', None)
    assert 'PyAV cannot be imported: ModuleNotFoundError' in describe_video()['FFmpeg']


def test_the_revision_of_a_checkout(tmp_path, monkeypatch):
    package = tmp_path / 'ssvrl_mm'
    package.mkdir()
    assert git_revision(package) is None
    git = ['git', '-c', 'user.name=x', '-c', 'user.email=x', '-C', tmp_path]
    subprocess.run([*git, 'init', '-q'], check=True)
    # No commit yet.
    assert git_revision(package) is None
    (package / 'a.py').write_text('')
    subprocess.run([*git, 'add', '.'], check=True)
    subprocess.run([*git, 'commit', '-qm', 'x'], check=True)
    head = subprocess.run([*git, 'rev-parse', 'HEAD'], capture_output=True, text=True).stdout
    assert git_revision(package) == head[:12]
    (package / 'a.py').write_text('a')
    assert git_revision(package) == f'{head[:12]}, with changes'
    monkeypatch.setenv('PATH', '')
    assert git_revision(package) is None
