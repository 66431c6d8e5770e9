"""The networks of Context-Motion Decoupling's released code, written anew under its names."""

import torch
from torch import nn
from torch.nn import functional as F


def conv(before, after, size, stride=(1, 1, 1), bias=False):
    padding = tuple(side // 2 for side in size)
    return nn.Conv3d(before, after, size, stride, padding, bias=bias)


class Chain(nn.Module):
    """Convolutions, each with a BatchNorm, in the order in which they are added."""

    def __init__(self):
        super().__init__()
        self.numbers = []

    def add(self, number, layer):
        self.add_module(f'conv{number}', layer)
        self.add_module(f'bn{number}', nn.BatchNorm3d(layer.out_channels))
        self.numbers.append(number)

    def add_factored(self, number, before, after, side, temporal, spatial):
        mid = 3 * side * side * before * after // (side * side * before + 3 * after)
        self.add(f'{number}_s', conv(before, mid, (1, side, side), (1, spatial, spatial)))
        self.add(f'{number}_t', conv(mid, after, (3, 1, 1), (temporal, 1, 1)))

    def chain(self, x, last_relu=True):
        for number in self.numbers:
            x = getattr(self, f'bn{number}')(getattr(self, f'conv{number}')(x))
            if last_relu or number != self.numbers[-1]:
                x = F.relu(x)
        return x


class Block(Chain):
    def __init__(self, kind, before, width, stride, bottleneck):
        super().__init__()
        after = 4 * width if bottleneck else width
        length, temporal = (1, 1) if kind == '2d' else (3, stride)
        for number in (1, 2, 3) if bottleneck else (1, 2):
            strided = number == (2 if bottleneck else 1)
            time, space = (temporal, stride) if strided else (1, 1)
            channels = before if number == 1 else width
            if bottleneck and number != 2:
                self.add(number, conv(channels, width if number == 1 else after, (1, 1, 1)))
            elif kind == '2p1d':
                self.add_factored(number, channels, width, 3, time, space)
            else:
                self.add(number, conv(channels, width, (length, 3, 3), (time, space, space)))
        self.downsample = None
        if stride > 1 or before != after:
            shortcut = conv(before, after, (1, 1, 1), (temporal, stride, stride))
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm3d(after))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.chain(x, last_relu=False) + shortcut)


class ResNet(Chain):
    """'2d', '3d' or '2p1d'; ten layers, or 26 with bottlenecks."""

    def __init__(self, kind, bottleneck, channels=3, first_stride=2, classes=None):
        super().__init__()
        if kind == '2p1d':
            self.add_factored(1, channels, 64, 7, 1, first_stride)
        else:
            size, stride = (1 if kind == '2d' else 3, 7, 7), (1, first_stride, first_stride)
            self.add(1, conv(channels, 64, size, stride))
        before = 64
        for layer, width in enumerate((64, 128, 256, 512), start=1):
            blocks = nn.Sequential()
            for i in range(2 if bottleneck else 1):
                stride = 2 if layer > 1 and i == 0 else 1
                blocks.append(Block(kind, before, width, stride, bottleneck))
                before = 4 * width if bottleneck else width
            self.add_module(f'layer{layer}', blocks)
        self.out_planes = before
        self.fc = nn.Linear(before, classes) if classes else None

    def forward(self, x):
        x = F.max_pool3d(self.chain(x), (1, 3, 3), (1, 2, 2), (0, 1, 1))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class C3D(Chain):
    out_planes = 512

    def __init__(self, classes=None):
        super().__init__()
        before = 3
        widths = {'1': 64, '2': 128, '3a': 256, '3b': 256}
        for number, width in {**widths, **dict.fromkeys(('4a', '4b', '5a', '5b'), 512)}.items():
            self.add(number, conv(before, width, (3, 3, 3), bias=True))
            before = width
        self.fc = nn.Linear(512, classes) if classes else None

    def forward(self, x):
        for number in self.numbers:
            x = F.relu(getattr(self, f'bn{number}')(getattr(self, f'conv{number}')(x)))
            if number in ('1', '2', '3b', '4b'):
                x = F.max_pool3d(x, (1, 2, 2) if number == '1' else 2)
        return x


class Layer(nn.Module):
    """Of the encoder, or with ``cross`` of the decoder."""

    def __init__(self, cross):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(512, 8)
        if cross:
            self.cross_attn = nn.MultiheadAttention(512, 8)
        self.fc1, self.fc2 = nn.Linear(512, 512), nn.Linear(512, 512)
        self.norm1, self.norm2 = nn.LayerNorm(512), nn.LayerNorm(512)
        if cross:
            self.norm3 = nn.LayerNorm(512)

    def forward(self, x, q_pos, memory=None, k_pos=None):
        norms = [self.norm1, self.norm2]
        x = norms.pop(0)(x + self.self_attn(x + q_pos, x + q_pos, x)[0])
        if memory is not None:
            norms.append(self.norm3)
            x = norms.pop(0)(x + self.cross_attn(x + q_pos, memory + k_pos, memory)[0])
        return norms.pop(0)(x + self.fc2(F.relu(self.fc1(x))))


class Layers(nn.Module):
    def __init__(self, count, cross):
        super().__init__()
        self.layers = nn.ModuleList(Layer(cross) for _ in range(count))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Layers(2, cross=False), Layers(4, cross=True)


def mlp(channels):
    return nn.Sequential(
        nn.Conv1d(channels, 2048, 1),
        nn.BatchNorm1d(2048),
        nn.ReLU(),
        nn.Conv1d(2048, 512, 1, bias=False),
        nn.BatchNorm1d(512),
    )


class Net(nn.Module):
    """All that is pretrained."""

    def __init__(self, rgb_backbone):
        super().__init__()
        self.rgb_backbone = rgb_backbone
        self.m_backbone = ResNet('3d', False, channels=2, first_stride=1)
        self.i_backbone = ResNet('2d', False)
        self.fc = nn.Linear(rgb_backbone.out_planes, 512, bias=False)
        self.k_embedding, self.q_embedding = nn.Embedding(98, 512), nn.Embedding(49, 512)
        self.transformer = Transformer()
        self.mq_head, self.mk_head = mlp(512), mlp(512)
        self.iq_head, self.ik_head = mlp(rgb_backbone.out_planes), mlp(512)

    def predicted(self, maps):
        """(N, 512, 49) of maps (N, C, 2, 7, 7)."""
        memory = self.fc(maps.flatten(2).permute(2, 0, 1))
        k_pos, q_pos = self.k_embedding.weight[:, None], self.q_embedding.weight[:, None]
        for layer in self.transformer.encoder.layers:
            memory = layer(memory, k_pos)
        x = torch.zeros(49, len(maps), 512)
        for layer in self.transformer.decoder.layers:
            x = layer(x, q_pos, memory, k_pos)
        return x.permute(1, 2, 0)
