"""Backbones and their pooling, exported: ONNX by onnxruntime, and programs of torch.export."""

import importlib.util
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ssvrl_mm.models.backbones import C3D, S3D, IMRNet, VideoResNet
from ssvrl_mm.zoo import exporting
from ssvrl_mm.zoo.exporting import ExportError, PooledBackbone, clip_shapes, export_backbone

DEPLOY = all(map(importlib.util.find_spec, ('onnx', 'onnxruntime', 'onnxscript')))
TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'model_zoo' / 'export_model.py'


def run_tool(*args):
    return runpy.run_path(str(TOOL))['main']([*map(str, args)])


def test_onnx_for_any_number_of_clips(tmp_path):
    if not DEPLOY:
        pytest.skip('the extra deploy is not installed')
    import onnx
    import onnxruntime

    network = VideoResNet(
        'r2plus1d', 10, width=0.125, out_indices=(0, 1), temporal_padding='reflect'
    )
    differences = export_backbone(network, tmp_path / 'x.onnx', 4, (16, 24))
    assert list(differences) == [1, 3] and max(differences.values()) < 1e-5
    graph = onnx.load(tmp_path / 'x.onnx').graph
    (clips,), (features,) = graph.input, graph.output
    shape = [axis.dim_param or axis.dim_value for axis in clips.type.tensor_type.shape.dim]
    assert (clips.name, features.name, shape) == ('clips', 'features', ['batch', 3, 4, 16, 24])
    session = onnxruntime.InferenceSession(tmp_path / 'x.onnx')
    clips = torch.rand(5, 3, 4, 16, 24)
    (found,) = session.run(None, {'clips': clips.numpy()})
    # Pooling written out.
    with torch.no_grad():
        expected = network.eval()(clips)[-1].mean(dim=(2, 3, 4))
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    'network, shape',
    [(S3D(2, width=0.125, out_indices=(1,)), (2, 8, 32, 32)), (C3D(width=0.1), (3, 16, 16, 16))],
    ids=['S3D', 'C3D'],
)
def test_programs_of_torch(network, shape, tmp_path):
    differences = export_backbone(network, tmp_path / 'x.pt2', shape[1], shape[2:])
    assert max(differences.values()) < 1e-6
    clips = torch.rand(4, *shape)
    found = torch.export.load(tmp_path / 'x.pt2').module()(clips)
    with torch.no_grad():
        torch.testing.assert_close(found, network.eval()(clips).mean(dim=(2, 3, 4)))


def test_a_single_value_that_differs_is_found(tmp_path):
    network, file = C3D(width=0.1), tmp_path / 'x.pt2'
    export_backbone(network, file, 16, (16, 16))
    network.eval()  # it was put back into training
    features = {}

    def one_apart(clips):
        features[len(clips)] = network(clips).mean(dim=(2, 3, 4))
        features[len(clips)][-1, 4] += 3
        return features[len(clips)]

    differences = exporting.compare(one_apart, file, {'clips': (3, 16, 16, 16)})
    expected = {count: 3 / float(found.abs().max()) for count, found in features.items()}
    assert differences == pytest.approx(expected, rel=1e-4) and list(differences) == [1, 3]


def test_streams_go_in_one_by_one():
    network = IMRNet(width=0.125).eval()
    shapes = clip_shapes(network, 2, (32, 48))
    assert shapes == dict(iframe=(3, 2, 32, 48), motion=(2, 10, 32, 48), residual=(3, 10, 32, 48))
    clips = {stream: torch.rand(1, *shape) for stream, shape in shapes.items()}
    with torch.no_grad():
        features = PooledBackbone(network, tuple(shapes))(*clips.values())
        maps = network(clips)
    expected = torch.cat([maps[stream].mean(dim=(2, 3, 4)) for stream in shapes], dim=1)
    torch.testing.assert_close(features, expected)


def test_what_cannot_be_exported(tmp_path, monkeypatch):
    small = C3D(width=0.125)
    with pytest.raises(ExportError, match=r'write to a \.onnx or a \.pt2'):
        export_backbone(small, tmp_path / 'x.pt', 4, (16, 16))
    with pytest.raises(ExportError, match='Sequential does not say which clips it takes'):
        export_backbone(nn.Sequential(), tmp_path / 'x.pt2', 4, (16, 16))
    with pytest.raises(ExportError, match='does not take clips of .* too small'):
        export_backbone(small, tmp_path / 'x.pt2', 4, (8, 8))
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ImportError, match=r"ONNX needs onnx: .*'ssvrl_mm\[deploy\]'"):
        export_backbone(small, tmp_path / 'x.onnx', 4, (16, 16))
    assert list(tmp_path.iterdir()) == []


def test_a_refused_export_leaves_file_and_network_as_they_were(tmp_path, monkeypatch):
    network = C3D(width=0.125, out_indices=(0,))
    (tmp_path / 'x.pt2').write_text('an older one')
    for wrong, told in (({1: 0.0, 3: float('nan')}, 'nan'), ({1: 0.5, 3: 0.0}, '0.5')):
        monkeypatch.setattr(exporting, 'compare', lambda *args, wrong=wrong: wrong)
        with pytest.raises(ExportError, match=f'not written, as features differ by {told}'):
            export_backbone(network, tmp_path / 'x.pt2', 1, (4, 4))
    assert [path.name for path in tmp_path.iterdir()] == ['x.pt2']
    assert (tmp_path / 'x.pt2').read_text() == 'an older one'
    monkeypatch.setattr(exporting, 'compare', lambda *args: {1: exporting.TOLERANCE})
    export_backbone(network, tmp_path / 'x.pt2', 1, (4, 4))
    torch.export.load(tmp_path / 'x.pt2')
    assert [path.name for path in tmp_path.iterdir()] == ['x.pt2']
    assert network.training and all(weight.requires_grad for weight in network.parameters())


def test_the_tool(tmp_path, capsys):
    (tmp_path / 'config.py').write_text(
        "model = dict(backbones=dict(rgb=dict(type='C3D', width=0.125, out_indices=(1,))))"
    )
    network = C3D(width=0.125, out_indices=(1,))
    weights = {f'backbone_rgb.{name}': value for name, value in network.state_dict().items()}
    torch.save(dict(state_dict=weights), tmp_path / 'epoch_1.pth')
    given = ('--checkpoint', tmp_path / 'epoch_1.pth', '--frames', 4, '--size', 16)
    out = tmp_path / 'x.pt2'
    assert run_tool(tmp_path / 'config.py', out, *given) == 0
    assert f'{out}: written; features differ by 0.0e+00 with 1, ' in capsys.readouterr().out
    clips = torch.rand(2, 3, 4, 16, 16)
    with torch.no_grad():
        expected = network.eval()(clips).mean(dim=(2, 3, 4))
    torch.testing.assert_close(torch.export.load(out).module()(clips), expected)
    anew = ('--random-weights', *given[2:])
    assert run_tool(tmp_path / 'config.py', out, *anew) == 0
    assert not torch.export.load(out).module()(clips).equal(expected)
    capsys.readouterr()
    assert run_tool(tmp_path / 'config.py', out, *given, '--stream', 'flow') == 1
    assert "no backbone of the stream 'flow'" in capsys.readouterr().err
    assert run_tool('mvcgc_s3d_k401', out, '--frames', 4, '--size', 16) == 1
    assert 'did you mean mvcgc_s3d_k400' in capsys.readouterr().err
    (tmp_path / 'epoch_1.pth').write_bytes(b'')
    assert run_tool(tmp_path / 'config.py', out, *given) == 1
    assert 'an empty file' in capsys.readouterr().err
    for wrong in (
        ('name', 'x.tar', '--frames', 4, '--size', 16),
        ('name', out, '--frames', 0, '--size', 16),
        ('name', out, *given),
        (tmp_path / 'config.py', out, '--frames', 4, '--size', 16),
        (tmp_path / 'config.py', out, *given, '--random-weights'),
    ):
        with pytest.raises(SystemExit, match='2'):
            run_tool(*wrong)
