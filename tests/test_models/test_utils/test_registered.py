"""Configs that come with weights build registered networks and run nothing else."""

import sys

import pytest
import torch

from ssvrl_mm.models.backbones import C3D, S3D
from ssvrl_mm.models.utils.checkpoint_settings import check_norm_eps
from ssvrl_mm.models.utils.registered import (
    NetworkConfigError,
    build_registered,
    registered_network,
)
from ssvrl_mm.models.utils.weights import WeightsError


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that says when it is imported: its name, which stays out of ``sys.modules``."""
    (tmp_path / 'imported_by_type.py').write_text('def run(*args, **kwargs): return kwargs')
    monkeypatch.syspath_prepend(tmp_path)
    yield 'imported_by_type'
    assert 'imported_by_type' not in sys.modules


def test_names_with_and_without_scope():
    for name in ('S3D', 'ssvrl_mm.S3D'):
        assert registered_network(name) is S3D
    # mmaction2's and mmcv's, which are those of the parents.
    for name in ('mmaction.ResNet3d', 'ResNet3d', 'BN3d'):
        assert issubclass(registered_network(name), torch.nn.Module)
    for name in ('torch.nn.Linear', 'os.makedirs', 'ssvrl_mm.models.backbones.S3D', '', None, S3D):
        assert registered_network(name) is None


def test_nothing_else_is_built(tmp_path, module):
    imrnet = dict(type='IMRNet', width=0.125)
    for settings in (
        dict(type=f'{module}.run'),
        dict(type='os.makedirs', name=str(tmp_path / 'made')),
        dict(type=['S3D']),
        dict(type='SideBySideBackbone', backbone=imrnet, further=dict(x=dict(type='os.getcwd'))),
        dict(type='FrameResNet', norm_cfg=[dict(type=f'{module}.run')]),
        dict(type=f'{module}.run', _scope_='mmengine'),
    ):
        with pytest.raises(NetworkConfigError, match='x.pth: type=.* is no network'):
            build_registered(settings, 'x.pth')
    assert not (tmp_path / 'made').exists()


def test_initial_weights_are_left_out_at_every_depth(module):
    init = dict(type=f'{module}.run')
    network = build_registered(
        dict(
            type='SideBySideBackbone',
            backbone=dict(type='IMRNet', width=0.125, init_cfg=init),
            further=dict(x=dict(type='C3D', width=0.125, init_cfg=init, _scope_='mmaction')),
        )
    )
    assert isinstance(network.backbone_x, C3D) and not network.backbone_x.init_cfg


def test_what_a_class_does_not_take_is_named():
    with pytest.raises(NetworkConfigError, match="x: the config of a network .* got {'width': 1}"):
        build_registered(dict(width=1), 'x')
    with pytest.raises(NetworkConfigError, match="x: S3D cannot be built .*'widht'"):
        build_registered(dict(type='S3D', widht=1), 'x')
    with pytest.raises(WeightsError, match='did you mean S3D'):
        build_registered(dict(type='S3DD'), 'x')


def test_the_check_of_epsilon_imports_nothing(module):
    check_norm_eps(S3D(width=0.125), dict(meta=dict(backbone=dict(type=f'{module}.run'))), 'x')
