"""Keeps the running statistics of BatchNorm equal over processes."""

from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model


@HOOKS.register_module()
class SyncNormStatsHook(Hook):
    """Averages BatchNorm's running mean and variance over the processes after every epoch.

    Every process then validates, saves and resumes the same model. mmengine's ``SyncBuffersHook``
    averages all buffers, which would spoil pointers and step counters.

    Example:
        >>> default_hooks = dict(sync_norm_stats=dict(type='SyncNormStatsHook'))
    """

    priority = 'NORMAL'

    def after_train_epoch(self, runner: Runner) -> None:
        """Averages the statistics before the checkpoint of this epoch is written."""
        model = unwrap_model(runner.model)
        statistics = [
            buffer
            for module in model.modules()
            if isinstance(module, _BatchNorm) and module.track_running_stats
            for buffer in (module.running_mean, module.running_var)
        ]
        if statistics:
            all_reduce_params(statistics, op='mean')
