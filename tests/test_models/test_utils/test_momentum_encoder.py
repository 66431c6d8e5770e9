import copy

import numpy as np
import pytest
import torch
from torch import nn

from ssvrl_mm.models.utils import MomentumEncoder


def randomise(module):
    for parameter in module.parameters():
        nn.init.normal_(parameter)


def test_three_updates_equal_the_formula():
    torch.manual_seed(0)
    online = nn.Linear(3, 2).double()
    encoder = MomentumEncoder(online, momentum=0.9)
    expected = online.weight.detach().numpy().copy()
    for _ in range(3):
        randomise(online)
        encoder.update(online)
        expected = 0.9 * expected + 0.1 * online.weight.detach().numpy()
    np.testing.assert_allclose(encoder.module.weight, expected, rtol=1e-14)
    assert encoder.step == 3


def test_momentum_rises_by_half_a_cosine():
    encoder = MomentumEncoder(nn.Linear(1, 1), momentum=0.9, final_momentum=1.0, total_steps=4)
    seen = []
    for _ in range(6):
        seen.append(encoder.current_momentum)
        encoder.update(nn.Linear(1, 1))
    quarter = 0.1 * (1 + np.sqrt(0.5)) / 2
    np.testing.assert_allclose(seen, [0.9, 1 - quarter, 0.95, 0.9 + quarter, 1.0, 1.0])


def test_momentum_follows_the_training_instead_of_its_own_steps():
    encoder = MomentumEncoder(nn.Linear(1, 1), momentum=0.9, total_steps='training')
    with pytest.raises(RuntimeError, match='nobody told which share is done'):
        encoder.update(nn.Linear(1, 1))
    for share, expected in ((0, 0.9), (0.5, 0.95), (0.75, 0.95 + 0.05 * np.sqrt(0.5)), (1, 1)):
        encoder.set_progress(share)
        encoder.update(nn.Linear(1, 1))
        assert encoder.current_momentum == pytest.approx(expected)


@pytest.mark.parametrize('total_steps', [0, -3, 'epochs'])
def test_refuses_unknown_lengths_of_the_schedule(total_steps):
    with pytest.raises(ValueError, match=f"'training' or a number from 1 on, got {total_steps!r}"):
        MomentumEncoder(nn.Linear(1, 1), total_steps=total_steps)


def test_keys_have_no_gradient_and_the_copy_is_frozen():
    online = nn.Linear(3, 2)
    encoder = MomentumEncoder(online)
    assert not encoder(torch.rand(1, 3, requires_grad=True)).requires_grad
    assert not any(p.requires_grad for p in encoder.parameters())
    assert all(p.requires_grad for p in online.parameters())


def test_batchnorm_statistics_are_the_copys_own():
    online = nn.BatchNorm1d(2, momentum=1.0)
    encoder = MomentumEncoder(online)
    online(torch.tensor([[0.0, 0.0], [2.0, 4.0]]))
    encoder(torch.tensor([[10.0, 20.0], [30.0, 40.0]]))
    encoder.update(online)
    assert online.running_mean.tolist() == [1, 2]
    assert encoder.module.running_mean.tolist() == [20, 30]


def test_the_copy_that_follow_starts_from_has_the_statistics_too():
    online = nn.BatchNorm1d(2, momentum=1.0)
    encoder = MomentumEncoder(online)
    online(torch.tensor([[0.0, 0.0], [2.0, 4.0]]))  # as a checkpoint loaded later would
    encoder.follow(online)
    assert encoder.module.running_mean.tolist() == [1, 2]
    assert encoder.module.running_var.tolist() == [2, 8]
    assert encoder.module.num_batches_tracked == 1

    online(torch.tensor([[10.0, 20.0], [30.0, 40.0]]))
    encoder.follow(online)
    assert encoder.module.running_mean.tolist() == [1, 2]


def test_follow_starts_from_a_copy_unless_a_trained_copy_was_loaded():
    online = nn.Linear(3, 2)
    encoder = MomentumEncoder(online, momentum=0.5)
    randomise(online)
    encoder.follow(online)
    assert torch.equal(encoder.module.weight, online.weight)

    saved = copy.deepcopy(encoder.state_dict())
    randomise(online)
    resumed = MomentumEncoder(nn.Linear(3, 2), momentum=0.5)
    resumed.load_state_dict(saved)
    resumed.follow(online)
    expected = (saved['module.weight'] + online.weight) / 2
    torch.testing.assert_close(resumed.module.weight.data, expected.data)
    assert resumed.step == 2


@pytest.mark.parametrize('momentum', [0, 1])
def test_the_ends_of_the_range_copy_and_stand_still(momentum):
    online = nn.Linear(3, 2)
    encoder = MomentumEncoder(online, momentum, final_momentum=momentum)
    before = online.weight.detach().clone()
    randomise(online)
    encoder.update(online)
    assert torch.equal(encoder.module.weight, before if momentum else online.weight)


def test_refuses_to_follow_another_architecture():
    encoder = MomentumEncoder(nn.Linear(3, 2, bias=False))
    with pytest.raises(ValueError, match='2 parameters cannot move a copy of 1'):
        encoder.update(nn.Linear(3, 2))


@pytest.mark.parametrize('arguments', [dict(momentum=-0.1), dict(final_momentum=1.1)])
def test_refuses_a_momentum_outside_its_range(arguments):
    with pytest.raises(ValueError, match='momentum'):
        MomentumEncoder(nn.Linear(1, 1), **arguments)


def test_a_restarted_copy_starts_from_the_module_again():
    online = nn.Linear(2, 2)
    encoder = MomentumEncoder(online, momentum=0.5, total_steps=4)
    for _ in range(3):
        encoder.follow(online)
    with torch.no_grad():
        online.weight.fill_(7)
    encoder.restart()
    assert encoder.current_momentum == 0.5
    encoder.follow(online)
    assert torch.equal(encoder.module.weight, online.weight) and int(encoder.step) == 1


def test_one_call_moves_parameters_bit_for_bit_as_one_by_one():
    torch.manual_seed(0)
    online = nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4), nn.Linear(4, 2).double())
    online[0].weight.data = online[0].weight.data.contiguous(memory_format=torch.channels_last_3d)
    encoder = MomentumEncoder(online, 0.99)
    randomise(online)
    expected = [
        key.detach().clone().lerp_(query.detach(), 1 - encoder.current_momentum)
        for key, query in zip(encoder.module.parameters(), online.parameters(), strict=True)
    ]
    encoder.update(online)
    for moved, one in zip(encoder.module.parameters(), expected, strict=True):
        assert torch.equal(moved, one)
