"""The machine that figures come from."""

import platform

import av
import cv2
import torch

from ssvrl_mm.environment import processor_name
from ssvrl_mm.video.tools.parallel import count_cores


def describe_machine() -> dict[str, str | int]:
    """Processor, cores that this process may use, GPU, and versions of what computes."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else 'none'
    return {
        'cpu': processor_name(),
        'cores': count_cores(),
        'gpu': gpu,
        'python': platform.python_version(),
        'torch': torch.__version__,
        'av': av.__version__,
        'opencv': cv2.__version__,
    }
