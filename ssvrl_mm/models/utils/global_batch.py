"""The batches of all processes as one; with one process nothing changes."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from torch import Tensor
from torch import distributed as dist
from torch.autograd.function import once_differentiable

_SEEDS = 2**62


class GlobalBatch:
    """The batches that all processes hold in one step, in rank order.

    One exchange tells every process the sizes of all and a seed in common: from these follow the
    order in which clips are shuffled, the draws that processes share, and how many rows go where.
    The exchange begins when the object is made and is waited for where it is first needed, so that
    work for the device which is given in between hides the wait.

    Make one for every step and hand it to whatever needs it; all processes must make and use it
    alike. With one process there is nothing to exchange.

    Args:
        size: Samples of this process, at least 1; the processes may hold different numbers.
        device: Where the batch is.

    Example:
        >>> batch = GlobalBatch(4, torch.device('cpu'))
        >>> (rows,) = batch.gather(torch.rand(4, 128))
        >>> batch.own, len(rows)
        (slice(0, 4, None), 4)
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.size = size
        self.device = device
        self.rank = get_rank()
        self.world_size = get_world_size()
        self._exchange: _Exchange | None = None
        if self.world_size > 1:
            # Every process draws, so that their random states advance alike; the first's counts.
            self._exchange = _Exchange([size, int(torch.randint(_SEEDS, ()))], device)

    @cached_property
    def _everyone(self) -> list[list[int]]:
        return [[self.size, 0]] if self._exchange is None else self._exchange.read()

    @property
    def sizes(self) -> list[int]:
        """The number of samples of each process, in rank order."""
        return [size for size, _ in self._everyone]

    @property
    def total(self) -> int:
        """The number of samples of all processes."""
        return sum(self.sizes)

    @property
    def own(self) -> slice:
        """The rows of the global batch that are this process's."""
        start = sum(self.sizes[: self.rank])
        return slice(start, start + self.size)

    @cached_property
    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._everyone[0][1])

    @cached_property
    def order(self) -> Tensor:
        """Which row of the global batch comes where when it is shuffled, (total,) int on the CPU.

        The same for everything that is shuffled in a step; with one process, rows stay.
        """
        if self.world_size == 1:
            return torch.arange(self.size)
        return torch.randperm(self.total, generator=self._generator)

    def draw(self) -> float:
        """A random number in [0, 1) that all processes have in common."""
        generator = None if self.world_size == 1 else self._generator
        return float(torch.rand((), generator=generator))

    def mean(self, losses: Tensor) -> Tensor:
        """The loss of this process whose average over the processes is that of the global batch.

        Distributed training averages the gradients of the processes. A mean over each one's own
        losses would weigh the samples of a small batch more than those of a large one.

        Args:
            losses: As many for every sample, of any shape.

        Returns:
            (), the sum of the losses * number of processes / number of losses of all processes.
        """
        if self.world_size == 1:
            return losses.mean()
        count = losses.numel() // self.size * self.total
        return losses.sum() * (self.world_size / count)

    @torch.no_grad()
    def gather(self, *batches: Tensor) -> tuple[Tensor, ...]:
        """Concatenates the batches of all processes in rank order, without gradient.

        Args:
            *batches: (size, ...) each, of any dtype; they travel together.

        Returns:
            (total, ...) of each, the same on every process.
        """
        if self.world_size == 1:
            return tuple(batch.detach() for batch in batches)
        return _unpack(self._concatenate(_pack(batches)), batches)

    def gather_with_gradient(self, batch: Tensor) -> Tensor:
        """Concatenates the batches of all processes in rank order, with gradient.

        The backward pass sums what the losses of all processes say about the rows of this one, so
        that features that serve as negatives elsewhere learn from it. All processes must run the
        same backward pass.

        Args:
            batch: (size * n, ...), n rows for every sample.

        Returns:
            (total * n, ...), the same on every process; :attr:`own`, times n, are this process's.
        """
        return batch if self.world_size == 1 else _GatherWithGradient.apply(batch, self)

    @torch.no_grad()
    def shuffle(self, clips: Tensor) -> Tensor:
        """Deals the clips of the global batch out to the processes in random :attr:`order`.

        MoCo's shuffling of BatchNorm (`arXiv:1911.05722 <https://arxiv.org/abs/1911.05722>`_,
        section 3.3): a query and its key then meet in batches of different company, so that
        BatchNorm's statistics cannot give the pair away. Each process is sent the clips that it
        gets and no others; under autocast in the precision that convolutions would make of them.

        Args:
            clips: (size, C, T, H, W), in memory contiguous or with the channels last.

        Returns:
            (size, C, T, H, W) of the shuffled global batch, laid out alike.
        """
        if self.world_size == 1:
            return clips
        kind = clips.device.type
        if clips.is_floating_point() and torch.is_autocast_enabled(kind):
            clips = clips.to(torch.get_autocast_dtype(kind))
        if clips.dim() == 5 and clips.is_contiguous(memory_format=torch.channels_last_3d):
            return self._deal(clips.movedim(1, -1), self.order).movedim(-1, 1)
        return self._deal(clips.contiguous(), self.order)

    @torch.no_grad()
    def unshuffle(self, *batches: Tensor) -> tuple[Tensor, ...]:
        """Brings what was computed on shuffled clips back to where they came from.

        Args:
            *batches: (size, ...) each; row i belongs to row i of the shuffled clips.

        Returns:
            (size, ...) of each; row i belongs to row i of the clips that were shuffled.
        """
        if self.world_size == 1:
            return batches
        return _unpack(self._deal(_pack(batches), self.order.argsort()), batches)

    def _deal(self, rows: Tensor, order: Tensor) -> Tensor:
        """This process's share of the global batch ``rows[order]``; ``rows`` are contiguous."""
        process = torch.arange(self.world_size).repeat_interleave(torch.tensor(self.sizes))
        places = order.argsort()[self.own]  # where the own rows go
        sources = process[order[self.own]]  # which process the rows here come from
        # Whatever goes to one process lies together, in the order in which it arrives there.
        arriving = sources.argsort(stable=True).argsort()
        dealt = torch.empty_like(rows)
        dist.all_to_all_single(
            dealt,
            rows[self._to_device(places.argsort())],
            output_split_sizes=sources.bincount(minlength=self.world_size).tolist(),
            input_split_sizes=process[places].bincount(minlength=self.world_size).tolist(),
        )
        return dealt[self._to_device(arriving)]

    def _to_device(self, index: Tensor) -> Tensor:
        return index.to(self.device, non_blocking=True)

    def _concatenate(self, batch: Tensor) -> Tensor:
        """The batches of all processes in rank order; padded on their way, as sizes may differ."""
        times = len(batch) // self.size
        largest = max(self.sizes) * times
        padded = batch
        if largest > len(batch):
            padded = torch.cat([batch, batch.new_zeros(largest - len(batch), *batch.shape[1:])])
        gathered = batch.new_empty(self.world_size * largest, *batch.shape[1:])
        dist.all_gather_into_tensor(gathered, padded.contiguous())
        if self.total * times == len(gathered):
            return gathered
        parts = zip(gathered.split(largest), self.sizes, strict=True)
        return torch.cat([part[: size * times] for part, size in parts])


class _Exchange:
    """Whole numbers of all processes, which are read later than they are sent.

    On CUDA nothing but :meth:`read` waits, and for no more than what was launched before.
    """

    def __init__(self, values: Sequence[int], device: torch.device) -> None:
        own = torch.tensor(values).to(device, non_blocking=True)
        self._everyone = own.new_empty(get_world_size(), len(values))
        self._work: Any = dist.all_gather_into_tensor(self._everyone.view(-1), own, async_op=True)
        if device.type == 'cuda':
            self._work.wait()  # the stream waits, the host does not
            everyone = torch.empty(self._everyone.shape, dtype=own.dtype, pin_memory=True)
            self._everyone = everyone.copy_(self._everyone, non_blocking=True)
            self._work = torch.cuda.Event()
            self._work.record()

    def read(self) -> list[list[int]]:
        """The numbers of each process, in rank order."""
        if isinstance(self._work, torch.cuda.Event):
            self._work.synchronize()
        else:
            self._work.wait()
        return self._everyone.tolist()


class _GatherWithGradient(torch.autograd.Function):
    """Concatenation over processes whose rows collect the gradients of all of them."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, batch: GlobalBatch) -> Tensor:
        times = len(rows) // batch.size
        ctx.own = slice(batch.own.start * times, batch.own.stop * times)
        return batch._concatenate(rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # A copy: the gradient may be shared with, or be a view of, another one.
        total = gradient.clone(memory_format=torch.contiguous_format)
        all_reduce(total)
        return total[ctx.own], None


def _pack(batches: Sequence[Tensor]) -> Tensor:
    """(N, bytes) of tensors (N, ...) that then travel as one."""
    rows = [batch.detach().reshape(len(batch), -1).contiguous() for batch in batches]
    return torch.cat([row.view(torch.uint8) for row in rows], dim=1)


def _unpack(packed: Tensor, batches: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The tensors that were packed, shaped and typed like ``batches`` but for their length."""
    widths = [batch[0].numel() * batch.element_size() for batch in batches]
    # Cloned, as rows of bytes begin where other types may not.
    parts = [
        part.clone(memory_format=torch.contiguous_format) for part in packed.split(widths, dim=1)
    ]
    return tuple(
        part.view(batch.dtype).reshape(len(packed), *batch.shape[1:])
        for part, batch in zip(parts, batches, strict=True)
    )
