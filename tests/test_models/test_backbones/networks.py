"""What the tests of backbones share: counting, naming and shaking weights."""

from torch import nn


def num_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def shake_norms(module: nn.Module) -> nn.Module:
    """Gives BatchNorm random weights and statistics, and sets evaluation mode."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.3)
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return module.eval()


def norm(x, weights, name):
    """BatchNorm in evaluation, written out."""
    mean, var, scale, shift = (
        weights[f'{name}.{part}'][:, None, None, None]
        for part in ('running_mean', 'running_var', 'weight', 'bias')
    )
    return (x - mean) / (var + 1e-5).sqrt() * scale + shift


def to_torchvision(state_dict: dict) -> dict:
    """S3D's names turned into torchvision's, word by word from its source."""
    layers = ['conv_1a', '-', 'conv_2b', 'conv_2c', '-', 'mixed_3b', 'mixed_3c', '-']
    layers += ['mixed_4b', 'mixed_4c', 'mixed_4d', 'mixed_4e', 'mixed_4f', '-', 'mixed_5b']
    layers += ['mixed_5c']
    words = {'spatial': '0', 'temporal': '1', 'conv': '0', 'bn': '1'}
    renamed = {}
    for key, value in state_dict.items():
        _, _, layer, *path = key.split('.')
        names = ['features', str(layers.index(layer)), *(words.get(word, word) for word in path)]
        renamed['.'.join(names)] = value
    return renamed
