import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torch.nn.parallel import DistributedDataParallel

from ssvrl_mm.models.recognizers import ContextMotionDecoupling
from tests.processes import run_processes

from ..tiny import TinyBackbone, info_nce, samples

WIDTH = 6
CLIP, FIELD = (4, 8, 8), (4, 8, 8)  # (T, H, W) that TinyBackbone makes (2, 4, 4) of
MAP = (2, 4, 4)


def context_head(**kwargs):
    sizes = dict(in_channels=WIDTH, context_channels=WIDTH, hidden_channels=8, out_channels=5)
    return dict(type='ssvrl_mm.ContextMatchingHead', criterion=info_nce(0.1), **sizes, **kwargs)


def motion_head(objective=None, **kwargs):
    return dict(
        type='ssvrl_mm.MotionPredictionHead',
        predictor=dict(
            type='ssvrl_mm.TransformerPredictor',
            in_channels=WIDTH,
            in_size=MAP,
            out_size=MAP,
            channels=8,
            num_heads=2,
            feedforward_channels=16,
            num_encoder_layers=1,
            num_decoder_layers=1,
        ),
        objective=objective
        or dict(
            type='ssvrl_mm.PointwiseContrast',
            motion_channels=WIDTH,
            hidden_channels=8,
            out_channels=5,
            criterion=info_nce(0.1),
        ),
        **kwargs,
    )


def build(networks=(), **kwargs):
    torch.manual_seed(0)
    backbones = dict(
        rgb=dict(type=TinyBackbone, in_channels=3, out_channels=WIDTH, seed=1),
        iframe=dict(type=TinyBackbone, in_channels=3, out_channels=WIDTH, seed=2),
        motion=dict(type=TinyBackbone, in_channels=2, out_channels=WIDTH, seed=3),
    )
    parts = dict(
        backbones={**backbones, **dict(networks)},
        context_head=context_head(loss_weight=0.5),
        motion_head=motion_head(loss_weight=0.5),
    )
    return ContextMotionDecoupling(**{**parts, **kwargs}).double()


def batch(n=4, num_clips=3, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.double)

    return dict(
        rgb=draw(n, 1, 3, *CLIP), iframe=draw(n, 1, 3, 8, 8), motion=draw(n, num_clips, 2, *FIELD)
    )


def without_norm(model):
    """The model with BatchNorm and dropout at rest, so that videos do not see each other there."""
    return model.eval()


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def cross_entropy(queries, candidates, targets, temperature=0.1):
    logits = unit(queries) @ unit(candidates).T / temperature
    terms = [
        np.log(np.exp(row - row.max()).sum()) + row.max() - row[target]
        for row, target in zip(logits, targets, strict=True)
    ]
    return np.mean(terms)


@pytest.mark.parametrize('n, num_clips', [(4, 3), (3, 1), (1, 2)])
def test_loss_is_equations_1_to_3_in_numpy(n, num_clips):
    model = without_norm(
        build(context_head=context_head(loss_weight=0.3), motion_head=motion_head(loss_weight=0.7))
    )
    inputs = batch(n, num_clips)
    losses = model(inputs, samples(range(n)), mode='loss')
    context, motion = model.context_head, model.motion_head
    with torch.no_grad():
        maps = model.backbone_rgb(inputs['rgb'][:, 0])
        frames = model.backbone_iframe(inputs['iframe'][:, 0].unsqueeze(2))
        fields = model.backbone_motion(inputs['motion'].flatten(0, 1))
        clips = context.projector['rgb'](maps.mean((2, 3, 4))).numpy()
        stills = context.projector['iframe'](frames.mean((2, 3, 4))).numpy()
        predicted = motion.objective.prediction_mlp(motion.predictor(maps)).numpy()
        targets = motion.objective.motion_mlp(fields).unflatten(0, (n, num_clips)).numpy()
    expected = cross_entropy(clips, stills, range(n))
    assert losses['loss_context'].item() == pytest.approx(0.3 * expected)

    # Position by position: queries (video, t, y, x), candidates (video, view, t, y, x).
    queries, candidates, places = [], [], {}
    for video, view, *place in np.ndindex(n, num_clips, *MAP):
        places[video, view, *place] = len(candidates)
        candidates.append(targets[(video, view, slice(None), *place)])
    wanted = []
    for video, *place in np.ndindex(n, *MAP):
        queries.append(predicted[(video, slice(None), *place)])
        wanted.append(places[video, 0, *place])
    expected = cross_entropy(np.array(queries), np.array(candidates), wanted)
    assert losses['loss_motion'].item() == pytest.approx(0.7 * expected)
    total, _ = model.parse_losses(losses)
    assert total.item() == pytest.approx((losses['loss_context'] + losses['loss_motion']).item())


def test_flow_takes_the_place_of_motion_vectors():
    model, inputs = without_norm(build()), batch()
    network = dict(type=TinyBackbone, in_channels=2, out_channels=WIDTH, seed=3)
    other = without_norm(build(networks=dict(motion=None, flow=network)))
    assert other.streams == ('rgb', 'iframe', 'flow')
    expected = model(inputs, samples(range(4)), mode='loss')
    renamed = {'flow' if name == 'motion' else name: x for name, x in inputs.items()}
    losses = other(renamed, samples(range(4)), mode='loss')
    assert losses.keys() == expected.keys()
    assert all(torch.equal(losses[name], expected[name]) for name in losses)
    features = other.extract_feat(renamed, 'flow')
    assert torch.equal(features, model.extract_feat(inputs, 'motion'))


def test_every_network_and_head_is_trained():
    model = build()
    losses = model(batch(), samples(range(4)), mode='loss')
    model.parse_losses(losses)[0].backward()
    assert {'top1_context', 'top1_motion'} <= set(losses)
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    assert not idle
    for part in (
        'backbone_rgb',
        'backbone_iframe',
        'backbone_motion',
        'context_head',
        'motion_head',
    ):
        assert max(p.grad.abs().max() for p in getattr(model, part).parameters()) > 0


@pytest.mark.parametrize(
    'leave_out, streams',
    [
        (dict(networks=dict(iframe=None), context_head=None), ('rgb', 'motion')),
        (dict(networks=dict(motion=None), motion_head=None), ('rgb', 'iframe')),
        (
            dict(
                networks=dict(motion=None),
                motion_head=motion_head(
                    dict(type='ssvrl_mm.MotionRegression', target_size=(4, 8, 8))
                ),
            ),
            ('rgb', 'iframe'),
        ),
    ],
)
def test_one_task_alone_and_targets_of_vectors(leave_out, streams):
    model = build(**leave_out)
    assert model.streams == streams
    inputs = batch()
    alone = {s: x for s, x in inputs.items() if s in streams or leave_out.get('motion_head')}
    losses = model(alone, samples(range(4)), mode='loss')
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.parameters())
    assert ('loss_context' in losses) is ('iframe' in streams)
    assert ('loss_motion' in losses) is (leave_out.get('motion_head', 1) is not None)


@pytest.mark.parametrize(
    'wrong, message',
    [
        (dict(context_head=None, motion_head=None), 'nothing to train'),
        (dict(networks=dict(rgb=None)), 'rgb always'),
        (dict(networks=dict(residual=dict(type=TinyBackbone))), 'residual'),
        (dict(networks=dict(flow=dict(type=TinyBackbone))), 'sees motion or flow: leave one'),
        (dict(networks=dict(motion=None, flow=None)), 'backbone of motion is missing'),
        (dict(networks=dict(iframe=None)), 'backbone of iframe is missing'),
        (dict(networks=dict(motion=None)), 'backbone of motion is missing'),
        (dict(context_head=None), 'backbone of iframe is trained by no head'),
        (dict(motion_head=None), 'backbone of motion is trained by no head'),
        (
            dict(motion_head=motion_head(dict(type='ssvrl_mm.MotionRegression', target_size=MAP))),
            'backbone of motion is trained by no head',
        ),
    ],
)
def test_networks_without_heads_and_heads_without_networks_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        build(**wrong)


def test_only_one_clip_per_video_is_trained_with():
    model, inputs = build(), batch()
    with pytest.raises(ValueError, match=r'rgb: one per video'):
        model({**inputs, 'rgb': inputs['rgb'].repeat(1, 2, 1, 1, 1, 1)}, samples(range(4)), 'loss')


def test_neck_shapes_the_map_of_both_tasks_and_no_feature():
    class Stages(TinyBackbone):
        def forward(self, clips):
            late = super().forward(clips)
            early = torch.nn.functional.interpolate(late[:, :3], scale_factor=(2, 1, 1))
            return early, late

    model = build(
        dict(rgb=dict(type=Stages, in_channels=3, out_channels=WIDTH, seed=1)),
        neck=dict(type='ssvrl_mm.PairedStageFusion'),
    )
    without_norm(model)
    inputs = batch()
    losses = model(inputs, samples(range(4)), mode='loss')
    with torch.no_grad():
        early, late = model.backbone_rgb(inputs['rgb'][:, 0])
        fused = late + torch.cat([early[:, :, 0::2], early[:, :, 1::2]], dim=1)
        frames = model.backbone_iframe(inputs['iframe'][:, 0].unsqueeze(2))
        expected = model.context_head.loss({'rgb': fused, 'iframe': frames}, samples(range(4)))
    assert losses['loss_context'].item() == pytest.approx(expected['loss_context'].item())
    torch.testing.assert_close(model.extract_feat(inputs, 'rgb')[:, 0], late.mean((2, 3, 4)))


@pytest.mark.parametrize('average_clips', [True, False])
def test_each_network_gives_features(average_clips):
    model = without_norm(build(average_clips=average_clips, test_batch_clips=2))
    inputs = dict(batch(), rgb=torch.randn(4, 3, 3, *CLIP).double())
    inputs['iframe'] = torch.randn(4, 3, 3, 8, 8).double()
    results = model(inputs, samples(range(4)), mode='predict')
    for i, sample in enumerate(results):
        assert isinstance(sample.features, InstanceData)
        for stream in model.streams:
            clips = inputs[stream][i]
            clips = clips.unsqueeze(2) if stream == 'iframe' else clips
            rows = model.backbone(stream)(clips).mean((2, 3, 4)).float()
            rows = rows.mean(0, keepdim=True) if average_clips else rows
            torch.testing.assert_close(sample.features[stream], rows)
    assert model(inputs, mode='tensor')['iframe'].shape == (4, 3, WIDTH)


def test_permuted_videos_give_the_same_losses():
    model, inputs, order = without_norm(build()), batch(), torch.tensor([2, 0, 3, 1])
    losses = model(inputs, samples(range(4)), mode='loss')
    other = model({s: x[order] for s, x in inputs.items()}, samples(order), mode='loss')
    for name in losses:
        torch.testing.assert_close(losses[name], other[name])


def train(rank=None, shares=(4,), steps=3):
    """A few steps of SGD; with a rank, on its share of the videos."""
    model = without_norm(build())
    wrapped = model if rank is None else DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = []
    start = sum(shares[: rank or 0])
    share = slice(start, start + shares[rank or 0])
    for step in range(steps):
        inputs = {stream: x[share] for stream, x in batch(seed=step).items()}
        losses = wrapped(inputs, samples(range(4)[share]), mode='loss')
        loss, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return history, model.state_dict()


def train_both_splits(rank):
    return [train(rank, shares) for shares in ((2, 2), (3, 1))]


def test_weights_do_not_depend_on_how_the_batch_is_split(tmp_path):
    history, weights = train()
    for outcomes in zip(*run_processes(train_both_splits, tmp_path), strict=True):
        np.testing.assert_allclose(np.mean([h for h, _ in outcomes], axis=0), history)
        for _, others in outcomes:
            assert others.keys() == weights.keys()
            for name, value in weights.items():
                torch.testing.assert_close(others[name], value)
