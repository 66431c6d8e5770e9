"""Weights of Context-Motion Decoupling's released code, its networks written anew."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.models.conversion import context_motion
from ssvrl_mm.models.conversion.context_motion import LAYOUTS
from ssvrl_mm.models.conversion.converting import convert, write
from ssvrl_mm.registry import MODELS
from tests.test_context_motion_configs import load

from .released_context_motion import C3D, Net, ResNet

V_NETWORKS = {
    'c3d': C3D,
    'r2plus1d26': lambda **options: ResNet('2p1d', True, **options),
    'r3d26': lambda **options: ResNet('3d', True, **options),
}


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def trained(make):
    """A network as if trained: no bias, no statistic and no weight of BatchNorm as it starts."""
    with torch.device('meta'):
        network = make()
    network.to_empty(device='cpu')
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            value.fill_(7)
        elif value.dim() > 1:  # He's rule, by the number of inputs
            value.uniform_(-1, 1).mul_((6 / value[0].numel()) ** 0.5)
        elif name.endswith(('weight', 'running_var')):
            value.uniform_(0.5, 1.5)
        else:
            value.uniform_(-0.2, 0.2)
    return network.eval()


def filled(config, weights):
    """A module of ours with these weights and no others."""
    with torch.device('meta'):
        module = MODELS.build(config)
    module.load_state_dict(weights, assign=True)
    return module.eval()


def there_and_back(network, tmp_path, name):
    """Our weights; a state dict that comes back bit for bit."""
    weights = network.state_dict()
    torch.save(weights, tmp_path / 'released.pth')
    ours = convert(tmp_path / 'released.pth')
    assert ours.fit.layout.name == f'context_motion:{name}'
    write(ours, tmp_path / 'ours.pth')
    back = convert(tmp_path / 'ours.pth', 'context_motion', to_ours=False).content
    assert set(back) == set(weights)
    assert all(torch.equal(back[key], value) for key, value in weights.items())
    return ours.content


@torch.no_grad()
def test_a_whole_checkpoint(tmp_path):
    torch.manual_seed(0)
    theirs = trained(lambda: Net(C3D()))
    content = there_and_back(theirs, tmp_path, 'c3d')
    config = {**load('c3d_ucf101_released').model, 'data_preprocessor': None}
    ours = filled(config, content['state_dict'])
    clip, motion = torch.randn(1, 3, 16, 32, 32), torch.randn(1, 2, 8, 32, 32)
    for stream, network, x in (
        ('rgb', theirs.rgb_backbone, clip),
        ('motion', theirs.m_backbone, motion),
        ('iframe', theirs.i_backbone, clip[:, :, :1]),
    ):
        torch.testing.assert_close(ours.backbone(stream)(x), network(x), rtol=1e-5, atol=1e-5)
    maps = torch.randn(2, 512, 2, 7, 7)
    predicted = ours.motion_head.predictor(maps)
    expected = theirs.predicted(maps)
    torch.testing.assert_close(predicted.flatten(2), expected, rtol=1e-5, atol=1e-5)
    objective, projector = ours.motion_head.objective, ours.context_head.projector
    for mlp, head in (
        (objective.prediction_mlp, theirs.mq_head),
        (objective.motion_mlp, theirs.mk_head),
        (projector['rgb'], theirs.iq_head),
        (projector['iframe'], theirs.ik_head),
    ):
        torch.testing.assert_close(mlp(expected), head(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('name', V_NETWORKS)
@torch.no_grad()
def test_a_finetuned_network(name, tmp_path):
    torch.manual_seed(0)
    theirs = trained(lambda: V_NETWORKS[name](classes=11))
    content = there_and_back(theirs, tmp_path, f'{name}_classifier')
    meta, weights = content['meta'], content['state_dict']
    assert meta['cls_head']['num_classes'] == 11
    network, head = (
        filled(
            meta[part],
            {k.removeprefix(f'{part}.'): v for k, v in weights.items() if k.startswith(part)},
        )
        for part in ('backbone', 'cls_head')
    )
    clip = torch.randn(1, 3, 9, 40, 32)
    maps, expected = network(clip), theirs(clip)
    torch.testing.assert_close(maps, expected, rtol=1e-5, atol=1e-5 * expected.abs().max())
    scores = theirs.fc(expected.mean(dim=(2, 3, 4)))
    close = 1e-5 * scores.abs().max()
    torch.testing.assert_close(head(maps), scores, rtol=1e-5, atol=close)


@pytest.mark.parametrize('name', V_NETWORKS)
def test_released_configs_take_the_released_weights(name):
    """Name by name and shape by shape, of every network."""
    layout = next(x for x in LAYOUTS if x.network == name)
    with torch.device('meta'):
        theirs = Net(V_NETWORKS[name]())
        ours = MODELS.build({**load(f'{name}_ucf101_released').model, 'data_preprocessor': None})
    shapes = {key: value.shape for key, value in ours.state_dict().items()}
    converted = {}
    for part in layout.parts:
        start = part.our_prefix('rgb')
        own = {k.removeprefix(start): v for k, v in shapes.items() if k.startswith(start)}
        names = part.names(own)
        converted |= {part.theirs + names[key]: shape for key, shape in own.items()}
    assert len(converted) == len(shapes)
    assert converted == {key: value.shape for key, value in theirs.state_dict().items()}


@pytest.mark.parametrize('kind', ['c3d', 'resnet', 'r2plus1d', 'predictor', 'mlp'])
def test_names_of_none_of_ours(kind):
    names = getattr(context_motion, f'{kind}_names')
    with pytest.raises(ValueError, match='1 names are none of .*: fc.bias'):
        names({'fc.bias': torch.zeros(1)})
    assert names({}) == {}


def test_the_papers_transformer_has_no_counterpart():
    """A run with the default predictor cannot be written as the released code's."""
    with torch.device('meta'):
        model = MODELS.build({**load('c3d_ucf101').model, 'data_preprocessor': None})
    names = [n for n in model.state_dict() if n.startswith('motion_head.predictor.')]
    stripped = {n.removeprefix('motion_head.predictor.'): nn.Parameter() for n in names}
    with pytest.raises(ValueError, match='are none of DETRPredictor: .*transformer.encoder'):
        context_motion.predictor_names(stripped)
