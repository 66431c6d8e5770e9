"""The frames of clips as the step that decodes them takes them, ours or mmaction2's."""

import numpy as np

from ssvrl_mm.video import CompressedVideoReader


def set_clips(results: dict, frames: np.ndarray, frame_interval: int | None) -> None:
    """Writes the frames of V clips of T frames into the results of a pipeline.

    Behind our ``OpenCompressedVideo``, whose reader is among the results, ``frame_inds`` is (V, T)
    int64. Behind anything else it is what mmaction2's ``SampleFrames`` writes for its decoders and
    ``FormatShape``: (V*T,) int32, clip after clip, from the ``start_index`` on.

    **Added keys:** ``frame_inds``, ``clip_len``, ``frame_interval``, ``num_clips``.

    Args:
        results: Of the pipeline so far.
        frames: (V, T), counted from 0.
        frame_interval: Distance of a clip's frames; None, as mmaction2 has it, where it varies.
    """
    results['num_clips'], results['clip_len'] = frames.shape
    results['frame_interval'] = frame_interval
    if isinstance(results.get('video_reader'), CompressedVideoReader):
        results['frame_inds'] = frames
    else:
        numbers = frames.ravel() + results.get('start_index', 0)
        results['frame_inds'] = numbers.astype(np.int32)
