"""Networks with random weights, as the configs have them."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from ssvrl_mm.apis.loading import read_config
from ssvrl_mm.packaged_files import config_file
from ssvrl_mm.registry import MODELS

TWO_STREAMS = 'mvcgc/benchmarks/mvcgc_s3d_two_stream_ucf101_finetune.py'
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


def context_motion_config(width: float) -> Config:
    """Context-Motion's V-, I- and M-network; ``width`` is a factor on their channels."""
    config = read_config(config_file(CONTEXT_MOTION))
    for backbone in config.model.backbones.values():
        backbone.width = width
    return config
