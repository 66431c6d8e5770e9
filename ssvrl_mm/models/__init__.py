"""Model parts, imported on first use; the registry imports all of them before it looks for one.

Backbones need torch alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssvrl_mm.models import backbones, heads, losses, necks, recognizers
    from ssvrl_mm.models.data_preprocessor import SSLDataPreprocessor
    from ssvrl_mm.models.single_stream_preprocessor import SingleStreamPreprocessor
    from ssvrl_mm.models.stacked_streams_preprocessor import StackedStreamsPreprocessor
    from ssvrl_mm.models.utils.flow_augmentation import FlowRotation, FlowShift
    from ssvrl_mm.models.utils.flow_colouring import FlowBoundary, FlowColouring
    from ssvrl_mm.models.utils.pretrained import PretrainedBackbone, PretrainedStreams
    from ssvrl_mm.models.utils.shuffle_similarity import ShuffleSimilarity
    from ssvrl_mm.models.utils.similarity import DotProduct, NegativeDistance
    from ssvrl_mm.models.view_synthesis import FlowEstimator, ViewAutoencoder

__all__ = [
    'DotProduct',
    'FlowBoundary',
    'FlowColouring',
    'FlowEstimator',
    'FlowRotation',
    'FlowShift',
    'NegativeDistance',
    'PretrainedBackbone',
    'PretrainedStreams',
    'SSLDataPreprocessor',
    'ShuffleSimilarity',
    'SingleStreamPreprocessor',
    'StackedStreamsPreprocessor',
    'ViewAutoencoder',
    'backbones',
    'heads',
    'losses',
    'necks',
    'recognizers',
]

_PACKAGES = ('backbones', 'heads', 'losses', 'necks', 'recognizers')
_MODULES = {
    'DotProduct': 'utils.similarity',
    'FlowBoundary': 'utils.flow_colouring',
    'FlowColouring': 'utils.flow_colouring',
    'FlowEstimator': 'view_synthesis',
    'FlowRotation': 'utils.flow_augmentation',
    'FlowShift': 'utils.flow_augmentation',
    'NegativeDistance': 'utils.similarity',
    'PretrainedBackbone': 'utils.pretrained',
    'PretrainedStreams': 'utils.pretrained',
    'SSLDataPreprocessor': 'data_preprocessor',
    'ShuffleSimilarity': 'utils.shuffle_similarity',
    'SingleStreamPreprocessor': 'single_stream_preprocessor',
    'StackedStreamsPreprocessor': 'stacked_streams_preprocessor',
    'ViewAutoencoder': 'view_synthesis',
}
#: All that there is to register, by module.
REGISTERING = tuple(
    f'{__name__}.{module}' for module in dict.fromkeys([*_PACKAGES, *_MODULES.values()])
)


def __getattr__(name: str) -> Any:
    """Imports a package or a class on first use."""
    if name in _PACKAGES:
        return import_module(f'{__name__}.{name}')
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
