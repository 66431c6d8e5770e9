"""What the backbones share: stages in a row, of which some are returned and some are frozen."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ssvrl_mm.models.foundation import BaseModule
from ssvrl_mm.models.utils.freezing import freeze

NUM_STAGES = 5


def scaled(channels: int, width: float) -> int:
    """Channels times width, rounded to the nearest multiple of 8 that is not 0."""
    return max(8, int(channels * width / 8 + 0.5) * 8)


def check_strides(**strides: Sequence[int]) -> None:
    """Raises a ValueError unless each of the arguments holds five numbers from 1 on."""
    for name, values in strides.items():
        if len(values) != NUM_STAGES or min(values) < 1:
            raise ValueError(f'{name} must be five numbers from 1 on: {values}')


class StagedBackbone(BaseModule):
    """Base of the backbones of five stages, numbered from 0.

    A subclass builds the first :attr:`num_stages` stages, in ``self.stages`` or wherever
    :meth:`stage_modules` finds them, and calls :meth:`_freeze` at the end of its ``__init__``.
    What happens between two stages goes into :meth:`_enter`.

    Args:
        in_channels: Channels of the input.
        width: Factor on the numbers of channels; checked here, used by the subclass.
        out_indices: The stages whose output is returned, in increasing order. Later stages are not
            built.
        frozen_stages: The last of the stages that stay as they are, counted from 0; -1 for none.
        norm_eval: Whether BatchNorm keeps to its running statistics in training.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: If an argument is out of range.
    """

    stages: nn.ModuleList

    def __init__(
        self,
        in_channels: int,
        width: float,
        out_indices: Sequence[int],
        frozen_stages: int,
        norm_eval: bool,
        init_cfg: dict | list[dict] | None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.out_indices = tuple(out_indices)
        if not self.out_indices or self.out_indices != tuple(
            sorted(set(self.out_indices) & set(range(NUM_STAGES)))
        ):
            raise ValueError(f'out_indices must be increasing, within 0..4: {tuple(out_indices)}')
        if not -1 <= frozen_stages < self.num_stages:
            raise ValueError(
                f'frozen_stages must be within -1..{self.num_stages - 1}: {frozen_stages}'
            )
        if in_channels < 1 or width <= 0:
            raise ValueError(f'needs in_channels >= 1 and width > 0: {in_channels}, {width}')
        self.in_channels = in_channels
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

    @property
    def num_stages(self) -> int:
        """How many stages there are: up to the last of ``out_indices``."""
        return self.out_indices[-1] + 1

    def stage_modules(self) -> list[nn.Module]:
        """The stages that were built, in order."""
        return list(self.stages)

    def _enter(self, index: int, x: Tensor, size: tuple[int, ...]) -> Tensor:
        """The input of a stage from the output of the one before; ``size`` is the clip's."""
        return x

    def _freeze(self) -> None:
        for stage in self.stage_modules()[: self.frozen_stages + 1]:
            freeze(stage)

    def train(self, mode: bool = True) -> 'StagedBackbone':
        """Sets the mode; frozen stages (and BatchNorm with ``norm_eval``) stay in evaluation."""
        super().train(mode)
        self._freeze()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Feature maps of a batch of clips.

        Args:
            x: Clips of shape (N, in_channels, T, H, W).

        Returns:
            The map (N, C, T', H', W') of the stage in ``out_indices``, or the tuple of maps when
            there are several.

        Raises:
            ValueError: If the shape does not fit, or the clip is too small for the strides.
        """
        if x.dim() != 5 or x.shape[1] != self.in_channels:
            raise ValueError(
                f'{type(self).__name__} takes clips of shape (N, {self.in_channels}, T, H, W), '
                f'got {tuple(x.shape)}'
            )
        maps, size = [], tuple(x.shape[2:])
        for index, stage in enumerate(self.stage_modules()):
            x = stage(self._enter(index, x, size))
            if index in self.out_indices:
                maps.append(x)
        return maps[0] if len(maps) == 1 else tuple(maps)
