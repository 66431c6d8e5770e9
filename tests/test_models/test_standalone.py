"""What stands in for OpenMMLab, and the networks on it, with and without."""

import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
from torch import nn

import ssvrl_mm
from ssvrl_mm import models
from ssvrl_mm.models import backbones, foundation, standalone
from ssvrl_mm.registry import MODELS
from tests.torch_alone import link_packages, run_alone

NETWORKS = {
    's3d': dict(type='S3D', width=0.125, gating=True),
    'i3d': dict(type='S3D', width=0.125, separable=False, in_channels=2),
    'c3d': dict(type='C3D', width=0.125),
    'c3d_bias': dict(type='C3D', width=0.125, norm=False, out_indices=(2, 3)),
    'r2plus1d': dict(type='VideoResNet', arch='r2plus1d', depth=10, width=0.125),
    'reflecting': dict(
        type='VideoResNet', arch='r3d', depth=10, width=0.125, temporal_padding='reflect'
    ),
    'imrnet': dict(type='IMRNet', width=0.125),
    'stacked': dict(
        type='StackedStreamsBackbone',
        backbones=dict(rgb=dict(type='C3D', width=0.125), motion=dict(type='S3D', in_channels=2)),
        channels=dict(rgb=3, motion=2),
    ),
}
NETWORKS['stacked']['backbones']['motion']['width'] = 0.125


def clips_of(name):
    generator = torch.Generator().manual_seed(1)
    shapes = {'i3d': (2, 16, 32, 32), 'stacked': (5, 16, 32, 32)}
    if name == 'imrnet':
        shape = dict(iframe=(3, 2, 32, 32), motion=(2, 10, 32, 32), residual=(3, 10, 32, 32))
        return {s: torch.rand(2, *size, generator=generator) for s, size in shape.items()}
    return torch.rand(2, *shapes.get(name, (3, 16, 32, 32)), generator=generator)


def plain(features):
    """Maps in a list, whatever holds them."""
    if isinstance(features, dict):
        features = list(features.values())
    return list(features) if isinstance(features, list | tuple) else [features]


ALONE = """
    import sys, torch
    from ssvrl_mm.models import backbones
    from ssvrl_mm.models.foundation import MODELS
    loaded = torch.load('networks.pt', weights_only=True)
    worst = 0.0
    for name, (config, clips, before, weights, maps) in loaded.items():
        torch.manual_seed(0)
        network = MODELS.build(config)
        fresh = network.state_dict()
        assert fresh.keys() == before.keys() and all(fresh[k].equal(before[k]) for k in fresh)
        network.load_state_dict(weights)
        with torch.no_grad():
            found = network.eval()(clips)
        if isinstance(found, dict):
            found = list(found.values())
        found = list(found) if isinstance(found, list | tuple) else [found]
        assert len(found) == len(maps)
        for ours, theirs in zip(found, maps):
            worst = max(worst, (ours - theirs).abs().max().item())
    print(worst)
    for wrong in (
        lambda: backbones.S3D(init_cfg=dict(type='Kaiming')),
        lambda: backbones.FrameResNet(18),
        lambda: MODELS.build(dict(type='S3DG')),
        lambda: backbones.CoViAR(dict(iframe=18)),
    ):
        try:
            wrong()
        except ImportError as error:
            print(type(error).__name__, error)
    names = {name.partition('.')[0] for name in sys.modules}
    print(sorted(names & {'mmengine', 'mmcv', 'mmaction', 'cv2', 'av', 'yaml'}))
    print([name for name in sys.modules if name.startswith('ssvrl_mm.models.heads')])
    try:
        import ssvrl_mm.registry
    except ModuleNotFoundError as error:
        print(error.name)
"""


@torch.no_grad()
def test_features_are_those_without_openmmlab(tmp_path):
    """In a Python where mmengine, mmcv and mmaction2 are absent: see tests/torch_alone.py."""
    saved = {}
    for name, config in NETWORKS.items():
        torch.manual_seed(0)
        network = MODELS.build(config)
        assert isinstance(network, foundation.BaseModule)
        before = {key: value.clone() for key, value in network.state_dict().items()}
        for module in network.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 2)
        clips = clips_of(name)
        saved[name] = [config, clips, before, network.state_dict(), plain(network.eval()(clips))]
        assert max(features.abs().max() for features in saved[name][-1]) > 0
    torch.save(saved, tmp_path / 'networks.pt')
    try:
        packages = link_packages(tmp_path / 'packages', 'torch', 'numpy')
    except PackageNotFoundError as error:
        pytest.skip(f'torch is installed without metadata: {error}')
    assert not {path.name for path in packages.iterdir()} & {'mmengine', 'mmcv', 'mmaction'}
    worst, *errors, upstream, heads, missing = run_alone(ALONE, packages, tmp_path).splitlines()
    assert float(worst) <= 1e-5
    assert all(line.startswith('OpenMMLabMissingError') for line in errors)
    init_cfg, frames, unknown, coviar = errors
    assert "S3D was given init_cfg={'type': 'Kaiming'}" in init_cfg
    assert "FrameResNet is built on mmaction2's ResNet" in frames and frames[22:] == coviar[22:]
    assert "no 'S3DG' (did you mean S3D?)" in unknown
    assert all('pip install mmengine mmcv-lite mmaction2' in line for line in errors)
    assert (upstream, heads, missing) == ('[]', '[]', 'mmaction')


def test_openmmlab_is_taken_where_it_is():
    import mmengine.model

    assert foundation.BaseModule is mmengine.model.BaseModule
    assert foundation.MODELS is MODELS


def test_units_are_those_of_mmcv():
    """Names, weights after the same seed, and results of mmcv's ConvModule."""
    from mmcv.cnn import ConvModule

    for bias, norm in [(False, True), (True, False), (True, True)]:
        torch.manual_seed(3)
        conv = nn.Conv3d(3, 8, (1, 3, 3), 2, (0, 1, 1), bias=bias)
        ours = backbones.c3d.named_unit(conv, nn.BatchNorm3d(8) if norm else None)
        torch.manual_seed(3)
        theirs = ConvModule(
            3,
            8,
            (1, 3, 3),
            stride=2,
            padding=(0, 1, 1),
            bias=bias,
            conv_cfg=dict(type='Conv3d'),
            norm_cfg=dict(type='BN3d') if norm else None,
        )
        weights = theirs.state_dict()
        assert list(ours.state_dict()) == list(weights)
        assert all(value.equal(weights[name]) for name, value in ours.state_dict().items())
        clips = torch.rand(2, 3, 4, 9, 9)
        assert ours(clips).equal(theirs(clips))


def test_the_stand_in_registry():
    registry = standalone.Registry()

    @registry.register_module()
    class Network(standalone.BaseModule):
        def __init__(self, width=1, init_cfg=None):
            super().__init__(init_cfg)
            self.width = width

    assert registry.get('Network') is registry.get('ssvrl_mm.Network') is Network
    assert registry.get('Other') is None
    config = dict(type='ssvrl_mm.Network', width=3)
    assert registry.build(config).width == 3 and registry.build(config).init_cfg is None
    with pytest.raises(
        standalone.OpenMMLabMissingError, match=r"no 'ResNet3d' \(there are Network"
    ):
        registry.build(dict(type='ResNet3d'))
    with pytest.raises(TypeError, match='depth'):
        registry.build(dict(type='Network', depth=3))


def test_every_module_that_registers_is_imported():
    """The package imports on first use: what the registry does not import, nobody finds."""
    MODELS.import_from_location()
    folder = Path(ssvrl_mm.__file__).parent / 'models'
    registered = {cls.__module__ for cls in MODELS.module_dict.values()}
    for file in folder.rglob('*.py'):
        if re.search(r'^@MODELS\.register_module', file.read_text(), re.MULTILINE):
            name = '.'.join(file.relative_to(folder).with_suffix('').parts)
            assert f'ssvrl_mm.models.{name}' in registered


def test_public_names():
    for name in models.__all__:
        assert getattr(models, name) is not None
    with pytest.raises(AttributeError, match="'ssvrl_mm.models' has no attribute 'Head'"):
        models.Head  # noqa: B018
