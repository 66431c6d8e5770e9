"""Gathers and shuffles batches over processes; on one process they change nothing."""

from typing import Any

import torch
from mmengine.dist import all_gather, all_reduce, broadcast, get_rank, get_world_size
from torch import Tensor
from torch.autograd.function import once_differentiable


def _batch_sizes(batch: Tensor) -> list[int]:
    """The number of samples each process holds, in rank order."""
    own = torch.tensor([len(batch)], device=batch.device)
    return [int(size) for size in all_gather(own)]


@torch.no_grad()
def gather_tensor(batch: Tensor) -> Tensor:
    """Concatenates the batches of all processes in rank order, without gradient.

    Args:
        batch: (N_rank, ...); the processes may hold different numbers of samples.

    Returns:
        (sum of N_rank, ...), the same on every process.
    """
    batch = batch.detach()
    if get_world_size() == 1:
        return batch
    return _concatenate(batch, _batch_sizes(batch))


def _concatenate(batch: Tensor, sizes: list[int]) -> Tensor:
    """The batches of all processes in rank order; padded on their way, as sizes may differ."""
    padded = batch.new_zeros(max(sizes), *batch.shape[1:])
    padded[: len(batch)] = batch
    parts = zip(all_gather(padded), sizes, strict=True)
    return torch.cat([part[:size] for part, size in parts])


def _own_share(sizes: list[int]) -> slice:
    """The rows of a gathered batch that belong to this process."""
    start = sum(sizes[: get_rank()])
    return slice(start, start + sizes[get_rank()])


class _GatherWithGradient(torch.autograd.Function):
    """Concatenation over processes whose rows collect the gradients of all of them."""

    @staticmethod
    def forward(ctx: Any, batch: Tensor, sizes: list[int]) -> Tensor:
        ctx.own = _own_share(sizes)
        return _concatenate(batch, sizes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # A copy: the gradient may be shared with, or be a view of, another one.
        total = gradient.clone(memory_format=torch.contiguous_format)
        all_reduce(total)
        return total[ctx.own], None


def gather_with_gradient(batch: Tensor) -> tuple[Tensor, slice]:
    """Concatenates the batches of all processes in rank order, with gradient.

    The backward pass sums what the losses of all processes say about the rows of this one, so that
    features that serve as negatives elsewhere learn from it. All processes must run the same
    backward pass.

    Args:
        batch: (N_rank, ...); the processes may hold different numbers of samples.

    Returns:
        (sum of N_rank, ...), the same on every process, and the rows of it that are this process's.

    Example:
        >>> everywhere, own = gather_with_gradient(torch.rand(4, 128))
        >>> everywhere[own].shape
        torch.Size([4, 128])
    """
    if get_world_size() == 1:
        return batch, slice(0, len(batch))
    sizes = _batch_sizes(batch)
    return _GatherWithGradient.apply(batch, sizes), _own_share(sizes)


def global_mean(losses: Tensor) -> Tensor:
    """The loss of this process whose average over the processes is the mean over the global batch.

    Distributed training averages the gradients of the processes. A mean over each one's own losses
    would weigh the samples of a small batch more than those of a large one.

    Args:
        losses: Losses of any shape; the processes may hold different numbers of them.

    Returns:
        (), the sum of the losses * number of processes / number of losses of all processes.
    """
    if get_world_size() == 1:
        return losses.mean()
    count = torch.tensor(losses.numel(), device=losses.device)
    all_reduce(count)
    return losses.sum() * get_world_size() / count


def shared_draw(device: torch.device) -> Tensor:
    """A random number in [0, 1) that all processes have in common.

    Args:
        device: Where it is wanted.

    Returns:
        (), drawn from the CPU's generator of the first process; the others draw as well, so that
        their random states advance alike.
    """
    number = torch.rand(()).to(device)
    broadcast(number, src=0)
    return number


@torch.no_grad()
def shuffle_batch(batch: Tensor) -> tuple[Tensor, Tensor | None]:
    """Deals the global batch out to the processes in random order.

    MoCo's shuffling of BatchNorm (`arXiv:1911.05722 <https://arxiv.org/abs/1911.05722>`_, section
    3.3): a query and its key then meet in batches of different company, so that BatchNorm's
    statistics cannot give the pair away. Without gradient.

    Args:
        batch: (N_rank, ...).

    Returns:
        This process's share (N_rank, ...) of the shuffled global batch, and what
        :func:`unshuffle_batch` needs to undo it. With one process: the batch itself and None.
    """
    if get_world_size() == 1:
        return batch, None
    sizes = _batch_sizes(batch)
    # Every process draws, so that their random states advance alike; the first one's draw holds.
    order = torch.randperm(sum(sizes)).to(batch.device)
    broadcast(order, src=0)
    return gather_tensor(batch)[order[_own_share(sizes)]], order


@torch.no_grad()
def unshuffle_batch(batch: Tensor, order: Tensor | None) -> Tensor:
    """Brings what was computed on a shuffled batch back to where its samples came from.

    Args:
        batch: (N_rank, ...), row i belongs to row i of the shuffled batch.
        order: As returned by :func:`shuffle_batch`.

    Returns:
        (N_rank, ...), row i belongs to row i of the batch that was shuffled.
    """
    if order is None:
        return batch
    share = _own_share(_batch_sizes(batch))
    return gather_tensor(batch)[order.argsort()[share]]
