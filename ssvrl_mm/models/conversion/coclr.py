"""The S3D of CoCLR's released code and checkpoints.

`Self-supervised Co-training for Video Representation Learning <https://arxiv.org/abs/2010.09709>`_
(Han et al., NeurIPS 2020). Each weight of the network is in a file twice, as its layers belong to
the network itself and to one of its five blocks.
"""

from collections.abc import Mapping

from torch import Tensor

from ssvrl_mm.models.conversion.classifiers import linear_classifier
from ssvrl_mm.models.conversion.layout import Layout, Part
from ssvrl_mm.models.conversion.renaming import only, rename

# Layers by block; a pooling opens each block but the first.
_BLOCKS = (
    ('conv_1a',),
    ('', 'conv_2b', 'conv_2c'),
    ('', 'mixed_3b', 'mixed_3c'),
    ('', 'mixed_4b', 'mixed_4c', 'mixed_4d', 'mixed_4e', 'mixed_4f'),
    ('', 'mixed_5b', 'mixed_5c'),
)
_LAYERS = {layer: layer.capitalize() for layers in _BLOCKS for layer in layers if layer}
_TWINS = {
    f'{_LAYERS[layer]}.': f'block{number}.{place}.'
    for number, layers in enumerate(_BLOCKS, start=1)
    for place, layer in enumerate(layers)
    if layer
}
_WORDS = {
    **_LAYERS,
    **{'spatial-conv': 'conv1', 'spatial-bn': 'bn1'},
    **{'temporal-conv': 'conv2', 'temporal-bn': 'bn2'},
}
_LAYER = rf'stages\.\d\.({"|".join(_LAYERS)})\.'
_S3D = [
    (rf'{_LAYER}(branch[12]\.1\.)?(spatial|temporal)\.(conv|bn)\.(\w+)', r'\1.\2\3-\4.\5'),
    (rf'{_LAYER}(branch0)\.((?:conv|bn)\.\w+)', r'\1.\2.0.\3'),
    (rf'{_LAYER}((?:branch[123]\.[01]\.)?(?:conv|bn)\.\w+)', r'\1.\2'),
]


def names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.backbones.s3d.S3D` and of CoCLR's."""
    return rename(ours, _S3D, _WORDS, 'S3D without gates')


def projection_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of the projection, whose layers follow the network and its pooling."""
    table = {
        f'fc{place}.{kind}': f'{2 * place}.{kind}'
        for place in (1, 2)
        for kind in ('weight', 'bias')
    }
    return only(table, ours, 'a projection')


def _backbone(theirs: str, ours: str = 'backbone{_stream}.') -> Part:
    return Part(
        # CoCLR leaves BatchNorm's epsilon at PyTorch's default; ours has that of the paper of S3D.
        dict(type='S3D', norm_eps=1e-5),
        names,
        ours,
        theirs,
        sizes=dict(in_channels=('stages.0.conv_1a.spatial.conv.weight', 1)),
        twins=_TWINS,
    )


def _projection(theirs: str, ours: str) -> Part:
    return Part(
        dict(type='ProjectionHead', in_channels=1024),
        projection_names,
        ours,
        theirs,
        sizes=dict(
            in_channels=('fc1.weight', 1),
            hidden_channels=('fc1.weight', 0),
            out_channels=('fc2.weight', 0),
        ),
        pointwise=True,
    )


_INPUT = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], clip_len=32, size=128)

LAYOUTS = (
    Layout(
        'coclr',
        'pretext',
        _backbone('encoder_q.0.'),
        (
            _projection('encoder_q.', 'head.projector.{stream}.'),
            _backbone('encoder_k.0.', 'key_backbone{_stream}.module.'),
            _projection('encoder_k.', 'head.key_projector.{stream}.module.'),
        ),
        left_out={
            'queue': 'keys of clips whose videos are not named; a queue fills up again within '
            'iterations',
            'sampler.': 'the network of the other stream, which has a checkpoint of its own',
        },
        input=_INPUT,
        stream='rgb',
        note='a network of flow takes three channels, too: name it with --stream motion',
    ),
    Layout(
        'coclr',
        'classifier',
        _backbone('backbone.'),
        (linear_classifier('final_fc.1', 1024, 101),),
        left_out={
            'final_bn.': 'BatchNorm of the linear probe with a scale and a shift, which ours lacks',
            'final_fc.0.': 'the linear probe behind it',
        },
        input=_INPUT,
    ),
)
