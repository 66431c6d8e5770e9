"""A further stream beside a backbone of several, against both alone."""

import pytest
import torch
from mmengine.model import BaseModule

from ssvrl_mm.models.backbones import SideBySideBackbone

from ..tiny import TinyBackbone


class Two(BaseModule):
    """A backbone of two streams."""

    streams = ('motion', 'iframe')
    out_channels = dict(motion=4, iframe=6)

    def __init__(self):
        super().__init__()
        self.motion, self.iframe = TinyBackbone(2, 4, seed=1), TinyBackbone(3, 6, seed=2)

    def forward(self, inputs):
        assert set(inputs) == set(self.streams)
        return dict(motion=self.motion(inputs['motion']), iframe=self.iframe(inputs['iframe']))


I3D = dict(type='ssvrl_mm.S3D', in_channels=2, width=0.125, separable=False, out_indices=(1, 4))


def network(**further):
    torch.manual_seed(0)
    return SideBySideBackbone(dict(type=Two), further or dict(flow=I3D)).eval()


def clips():
    generator = torch.Generator().manual_seed(0)
    shapes = dict(flow=(1, 2, 16, 32, 32), iframe=(1, 3, 2, 8, 8), motion=(1, 2, 4, 8, 8))
    return {s: torch.randn(shape, generator=generator) for s, shape in shapes.items()}


def test_each_backbone_sees_its_streams_alone():
    module = network()
    with torch.no_grad():
        maps = module({**clips(), 'rgb': None})
        alone = {
            **Two()({s: x for s, x in clips().items() if s != 'flow'}),
            'flow': module.backbone_flow(clips()['flow'])[-1],
        }
    assert tuple(maps) == module.streams == ('motion', 'iframe', 'flow')
    for stream, expected in alone.items():
        assert torch.equal(maps[stream], expected)
        assert module.out_channels[stream] == expected.shape[1]
    assert {name.split('.')[0] for name in module.state_dict()} == {'backbone', 'backbone_flow'}


def test_the_row_of_the_paper():
    imrnet = dict(type='ssvrl_mm.IMRNet', depth=50)
    flow = dict(type='ssvrl_mm.S3D', in_channels=2, separable=False)
    c3d = dict(type='ssvrl_mm.C3D', width=0.125)
    with torch.device('meta'):
        module = SideBySideBackbone(imrnet, dict(flow=flow))
        other = SideBySideBackbone(imrnet, dict(rgb=c3d))
    assert sum(module.out_channels.values()) == 2304 + 1024
    assert other.out_channels['rgb'] == 64


def test_wrong_streams():
    with pytest.raises(ValueError, match=r'Two does not take .*motion.*iframe.*: \(.motion.,\)'):
        network(motion=I3D)
    with pytest.raises(ValueError, match=r'further streams must be some.*: \(\)'):
        SideBySideBackbone(dict(type=Two), {})
    inputs = clips()
    del inputs['flow']
    with pytest.raises(ValueError, match=r"\['flow'\] missing from \('iframe', 'motion'\)"):
        network()(inputs)
