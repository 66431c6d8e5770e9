"""Prediction of feature maps by a Transformer whose every layer is told the positions."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssvrl_mm.models.necks.feature_predictor import FeaturePredictor
from ssvrl_mm.registry import MODELS


class Attention(nn.Module):
    """Attention to a memory by content and position, its sum with the input, and LayerNorm.

    Positions are added to queries and keys, not to values.

    Args:
        channels: Width.
        num_heads: Attention heads; divides ``channels``.
        dropout: Probability of dropout, of attention weights and of the result.
    """

    def __init__(self, channels: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads, dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(channels)

    def forward(
        self, x: Tensor, positions: Tensor, memory: Tensor, memory_positions: Tensor
    ) -> Tensor:
        """(N, L, C) from (N, L, C) and a memory (N, M, C); positions are (L, C) and (M, C)."""
        queries, keys = x + positions, memory + memory_positions
        found, _ = self.attention(queries, keys, memory, need_weights=False)
        return self.norm(x + self.dropout(found))


class FeedForward(nn.Module):
    """Two linear layers with ReLU between them, their sum with the input, and LayerNorm.

    Args:
        channels: Width of input and output.
        hidden_channels: Width between the layers.
        dropout: Probability of dropout, after ReLU and of the result.
    """

    def __init__(self, channels: int, hidden_channels: int, dropout: float) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, hidden_channels)
        self.dropout1 = nn.Dropout(dropout)
        self.linear2 = nn.Linear(hidden_channels, channels)
        self.dropout2 = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) from (..., C)."""
        hidden = self.dropout1(F.relu(self.linear1(x)))
        return self.norm(x + self.dropout2(self.linear2(hidden)))


class EncoderLayer(nn.Module):
    """Attention among the tokens, then the feed-forward layers."""

    def __init__(
        self, channels: int, num_heads: int, feedforward_channels: int, dropout: float
    ) -> None:
        super().__init__()
        self.self_attention = Attention(channels, num_heads, dropout)
        self.feed_forward = FeedForward(channels, feedforward_channels, dropout)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """(N, L, C) from (N, L, C) and positions (L, C)."""
        return self.feed_forward(self.self_attention(x, positions, x, positions))


class DecoderLayer(nn.Module):
    """Attention among the tokens, to the encoder's, then the feed-forward layers."""

    def __init__(
        self, channels: int, num_heads: int, feedforward_channels: int, dropout: float
    ) -> None:
        super().__init__()
        self.self_attention = Attention(channels, num_heads, dropout)
        self.cross_attention = Attention(channels, num_heads, dropout)
        self.feed_forward = FeedForward(channels, feedforward_channels, dropout)

    def forward(
        self, x: Tensor, positions: Tensor, memory: Tensor, memory_positions: Tensor
    ) -> Tensor:
        """As :meth:`Attention.forward`."""
        x = self.self_attention(x, positions, x, positions)
        return self.feed_forward(self.cross_attention(x, positions, memory, memory_positions))


@MODELS.register_module()
class DETRPredictor(FeaturePredictor):
    """A Transformer laid out as DETR's, which predicts one map from another.

    What the released code of Context-Motion Decoupling (Huang et al., "Self-Supervised Video
    Representation Learning by Context and Motion Decoupling", CVPR 2021, section 3.3) predicts
    motion with, after `DETR <https://arxiv.org/abs/2005.12872>`_ (Carion et al., ECCV 2020). Other
    than in :class:`~ssvrl_mm.models.necks.TransformerPredictor`, positions are added to queries and
    keys of *every* layer and never to values, the decoder starts from zeros and knows its places by
    the learned queries alone (its first self-attention has nothing to attend to), no LayerNorm ends
    encoder and decoder, and the linear layer before them has no bias.

    Learned positions and queries start uniform in [0, 1], weights of linear layers normal with
    standard deviation .01 and their biases from 0, the attention's projections by Glorot's rule.
    With the default sizes there are 14,011,904 parameters.

    Args:
        in_channels: Channels C1 of the maps that come in.
        in_size: Their size (T1, H1, W1); that of C3D's after 16x112x112 by default.
        out_size: Size (T3, H3, W3) of the predicted maps; that of R3D-10's after 8x112x112.
        channels: Width of the Transformer and of the predicted maps.
        num_heads: Attention heads; divides ``channels``.
        feedforward_channels: Hidden width of the feed-forward layers; None is ``channels``.
        num_encoder_layers: Layers of the encoder.
        num_decoder_layers: Layers of the decoder.
        dropout: Probability of dropout.
        init_cfg: OpenMMLab initialisation; None keeps the above.

    Raises:
        ValueError: for a size that is not three positive numbers, and a map of another size.

    Example:
        >>> DETRPredictor(in_channels=512)(torch.rand(2, 512, 2, 7, 7)).shape
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
        self.embedding = nn.Linear(in_channels, channels, bias=False)
        self.positions = nn.Parameter(torch.rand(prod(self.in_size), channels))
        self.queries = nn.Parameter(torch.rand(prod(self.out_size), channels))
        sizes = channels, num_heads, feedforward_channels or channels, dropout
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(num_encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(num_decoder_layers))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def predict(self, maps: Tensor) -> Tensor:
        """The prediction from maps whose size is right; see :meth:`forward`."""
        memory = self.embedding(maps.flatten(2).transpose(1, 2))
        for layer in self.encoder:
            memory = layer(memory, self.positions)
        tokens = torch.zeros_like(self.queries).expand(len(maps), -1, -1)
        for layer in self.decoder:
            tokens = layer(tokens, self.queries, memory, self.positions)
        return tokens.transpose(1, 2).unflatten(2, self.out_size)
