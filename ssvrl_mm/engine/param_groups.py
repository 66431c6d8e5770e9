"""Few parameter groups instead of one per parameter."""

from collections.abc import Mapping
from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn
from torch.optim import Optimizer

from ssvrl_mm.engine.checkpoint_files import CheckpointFileError
from ssvrl_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS

# Settings of a group that say how a step is computed, not what.
_IMPLEMENTATIONS = ('fused', 'foreach')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class MergedGroupsConstructor(DefaultOptimWrapperConstructor):
    """mmengine's constructor, with one parameter group for each combination of settings.

    Where ``paramwise_cfg`` sets anything, mmengine makes a group of every parameter, and optimizers
    take a step, of several kernels, for every group. Groups of equal settings are one here, in the
    order of the first parameter of each. Schedules change all groups alike, so that training stays
    as it was.

    Args:
        optim_wrapper_cfg: Config of the optimizer wrapper, with its ``optimizer``.
        paramwise_cfg: Settings by parameter, see mmengine's constructor.

    Example:
        >>> optim_wrapper = dict(
        ...     type='DeviceAmpOptimWrapper', optimizer=dict(type='Adam', lr=1e-3),
        ...     constructor='MergedGroupsConstructor',
        ...     paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
    """

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs: Any
    ) -> None:
        """Adds the parameters of a module; of the whole model, in merged groups.

        Args:
            params: Groups so far, changed in place.
            module: Where to look for parameters.
            prefix: Name of the module within the model.
            **kwargs: What mmengine hands on from module to module.
        """
        super().add_params(params, module, prefix=prefix, **kwargs)
        found = [id(parameter) for group in params for parameter in group['params']]
        # A parameter that is there twice is for torch to refuse, as it does between groups alone.
        if not prefix and len(found) == len(set(found)):
            params[:] = merge_groups(params)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """The optimizer wrapper of a model.

        Resuming takes how a step is computed from this run, not from the checkpoint. One of another
        number of groups raises a :class:`CheckpointFileError`.
        """
        wrapper = super().__call__(model)
        wrapper.optimizer.register_load_state_dict_pre_hook(_fit)
        return wrapper


def merge_groups(groups: list[dict]) -> list[dict]:
    """Groups of parameters with other settings each, in the order that they are first met.

    Args:
        groups: Groups, each of ``params`` (a list) and its settings.

    Returns:
        New groups of the same parameters, those of a group in the order given.
    """
    merged: list[dict] = []
    for group in groups:
        for known in merged:
            if _settings(known) == _settings(group):
                known['params'] += group['params']
                break
        else:
            merged.append({**group, 'params': [*group['params']]})
    return merged


def _settings(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != 'params'}


def _fit(optimizer: Optimizer, state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """A state to resume, computed as this run computes; refuses that of other groups.

    Learning rates of schedules go by the number of the group.
    """
    if 'param_groups' not in state_dict:
        raise CheckpointFileError(
            f'the checkpoint to resume holds optimizers of {sorted(state_dict)}, and this run has '
            'one: resume with the config that it was trained with, or give it as load_from to '
            'start anew from its weights'
        )
    saved, built = state_dict['param_groups'], optimizer.param_groups
    if len(saved) != len(built):
        raise CheckpointFileError(
            f'the checkpoint to resume holds {len(saved)} parameter groups, and this run has '
            f'{len(built)}. One of a version that made a group of every parameter, or of another '
            'tool, resumes with --cfg-options '
            'optim_wrapper.constructor=DefaultOptimWrapperConstructor; where parts of the model '
            'have optimizers of their own, optim_wrapper.PART.constructor. Otherwise paramwise_cfg '
            'or the model is another than in that run.'
        )
    groups = [
        {**then, **{name: now[name] for name in _IMPLEMENTATIONS if name in now}}
        for then, now in zip(saved, built, strict=True)
    ]
    return {**state_dict, 'param_groups': groups}
