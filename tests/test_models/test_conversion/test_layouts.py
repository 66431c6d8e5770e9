"""Every layout against the other library's own network, or a transcription of it: same features."""

import inspect

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.models.conversion.converting import convert, write
from ssvrl_mm.models.conversion.fitting import best_fit, fit
from ssvrl_mm.models.conversion.mmaction2 import (
    RESNET_SETTINGS,
    c3d_objections,
    resnet_objections,
)
from ssvrl_mm.models.conversion.table import LAYOUTS
from ssvrl_mm.models.utils.pretrained import PretrainedStreams
from ssvrl_mm.registry import MODELS

from ..test_backbones.networks import shake_norms, to_torchvision
from .coclr_s3d import S3D, Classifier, Pretext

BY_NAME = {layout.name: layout for layout in LAYOUTS}
PARTS = [
    pytest.param(part, id=f'{layout.name} {part.ours}')
    for layout in LAYOUTS
    for part in layout.parts
]
# mmaction2's own classes, whose package ours has to be imported before.
C3D, ResNet3d = (MODELS.get(f'mmaction.{name}') for name in ('C3D', 'ResNet3d'))
R3D = {name: wanted for name, (_, wanted) in RESNET_SETTINGS.items()}


def build(config):
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return MODELS.build(dict(config)).eval()


def ours_of(theirs, library=None, stream=None):
    """Our modules filled with converted weights, by what their names start with."""
    layouts = [layout for layout in LAYOUTS if library in (None, layout.library)]
    found = best_fit(layouts, theirs, True, stream, 'a file')
    modules = nn.ModuleDict()
    for prefix, config in found.modules.items():
        with torch.device('meta'):  # nothing is initialised that is not kept
            module = build(config)
        part = {
            name.removeprefix(prefix): value
            for name, value in found.converted.items()
            if name.startswith(prefix)
        }
        module.load_state_dict(part, assign=True)
        modules[prefix.replace('.', '/')] = module
    return found, modules


def same(ours, theirs, *shape):
    """Both on the same clips, within what is left of float32 on maps of very different scales."""
    clips = torch.randn(shape)
    with torch.no_grad():
        expected = theirs(clips)
        torch.testing.assert_close(ours(clips), expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0


@pytest.mark.parametrize('part', PARTS)
def test_names_are_one_to_one_and_no_others_are_taken(part):
    with torch.device('meta'):
        ours = build(part.module).state_dict()
    names = part.names(ours)
    assert list(names) == list(ours)
    assert len(set(names.values())) == len(names)
    for foreign in ('stages.0.nothing', 'x', next(iter(ours)) + '.x.y', 'fc_cls.scale'):
        with pytest.raises(ValueError, match='1 names are none of'):
            part.names({**ours, foreign: torch.zeros(1)})


def test_gates_have_no_names():
    """Of the 20 separable units, which CoCLR's gates do not follow either."""
    with torch.device('meta'):
        gated = build(dict(type='S3D', gating=True)).state_dict()
    for name in ('torchvision:s3d', 'coclr:pretext'):
        with pytest.raises(ValueError, match=r'40 names are none of S3D.*gate\.fc'):
            BY_NAME[name].backbone.names(gated)


@pytest.fixture(scope='module')
def pretext():
    torch.manual_seed(0)
    return shake_norms(Pretext())


def test_coclr_pretext(pretext):
    """Query and key, network and projection, each with the epsilon that CoCLR has."""
    theirs = pretext.state_dict()
    found, modules = ours_of(theirs)
    assert found.layout.name == 'coclr:pretext'
    assert set(found.left_out) == {'queue', 'queue_ptr'}
    assert found.modules['backbone_rgb.'] == dict(type='S3D', norm_eps=1e-5, in_channels=3)
    for start, encoder in (('', pretext.encoder_q), ('key_', pretext.encoder_k)):
        module = 'module/' if start else ''
        backbone = modules[f'{start}backbone_rgb/{module}']
        projector = modules[f'head/{start}projector/rgb/{module}']
        same(backbone, encoder[0], 1, 3, 16, 32, 48)
        same(
            nn.Sequential(backbone, projector),
            nn.Sequential(encoder, nn.Flatten()),
            *(2, 3, 8, 32, 32),
        )


def test_the_epsilon_matters(pretext):
    backbone = build(dict(type='S3D', norm_eps=1e-3))
    own = fit(BY_NAME['coclr:pretext'], pretext.state_dict(), True).converted
    start = 'backbone_rgb.'
    backbone.load_state_dict({n[len(start) :]: w for n, w in own.items() if n.startswith(start)})
    with pytest.raises(AssertionError, match='not close'):
        same(backbone, pretext.encoder_q[0], 1, 3, 16, 32, 48)


def test_coclr_of_two_channels_and_of_another_projection():
    with torch.device('meta'):
        theirs = Pretext(channels=2, dim=64).state_dict()
    theirs = {name: torch.zeros(w.shape, dtype=w.dtype) for name, w in theirs.items()}
    found = fit(BY_NAME['coclr:pretext'], theirs, True, 'motion')
    assert found.fits
    assert found.modules['backbone_motion.']['in_channels'] == 2
    assert found.modules['head.projector.motion.']['out_channels'] == 64


def test_coclr_classifier():
    torch.manual_seed(0)
    theirs = shake_norms(Classifier(classes=7))
    found, modules = ours_of(theirs.state_dict())
    assert found.layout.name == 'coclr:classifier' and not found.left_out
    assert found.modules['cls_head.']['num_classes'] == 7
    same(nn.Sequential(modules['backbone/'], modules['cls_head/']), theirs, 2, 3, 8, 32, 32)


def test_coclr_probe_has_a_classifier_that_ours_is_not():
    with torch.device('meta'):
        theirs = Classifier(probe=True).state_dict()
    found, _ = ours_of({n: torch.zeros(w.shape, dtype=w.dtype) for n, w in theirs.items()})
    assert {name.rpartition('.')[0] for name in found.left_out} == {'final_bn', 'final_fc.0'}
    assert list(found.modules) == ['backbone.']


def test_s3d_of_torchvision_by_its_names():
    torch.manual_seed(0)
    ours = shake_norms(build(dict(type='S3D')))
    theirs = to_torchvision(ours.state_dict())
    theirs['classifier.1.weight'] = torch.rand(4, 1024, 1, 1, 1)
    theirs['classifier.1.bias'] = torch.rand(4)
    found, modules = ours_of(theirs)
    assert found.layout.name == 'torchvision:s3d'
    assert found.modules['backbone.'] == dict(type='S3D', norm_eps=1e-3)
    assert torch.equal(
        modules['cls_head/'].fc_cls.weight, theirs['classifier.1.weight'][:, :, 0, 0, 0]
    )
    same(modules['backbone/'], ours, 1, 3, 8, 32, 32)


@pytest.mark.parametrize('network', ['s3d', 'r3d_18', 'r2plus1d_18'])
def test_torchvision(network):
    video = pytest.importorskip('torchvision.models.video')
    torch.manual_seed(0)
    theirs = shake_norms(getattr(video, network)(num_classes=6))
    found, modules = ours_of(theirs.state_dict())
    assert found.layout.name == f'torchvision:{network}'
    size = (1, 3, 16, 224, 224) if network == 's3d' else (2, 3, 8, 56, 48)
    same(nn.Sequential(modules['backbone/'], modules['cls_head/']), theirs, *size)


@pytest.mark.parametrize('norm', [False, True])
def test_mmaction2_c3d(norm):
    """Up to conv5b; random weights are scaled up, so that maps do not vanish."""
    torch.manual_seed(0)
    theirs = C3D(norm_cfg=dict(type='BN3d') if norm else None, out_dim=512)
    theirs.init_weights()
    shake_norms(theirs)
    maps = []
    theirs.conv5b.register_forward_hook(lambda module, inputs, output: maps.append(output))
    prefixed = {f'backbone.{name}': weight for name, weight in theirs.state_dict().items()}
    found, modules = ours_of({**prefixed, 'cls_head.fc_cls.weight': torch.rand(3, 4096)})
    assert found.layout.name == ('mmaction2:c3d_bn' if norm else 'mmaction2:c3d')
    assert {name.partition('.fc')[0] for name in found.left_out} == {'backbone', 'cls_head'}

    def features(clips):
        theirs(clips)
        return maps[-1]

    # Its last pooling pads, its fully connected layers want one place of 512 channels.
    same(modules['backbone/'], features, 1, 3, 16, 16, 16)


def test_mmaction2_c3d_alone():
    with torch.device('meta'):
        theirs = C3D().state_dict()
    found = fit(
        BY_NAME['mmaction2:c3d_alone'],
        {n: torch.zeros(w.shape, dtype=w.dtype) for n, w in theirs.items()},
        to_ours=True,
    )
    assert found.fits and len(found.left_out) == 4


@pytest.mark.parametrize('depth', [18, 50])
def test_mmaction2_r3d(depth):
    torch.manual_seed(0)
    config = dict(BY_NAME[f'mmaction2:r3d_{depth}'].config)
    assert resnet_objections(config) == [] and config.pop('type') == 'ResNet3d'
    theirs = ResNet3d(**config)
    shake_norms(theirs)
    prefixed = {f'backbone.{name}': weight for name, weight in theirs.state_dict().items()}
    found, modules = ours_of(prefixed, 'mmaction2')
    assert found.layout.name == f'mmaction2:r3d_{depth}'
    same(modules['backbone/'], theirs, 1, 3, 8, 32, 32)


def test_mmaction2_r3d_34_has_our_names_and_shapes():
    with torch.device('meta'):
        theirs = ResNet3d(34, pretrained2d=False, **R3D).state_dict()
        part = BY_NAME['mmaction2:r3d_34'].backbone
        ours = build(part.module).state_dict()
    assert {name: theirs[other].shape for name, other in part.names(ours).items()} == {
        name: weight.shape for name, weight in ours.items()
    }
    assert len(theirs) == len(ours)


def test_defaults_of_resnet3d_are_those_of_mmaction2():
    parameters = inspect.signature(ResNet3d).parameters
    for name, (default, _) in RESNET_SETTINGS.items():
        assert parameters[name].default == default, name


def test_what_of_mmaction2_is_another_network():
    right = dict(type='ResNet3d', **R3D)
    assert resnet_objections(right) == []
    assert resnet_objections({**right, 'temporal_strides': [1, 2, 2, 2]}) == []
    assert 'no config tells' in resnet_objections(None)[0]
    for name, (default, wanted) in RESNET_SETTINGS.items():
        other = (2, 2, 2, 2) if isinstance(wanted, tuple) else 'other'
        assert resnet_objections({**right, name: other}) == [
            f'{name}={other} (here it has to be {wanted})'
        ]
        left = {key: value for key, value in right.items() if key != name}
        assert bool(resnet_objections(left)) == (default != wanted)
    assert c3d_objections(None) == c3d_objections(dict(type='mmaction.C3D', norm_cfg=None)) == []
    assert c3d_objections(
        dict(type='C2D', act_cfg=dict(type='Swish'), norm_cfg=dict(type='BN3d', eps=1e-3))
    ) == [
        'the backbone is C2D, not C3D',
        'act_cfg of type Swish (here it is ReLU)',
        'norm_cfg with eps=0.001 (here it is 1e-05)',
    ]
    assert resnet_objections({**right, 'norm_cfg': dict(eps=1e-3)})
    assert resnet_objections({**right, 'norm_cfg': 'BN'}) == [
        'norm_cfg with eps=BN (here it is 1e-05)'
    ]
    assert c3d_objections(dict(type='C3D', act_cfg=3)) == ['act_cfg of type 3 (here it is ReLU)']


def test_coclr_has_each_weight_twice():
    """77 convolutions with BatchNorm of 6 weights, as in the released files."""
    with torch.device('meta'):
        assert len(S3D().state_dict()) == 2 * 77 * 6


def test_a_run_of_ours_goes_on_from_coclr(pretext, tmp_path):
    """Key networks are kept, and follow as CoCLR's: k <- .999 k + .001 q."""
    torch.save(dict(state_dict=pretext.state_dict(), iteration=700), tmp_path / 'theirs.pth')
    write(convert(tmp_path / 'theirs.pth', leave_out=True), tmp_path / 'ours.pth')
    model = build(
        dict(
            type='ContrastiveRecognizer',
            backbones=dict(rgb=dict(type='S3D', norm_eps=1e-5)),
            head=dict(
                type='MoCoHead',
                stream='rgb',
                projector=dict(type='ProjectionHead', in_channels=1024),
                criterion=dict(type='InfoNCELoss', temperature=0.07),
                queue_length=8,
            ),
        )
    )
    PretrainedStreams(dict(rgb=str(tmp_path / 'ours.pth')))(model)
    encoder = model.key_backbone_rgb
    assert encoder.step == model.head.key_projector['rgb'].step == 700
    encoder.follow(model.backbone_rgb)
    key, query = (e[0].Conv_1a.conv1.weight for e in (pretext.encoder_k, pretext.encoder_q))
    torch.testing.assert_close(
        encoder.module.stages[0].conv_1a.spatial.conv.weight, 0.999 * key + 0.001 * query
    )
