"""The networks of Context-Motion Decoupling's released code and checkpoints.

`Self-Supervised Video Representation Learning by Context and Motion Decoupling
<https://arxiv.org/abs/2104.00862>`_ (Huang et al., CVPR 2021). Its pretraining saves all of the
model, with the V-network as ``rgb_backbone``; its finetuning a network of its own with ``fc``.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ssvrl_mm.models.conversion.classifiers import linear_classifier
from ssvrl_mm.models.conversion.layout import Layout, Names, Part
from ssvrl_mm.models.conversion.renaming import rename

_C3D = [
    (r'stages\.[01]\.conv([12])a\.(conv|bn)\.(\w+)', r'\2\1.\3'),
    (r'stages\.[234]\.conv([345][ab])\.(conv|bn)\.(\w+)', r'\2\1.\3'),
]
_BLOCK = r'(layer[1-4]\.\d+)'
_SHORTCUT = (rf'{_BLOCK}\.(downsample\.[01]\.\w+)', r'\1.\2')
_RESNET = [
    (r'stem\.0\.(\w+)', r'conv1.\1'),
    (r'stem\.1\.(\w+)', r'bn1.\1'),
    (rf'{_BLOCK}\.conv([123])\.0\.(\w+)', r'\1.conv\2.\3'),
    (rf'{_BLOCK}\.conv([123])\.1\.(\w+)', r'\1.bn\2.\3'),
    _SHORTCUT,
]
_R2PLUS1D = [
    (r'stem\.0\.(\w+)', r'conv1_s.\1'),
    (r'stem\.1\.(\w+)', r'bn1_s.\1'),
    (r'stem\.3\.(\w+)', r'conv1_t.\1'),
    (r'stem\.4\.(\w+)', r'bn1_t.\1'),
    (rf'{_BLOCK}\.conv([13])\.0\.(\w+)', r'\1.conv\2.\3'),
    (rf'{_BLOCK}\.conv([13])\.1\.(\w+)', r'\1.bn\2.\3'),
    (rf'{_BLOCK}\.conv2\.0\.0\.(\w+)', r'\1.conv2_s.\2'),
    (rf'{_BLOCK}\.conv2\.0\.1\.(\w+)', r'\1.bn2_s.\2'),
    (rf'{_BLOCK}\.conv2\.0\.3\.(\w+)', r'\1.conv2_t.\2'),
    (rf'{_BLOCK}\.conv2\.1\.(\w+)', r'\1.bn2_t.\2'),
    _SHORTCUT,
]
_LAYER = r'((?:en|de)coder)\.(\d+)'
_PREDICTOR = [
    (r'embedding\.weight', 'fc.weight'),
    (r'positions', 'k_embedding.weight'),
    (r'queries', 'q_embedding.weight'),
    (
        rf'{_LAYER}\.(self|cross)_attention\.attention\.((?:out_proj\.)?\w+)',
        r'transformer.\1.layers.\2.\3_attn.\4',
    ),
    (rf'{_LAYER}\.self_attention\.norm\.(\w+)', r'transformer.\1.layers.\2.norm1.\3'),
    (rf'{_LAYER}\.cross_attention\.norm\.(\w+)', r'transformer.\1.layers.\2.norm2.\3'),
    (rf'{_LAYER}\.feed_forward\.linear([12])\.(\w+)', r'transformer.\1.layers.\2.fc\3.\4'),
    # Numbered on: there is no other attention in an encoder.
    (r'encoder\.(\d+)\.feed_forward\.norm\.(\w+)', r'transformer.encoder.layers.\1.norm2.\2'),
    (r'decoder\.(\d+)\.feed_forward\.norm\.(\w+)', r'transformer.decoder.layers.\1.norm3.\2'),
]
_MLP = [(r'layers\.(conv1|bn1|conv2|bn2)\.(\w+)', r'\1.\2')]


def c3d_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.backbones.c3d.C3D`."""
    return rename(ours, _C3D, {}, 'C3D')


def resnet_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.backbones.video_resnet.VideoResNet`, R3D and R2D."""
    return rename(ours, _RESNET, {}, 'R3D or R2D')


def r2plus1d_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.backbones.video_resnet.VideoResNet`, R(2+1)D.

    With bottlenecks: the released V-network has 26 layers.
    """
    return rename(ours, _R2PLUS1D, {}, 'R(2+1)D with bottlenecks')


def predictor_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.necks.DETRPredictor`."""
    return rename(ours, _PREDICTOR, {}, 'DETRPredictor')


def mlp_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.necks.PointwiseMLP`: places in a ``Sequential``."""
    places = {'conv1': '0', 'bn1': '1', 'conv2': '3', 'bn2': '4'}
    return rename(ours, _MLP, places, 'PointwiseMLP')


_INPUT = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], clip_len=16, size=112)
_RESNET_CONFIG = dict(type='VideoResNet', depth=26, stem_pool=True)
# Its V-networks: name, config, names and channels.
_NETWORKS = (
    ('c3d', dict(type='C3D', bias=True), c3d_names, 512),
    (
        'r2plus1d26',
        dict(_RESNET_CONFIG, arch='r2plus1d', mid_channels_by='convolution'),
        r2plus1d_names,
        2048,
    ),
    ('r3d26', dict(_RESNET_CONFIG, arch='r3d'), resnet_names, 2048),
)
_I_NETWORK = dict(_RESNET_CONFIG, arch='r2d', depth=10)
_M_NETWORK = dict(
    _RESNET_CONFIG, arch='r3d', depth=10, in_channels=2, spatial_strides=[1, 1, 2, 2, 2]
)


def _mlp(theirs: str, ours: str, channels: int) -> Part:
    return Part(dict(type='PointwiseMLP', in_channels=channels), mlp_names, ours, theirs)


def _pretext(network: str, config: Mapping[str, Any], names: Names, channels: int) -> Layout:
    return Layout(
        'context_motion',
        network,
        Part(config, names, theirs='rgb_backbone.'),
        (
            Part(_I_NETWORK, resnet_names, 'backbone_iframe.', 'i_backbone.'),
            Part(_M_NETWORK, resnet_names, 'backbone_motion.', 'm_backbone.'),
            Part(
                dict(type='DETRPredictor', in_channels=channels),
                predictor_names,
                'motion_head.predictor.',
            ),
            _mlp('mq_head.', 'motion_head.objective.prediction_mlp.', 512),
            _mlp('mk_head.', 'motion_head.objective.motion_mlp.', 512),
            _mlp('iq_head.', 'context_head.projector.rgb.', channels),
            _mlp('ik_head.', 'context_head.projector.iframe.', 512),
        ),
        input=_INPUT,
        stream='rgb',
        bare=True,
    )


def _classifier(network: str, config: Mapping[str, Any], names: Names, channels: int) -> Layout:
    return Layout(
        'context_motion',
        f'{network}_classifier',
        Part(config, names),
        (linear_classifier('fc', channels, 101),),
        input=_INPUT,
        bare=True,
    )


LAYOUTS = tuple(make(*network) for network in _NETWORKS for make in (_pretext, _classifier))
