"""The figures of a config, and how they are shown."""

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.complexity.report import figures, format_report
from ssvrl_mm.engine.launch import LaunchError
from tests.test_train_benchmark.configs import mvcgc

SAID = dict(motion=(2, 8, 9, 9), rgb=(3, 4, 16, 16))


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def config(**options):
    return Config({**mvcgc().to_dict(), **options})


def test_figures():
    report = figures(config(), SAID)
    # A convolution of 3x3x3 with stride 2.
    counts = dict(rgb=2 * 8 * 8 * 27 * 3 * 6, motion=4 * 5 * 5 * 27 * 2 * 6)
    parameters = dict(rgb=27 * 3 * 6 + 6, motion=27 * 2 * 6 + 6)
    for part, stream in zip(report['backbones'], ('rgb', 'motion'), strict=True):
        stage = dict(name='conv', multiply_adds=counts[stream], parameters=parameters[stream])
        assert part == dict(
            name=f'backbone_{stream}',
            type='TinyBackbone',
            inputs=dict(clip=list(SAID[stream])),
            stages=[stage],
            multiply_adds=counts[stream],
            frames=SAID[stream][1],
            multiply_adds_per_frame=counts[stream] / SAID[stream][1],
            parameters=parameters[stream],
        )
    assert report['multiply_adds'] == sum(counts.values())
    assert report['parameters'] == sum(parameters.values())
    shown = format_report('x.py', report)
    assert shown.startswith('x.py\n\nbackbone_rgb: TinyBackbone, one clip of 3 x 4 x 16 x 16\n')
    assert 'total          0.000 G            492' in shown
    assert 'together: 0.000 G multiply-adds, 822 parameters' in shown
    assert not shown.endswith('\n')


def test_a_mapping_of_streams_is_shown_by_its_streams():
    imrnet = dict(type='Recognizer3D', backbone=dict(type='IMRNet', depth=18))
    said = dict(iframe=(3, 5, 64, 64), motion=(2, 25, 64, 64), residual=(3, 25, 64, 64))
    report = figures(Config(dict(model=imrnet)), said)
    (part,) = report['backbones']
    assert part['frames'] == 25
    assert part['inputs'] == {stream: list(shape) for stream, shape in said.items()}
    names = [stage['name'] for stage in part['stages']]
    assert names[0] == 'pathways.iframe.conv1' and names[-1] == 'connections.res4.residual'
    assert len(names) == 3 * 5 + 4 * 2
    shown = format_report('x.py', report)
    assert 'iframe 3 x 5 x 64 x 64, motion 2 x 25 x 64 x 64, residual' in shown
    assert 'G per frame, of 25' in shown and 'together' not in shown


def test_what_does_not_fit():
    with pytest.raises(LaunchError, match='this config has no model'):
        figures(Config(dict(train_cfg=None)))
    with pytest.raises(LaunchError, match='backbone_rgb does not take 4 x 4 x 16 x 16: .*channel'):
        figures(config(), dict(SAID, rgb=(4, 4, 16, 16)))
