"""Optimizers as the device has them: mixed precision, fused steps."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict

from ssvrl_mm.engine.param_groups import MergedGroupsConstructor
from ssvrl_mm.registry import OPTIM_WRAPPERS

AMP_DTYPES = ('bfloat16', 'float16')

# Optimizers with a fused step on CUDA, and the settings that say otherwise or cannot go with it.
_FUSED = ('Adam', 'AdamW', 'SGD')
_SAYS_OTHERWISE = ('fused', 'foreach', 'capturable', 'differentiable')


@OPTIM_WRAPPERS.register_module()
def DeviceAmpOptimWrapper(
    dtype: str = 'bfloat16',
    loss_scale: str | float | dict = 'dynamic',
    **kwargs: Any,
) -> OptimWrapper:
    """Builds an ``AmpOptimWrapper`` on CUDA and a plain ``OptimWrapper`` elsewhere.

    One entry in a config thus trains with mixed precision on a GPU and in float32 on a CPU, where
    mmengine's ``AmpOptimWrapper`` refuses to be built.

    Args:
        dtype: ``'bfloat16'`` or ``'float16'``. A GPU that computes bfloat16 only by emulation
            gets float16.
        loss_scale: Scale of the loss for float16 gradients, see ``AmpOptimWrapper``. bfloat16
            has the range of float32 and is not scaled.
        **kwargs: What ``OptimWrapper`` takes: ``optimizer``, ``clip_grad``,
            ``accumulative_counts``.

    Returns:
        The optimizer wrapper that fits the device.

    Raises:
        ValueError: ``dtype`` is not one of the two.

    Example:
        >>> optim_wrapper = dict(type='DeviceAmpOptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
    """
    if dtype not in AMP_DTYPES:
        raise ValueError(f'dtype must be one of {AMP_DTYPES}, got {dtype!r}')
    if not torch.cuda.is_available():
        return OptimWrapper(**kwargs)
    if dtype == 'bfloat16' and not torch.cuda.is_bf16_supported(including_emulation=False):
        dtype = 'float16'
    if dtype == 'bfloat16':
        loss_scale = {'enabled': False}
    return AmpOptimWrapper(dtype=dtype, loss_scale=loss_scale, **kwargs)


def each_wrapper(optim_wrapper: Any) -> dict[str, Any]:
    """The optimizer wrappers of a run by the part of the model that each is of.

    Args:
        optim_wrapper: An optimizer wrapper or its config, of the whole model or of several parts.

    Returns:
        Part -> its wrapper, or its config; of a wrapper of the whole model ``''`` -> itself.

    Example:
        >>> adam = dict(optimizer=dict(type='Adam', lr=1e-4))
        >>> list(each_wrapper(adam)), list(each_wrapper(dict(first=adam, constructor='Own')))
        ([''], ['first'])
    """
    if isinstance(optim_wrapper, OptimWrapperDict):
        return dict(optim_wrapper.items())
    if not isinstance(optim_wrapper, Mapping) or 'optimizer' in optim_wrapper:
        return {'': optim_wrapper}
    parts = {
        name: part
        for name, part in optim_wrapper.items()
        if isinstance(part, Mapping) and 'optimizer' in part
    }
    return parts or {'': optim_wrapper}


def set_precision(optim_wrapper: ConfigDict, amp: bool) -> None:
    """Chooses mixed precision on CUDA, or float32, whatever a config says.

    Args:
        optim_wrapper: Config of an optimizer wrapper, or of one for each of several parts of the
            model, changed in place. One of another kind than ``OptimWrapper`` keeps its way of
            mixed precision.
        amp: Whether to use mixed precision where the device has it.
    """
    for part in each_wrapper(optim_wrapper).values():
        _set_precision(part, amp)


def _set_precision(optim_wrapper: ConfigDict, amp: bool) -> None:
    if not amp:
        optim_wrapper.type = 'OptimWrapper'
        for name in ('dtype', 'loss_scale'):
            optim_wrapper.pop(name, None)
    elif optim_wrapper.get('type', 'OptimWrapper') == 'OptimWrapper':
        optim_wrapper.type = 'DeviceAmpOptimWrapper'


def forbid_amp(cfg: Config) -> None:
    """Chooses float32 for training and evaluation, whatever a config says.

    Args:
        cfg: Config of a run, changed in place.
    """
    if cfg.get('optim_wrapper'):
        set_precision(cfg.optim_wrapper, amp=False)
    for name in ('val_cfg', 'test_cfg'):
        if cfg.get(name):
            cfg[name].pop('fp16', None)


def evaluate_with_amp(cfg: Config) -> None:
    """Chooses mixed precision for the test where there is CUDA.

    mmengine's loops take ``fp16=True``: float16, with steps eight times as fine as bfloat16's.

    Args:
        cfg: Config of a run, changed in place.
    """
    if torch.cuda.is_available():
        cfg.test_cfg = {**(cfg.get('test_cfg') or {}), 'fp16': True}


def fit_optimizer(optim_wrapper: Any) -> Any:
    """Merges parameter groups, and on CUDA fuses the step, unless a config says otherwise.

    A fused step updates all parameters of a group by one kernel. Both change the time of a step,
    and fusing the last digits of what it computes.

    Args:
        optim_wrapper: Config of an optimizer wrapper.

    Returns:
        A config with what was added. Whatever is no config of a single ``optimizer`` comes back as
        it is.
    """
    optimizer = optim_wrapper.get('optimizer') if isinstance(optim_wrapper, dict) else None
    if not isinstance(optimizer, dict):
        return optim_wrapper
    fitting = copy.deepcopy(optim_wrapper)
    fitting.setdefault('constructor', MergedGroupsConstructor)
    if (
        torch.cuda.is_available()
        and optimizer.get('type') in _FUSED
        and not any(name in optimizer for name in _SAYS_OTHERWISE)
    ):
        fitting['optimizer']['fused'] = True
    return fitting
