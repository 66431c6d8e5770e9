"""`tools/model_zoo/convert.py` on the command line."""

import runpy

import pytest
import torch

from ssvrl_mm.models.backbones import S3D
from ssvrl_mm.models.conversion.converting import Conversion
from ssvrl_mm.models.conversion.fitting import Fit
from ssvrl_mm.models.conversion.table import LAYOUTS
from ssvrl_mm.models.utils.pretrained import load_pretrained
from tests.test_models.test_backbones.networks import to_torchvision

from .conftest import REPOSITORY


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(REPOSITORY / 'tools' / 'model_zoo' / 'convert.py'))


@pytest.fixture(scope='module')
def s3d(tmp_path_factory):
    torch.manual_seed(0)
    network = S3D()
    weights = to_torchvision(network.state_dict())
    weights['classifier.1.weight'] = torch.rand(5, 1024, 1, 1, 1)
    weights['classifier.1.bias'] = torch.rand(5)
    path = tmp_path_factory.mktemp('torchvision') / 's3d.pth'
    torch.save(weights, path)
    return network, path, weights


def test_there_and_back_with_what_belongs_into_a_config(tool, s3d, tmp_path, capsys):
    network, path, weights = s3d
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    assert tool['main']([str(path), str(ours)]) == 0
    told, names, note, *lines = capsys.readouterr().out.splitlines()
    assert told == f'{path}: 464 weights of torchvision:s3d'
    assert names == f'{ours}: backbone.*, cls_head.*'
    assert note.startswith('note: scores equal')
    config = {}
    exec('\n'.join(lines), config)
    assert config['input']['mean'] == pytest.approx([110.2008, 100.63983, 95.99475])
    head = dict(type='ClassificationHead', num_classes=5, in_channels=1024)
    assert config['cls_head'] == head
    start = config['backbone'].pop('init_cfg')
    assert config['backbone'] == dict(type='S3D', norm_eps=1e-3)
    assert start.pop('type') == 'PretrainedBackbone'
    loaded = S3D()
    assert load_pretrained(loaded, **start) == 385
    assert all(torch.equal(w, loaded.state_dict()[n]) for n, w in network.state_dict().items())

    assert tool['main']([str(ours), str(back), '--to', 'torchvision']) == 0
    assert capsys.readouterr().out.splitlines() == [
        f'{ours}: 464 weights of torchvision:s3d',
        f'{back}: backbone.*, cls_head.*',
        note,
    ]
    found = torch.load(back, weights_only=True)
    assert set(found) == set(weights)
    assert all(torch.equal(found[name], weight) for name, weight in weights.items())


def test_errors_are_a_line_and_a_status(tool, s3d, tmp_path, capsys):
    _, path, _ = s3d
    out = tmp_path / 'out.pth'
    assert tool['main']([str(path), str(out), '--from', 'coclr']) == 1
    assert 'error: ' in capsys.readouterr().err and not out.exists()
    out.write_text('mine')
    assert tool['main']([str(path), str(out)]) == 1
    assert '--force replaces it' in capsys.readouterr().err
    assert tool['main']([str(tmp_path / 'gone.pth'), str(out)]) == 1
    assert 'gone.pth' in capsys.readouterr().err
    assert tool['main']([str(path), str(out), '--force', '--stream', 'rgb']) == 0
    assert 'backbone_rgb.*' in capsys.readouterr().out


@pytest.mark.parametrize(
    'options',
    [
        ['--from', 'ssvrl_mm'],
        ['--from', 'coclr', '--to', 'torchvision'],
        ['--from', 'ssvrl_mm', '--to', 'ssvrl_mm'],
    ],
)
def test_one_side_is_ours(tool, options, capsys):
    with pytest.raises(SystemExit) as end:
        tool['main'](['in.pth', 'out.pth', *options])
    assert end.value.code == 2
    assert 'one of --from and --to has to be ssvrl_mm' in capsys.readouterr().err


def test_what_is_left_out_is_told(tool, s3d, tmp_path, capsys):
    network, _, _ = s3d
    weights = {f'backbone_rgb.{name}': w for name, w in network.state_dict().items()}
    weights['head.queue.pointer'] = torch.zeros(())
    path, out = str(tmp_path / 'run.pth'), str(tmp_path / 'out.pth')
    torch.save(dict(meta=dict(backbone=dict(type='S3D')), state_dict=weights), path)
    command = [path, out, '--to', 'torchvision:s3d', '--stream', 'rgb']
    assert tool['main'](command) == 1
    assert '1 weights have no counterpart: head* (1). --leave-out' in capsys.readouterr().err
    assert tool['main']([*command, '--leave-out']) == 0
    assert 'left out: head* (1)' in capsys.readouterr().out


def test_the_config_of_theirs_is_told(tool):
    """Of C3D: strides and the like are not in its weights, and mmaction2 builds it by a config."""
    layout = next(layout for layout in LAYOUTS if layout.name == 'mmaction2:c3d_bn')
    args = tool['parse_args'](['in.pth', 'out.pth', '--to', 'mmaction2'])
    assert args.origin == 'ssvrl_mm'
    fit = Fit(layout, None, modules={'backbone.': {}}, taken={'a'})
    assert tool['summary'](args, Conversion({}, fit, to_ours=False)).splitlines() == [
        'in.pth: 1 weights of mmaction2:c3d_bn',
        'out.pth: backbone.*',
        'note: its layers fc6 and fc7, which mmaction2 also has, are not among ours',
        "backbone = dict(type='C3D', norm_cfg=dict(type='BN3d'))",
    ]
