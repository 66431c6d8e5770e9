"""Prediction of feature maps by a convolutional recurrent network."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.necks.feature_predictor import FeaturePredictor
from ssvrl_mm.registry import MODELS


class ConvGRUCell(nn.Module):
    """One step of a gated recurrent unit whose state is a map.

    `Ballas et al. <https://arxiv.org/abs/1511.06432>`_, with zero padding.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the state.
        kernel_size: Extent of the convolutions; odd.
    """

    def __init__(self, in_channels: int, channels: int, kernel_size: int) -> None:
        super().__init__()
        both, padding = in_channels + channels, kernel_size // 2
        self.gates = nn.Conv2d(both, 2 * channels, kernel_size, padding=padding)
        self.candidate = nn.Conv2d(both, channels, kernel_size, padding=padding)
        for parameter in self.parameters():
            init = nn.init.orthogonal_ if parameter.dim() > 1 else nn.init.zeros_
            init(parameter)

    def forward(self, maps: Tensor, state: Tensor) -> Tensor:
        """The next state, (N, channels, H, W), from an input and the state."""
        reset, update = self.gates(torch.cat([maps, state], dim=1)).sigmoid().chunk(2, dim=1)
        candidate = self.candidate(torch.cat([maps, reset * state], dim=1)).tanh()
        return (1 - update) * state + update * candidate


@MODELS.register_module()
class ConvGRUPredictor(FeaturePredictor):
    """A convolutional GRU that reads a map frame by frame and goes on with its own predictions.

    The predictor of `DPC <https://arxiv.org/abs/1909.04656>`_ (Han et al., "Video Representation
    Learning by Dense Predictive Coding", 2019), which Context-Motion Decoupling compares with the
    Transformer. A 1x1 convolution and ReLU bring the frames to ``channels``, and to the spatial
    size of the prediction by bilinear interpolation where it differs. After the last of them, a
    1x1 convolution, ReLU and another one predict the next frame from the state; through ReLU it
    is the GRU's next input, for as many frames as are to be predicted.

    Args:
        in_channels: Channels C1 of the maps that come in.
        in_size: Their size (T1, H1, W1).
        out_size: Size (T3, H3, W3) of the predicted maps.
        channels: Channels of the states and of the predicted maps.
        kernel_size: Spatial extent of the GRU's convolutions; odd. DPC's is 1.
        num_layers: GRUs on top of each other.
        dropout: Probability of dropout in the states.
        init_cfg: OpenMMLab initialisation; None: orthogonal for the GRU, PyTorch's elsewhere.

    Raises:
        ValueError: for a size that is not three positive numbers, an even ``kernel_size``, no
            layer, and a map of another size.

    Example:
        >>> ConvGRUPredictor(in_channels=512)(torch.rand(2, 512, 2, 7, 7)).shape
        torch.Size([2, 512, 1, 7, 7])
    """

    def __init__(
        self,
        in_channels: int,
        in_size: Sequence[int] = (2, 7, 7),
        out_size: Sequence[int] = (1, 7, 7),
        channels: int = 512,
        kernel_size: int = 1,
        num_layers: int = 1,
        dropout: float = 0.1,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(in_channels, in_size, out_size, channels, init_cfg)
        if kernel_size % 2 == 0:
            raise ValueError(f'kernel_size must be odd, got {kernel_size}')
        if num_layers < 1:
            raise ValueError(f'num_layers must be at least 1, got {num_layers}')
        self.embedding = nn.Conv2d(in_channels, channels, 1)
        self.cells = nn.ModuleList(
            ConvGRUCell(channels, channels, kernel_size) for _ in range(num_layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.prediction = nn.Sequential(
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1),
        )

    def predict(self, maps: Tensor) -> Tensor:
        """The prediction from maps whose size is right; see :meth:`forward`."""
        frames = self._embed(maps)
        states = [frames.new_zeros(frames[:, 0].shape) for _ in self.cells]
        for frame in frames.unbind(dim=1):
            states = self._step(frame, states)
        predicted = [self.prediction(states[-1])]
        while len(predicted) < self.out_size[0]:
            states = self._step(predicted[-1].relu(), states)
            predicted.append(self.prediction(states[-1]))
        return torch.stack(predicted, dim=2)

    def _embed(self, maps: Tensor) -> Tensor:
        """(N, T1, channels, H3, W3) from (N, C1, T1, H1, W1)."""
        frames = self.embedding(maps.transpose(1, 2).flatten(0, 1)).relu()
        if self.in_size[1:] != self.out_size[1:]:
            frames = F.interpolate(frames, self.out_size[1:], mode='bilinear')
        return frames.unflatten(0, (len(maps), -1))

    def _step(self, maps: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
        """The next states of all layers, each the input of the layer above."""
        following = []
        for cell, state in zip(self.cells, states, strict=True):
            maps = self.dropout(cell(maps, state))
            following.append(maps)
        return following
