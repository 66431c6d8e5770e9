"""The report says what matters, and not whose it is."""

import os
import sys

import pytest

from ssvrl_mm.environment import (
    collect_environment,
    format_environment,
    privacy,
    report,
    without_owner,
    without_secrets,
)


@pytest.mark.parametrize(
    'name, value, told',
    [
        ('SSVRL_DATA', 'data', 'data'),
        ('SSVRL_TOKEN', 'abc', '(set, not shown)'),
        ('TORCH_API_KEY', 'abc', '(set, not shown)'),
        ('SSVRL_MM_ZOO', 'https://me:word@host/zoo', 'https://***@host/zoo'),
        ('SSVRL_MM_ZOO', 'https://host/zoo?signature=1#x', 'https://host/zoo?***'),
        ('SSVRL_MM_ZOO', 'https://me:p@ss@host/a https://h/b', 'https://***@host/a https://h/b'),
        ('SSVRL_MM_ZOO', 'https://me:a/b@host', 'https://***@host'),
        ('SSVRL_MM_ZOO', 'https://host/zoo;token=abc;x=1', 'https://host/zoo;token=***;x=1'),
        ('CUDA_OPTIONS', 'api_key = abc, size=4', 'api_key = ***, size=4'),
        ('PYTORCH_CUDA_ALLOC_CONF', 'max_split_size_mb:64', 'max_split_size_mb:64'),
        ('KMP_AFFINITY', 'granularity=fine', 'granularity=fine'),
        ('OMP_MONKEY', '1', '1'),
    ],
)
def test_secrets_are_not_shown(name, value, told):
    assert without_secrets(name, value) == told


def test_the_owner_is_not_shown(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', '/home/jane')
    monkeypatch.setattr(privacy.getpass, 'getuser', lambda: 'jdoe')
    assert without_owner('/home/jane/data:/home/jane:/home/janet') == '~/data:~:/home/janet'
    assert without_owner('/media/jdoe/disk:/scratch/jane') == '/media/USER/disk:/scratch/USER'
    assert without_owner('jdoe /jdoer/jane-2') == 'jdoe /jdoer/jane-2'
    # Whoever lives at the root has no home to hide.
    monkeypatch.setenv('HOME', '/')
    assert without_owner('/data in / alone') == '/data in / alone'
    monkeypatch.setenv('HOME', '/root')
    assert without_owner('/root/data') == '~/data'

    def nobody():
        raise KeyError('uid not found')

    monkeypatch.setattr(privacy.getpass, 'getuser', nobody)
    assert without_owner('/data') == '/data'


def test_all_sections(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('SSVRL_DATA', str(tmp_path / 'videos'))
    monkeypatch.setenv('SSVRL_SECRET', 'abcde')
    monkeypatch.setenv('UNKNOWN', 'fghij')
    found = collect_environment()
    # Extras are known of what is installed, not of a checkout alone.
    sections = [section for section in found if section != 'extras']
    assert sections == ['ssvrl_mm', 'packages', 'video', 'machine', 'CUDA', 'variables']
    assert found['variables']['SSVRL_DATA'] == '~/videos'
    assert found['ssvrl_mm']['Python'].startswith('.'.join(map(str, sys.version_info[:3])))
    assert 'CUDA available' in found['CUDA'] and 'PyTorch' not in found['CUDA']
    text = format_environment(found)
    for hidden in ('abcde', 'fghij', str(tmp_path)):
        assert hidden not in text
    assert 'CUDA' not in collect_environment(imported=False)


def test_a_gpu_and_a_torch_that_is_broken(monkeypatch):
    torch = pytest.importorskip('torch')
    monkeypatch.setattr(torch.version, 'cuda', '12.8')
    monkeypatch.setattr(torch.backends.cudnn, 'version', lambda: 91000)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    properties = type('Properties', (), {'total_memory': 80 * 2**30})
    monkeypatch.setattr(torch.cuda, 'get_device_properties', lambda number: properties)
    found = report._cuda()
    assert found['CUDA of torch'] == '12.8' and found['cuDNN of torch'] == '91000'
    assert found['memory of GPU 0'] == '80.0 GiB'
    monkeypatch.setitem(sys.modules, 'torch', None)
    assert 'cannot be asked: ModuleNotFoundError' in report._cuda()['torch and mmengine']


def test_lines_are_aligned():
    text = format_environment({'a': {'x': '1', 'long': '2'}, 'b': {}})
    assert text == 'a:\n  x     1\n  long  2\nb:'


def test_the_environment_is_that_of_the_start(monkeypatch):
    """OpenCV and torch set variables when they are imported."""

    def describe(imported):
        os.environ['OMP_SET_LATER'] = '1'
        return {}

    monkeypatch.setenv('OMP_SET_LATER', '0')
    monkeypatch.setattr(report, 'describe_packages', describe)
    assert collect_environment(False)['variables']['OMP_SET_LATER'] == '0'
