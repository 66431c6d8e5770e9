import os

import pytest
from mmengine.config import Config

from ssvrl_mm.engine.device_defaults import settle_device


@pytest.mark.parametrize('own', [None, ':16:8'])
def test_a_deterministic_run_has_the_setting_of_cublas(monkeypatch, own):
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG', raising=False)
    for randomness in (None, dict(seed=0), dict(deterministic=False)):
        settle_device(Config(dict(randomness=randomness)))
    settle_device(Config({}))
    assert 'CUBLAS_WORKSPACE_CONFIG' not in os.environ
    if own:
        monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', own)
    settle_device(Config(dict(randomness=dict(deterministic=True))))
    assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == (own or ':4096:8')
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG')
