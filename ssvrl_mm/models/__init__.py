"""Model parts; importing the package registers them."""

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
