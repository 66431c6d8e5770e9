"""Prediction of feature maps by a Transformer."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ssvrl_mm.models.necks.feature_predictor import FeaturePredictor
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class TransformerPredictor(FeaturePredictor):
    """A Transformer whose decoder asks for the positions of the map to predict.

    The motion predictor of Context-Motion Decoupling (Huang et al., "Self-Supervised Video
    Representation Learning by Context and Motion Decoupling", CVPR 2021, section 3.3). The
    positions of the incoming map are the encoder's tokens: a linear layer, plus a learned
    embedding of each position. The decoder's are a learned embedding of each target position.
    Encoder and decoder are those of :class:`torch.nn.Transformer`, with its initialisation.

    Args:
        in_channels: Channels C1 of the maps that come in.
        in_size: Their size (T1, H1, W1); that of C3D's after 16x112x112 by default.
        out_size: Size (T3, H3, W3) of the predicted maps; that of R3D-10's after 8x112x112.
        channels: Width of the Transformer and of the predicted maps.
        num_heads: Attention heads; divides ``channels``.
        feedforward_channels: Hidden width of the feed-forward layers: None, as in the paper
            (section 4.1: 512 everywhere), is ``channels``.
        num_encoder_layers: Layers of the encoder.
        num_decoder_layers: Layers of the decoder.
        dropout: Probability of dropout.
        init_cfg: OpenMMLab initialisation; None keeps PyTorch's.

    Raises:
        ValueError: for a size that is not three positive numbers, and a map of another size.

    Example:
        >>> TransformerPredictor(in_channels=512)(torch.rand(2, 512, 2, 7, 7)).shape
        torch.Size([2, 512, 1, 7, 7])
    """

    def __init__(
        self,
        in_channels: int,
        in_size: Sequence[int] = (2, 7, 7),
        out_size: Sequence[int] = (1, 7, 7),
        channels: int = 512,
        num_heads: int = 8,
        feedforward_channels: int | None = None,
        num_encoder_layers: int = 2,
        num_decoder_layers: int = 4,
        dropout: float = 0.1,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(in_channels, in_size, out_size, channels, init_cfg)
        self.embedding = nn.Linear(in_channels, channels)
        self.positions = nn.Parameter(torch.empty(prod(self.in_size), channels))
        self.queries = nn.Parameter(torch.empty(prod(self.out_size), channels))
        for embeddings in (self.positions, self.queries):
            nn.init.trunc_normal_(embeddings, std=0.02)
        self.transformer = nn.Transformer(
            channels,
            num_heads,
            num_encoder_layers,
            num_decoder_layers,
            feedforward_channels or channels,
            dropout,
            batch_first=True,
        )

    def predict(self, maps: Tensor) -> Tensor:
        """The prediction from maps whose size is right; see :meth:`forward`."""
        tokens = self.embedding(maps.flatten(2).transpose(1, 2)) + self.positions
        predicted = self.transformer(tokens, self.queries.expand(len(maps), -1, -1))
        return predicted.transpose(1, 2).unflatten(2, self.out_size)
