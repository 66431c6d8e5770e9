"""Model parts; importing the package registers them."""

from ssvrl_mm.models import backbones, heads, losses, necks, recognizers
from ssvrl_mm.models.data_preprocessor import SSLDataPreprocessor

__all__ = ['SSLDataPreprocessor', 'backbones', 'heads', 'losses', 'necks', 'recognizers']
