"""Model parts; importing the package registers them."""

from . import backbones, heads, losses, necks, recognizers
from .data_preprocessor import SSLDataPreprocessor

__all__ = ['SSLDataPreprocessor', 'backbones', 'heads', 'losses', 'necks', 'recognizers']
