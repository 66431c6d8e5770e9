import torch
from mmengine.dist import get_world_size

from ssvrl_mm.models.utils import (
    KeyQueue,
    gather_tensor,
    gather_with_gradient,
    global_mean,
    shared_draw,
    shuffle_batch,
    unshuffle_batch,
)

from ..processes import run_processes

SIZES = [3, 2]


def share(rank):
    first = sum(SIZES[:rank])
    return torch.arange(first, first + SIZES[rank])


def exercise(rank):
    """Gather, shuffle, unshuffle and enqueue shares of different sizes."""
    torch.manual_seed(rank)
    own = share(rank)
    shuffled, order = shuffle_batch(own[:, None].float())
    queue = KeyQueue(4, {'rgb': 2})
    queue.enqueue({'rgb': own[:, None] * torch.ones(2)}, own)
    return dict(
        gathered=gather_tensor(own),
        shuffled=shuffled,
        order=order,
        restored=unshuffle_batch(10 * shuffled, order),
        draws=[float(shared_draw(own.device)) for _ in range(2)],
        queue=queue.state_dict(),
    )


def test_one_process_changes_nothing():
    batch = torch.rand(3, 2, requires_grad=True)
    state = torch.get_rng_state()
    shuffled, order = shuffle_batch(batch)
    assert torch.equal(unshuffle_batch(shuffled, order), batch)
    assert torch.equal(shuffled, batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert not gather_tensor(batch).requires_grad


def test_two_processes(tmp_path):
    results = run_processes(exercise, tmp_path)
    alone = KeyQueue(4, {'rgb': 2})
    everything = torch.arange(sum(SIZES))
    alone.enqueue({'rgb': everything[:, None] * torch.ones(2)}, everything)
    for rank, result in enumerate(results):
        assert result['gathered'].tolist() == everything.tolist()
        assert torch.equal(result['order'], results[0]['order'])
        assert result['draws'] == results[0]['draws'] and len(set(result['draws'])) == 2
        assert len(result['shuffled']) == SIZES[rank]
        assert result['restored'][:, 0].tolist() == (10 * share(rank)).tolist()
        for name, buffer in alone.state_dict().items():
            assert torch.equal(result['queue'][name], buffer), name
    dealt = torch.cat([result['shuffled'] for result in results])[:, 0]
    assert dealt.tolist() == results[0]['order'].tolist()
    assert dealt.sort().values.tolist() == everything.tolist()


WEIGHTS = torch.arange(20, dtype=torch.double).reshape(2, 5, 2)  # process, row, column


def with_gradient(rank):
    """Each process weighs the gathered rows in its own way."""
    own_rows = torch.stack([share(rank), -share(rank)], dim=1).double().requires_grad_()
    gathered, own = gather_with_gradient(own_rows)
    # A view as gradient, and not the only use of the rows.
    ((gathered * WEIGHTS[rank]).sum() + (3 * own_rows).sum()).backward()
    losses = share(rank).double().requires_grad_()
    mean = global_mean(losses)
    mean.backward()
    return dict(
        gathered=gathered.detach(),
        own=gathered.detach()[own],
        gradient=own_rows.grad,
        mean=mean.detach(),
        mean_gradient=losses.grad,
        world_size=get_world_size(),
    )


def test_gradients_of_all_processes_meet(tmp_path):
    results = run_processes(with_gradient, tmp_path)
    everything = torch.arange(sum(SIZES)).double()
    for rank, result in enumerate(results):
        own = share(rank)
        assert result['gathered'].tolist() == [[i, -i] for i in everything]
        assert result['own'][:, 0].tolist() == own.tolist()
        assert torch.equal(result['gradient'], WEIGHTS.sum(dim=0)[own] + 3)
        assert result['mean_gradient'].tolist() == [2 / 5] * len(own)
    # What averaging over the processes makes of it.
    assert sum(r['mean'] for r in results) / len(results) == everything.mean()


def test_gather_with_gradient_and_mean_on_one_process():
    batch = torch.rand(3, 2, requires_grad=True)
    gathered, own = gather_with_gradient(batch)
    assert gathered is batch
    assert own == slice(0, 3)
    torch.testing.assert_close(global_mean(batch), batch.mean())
