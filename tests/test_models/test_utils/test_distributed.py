import torch

from ssvrl_mm.models.utils import KeyQueue, gather_tensor, shuffle_batch, unshuffle_batch

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
        assert len(result['shuffled']) == SIZES[rank]
        assert result['restored'][:, 0].tolist() == (10 * share(rank)).tolist()
        for name, buffer in alone.state_dict().items():
            assert torch.equal(result['queue'][name], buffer), name
    dealt = torch.cat([result['shuffled'] for result in results])[:, 0]
    assert dealt.tolist() == results[0]['order'].tolist()
    assert dealt.sort().values.tolist() == everything.tolist()
