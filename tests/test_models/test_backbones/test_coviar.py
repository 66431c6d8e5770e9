"""CoViAR's networks: frame by frame, independent, as a joint backbone and fused late."""

import numpy as np
import pytest
import torch
from mmaction.models import ResNet
from mmaction.structures import ActionDataSample
from mmengine.registry import DefaultScope

from ssvrl_mm.models.backbones import CoViAR, FrameResNet
from ssvrl_mm.models.recognizers import JointPretextRecognizer
from ssvrl_mm.registry import MODELS

from ..joint import INPUTS, LENGTHS, labelled

SMALL = dict.fromkeys(INPUTS, 18)


def few(n=2, size=32):
    rng = torch.Generator().manual_seed(n)
    lengths = dict(iframe=2, motion=4, residual=4)
    return {s: torch.randn(n, c, lengths[s], size, size, generator=rng) for s, c in INPUTS.items()}


def test_its_networks_are_those_of_the_paper():
    with torch.device('meta'):
        backbone = CoViAR()
    assert backbone.streams == ('iframe', 'motion', 'residual')
    assert backbone.out_channels == dict(iframe=2048, motion=512, residual=512)
    depths = {stream: network.depth for stream, network in backbone.networks.items()}
    assert depths == dict(iframe=152, motion=18, residual=18)
    counts = {s: sum(p.numel() for p in n.parameters()) for s, n in backbone.networks.items()}
    # torchvision's resnet152 and resnet18 less their classifiers, on 2 channels less 64 x 49; and
    # a scale and a shift of each channel before.
    assert counts == dict(
        iframe=60_192_808 - 2_049_000,
        motion=11_689_512 - 513_000 - 64 * 49 + 2 * 2,
        residual=11_689_512 - 513_000 + 2 * 3,
    )


def test_frames_are_seen_one_by_one_and_streams_apart():
    torch.manual_seed(0)
    backbone, clips = CoViAR(SMALL).eval(), few()
    with torch.no_grad():
        maps = backbone(clips)
        assert {s: tuple(x.shape) for s, x in maps.items()} == {
            s: (2, 512, clips[s].shape[2], 1, 1) for s in INPUTS
        }
        for stream, x in clips.items():
            network = backbone.networks[stream]
            for frame in range(x.shape[2]):
                alone = network(x[:, :, frame])
                torch.testing.assert_close(maps[stream][:, :, frame], alone, atol=1e-5, rtol=1e-4)
        other = backbone({**clips, 'iframe': clips['iframe'] + 1})
    assert torch.equal(other['motion'], maps['motion'])
    assert not torch.allclose(other['iframe'], maps['iframe'])


def test_batch_norm_comes_before_motion_and_residuals():
    torch.manual_seed(0)
    backbone, clips = CoViAR(SMALL).train(), few()
    maps = {s: backbone.networks[s](x) for s, x in clips.items()}
    scaled = {s: backbone.networks[s](3 * x + 2) for s, x in clips.items()}
    torch.testing.assert_close(scaled['motion'], maps['motion'], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(scaled['residual'], maps['residual'], atol=1e-3, rtol=1e-3)
    assert not torch.allclose(scaled['iframe'], maps['iframe'], atol=1e-1)
    # Without it the network is mmaction2's.
    network, theirs = FrameResNet(18).eval(), ResNet(18)
    theirs.eval()
    theirs.load_state_dict(network.state_dict())
    frames = few()['iframe'][:, :, 0]
    assert torch.equal(network(frames), theirs(frames))
    with pytest.raises(ValueError, match=r"depths of \['rgb'\]"):
        CoViAR(dict(rgb=18))


def test_it_is_pretrained_by_the_joint_tasks():
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = MODELS.build(
            dict(
                type='JointPretextRecognizer',
                backbone=dict(type='CoViAR', depths=SMALL),
                heads=dict(pmsp=dict(type='PMSPHead'), ctp=dict(type='CTPHead')),
                correspondence=dict(),
            )
        )
    assert isinstance(model, JointPretextRecognizer)
    inputs = {s: torch.randn(2, 1, c, LENGTHS[s], 32, 32) for s, c in INPUTS.items()}
    losses = model(inputs, labelled(2), mode='loss')
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.backbone.parameters())
    assert model.extract_feat(inputs).shape == (2, 1, 1536)


def classifier(stream):
    return dict(
        type='mmaction.Recognizer2D',
        backbone=dict(
            type='FrameResNet', depth=18, in_channels=INPUTS[stream], input_norm=stream != 'iframe'
        ),
        cls_head=dict(
            type='mmaction.TSNHead',
            num_classes=3,
            in_channels=512,
            dropout_ratio=0.0,
            init_std=0.5,
            average_clips='prob',
        ),
        data_preprocessor=dict(
            type='SingleStreamPreprocessor',
            stream=stream,
            single_frames=True,
            motion=dict(coviar=True, size=32),
            residual=dict(coviar=True),
        ),
    )


def segments(n, count):
    rng = np.random.default_rng(n)
    arrays = dict(
        iframe=rng.integers(0, 256, (n, count, 3, 32, 32), dtype=np.uint8),
        motion=rng.normal(0, 9, (n, count, 2, 1, 8, 8)).astype(np.float16),
        residual=rng.integers(-99, 99, (n, count, 3, 1, 32, 32), dtype=np.int16),
    )
    samples = [ActionDataSample().set_gt_label(i % 3) for i in range(n)]
    return dict(inputs={s: torch.from_numpy(x) for s, x in arrays.items()}, data_samples=samples)


def test_supervised_it_fuses_the_scores_of_three_networks_of_segments():
    torch.manual_seed(0)
    weights = dict(iframe=2, motion=1, residual=1)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        classifiers = {s: classifier(s) for s in weights}
        model = MODELS.build(
            dict(type='LateFusionRecognizer', classifiers=classifiers, weights=weights)
        )
        model.init_weights()
        batch = segments(2, 3)
        losses = model(batch['inputs'], batch['data_samples'], mode='loss')
        assert {f'loss_cls_{stream}' for stream in weights} < set(losses)
        model.parse_losses(losses)[0].backward()
        assert all(p.grad.any() for p in model.parameters())
        # Segments x crops of a test, all of them views of one network.
        batch, expected = segments(2, 6), 0
        [*results] = model.eval().test_step(batch)
    with torch.no_grad():
        for stream, part in model.classifiers.items():
            frames = part.data_preprocessor(dict(inputs=batch['inputs']))['inputs']
            maps = part.backbone(frames.flatten(0, 1)).mean(dim=(2, 3)).unflatten(0, (2, 6))
            scores = part.cls_head.fc_cls(maps).mean(dim=1).softmax(dim=1)
            expected = expected + weights[stream] / 4 * scores
    torch.testing.assert_close(torch.stack([r.pred_score for r in results]), expected)


def test_initialisation_reaches_its_networks_and_the_heads():
    with pytest.raises(FileNotFoundError, match='nowhere'):
        CoViAR(SMALL, pretrained='nowhere.pth').init_weights()
    constant = dict(type='Constant', layer='Linear', val=3.0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = JointPretextRecognizer(
            dict(type='CoViAR', depths=SMALL), dict(pmsp=dict(type='PMSPHead', init_cfg=constant))
        )
    model.init_weights()
    assert (model.heads.pmsp.mlps['s2_t1'].fc1.weight == 3).all()
