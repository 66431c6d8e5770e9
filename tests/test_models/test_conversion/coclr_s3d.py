"""CoCLR's S3D and the modules around it, as far as weights and features go."""

import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self, channels, out_channels):
        super().__init__()
        self.conv = nn.Conv3d(channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm3d(out_channels)

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class Separable(nn.Module):
    def __init__(self, channels, out_channels, size, stride=1):
        super().__init__()
        half, free = size // 2, dict(bias=False)
        self.conv1 = nn.Conv3d(
            channels, out_channels, (1, size, size), (1, stride, stride), (0, half, half), **free
        )
        self.bn1 = nn.BatchNorm3d(out_channels)
        self.conv2 = nn.Conv3d(
            out_channels, out_channels, (size, 1, 1), (stride, 1, 1), (half, 0, 0), **free
        )
        self.bn2 = nn.BatchNorm3d(out_channels)

    def forward(self, x):
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Linear(channels, channels)


class Mixed(nn.Module):
    def __init__(self, channels, table, gating):
        super().__init__()
        a, b, c, d, e, f = table
        self.branch0 = nn.Sequential(Plain(channels, a))
        self.branch1 = nn.Sequential(Plain(channels, b), Separable(b, c, 3))
        self.branch2 = nn.Sequential(Plain(channels, d), Separable(d, e, 3))
        self.branch3 = nn.Sequential(nn.MaxPool3d(3, 1, 1), Plain(channels, f))
        for number, width in enumerate((a, c, e, f)) if gating else ():
            setattr(self, f'gating_b{number}', Gate(width))

    def forward(self, x):
        return torch.cat([getattr(self, f'branch{number}')(x) for number in range(4)], 1)


# GoogLeNet's table.
MIXED = {
    '3b': (192, (64, 96, 128, 16, 32, 32)),
    '3c': (256, (128, 128, 192, 32, 96, 64)),
    '4b': (480, (192, 96, 208, 16, 48, 64)),
    '4c': (512, (160, 112, 224, 24, 64, 64)),
    '4d': (512, (128, 128, 256, 24, 64, 64)),
    '4e': (512, (112, 144, 288, 32, 64, 64)),
    '4f': (528, (256, 160, 320, 32, 128, 128)),
    '5b': (832, (256, 160, 320, 32, 128, 128)),
    '5c': (832, (384, 192, 384, 48, 128, 128)),
}


class S3D(nn.Module):
    """Registers every layer under its own name and once more in its block."""

    def __init__(self, channels=3, gating=False):
        super().__init__()
        self.Conv_1a = Separable(channels, 64, 7, 2)
        self.Conv_2b, self.Conv_2c = Plain(64, 64), Separable(64, 192, 3)
        for name, (wide, table) in MIXED.items():
            setattr(self, f'Mixed_{name}', Mixed(wide, table, gating))
        wide_pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        mixed = [
            [getattr(self, f'Mixed_{name}') for name in MIXED if name[0] == digit]
            for digit in '345'
        ]
        self.block1 = nn.Sequential(self.Conv_1a)
        self.block2 = nn.Sequential(wide_pool, self.Conv_2b, self.Conv_2c)
        self.block3 = nn.Sequential(wide_pool, *mixed[0])
        self.block4 = nn.Sequential(nn.MaxPool3d(3, 2, 1), *mixed[1])
        self.block5 = nn.Sequential(nn.MaxPool3d(2, 2), *mixed[2])

    def forward(self, x):
        for number in range(1, 6):
            x = getattr(self, f'block{number}')(x)
        return x


def encoder(channels=3, dim=128, gating=False):
    return nn.Sequential(
        S3D(channels, gating),
        nn.AdaptiveAvgPool3d(1),
        nn.Conv3d(1024, 1024, 1),
        nn.ReLU(),
        nn.Conv3d(1024, dim, 1),
    )


class Pretext(nn.Module):
    """What its InfoNCE and CoCLR runs save."""

    def __init__(self, sampler=False, length=8, **kwargs):
        super().__init__()
        self.encoder_q, self.encoder_k = encoder(**kwargs), encoder(**kwargs)
        self.register_buffer('queue', torch.rand(128, length))
        self.register_buffer('queue_ptr', torch.zeros(1, dtype=torch.long))
        if sampler:
            self.sampler = encoder(**kwargs)
            self.register_buffer('queue_second', torch.rand(128, length))
            self.register_buffer('queue_vname', torch.zeros(length, dtype=torch.long))


class Classifier(nn.Module):
    """What its finetuning (``probe``: its linear probe) saves."""

    def __init__(self, classes=5, probe=False):
        super().__init__()
        self.backbone = S3D()
        if probe:
            self.final_bn = nn.BatchNorm1d(1024)
        layers = [nn.Linear(1024, classes)]
        self.final_fc = nn.Sequential(*layers if probe else [nn.Dropout(0.9), *layers])

    def forward(self, x):
        return self.final_fc(self.backbone(x).mean((2, 3, 4)))
