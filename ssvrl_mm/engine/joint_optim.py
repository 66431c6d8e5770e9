"""Several optimizers, each of a part of the model, that step together after one backward pass."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper, OptimWrapperDict, build_optim_wrapper
from torch import Tensor, nn

from ssvrl_mm.engine.checkpoint_files import CheckpointFileError
from ssvrl_mm.engine.optim import fit_optimizer
from ssvrl_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS
from ssvrl_mm.suggestions import did_you_mean
from ssvrl_mm.wrapping import unwrap_model


class JointOptimWrapper(OptimWrapperDict):
    """Optimizers of parts of a model whose losses are computed, and differentiated, together.

    mmengine's ``OptimWrapperDict`` leaves ``train_step`` to each model. Where no loss reaches the
    parameters of two parts, one backward pass of their sum gives each part the gradient of its own
    losses: ``train_step`` of mmengine's models, and of those of several processes, does as it is.
    All parts then step, by their own optimizers, clipping and schedules, from the weights that the
    losses were computed with. With float16 they share one scale of the loss.

    Args:
        **optim_wrappers: Name of a part -> its optimizer wrapper, all of one kind, precision and
            ``accumulative_counts``.

    Raises:
        ValueError: There is none, or they differ in that.
    """

    def __init__(self, **optim_wrappers: OptimWrapper) -> None:
        if not optim_wrappers:
            raise ValueError('JointOptimWrapper needs the optimizer wrapper of at least one part')
        super().__init__(**optim_wrappers)
        self._leader, *followers = self.values()
        kinds = {name: _kind(wrapper) for name, wrapper in self.items()}
        if len(set(kinds.values())) > 1:
            raise ValueError(
                'the parts have one backward pass: their wrappers must agree in type, precision '
                f'and accumulative_counts, got {kinds}'
            )
        for name, wrapper in self.items():
            if wrapper.clip_grad_kwargs:  # is logged like the learning rate, each by its name
                wrapper.grad_name = f'{name}.{wrapper.grad_name}'
        for follower in followers:
            if isinstance(follower, AmpOptimWrapper):
                follower.loss_scaler = self._leader.loss_scaler

    @property
    def cast_dtype(self) -> torch.dtype | None:
        """The type of mixed precision; None without."""
        return getattr(self._leader, 'cast_dtype', None)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Mixed precision, and gradients that processes do not exchange before the last batch."""
        with self._leader.optim_context(model):
            yield

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Tells how many batches there have been and will be."""
        self._leader.initialize_count_status(model, cur_iter, max_iters)

    def update_params(
        self,
        loss: Tensor,
        step_kwargs: dict | None = None,
        zero_kwargs: dict | None = None,
    ) -> None:
        """The backward pass of the sum of all losses; a step of all parts where it is due."""
        self.backward(self._leader.scale_loss(loss))
        if self._leader.should_update():
            self.step(**(step_kwargs or {}))
            self.zero_grad(**(zero_kwargs or {}))

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """One backward pass for all parts."""
        self._leader.backward(loss, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """A step of every part; the scale of the loss changes after the last."""
        if not isinstance(self._leader, AmpOptimWrapper):
            for wrapper in self.values():
                wrapper.step(**kwargs)
            return
        scaler = self._leader.loss_scaler
        for wrapper in self.values():
            if wrapper.clip_grad_kwargs:
                scaler.unscale_(wrapper.optimizer)
                wrapper._clip_grad()
            scaler.step(wrapper.optimizer, **kwargs)
        scaler.update(self._leader._scale_update_param)

    def zero_grad(self, **kwargs: Any) -> None:
        """Takes the gradients of every part away."""
        for wrapper in self.values():
            wrapper.zero_grad(**kwargs)

    def load_state_dict(self, state_dict: dict) -> None:
        """Resumes every part.

        Raises:
            CheckpointFileError: The checkpoint has other parts, or one optimizer for the whole.
        """
        if set(state_dict) != set(self.keys()):
            raise CheckpointFileError(
                f'this run has optimizers of {sorted(self.keys())}, the checkpoint to resume '
                f'{_described(state_dict)}: resume with the config that it was trained with, or '
                'give it as load_from to start anew from its weights'
            )
        super().load_state_dict(state_dict)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class JointOptimConstructor:
    """Builds an optimizer for each part of a model, see :class:`JointOptimWrapper`.

    Args:
        optim_wrapper_cfg: Name of a part, as in the model's ``named_modules`` -> config of its
            optimizer wrapper, with settings by parameter (``paramwise_cfg``) of its own.
        paramwise_cfg: Not here.

    Raises:
        ValueError: ``paramwise_cfg`` of the whole, or what is no config of an optimizer wrapper;
            when called: the model has no such part, a part shares weights with another, or weights
            that are to be trained belong to none.

    Example:
        >>> adam = dict(type='DeviceAmpOptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
        >>> optim_wrapper = dict(
        ...     constructor='JointOptimConstructor', view_generator=adam, flow_estimator=adam)
    """

    def __init__(
        self, optim_wrapper_cfg: Mapping[str, Any], paramwise_cfg: Mapping | None = None
    ) -> None:
        if paramwise_cfg is not None:
            raise ValueError(
                f'paramwise_cfg goes into the config of one of the parts {list(optim_wrapper_cfg)}'
            )
        for name, config in optim_wrapper_cfg.items():
            if not isinstance(config, Mapping) or 'optimizer' not in config:
                raise ValueError(
                    f'optim_wrapper.{name} must be the config of an optimizer wrapper with its '
                    f'optimizer, as there is one for each part of the model; got {config!r}'
                )
        self.configs = dict(optim_wrapper_cfg)

    def __call__(self, model: nn.Module) -> JointOptimWrapper:
        """The optimizer wrapper of a model."""
        model = unwrap_model(model)
        modules = dict(model.named_modules())
        owners: dict[int, str] = {}
        for name in self.configs:
            if name not in modules:
                meant = did_you_mean(name, [part for part, _ in model.named_children()])
                raise ValueError(
                    f'optim_wrapper.{name}: {type(model).__name__} has no part {name}'
                    + (meant and f'; {meant}')
                )
            for parameter in modules[name].parameters():
                other = owners.setdefault(id(parameter), name)
                if other != name:
                    raise ValueError(f'optim_wrapper: {other} and {name} share weights')
        of_none = [
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and id(parameter) not in owners
        ]
        if of_none:
            raise ValueError(
                f'{len(of_none)} weights of {type(model).__name__} belong to none of the parts '
                f'{list(self.configs)} that have an optimizer, {of_none[0]} the first; they would '
                'stay as they are'
            )
        return JointOptimWrapper(
            **{
                name: build_optim_wrapper(modules[name], fit_optimizer(config))
                for name, config in self.configs.items()
            }
        )


def _kind(wrapper: OptimWrapper) -> tuple[str, str, int]:
    dtype = getattr(wrapper, 'cast_dtype', None)
    return type(wrapper).__name__, str(dtype), wrapper._accumulative_counts


def _described(state_dict: Mapping[str, Any]) -> str:
    if 'param_groups' in state_dict:
        return 'has one of the whole model'
    return f'of {sorted(state_dict)}'
