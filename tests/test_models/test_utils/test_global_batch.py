import pytest
import torch
from mmengine.dist import get_world_size

from ssvrl_mm.models.utils import GlobalBatch, KeyQueue
from tests.processes import run_processes

SIZES = [3, 2]
CPU = torch.device('cpu')


def share(rank, sizes=SIZES):
    first = sum(sizes[:rank])
    return torch.arange(first, first + sizes[rank])


def three_batches(own, batch=None):
    """A queue that is longer than a batch and shorter than two, and knows how old its keys are."""
    queue = KeyQueue(8, {'rgb': 2}, track_age=True)
    for step in range(3):
        queue.enqueue({'rgb': (own[:, None] + 10 * step) * torch.ones(2)}, own, batch)
    return queue


def exercise(rank, sizes):
    """Gather, shuffle, unshuffle and enqueue shares of different sizes."""
    torch.manual_seed(rank)
    own = share(rank, sizes)
    batch = GlobalBatch(len(own), CPU)
    shuffled = batch.shuffle(own[:, None].float())
    queue = KeyQueue(4, {'rgb': 2})
    queue.enqueue({'rgb': own[:, None] * torch.ones(2)}, own, batch)
    aged = three_batches(own, batch)
    clips = own[:, None, None, None, None] + torch.arange(24.0).view(1, 2, 3, 2, 2) / 100
    laid_out = batch.shuffle(clips.contiguous(memory_format=torch.channels_last_3d))
    with torch.autocast('cpu', torch.bfloat16):
        halves = batch.shuffle(clips)
    return dict(
        gathered=batch.gather(own, clips.half(), own > 1),
        shuffled=shuffled,
        order=batch.order,
        restored=batch.unshuffle(10 * shuffled, shuffled.long()),
        draws=[batch.draw(), batch.draw(), GlobalBatch(1, CPU).draw()],
        queue=queue.state_dict(),
        aged=aged.state_dict(),
        clips=clips,
        dealt=batch.shuffle(clips),
        laid_out=laid_out,
        is_laid_out=laid_out.is_contiguous(memory_format=torch.channels_last_3d),
        halves=halves,
        next_random=torch.rand(()),
    )


def test_one_process_changes_nothing():
    rows = torch.rand(3, 2, requires_grad=True)
    state = torch.get_rng_state()
    batch = GlobalBatch(3, CPU)
    assert batch.shuffle(rows) is rows
    assert batch.unshuffle(rows)[0] is rows
    assert batch.gather_with_gradient(rows) is rows
    assert batch.order.tolist() == [0, 1, 2]
    (gathered,) = batch.gather(rows)
    assert torch.equal(gathered, rows) and not gathered.requires_grad
    assert (batch.own, batch.total, batch.sizes) == (slice(0, 3), 3, [3])
    torch.testing.assert_close(batch.mean(rows), rows.mean())
    assert torch.equal(torch.get_rng_state(), state)
    drawn = batch.draw()
    torch.set_rng_state(state)
    assert drawn == float(torch.rand(()))


@pytest.mark.parametrize('sizes', [[3, 2], [1, 4, 1]])
def test_several_processes(tmp_path, sizes):
    results = run_processes(exercise, tmp_path, sizes, world_size=len(sizes))
    alone = KeyQueue(4, {'rgb': 2})
    everything = torch.arange(sum(sizes))
    alone.enqueue({'rgb': everything[:, None] * torch.ones(2)}, everything)
    aged = three_batches(everything)
    assert set(aged.ages.tolist()) == {0, 1}
    clips = torch.cat([result['clips'] for result in results])
    order = results[0]['order']
    assert order.sort().values.tolist() == everything.tolist()
    for rank, result in enumerate(results):
        own = share(rank, sizes)
        numbers, halves, flags = result['gathered']
        assert numbers.tolist() == everything.tolist()
        assert torch.equal(halves, clips.half())
        assert flags.tolist() == (everything > 1).tolist()
        assert torch.equal(result['order'], order)
        assert result['draws'] == results[0]['draws'] and len(set(result['draws'])) == 3
        assert result['shuffled'][:, 0].tolist() == order[own].tolist()
        restored, also = result['restored']
        assert restored[:, 0].tolist() == (10 * own).tolist()
        assert also.tolist() == own[:, None].tolist()
        for name in ('dealt', 'laid_out'):
            assert torch.equal(result[name], clips[order[own]]), name
        assert result['is_laid_out']
        assert torch.equal(result['halves'], clips[order[own]].bfloat16())
        for name, buffer in alone.state_dict().items():
            assert torch.equal(result['queue'][name], buffer), name
        for name, buffer in aged.state_dict().items():
            assert torch.equal(result['aged'][name], buffer), name
    # The random states advanced alike, from seeds of their own.
    for rank, result in enumerate(results):
        torch.manual_seed(rank)
        for _ in range(2):
            torch.randint(2**62, ())
        assert result['next_random'] == torch.rand(())


WEIGHTS = torch.arange(20, dtype=torch.double).reshape(2, 5, 2)  # process, row, column


def with_gradient(rank):
    """Each process weighs the gathered rows in its own way."""
    own_rows = torch.stack([share(rank), -share(rank)], dim=1).double().requires_grad_()
    batch = GlobalBatch(len(own_rows), CPU)
    gathered = batch.gather_with_gradient(own_rows)
    # A view as gradient, and not the only use of the rows.
    ((gathered * WEIGHTS[rank]).sum() + (3 * own_rows).sum()).backward()
    losses = share(rank).double().requires_grad_()
    mean = batch.mean(losses)
    mean.backward()
    # Two rows for each sample.
    pairs = own_rows.detach().flatten().requires_grad_()
    everywhere = batch.gather_with_gradient(pairs)
    (everywhere * WEIGHTS[rank].flatten()).sum().backward()
    return dict(
        gathered=gathered.detach(),
        own=gathered.detach()[batch.own],
        gradient=own_rows.grad,
        mean=mean.detach(),
        mean_gradient=losses.grad,
        mean_of_pairs=batch.mean(pairs.detach()),
        everywhere=everywhere.detach(),
        pair_gradient=pairs.grad,
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
        assert torch.equal(result['everywhere'], result['gathered'].flatten())
        assert torch.equal(result['pair_gradient'], WEIGHTS.sum(dim=0)[own].flatten())
    # What averaging over the processes makes of it.
    assert sum(r['mean'] for r in results) / len(results) == everything.mean()
    assert sum(r['mean_of_pairs'] for r in results) == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs CUDA')
def test_the_exchange_on_a_gpu_waits_in_nothing_but_read(tmp_path):
    from ssvrl_mm.models.utils.global_batch import _Exchange

    torch.distributed.init_process_group(
        'nccl', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    torch.cuda.set_sync_debug_mode('error')
    try:
        exchange = _Exchange([3, 2**61], torch.device('cuda', 0))
        assert exchange.read() == [[3, 2**61]]
    finally:
        torch.cuda.set_sync_debug_mode('default')
        torch.distributed.destroy_process_group()
