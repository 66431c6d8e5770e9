"""What networks are built on: OpenMMLab or, where torch is alone, what stands in for it.

The one place that asks which of the two it is. Networks take their base class and their registry
from here; everything else, heads and recognizers for instance, needs OpenMMLab and imports it.
"""

from typing import TYPE_CHECKING

__all__ = ['MODELS', 'BaseModule', 'ModuleDict', 'ResNet']

if TYPE_CHECKING:
    from mmaction.models import ResNet
    from mmengine.model import BaseModule, ModuleDict

    from ssvrl_mm.registry import MODELS
else:
    try:
        from mmaction.models import ResNet
        from mmengine.model import BaseModule, ModuleDict

        from ssvrl_mm.registry import MODELS
    except ModuleNotFoundError as error:
        # An installation that lacks parts of itself is not put up with.
        if error.name not in ('mmaction', 'mmcv', 'mmengine'):
            raise
        from ssvrl_mm.models.standalone import MODELS, BaseModule, ModuleDict, ResNet
