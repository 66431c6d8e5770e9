"""What methods share: momentum encoders, queues of keys, the batches of all processes, mining."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssvrl_mm.models.utils.features import last_map, pool_features, write_features
    from ssvrl_mm.models.utils.flow_augmentation import FlowRotation, FlowShift
    from ssvrl_mm.models.utils.flow_colouring import FlowBoundary, FlowColouring
    from ssvrl_mm.models.utils.freezing import evaluating, freeze
    from ssvrl_mm.models.utils.global_batch import GlobalBatch
    from ssvrl_mm.models.utils.key_queue import KeyQueue
    from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
    from ssvrl_mm.models.utils.mining import mine_positives, topk_mask
    from ssvrl_mm.models.utils.momentum_encoder import MomentumEncoder
    from ssvrl_mm.models.utils.photometric import PhotometricAugmentation
    from ssvrl_mm.models.utils.precision import full_precision, without_autocast
    from ssvrl_mm.models.utils.shuffle_similarity import ShuffleSimilarity
    from ssvrl_mm.models.utils.similarity import DotProduct, NegativeDistance
    from ssvrl_mm.models.utils.spread_monitor import SpreadMonitor

__all__ = [
    'DotProduct',
    'FlowBoundary',
    'FlowColouring',
    'FlowRotation',
    'FlowShift',
    'GlobalBatch',
    'KeyQueue',
    'MomentumEncoder',
    'NegativeDistance',
    'PhotometricAugmentation',
    'ShuffleSimilarity',
    'SpreadMonitor',
    'evaluating',
    'freeze',
    'full_precision',
    'last_map',
    'mine_positives',
    'pool_features',
    'to_channels_last_3d',
    'topk_mask',
    'without_autocast',
    'write_features',
]

_MODULES = {
    'DotProduct': 'similarity',
    'FlowBoundary': 'flow_colouring',
    'FlowColouring': 'flow_colouring',
    'FlowRotation': 'flow_augmentation',
    'FlowShift': 'flow_augmentation',
    'GlobalBatch': 'global_batch',
    'KeyQueue': 'key_queue',
    'MomentumEncoder': 'momentum_encoder',
    'NegativeDistance': 'similarity',
    'PhotometricAugmentation': 'photometric',
    'ShuffleSimilarity': 'shuffle_similarity',
    'SpreadMonitor': 'spread_monitor',
    'evaluating': 'freezing',
    'freeze': 'freezing',
    'full_precision': 'precision',
    'last_map': 'features',
    'mine_positives': 'mining',
    'pool_features': 'features',
    'to_channels_last_3d': 'memory_format',
    'topk_mask': 'mining',
    'without_autocast': 'precision',
    'write_features': 'features',
}


def __getattr__(name: str) -> Any:
    """Imports a public name on first use: the data preprocessor needs none of the queues."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
