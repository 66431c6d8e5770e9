"""mmaction2's ``C3D``, and its ``ResNet3d`` where that is R3D."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ssvrl_mm.models.conversion.classifiers import linear_classifier
from ssvrl_mm.models.conversion.layout import Layout, Part
from ssvrl_mm.models.conversion.renaming import rename

_C3D = [(r'stages\.\d\.(conv\d[ab]\.(?:conv|bn)\.\w+)', r'\1')]
_KINDS = {'0': 'conv', '1': 'bn'}
_RESNET = [
    pattern
    for number, kind in _KINDS.items()
    for pattern in (
        (rf'stem\.{number}\.(\w+)', rf'conv1.{kind}.\1'),
        (rf'(layer[1-4]\.\d+\.(?:conv[123]|downsample))\.{number}\.(\w+)', rf'\1.{kind}.\2'),
    )
]


def c3d_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.backbones.c3d.C3D` and of mmaction2's ``C3D``."""
    return rename(ours, _C3D, {}, 'C3D')


def resnet_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of R3D and of mmaction2's ``ResNet3d``.

    See :class:`~ssvrl_mm.models.backbones.video_resnet.VideoResNet`.
    """
    return rename(ours, _RESNET, {}, 'R3D')


def c3d_objections(config: Mapping[str, Any] | None) -> list[str]:
    """What of a config of ``C3D`` gives other features than ours, and leaves the weights alone."""
    return [] if config is None else _objections(config, 'C3D')


def resnet_objections(config: Mapping[str, Any] | None) -> list[str]:
    """What of a config of ``ResNet3d`` gives other features than R3D, and leaves the weights alone.

    Without a config, its defaults might have been changed or not, and they are not R3D's.
    """
    if config is None:
        return ['strides and poolings are not in the weights, and no config tells them']
    differing = []
    for name, (default, wanted) in RESNET_SETTINGS.items():
        value = config.get(name, default)
        value = tuple(value) if isinstance(value, list) else value
        if value != wanted:
            differing.append(f'{name}={value} (here it has to be {wanted})')
    return [*_objections(config, 'ResNet3d'), *differing]


#: Argument of ResNet3d -> its default, and what makes it R3D.
RESNET_SETTINGS: dict[str, tuple[Any, Any]] = {
    'with_pool1': (True, False),
    'with_pool2': (True, False),
    'conv1_stride_t': (1, 1),
    'conv1_stride_s': (2, 2),
    'temporal_strides': ((1, 1, 1, 1), (1, 2, 2, 2)),
    'spatial_strides': ((1, 2, 2, 2), (1, 2, 2, 2)),
    'dilations': ((1, 1, 1, 1), (1, 1, 1, 1)),
    'style': ('pytorch', 'pytorch'),
}


def _objections(config: Mapping[str, Any], network: str) -> list[str]:
    name = str(config.get('type')).split('.')[-1]
    activation = _entry(config, 'act_cfg', 'type', 'ReLU')
    eps = _entry(config, 'norm_cfg', 'eps', 1e-5)
    return [
        *([] if name == network else [f'the backbone is {name}, not {network}']),
        *([] if activation == 'ReLU' else [f'act_cfg of type {activation} (here it is ReLU)']),
        *([] if eps == 1e-5 else [f'norm_cfg with eps={eps} (here it is 1e-05)']),
    ]


def _entry(config: Mapping[str, Any], part: str, name: str, default: Any) -> Any:
    """An entry of a part of a config; the default where the part is None or not there."""
    value = config.get(part)
    return value.get(name, default) if isinstance(value, Mapping) else value or default


def _c3d(network: str, norm: bool, prefix: str) -> Layout:
    return Layout(
        'mmaction2',
        network,
        Part(dict(type='C3D', norm=norm), c3d_names, theirs=prefix),
        left_out={
            f'{prefix}fc': 'fully connected layers that see one size of clips, which ours lacks',
            'cls_head.': 'the classifier behind them',
        },
        objections=c3d_objections,
        config=dict(type='C3D', norm_cfg=dict(type='BN3d') if norm else None),
        note='its layers fc6 and fc7, which mmaction2 also has, are not among ours',
        input=dict(mean=[104.0, 117.0, 128.0], std=[1.0, 1.0, 1.0], clip_len=16, size=112),
    )


def _r3d(depth: int, channels: int) -> Layout:
    return Layout(
        'mmaction2',
        f'r3d_{depth}',
        Part(
            dict(type='VideoResNet', arch='r3d', depth=depth),
            resnet_names,
            theirs='backbone.',
            sizes=dict(in_channels=('stem.0.weight', 1)),
        ),
        (linear_classifier('cls_head.fc_cls', channels, 400),),
        objections=resnet_objections,
        config=dict(
            type='ResNet3d',
            depth=depth,
            pretrained2d=False,
            inflate_style='3x3x3',
            **{name: wanted for name, (_, wanted) in RESNET_SETTINGS.items()},
        ),
    )


LAYOUTS = (
    # A recognizer's, and the backbone alone, as mmaction2 has C3D of Sports-1M.
    _c3d('c3d', False, 'backbone.'),
    _c3d('c3d_bn', True, 'backbone.'),
    _c3d('c3d_alone', False, ''),
    _r3d(18, 512),
    _r3d(34, 512),
    _r3d(50, 2048),
)
