import pytest
import torch

from ssvrl_mm.models.recognizers import CoCLR

from ..tiny import TinyBackbone, projector, samples
from .test_mvcgc import clips


def build(**kwargs):
    torch.manual_seed(0)
    return CoCLR(
        backbone_rgb=dict(type=TinyBackbone, in_channels=3, seed=1),
        backbone_motion=dict(type=TinyBackbone, in_channels=2, seed=2),
        head=dict(type='ssvrl_mm.CoCLRHead', projector=projector(), queue_length=6),
        **kwargs,
    ).double()


def test_the_streams_take_turns():
    model = build(co_training_from=2, phase_epochs=3)
    stages = [model.stage_of_epoch(epoch) for epoch in range(12)]
    assert stages == ['init'] * 2 + ['rgb'] * 3 + ['motion'] * 3 + ['rgb'] * 3 + ['motion']
    assert build().stage_of_epoch(1000) == 'init'


def test_the_resting_stream_gets_no_gradient():
    model = build(co_training_from=0, phase_epochs=1)
    for step, (active, resting) in enumerate(
        [('rgb', 'motion'), ('motion', 'rgb'), ('rgb', 'motion')]
    ):
        model.set_epoch(step)
        model.zero_grad()
        losses = model(clips(step), samples(range(4 * step, 4 * step + 4)), mode='loss')
        assert set(losses) == {f'loss_{active}', f'top1_{active}', 'num_positives', 'queue_fill'}
        losses[f'loss_{active}'].backward()
        for stream, trained in ((active, True), (resting, False)):
            for part in (model.backbone(stream), model.head.projector[stream]):
                assert all((p.grad is not None) == trained for p in part.parameters())
    # From the third step on the queue of 6 is full, and 5 nearest of other videos are positives.
    assert losses['num_positives'] == 5


@pytest.mark.parametrize('arguments', [dict(co_training_from=-1), dict(phase_epochs=0)])
def test_refuses_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        build(**arguments)
