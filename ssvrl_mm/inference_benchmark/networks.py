"""Networks with random weights, as the configs have them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from ssvrl_mm.apis.loading import read_config
from ssvrl_mm.complexity.counting import Shape
from ssvrl_mm.complexity.report import figures
from ssvrl_mm.packaged_files import config_file
from ssvrl_mm.registry import MODELS

TWO_STREAMS = 'mvcgc/benchmarks/mvcgc_s3d_two_stream_ucf101_finetune.py'
IMRNET = 'imrnet/benchmarks/imrnet_r{depth}_ucf101_scratch.py'
COVIAR = 'coviar/coviar_k400_ctp.py'
CONTEXT_MOTION = 'context_motion/benchmarks/context_motion_c3d_retrieval_ucf101.py'


class Network:
    """A recognizer of the library in evaluation mode, with random weights.

    Args:
        config: Its config.
        device: Where it computes.
    """

    def __init__(self, config: Config, device: str) -> None:
        self._model = MODELS.build(config.model).to(device).eval()

    def __call__(self, packed: dict[str, Any]) -> None:
        """Forwards the clips of one video: moved to the device, normalised, and averaged."""
        with torch.inference_mode():
            self._model.test_step(pseudo_collate([packed]))


def two_stream_config(width: float) -> Config:
    """MVCGC's two S3D, whose probabilities are averaged; ``width`` is a factor on channels."""
    config = read_config(config_file(TWO_STREAMS))
    classifiers = config.model.classifiers
    for classifier in classifiers.values():
        classifier.backbone.update(init_cfg=None, width=width)
    channels = MODELS.build(classifiers.rgb.backbone).out_channels[-1]
    for classifier in classifiers.values():
        classifier.cls_head.in_channels = channels
    return config


def rgb_config(backbone: Mapping[str, Any]) -> Config:
    """A classifier of RGB clips by any backbone that takes them."""
    config = read_config(config_file(TWO_STREAMS))
    model = config.model.classifiers.rgb
    model.backbone = dict(backbone)
    built = _on_meta(backbone)
    # Of mmaction2's ResNet, or one of ours.
    model.cls_head.in_channels = getattr(built, 'feat_dim', None) or built.out_channels
    config.model = model
    return config


def imrnet_config(depth: int, width: float) -> Config:
    """IMRNet with its classifier; ``width`` is a factor on the channels of the I pathway."""
    config = read_config(config_file(IMRNET.format(depth=depth)))
    return _with_backbone(config, dict(config.model.backbone, init_cfg=None, width=width))


def coviar_config(depths: Mapping[str, int] | None = None) -> Config:
    """CoViAR's networks on the clips of IMRNet, motion and residuals accumulated.

    One classifier on the features of all three stands for CoViAR's one on each.

    Args:
        depths: Stream -> layers of its network, for those that differ from 152, 18 and 18.
    """
    config = read_config(config_file(IMRNET.format(depth=18)))
    coviar = read_config(config_file(COVIAR)).model
    config.model.data_preprocessor = coviar.data_preprocessor
    config.test_dataloader.dataset.reader_options.accumulate = True
    return _with_backbone(config, dict(coviar.backbone, depths=depths))


def _with_backbone(config: Config, backbone: Mapping[str, Any]) -> Config:
    config.model.backbone = dict(backbone)
    config.model.cls_head.in_channels = sum(_on_meta(backbone).out_channels.values())
    return config


def _on_meta(backbone: Mapping[str, Any]) -> Any:
    with torch.device('meta'):
        return MODELS.build(backbone)


class PerFrame(NamedTuple):
    """What the backbone of a set-up computes.

    Args:
        frames: Of a clip: those of the stream that has most.
        multiply_adds: Of a clip, divided by them.
    """

    frames: int
    multiply_adds: float


def count_per_frame(config: Config, shapes: Mapping[str, Shape]) -> PerFrame:
    """Counts as ``tools/analysis/get_flops.py`` does.

    Args:
        config: Of a model with one backbone.
        shapes: Stream -> (C, T, H, W) of a clip.
    """
    with torch.device('meta'):
        (backbone,) = figures(config, shapes)['backbones']
    return PerFrame(backbone['frames'], backbone['multiply_adds_per_frame'])


def context_motion_config(width: float) -> Config:
    """Context-Motion's V-, I- and M-network; ``width`` is a factor on their channels."""
    config = read_config(config_file(CONTEXT_MOTION))
    for backbone in config.model.backbones.values():
        backbone.width = width
    return config
