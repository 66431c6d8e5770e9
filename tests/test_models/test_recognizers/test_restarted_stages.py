import copy

import torch
from torch.nn import functional as F

from ssvrl_mm.models.recognizers import ContrastiveRecognizer

from ..tiny import CRITERION, TinyBackbone, projector, samples
from ..two_streams import CROSS_FROM_2, LENGTH, STREAMS, build, clips
from .test_contrastive import train


class NormBackbone(TinyBackbone):
    """With BatchNorm, whose statistics tell what the network was shown."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = torch.nn.BatchNorm3d(6)

    def forward(self, clips):
        return self.norm(super().forward(clips))


def normed(stages, **head):
    channels = dict(rgb=3, motion=2)
    parts = {s: dict(type=NormBackbone, in_channels=c) for s, c in channels.items()}
    settings = dict(projector=projector(), criterion=CRITERION, queue_length=LENGTH, **head)
    model = ContrastiveRecognizer(parts, dict(type='ssvrl_mm.CoCLRHead', **settings), stages=stages)
    return model.double().train()


def test_statistics_of_the_keys_start_from_the_initial_ones():
    model, inputs = normed([(0, 'init')]), clips(0)
    model(inputs, samples(range(4)), mode='loss')
    for stream in STREAMS:
        for part, clip in ((f'backbone_{stream}', 0), (f'key_backbone_{stream}.module', 1)):
            network = model.get_submodule(part)
            maps = TinyBackbone.forward(network, inputs[stream][:, clip])
            # One step of BatchNorm from a mean of 0.
            expected = 0.1 * maps.mean(dim=(0, 2, 3, 4))
            torch.testing.assert_close(network.norm.running_mean, expected)


def test_a_fixed_guide_makes_its_keys_in_evaluation_by_the_trained_network():
    model, inputs = normed([(0, 'rgb')], fixed_guide=True), clips(3)
    with torch.no_grad():
        for parameter in model.key_backbone_motion.parameters():
            parameter.zero_()
    before = copy.deepcopy(model).eval()
    model(inputs, samples(range(4)), mode='loss')
    with torch.no_grad():
        maps = before.backbone_motion(inputs['motion'][:, 1])
        keys = before.head.projector['motion'](maps.mean(dim=(2, 3, 4)))
    torch.testing.assert_close(model.head.queue['motion'][:4], F.normalize(keys, dim=1))
    state = model.state_dict()
    for name, value in before.state_dict().items():
        if 'backbone_motion' in name or 'projector.motion' in name:
            assert torch.equal(state[name], value), name
    assert model.backbone_motion.norm.training


def test_restarting_empties_the_queue_and_copies_anew():
    model = build(CROSS_FROM_2)
    train(model, 3)
    model.restart()
    assert int(model.head.queue.fill) == 0
    assert not model.head.queue.usable(torch.arange(4)).any()
    # The online weights move on by one step after their copy.
    before = copy.deepcopy(model.state_dict())
    model.set_epoch(3)
    model(clips(9), samples(range(40, 44)), mode='loss')
    for name, value in model.state_dict().items():
        online = name.replace('key_', '').replace('module.', '')
        if name != online and not name.endswith('step'):
            torch.testing.assert_close(value, before[online], msg=name)
