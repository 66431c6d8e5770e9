"""The heads that contrast within the batch, over processes."""

import pytest
import torch
from mmengine.dist import all_reduce, get_world_size

from ssvrl_mm.models.heads import ContextMatchingHead, MotionPredictionHead
from tests.processes import run_processes

from ..tiny import CRITERION

SPLITS = ([2, 2], [3, 1])


def heads():
    """Without dropout, and BatchNorm with fixed statistics."""
    torch.manual_seed(0)
    predictor = dict(
        type='TransformerPredictor',
        in_channels=6,
        in_size=(1, 2, 2),
        out_size=(1, 1, 2),
        channels=8,
        num_heads=2,
        feedforward_channels=8,
    )
    objectives = [
        dict(
            type='PointwiseContrast',
            motion_channels=5,
            hidden_channels=8,
            out_channels=4,
            criterion=CRITERION,
        ),
        dict(type='MotionRegression', target_size=(2, 2, 2)),
        dict(type='MotionClassification', target_size=(2, 2, 2), num_bins=3),
    ]
    made = {
        'iframe': ContextMatchingHead(6, 5, CRITERION, 8, 4, streams=('rgb', 'iframe')),
        **{f'motion{i}': MotionPredictionHead(predictor, o) for i, o in enumerate(objectives)},
    }
    return {name: head.double().eval() for name, head in made.items()}


def features(name, own):
    rng = torch.Generator().manual_seed(1)
    shape = {'iframe': (5, 2, 2), 'motion0': (3, 5, 1, 1, 2)}.get(name, (3, 2, 2, 4, 4))
    feats = {
        'rgb': torch.randn(4, 6, 1, 2, 2, generator=rng, dtype=torch.double),
        name.rstrip('012'): torch.randn(4, *shape, generator=rng, dtype=torch.double),
    }
    return {stream: x[own].clone().requires_grad_() for stream, x in feats.items()}


def gradients(rank, splits):
    """The mean of the losses and of the gradients over processes, as data parallelism takes it."""
    results = []
    for split in splits:
        start = sum(split[:rank])
        for name, head in heads().items():
            feats = features(name, slice(start, start + split[rank]))
            losses = head.loss(feats)
            loss = next(value for key, value in losses.items() if key.startswith('loss_'))
            loss.backward()
            averaged = {'loss': loss.detach(), **{n: p.grad for n, p in head.named_parameters()}}
            for value in averaged.values():
                all_reduce(value, 'mean')
            inputs = {
                stream: x.grad / get_world_size()
                for stream, x in feats.items()
                if x.grad is not None
            }
            results.append(dict(averaged=averaged, inputs=inputs))
    return results


def test_loss_and_gradients_of_both_sides_do_not_depend_on_the_split(tmp_path):
    alone = gradients(0, [[4]])
    assert [sorted(result['inputs']) for result in alone] == [
        ['iframe', 'rgb'],
        ['motion', 'rgb'],
        ['rgb'],
        ['rgb'],
    ]
    together = run_processes(gradients, tmp_path, SPLITS)
    for i, (first, second) in enumerate(zip(*together, strict=True)):
        expected = alone[i % len(alone)]
        for name, value in expected['averaged'].items():
            for result in (first, second):
                torch.testing.assert_close(
                    result['averaged'][name], value, rtol=1e-9, atol=1e-12, msg=f'{i} {name}'
                )
        for stream, value in expected['inputs'].items():
            gathered = torch.cat([first['inputs'][stream], second['inputs'][stream]])
            torch.testing.assert_close(gathered, value, rtol=1e-9, atol=1e-12)
            assert gathered.flatten(1).any(dim=1).all()


@pytest.mark.parametrize('name', ['iframe', 'motion0', 'motion1', 'motion2'])
def test_backward_pass_is_the_derivative(name):
    head, feats = heads()[name], features(name, slice(0, 2))
    streams, inputs = zip(*feats.items(), strict=True)

    def loss(*values):
        losses = head.loss(dict(zip(streams, values, strict=True)))
        return losses['loss_context' if name == 'iframe' else 'loss_motion']

    # Bins are steps: the motion they are made from has no derivative.
    if name != 'iframe' and not head.needs_features:
        inputs = (inputs[0], inputs[1].detach())
    assert torch.autograd.gradcheck(loss, inputs, fast_mode=True)
