import pytest
import torch
from mmengine.runner.checkpoint import save_checkpoint

from ssvrl_mm.registry import MODELS

from ..tiny import CRITERION, samples
from ..two_streams import LENGTH, build, clips, moco


@pytest.mark.parametrize('stream', ['rgb', 'motion'])
def test_equals_the_first_stage_of_two_streams(stream):
    alone, both = moco(stream), build()
    both.load_state_dict({**both.state_dict(), **queueless(alone)})
    for step in range(3):
        ids = samples(range(4 * step, 4 * step + 4))
        single = alone(clips(step), ids, mode='loss')
        paired = both(clips(step), ids, mode='loss')
        if step:
            assert single[f'loss_{stream}'] > 0
        for name, value in single.items():
            torch.testing.assert_close(paired[name], value)


def queueless(model):
    return {n: v for n, v in model.state_dict().items() if not n.startswith('head.queue')}


def test_the_head_names_the_stream():
    model = moco('motion')
    assert model.streams == ('motion',)
    assert set(model(clips(0))) == {'motion'}
    bare = clips(0)['motion']
    torch.testing.assert_close(model(bare), model(clips(0))['motion'])
    losses = model(bare, samples(range(4)), mode='loss')
    spread = {'effective_rank_motion', 'mean_cosine_motion'}
    assert set(losses) == {'loss_motion', 'top1_motion', 'queue_fill', *spread}


@pytest.fixture(scope='module')
def s3d():
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='ssvrl_mm.ContrastiveRecognizer',
            backbones=dict(motion=dict(type='ssvrl_mm.S3D', in_channels=2)),
            head=dict(
                type='ssvrl_mm.MoCoHead',
                stream='motion',
                queue_length=LENGTH,
                criterion=CRITERION,
                projector=dict(type='ssvrl_mm.ProjectionHead', in_channels=1024),
            ),
        )
    ).eval()


def test_s3d_from_a_config(s3d):
    inputs = {'motion': torch.rand(2, 2, 2, 8, 32, 32)}
    (sample, _) = s3d(inputs, samples([0, 1]), mode='predict')
    with torch.no_grad():
        expected = s3d.backbone_motion(inputs['motion'][0]).mean(dim=(2, 3, 4)).mean(dim=0)
    torch.testing.assert_close(sample.features['motion'][0], expected)


def test_downstream_takes_the_backbone_by_its_prefix(s3d, tmp_path):
    checkpoint = str(tmp_path / 'moco.pth')
    save_checkpoint({'state_dict': s3d.state_dict()}, checkpoint)
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone_motion.')
    backbone = MODELS.build(dict(type='ssvrl_mm.S3D', in_channels=2, init_cfg=init_cfg))
    backbone.init_weights()
    for name, value in s3d.backbone('motion').state_dict().items():
        assert torch.equal(backbone.state_dict()[name], value), name
