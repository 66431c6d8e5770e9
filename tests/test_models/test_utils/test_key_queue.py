import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict

from ssvrl_mm.models.utils import KeyQueue


def batch(first, size):
    """Keys that carry their running number, of videos of the same number."""
    numbers = torch.arange(first, first + size)
    keys = {'rgb': numbers[:, None] * torch.ones(2), 'motion': -numbers[:, None] * torch.ones(3)}
    return keys, numbers


def filled(length, sizes, **kwargs):
    queue = KeyQueue(length, {'rgb': 2, 'motion': 3}, **kwargs)
    first = 0
    for size in sizes:
        queue.enqueue(*batch(first, size))
        first += size
    return queue


SIZES = [[3], [4], [5], [4, 1], [3, 3], [3, 3, 3, 3], [2, 13, 1], [5, 5, 4]]


@pytest.mark.parametrize('sizes', SIZES)
def test_slots_are_written_in_turn(sizes):
    length = 5
    slots = np.full(length, -1)
    for number in range(sum(sizes)):
        slots[number % length] = number
    queue = filled(length, sizes)
    written = slots >= 0
    assert queue.video_ids.tolist() == slots.tolist()
    assert queue.valid.tolist() == written.tolist()
    assert queue['rgb'][written].tolist() == [[j, j] for j in slots[written]]
    assert queue['motion'][written].tolist() == [[-j] * 3 for j in slots[written]]
    assert int(queue.pointer) == sum(sizes) % length
    assert int(queue.fill) == min(sum(sizes), length)
    assert bool(queue.is_full) == (sum(sizes) >= length)


@pytest.mark.parametrize('sizes', SIZES)
def test_ages_count_the_enqueued_batches_since(sizes):
    length, number = 5, 0
    written_in = np.full(length, -1)
    for step, size in enumerate(sizes):
        for _ in range(size):
            written_in[number % length] = step
            number += 1
    queue = filled(length, sizes, track_age=True)
    written = written_in >= 0
    assert queue.ages[written].tolist() == (len(sizes) - 1 - written_in[written]).tolist()
    assert torch.equal(queue['motion'], filled(length, sizes)['motion'])


def test_ages_go_on_after_a_resume():
    queue = filled(5, [2, 2, 3], track_age=True)
    saved = {name: value.clone() for name, value in queue.state_dict().items()}
    copy = KeyQueue(5, {'rgb': 2, 'motion': 3}, track_age=True)
    copy.load_state_dict(saved)
    for one in (queue, copy):
        one.enqueue(*batch(50, 2))
    # Slots 0 and 1 were written by the third batch, 2 and 3 by the fourth, 4 by the third.
    assert copy.ages.tolist() == queue.ages.tolist() == [1, 1, 0, 0, 1]


def test_a_queue_without_ages_is_what_it_was():
    queue, aged = filled(5, [4, 3]), filled(5, [4, 3], track_age=True)
    assert queue.ages is None
    assert set(aged.state_dict()) - set(queue.state_dict()) == {'ages'}
    # A state without ages is not a state of a queue that needs them, and the other way round.
    with pytest.raises(RuntimeError, match='Missing key.*ages'):
        KeyQueue(5, {'rgb': 2, 'motion': 3}, track_age=True).load_state_dict(queue.state_dict())
    with pytest.raises(RuntimeError, match='Unexpected key.*ages'):
        filled(5, []).load_state_dict(aged.state_dict())


def test_a_queue_of_one_slot_holds_the_last_key():
    queue = filled(1, [2, 1])
    assert (queue.video_ids.tolist(), queue['rgb'].tolist()) == ([2], [[2, 2]])


def test_same_video_and_unfilled_slots_are_not_usable():
    queue = KeyQueue(6, {'rgb': 2})
    queue.enqueue({'rgb': torch.ones(4, 2)}, torch.tensor([7, 8, 7, -1]))
    ids = torch.tensor([7, 9, -1])
    same = [[1, 0, 1, 0, 0, 0], [0] * 6, [0] * 6]
    assert queue.same_video(ids).int().tolist() == same
    usable = [[0, 1, 0, 1, 0, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0]]
    assert queue.usable(ids).int().tolist() == usable


def test_enqueueing_does_not_disturb_a_graph_that_read_the_queue():
    queue = filled(4, [4])
    query = torch.ones(1, 2, requires_grad=True)
    loss = (query @ queue['rgb'].T).sum()
    queue.enqueue(*batch(100, 2))
    loss.backward()
    assert query.grad.tolist() == [[6, 6]]


def test_state_round_trip():
    queue = filled(5, [4, 3])
    copy = KeyQueue(5, {'rgb': 2, 'motion': 3})
    copy.load_state_dict(queue.state_dict())
    for one in (queue, copy):
        one.enqueue(*batch(50, 2))
    for name, buffer in queue.state_dict().items():
        assert torch.equal(buffer, copy.state_dict()[name]), name


@pytest.mark.parametrize('other', [KeyQueue(5, {'rgb': 2}), KeyQueue(4, {'rgb': 2, 'motion': 3})])
def test_a_state_that_does_not_fit_is_not_loaded_in_part(other):
    other.enqueue(
        {s: torch.ones(4, getattr(other, f'keys_{s}').shape[1]) for s in other.streams},
        torch.arange(4),
    )
    queue = KeyQueue(5, {'rgb': 2, 'motion': 3})
    load_state_dict(queue, other.state_dict(), strict=False)
    assert int(queue.fill) == 0
    assert queue.keys_rgb.abs().sum() == 0
    with pytest.raises(RuntimeError, match='Missing key'):
        queue.load_state_dict(other.state_dict())


def test_refuses_wrong_arguments():
    with pytest.raises(ValueError, match='length'):
        KeyQueue(0, {'rgb': 2})
    with pytest.raises(KeyError, match='motion'):
        filled(4, []).enqueue({'rgb': torch.ones(1, 2)}, torch.zeros(1))


def test_a_cleared_queue_is_as_a_new_one():
    queue = filled(4, [3, 3])
    queue.clear()
    assert not queue.valid.any() and not queue.is_full
    assert not queue.same_video(torch.arange(6)).any()
    queue.enqueue(*batch(6, 3))
    assert queue.valid.tolist() == [True] * 3 + [False]
    assert queue['rgb'][:3].tolist() == [[n, n] for n in (6, 7, 8)]
