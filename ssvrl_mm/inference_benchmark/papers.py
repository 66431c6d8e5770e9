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

PER_FRAME_MACHINE = 'Intel E5-2698 v4, Tesla P100'


class FrameRow(NamedTuple):
    """A column of Table 2 of IMRNet (Yu et al., ICLR 2021): a clip, divided by its frames.

    Args:
        pre_processing_ms: Per frame, decoding or the loader of CoViAR.
        inference_ms: Per frame.
        total_ms: Per frame.
        gflops: Thousand million multiply-adds per frame.
    """

    pre_processing_ms: float
    inference_ms: float
    total_ms: float
    gflops: float


TABLE_2 = {
    'ResNet152': FrameRow(75.0, 7.5, 82.5, 11.3),
    'R(2+1)D': FrameRow(75.0, 1.74, 76.74, 0.96),
    'CoViAR': FrameRow(2.87, 1.3, 4.17, 4.2),
    'DMC': FrameRow(2.87, 1.91, 4.78, 4.4),
    'IMR (R18)': FrameRow(2.87, 1.36, 4.23, 0.66),
    'IMR (R50)': FrameRow(2.87, 1.44, 4.31, 1.04),
}

#: Of I-frames and motion vectors, "on CPU" (Huang et al., CVPR 2021); which CPU is not said.
CONTEXT_MOTION_FPS = 500

#: The column of Table 1 that a set-up does the work of.
COLUMNS = {'mvcgc': 'MVCGC', 'coclr': 'CoCLR', 'imrnet': 'IMRNet'}
