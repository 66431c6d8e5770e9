"""The papers' datasets as their authors publish them: from archives and annotations to lists."""

from ssvrl_mm.datasets.official.dataset import (
    Annotations,
    Archive,
    OfficialDataset,
    PreparationError,
)
from ssvrl_mm.datasets.official.hmdb51 import HMDB51
from ssvrl_mm.datasets.official.kinetics400 import Kinetics400
from ssvrl_mm.datasets.official.preparation import ListReport, Preparation, prepare
from ssvrl_mm.datasets.official.sthv2 import SomethingSomethingV2
from ssvrl_mm.datasets.official.ucf101 import UCF101

__all__ = [
    'HMDB51',
    'UCF101',
    'Annotations',
    'Archive',
    'Kinetics400',
    'ListReport',
    'OfficialDataset',
    'Preparation',
    'PreparationError',
    'SomethingSomethingV2',
    'prepare',
]
