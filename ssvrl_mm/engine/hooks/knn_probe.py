"""Classifies by nearest neighbours during pretraining: is the representation getting better?"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import unwrap_model


@HOOKS.register_module()
class KNNProbeHook(Hook):
    """Logs the accuracy of a nearest-neighbour classifier every n epochs of pretraining.

    Videos of the query split are classified by those of the gallery split, see
    :class:`~ssvrl_mm.evaluation.KNNAccuracy`. The figures, ``knn/rgb_top1_k5`` for instance, go to
    the log and to every backend of the visualizer; they do not depend on the number of processes.
    Training itself goes on as if the hook were not there.

    Args:
        interval: Epochs between two probes; the last epoch is always probed.
        ks: Numbers of neighbours.
        streams: What to compare: streams, several joined by '+', or 'both'. None: every stream that
            the model gives, 'both' where there are 'rgb' and 'motion', and 'rgb+flow'.
        dataloader: Config of a dataloader of gallery and query; None: the run's
            ``val_dataloader``.

    Raises:
        ValueError: before training, when there is neither ``dataloader`` nor ``val_dataloader``.

    Example:
        >>> custom_hooks = [dict(type='KNNProbeHook', interval=10, ks=(1, 5, 20))]
    """

    # After the BatchNorm statistics of the processes are made equal, before a checkpoint.
    priority = 'LOW'

    def __init__(
        self,
        interval: int = 1,
        ks: Sequence[int] = (1, 5, 20),
        streams: Sequence[str] | None = None,
        dataloader: Mapping[str, Any] | None = None,
    ) -> None:
        if interval < 1:
            raise ValueError(f'interval must be at least 1 epoch, got {interval}')
        self.interval = interval
        self.ks = tuple(ks)
        self.streams = None if streams is None else tuple(streams)
        self.dataloader = dataloader
        self._loader: DataLoader | None = None

    def before_train(self, runner: Runner) -> None:
        """Finds the videos to probe with, before an epoch is spent."""
        if self._loader is not None:
            return
        if self.dataloader is not None:
            self._loader = runner.build_dataloader(dict(self.dataloader), seed=runner.seed)
        elif runner.val_loop is not None:
            self._loader = runner.val_loop.dataloader
        else:
            raise ValueError('KNNProbeHook needs a dataloader, or a run with a val_dataloader')

    def after_train_epoch(self, runner: Runner) -> None:
        """Probes every ``interval`` epochs, and after the last one."""
        if self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner):
            metrics = self.probe(runner)
            step = runner.epoch + 1
            runner.visualizer.add_scalars(metrics, step=step)
            shown = '  '.join(f'{name}: {value:.4f}' for name, value in metrics.items())
            runner.logger.info(f'Epoch(knn) [{step}]  {shown}')

    @torch.no_grad()
    def probe(self, runner: Runner) -> dict[str, float]:
        """The accuracies of the model as it is now, the same on every process."""
        from ssvrl_mm.evaluation import KNNAccuracy

        assert self._loader is not None
        model = unwrap_model(runner.model)
        metric = KNNAccuracy(self.ks, self.streams)
        modes = {module: module.training for module in model.modules()}
        # A loader draws the seed of its workers; training must not notice.
        with torch.random.fork_rng(devices=[]):
            model.eval()
            for batch in self._loader:
                samples = model.val_step(batch)
                metric.process(batch, [sample.to_dict() for sample in samples])
        for module, training in modes.items():
            module.training = training
        return metric.evaluate(len(self._loader.dataset))  # type: ignore[arg-type]
