import json
import runpy
import sys

import pytest

from ssvrl_mm.train_benchmark import synthetic
from tests.clips import encode, translating


@pytest.fixture
def get_flops(tool, tiny_config, tmp_path, monkeypatch):
    """Runs the tool in this process, which has the imports behind it, on a short video."""

    def generate(folder):
        return [str(encode(folder / 'x.mp4', translating(40, 1, 0, height=64, width=80)))]

    monkeypatch.setattr(synthetic, 'generate', generate)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tiny_config.parent))
    monkeypatch.setenv('LOCAL_RANK', '0')

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['get_flops.py', *map(str, arguments)])
        runpy.run_path(str(tool('analysis/get_flops.py')), run_name='__main__')

    return run


def test_shapes_of_the_pipeline(get_flops, repository, tmp_path, capsys):
    config = repository / 'configs' / 'mvcgc' / 'demo.py'
    get_flops(config, '--json', 'flops.json')
    report = json.loads((tmp_path / 'flops.json').read_text())
    shapes = {part['name']: part['inputs'] for part in report['backbones']}
    assert shapes == dict(
        backbone_rgb=dict(clip=[3, 8, 56, 56]), backbone_motion=dict(clip=[2, 16, 16, 16])
    )
    assert report['config'] == str(config)
    assert f'{report["parameters"]:,} parameters' in capsys.readouterr().out


def test_shapes_of_the_command_line(get_flops, repository, tmp_path):
    """C3D's eight convolutions by arithmetic."""
    config = (
        repository / 'configs/context_motion/benchmarks/context_motion_c3d_rgb_ucf101_finetune.py'
    )
    get_flops(config, '--shape', 'rgb=3,16,112,112', '--json', 'flops.json')
    (part,) = json.loads((tmp_path / 'flops.json').read_text())['backbones']
    layers = [(3, 64, 16 * 112**2), (64, 128, 16 * 56**2), (128, 256, 8 * 28**2)]
    layers += [(256, 256, 8 * 28**2), (256, 512, 4 * 14**2), (512, 512, 4 * 14**2)]
    layers += [(512, 512, 2 * 7**2)] * 2
    assert part['multiply_adds'] == sum(27 * a * b * places for a, b, places in layers)


@pytest.mark.parametrize(
    ('options', 'code', 'words'),
    [
        (['--shape', 'rgb=3,16,112'], 2, 'must be STREAM=CHANNELS,FRAMES,HEIGHT,WIDTH'),
        (['--shape', 'rgb=3,16,112,x'], 2, "such as rgb=3,32,112,112: 'rgb=3,16,112,x'"),
        (['--shape', '3,16,112,112'], 2, 'must be STREAM='),
        (['--shape', '=3,16,112,112'], 2, 'must be STREAM='),
        (['--shape', 'rgb=3,0,112,112'], 2, 'must be STREAM='),
        (['--shape', 'rgb=3,1,9,9', 'rgb=3,2,9,9'], 2, 'names a stream twice: rgb, rgb'),
        (['--json', 'none/x.json'], 2, 'there is no folder'),
        (['--shape', 'rgb=3,1,9,9'], 1, 'backbone_motion takes motion: --shape must say'),
        (['--cfg-options', 'modle.k=3'], 1, 'did you mean model?'),
    ],
)
def test_mistakes_end_with_a_message(get_flops, tiny_config, capsys, options, code, words):
    with pytest.raises(SystemExit) as end:
        get_flops(tiny_config, *options)
    assert isinstance(end.value.code, str) if code == 1 else end.value.code == code
    assert words in f'{capsys.readouterr().err}{end.value.code}'


def test_a_missing_config(get_flops, capsys):
    with pytest.raises(SystemExit):
        get_flops('none.py')
    assert 'there is no config none.py' in capsys.readouterr().err
