"""Batches whose inputs are copied to the CUDA device beside its work, not in between."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class DeviceLoader:
    """A loader whose batches come with their ``inputs`` on the CUDA device of the process.

    The host fetches a batch while the device is still busy with steps before. A copy on the stream
    of these steps would wait for them, and the next step for the copy; here it goes on a stream of
    its own, and only the next step waits. From pageable memory the host waits for every copy: see
    ``pin_memory`` of the loader.

    Batches, their order and errors are the loader's; what else it has is found here too. Whatever
    is not among the inputs stays as it is, as do batches that are no dict of ``inputs``.

    Args:
        loader: A loader of mmengine's batches.

    Example:
        >>> for batch in DeviceLoader(loader):  # doctest: +SKIP
        ...     model.train_step(batch, optim_wrapper)
    """

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        if name == 'loader':  # not there yet, as in a copy
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        device = torch.device('cuda', torch.cuda.current_device())
        stream = torch.cuda.Stream(device)
        for batch in self.loader:
            if isinstance(batch, Mapping) and 'inputs' in batch:
                with torch.cuda.stream(stream):
                    inputs = _copied(batch['inputs'], device)
                user = torch.cuda.current_stream(device)
                user.wait_stream(stream)
                _keep_for(inputs, user)
                batch = {**batch, 'inputs': inputs}
            yield batch


def on_device(loader: Any) -> Any:
    """The loader as a :class:`DeviceLoader` where there is CUDA, else as it is."""
    return DeviceLoader(loader) if torch.cuda.is_available() else loader


def on_host(loader: Any) -> Any:
    """The loader within a :class:`DeviceLoader`, or any other as it is."""
    return loader.loader if isinstance(loader, DeviceLoader) else loader


def _copied(inputs: Any, device: torch.device) -> Any:
    if isinstance(inputs, Tensor):
        return inputs.to(device, non_blocking=True)
    if isinstance(inputs, Mapping):
        return {name: _copied(part, device) for name, part in inputs.items()}
    if isinstance(inputs, Sequence) and not isinstance(inputs, str | bytes):
        return [_copied(part, device) for part in inputs]
    return inputs


def _keep_for(inputs: Any, stream: Any) -> None:
    """Keeps the memory of tensors, which belongs to another stream, until this one is past them."""
    if isinstance(inputs, Tensor):
        inputs.record_stream(stream)
    elif isinstance(inputs, dict | list):
        for part in inputs.values() if isinstance(inputs, dict) else inputs:
            _keep_for(part, stream)
