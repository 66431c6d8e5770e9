"""What the papers report, to stand beside what is measured here."""

from typing import NamedTuple

#: Videos in UCF101's first test list, over which MVCGC's gigabytes go.
TEST_VIDEOS = 3783

MACHINE = 'Intel Xeon 5118, Titan RTX'


class Row(NamedTuple):
    """A column of Table 1 of MVCGC (Huo et al., NeurIPS 2021): UCF101, finetuned.

    Args:
        pre_processing_s: Seconds per video.
        inference_s: Seconds per video; the paper has ms.
        total_s: Seconds per video, rounded by the paper.
        gigabytes: Of the test data.
        top1: Per cent.
    """

    pre_processing_s: float
    inference_s: float
    total_s: float
    gigabytes: float
    top1: float

    @property
    def megabytes(self) -> float:
        """Per video of the test list."""
        return self.gigabytes * 1000 / TEST_VIDEOS


TABLE_1 = {
    'IIC': Row(12.7, 0.0693, 12.8, 38.0, 72.7),
    'MemDPC': Row(12.7, 0.2531, 13.0, 38.0, 84.3),
    'CoCLR': Row(13.2, 0.2487, 13.4, 35.4, 87.3),
    'IMRNet': Row(0.128, 0.2272, 0.355, 6.1, 76.8),
    'MVCGC': Row(0.008, 0.0703, 0.078, 1.9, 87.4),
}

#: Of I-frames and motion vectors, "on CPU" (Huang et al., CVPR 2021); which CPU is not said.
CONTEXT_MOTION_FPS = 500

#: The column of Table 1 that a set-up does the work of.
COLUMNS = {'mvcgc': 'MVCGC', 'coclr': 'CoCLR', 'imrnet': 'IMRNet'}
