"""The Runner of our tools: its console shows what people read, its log file everything."""

import logging
import os
from typing import Any

import torch
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from ssvrl_mm import progress
from ssvrl_mm.engine.device_loader import on_device
from ssvrl_mm.engine.optim import fit_optimizer
from ssvrl_mm.environment import collect_environment, format_environment
from ssvrl_mm.wrapping import unwrap_model

# How the messages begin that nobody reads on a console: 350 lines before the first iteration.
_FOR_THE_LOG_FILE = (
    '\n' + '-' * 60 + '\nSystem environment:',
    'Versions and machine:\n',
    'Config:\n',
    'Hooks will be executed in the following order',
    'Distributed training is not used, all SyncBatchNorm',
    'Exp name: ',
)


def _is_for_the_console(record: logging.LogRecord) -> bool:
    if record.levelno < logging.WARNING and record.getMessage().startswith(_FOR_THE_LOG_FILE):
        return False
    progress.end_line()
    return True


class ToolRunner(Runner):
    """mmengine's Runner with a console that shows what people read.

    Environment, config and table of hooks go to the log file alone; one line on the console names
    it. Everything else is in both, unless ``console_level`` says otherwise. A model that was
    initialised is not initialised again. Loaders, optimizer and model are built as fits the device;
    the config stays as it is.

    Example:
        >>> runner = ToolRunner.from_cfg(Config.fromfile('configs/mvcgc/demo.py'))
    """

    #: Level from which messages are shown on the console; None: that of the config.
    console_level: int | None = None

    def build_logger(
        self, log_level: int | str = 'INFO', log_file: str | None = None, **kwargs: Any
    ) -> MMLogger:
        """The logger, whose console leaves out what is only for the log file."""
        logger = super().build_logger(log_level, log_file, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_for_the_console)
                if self.console_level is not None:
                    handler.setLevel(max(handler.level, self.console_level))
        logger.info(f'log file, with environment and config: {logger.log_file}')
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        if self.rank == 0:
            told = format_environment(collect_environment(imported=False))
            self.logger.info(f'Versions and machine:\n{told}')
        super()._log_env(env_cfg)

    def set_randomness(
        self, seed: int | None, diff_rank_seed: bool = False, deterministic: bool = False
    ) -> None:
        """Seeds; of a deterministic run cuBLAS gets the setting that torch asks for."""
        if deterministic:
            os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
        super().set_randomness(seed, diff_rank_seed, deterministic)

    @staticmethod
    def build_dataloader(dataloader: Any, *args: Any, **kwargs: Any) -> Any:
        """The loader; where there is CUDA, in pinned memory and with inputs on the device."""
        if torch.cuda.is_available() and isinstance(dataloader, dict):
            dataloader = {'pin_memory': True, **dataloader}
        return on_device(Runner.build_dataloader(dataloader, *args, **kwargs))

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """The optimizer wrapper, see :func:`~ssvrl_mm.engine.optim.fit_optimizer`."""
        return super().build_optim_wrapper(fit_optimizer(optim_wrapper))

    def wrap_model(self, model_wrapper_cfg: dict | None, model: Any) -> Any:
        """The model, fit for cuDNN where there is CUDA, on the device and wrapped."""
        if torch.cuda.is_available():
            from ssvrl_mm.models.utils.chunks import pad_views
            from ssvrl_mm.models.utils.memory_format import lay_out_networks

            lay_out_networks(model)
            pad_views(model)
        return super().wrap_model(model_wrapper_cfg, model)

    def init_weights(self) -> None:
        """Initialises the model, once; :meth:`train` does by itself."""
        self._init_model_weights()

    def _init_model_weights(self) -> None:
        # A model that was evaluated before training keeps the weights that were evaluated.
        if not getattr(unwrap_model(self.model), 'is_init', False):
            super()._init_model_weights()
