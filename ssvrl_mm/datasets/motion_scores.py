"""From scores of frames to clips worth training on: motion differential sampling.

Sec. 3.4 of Ni et al., "Motion Sensitive Contrastive Learning for Self-supervised Video
Representation", ECCV 2022. What a frame is worth, Eqs. (8) and (9), is a matter of
:mod:`ssvrl_mm.video.motion.differential`.
"""

import numpy as np

#: What a clip's score may do about frames beyond those that have one.
MISSING = ('skip', 'zero')


def clip_scores(
    values: np.ndarray, last_start: int, clip_len: int, interval: int = 1, missing: str = 'skip'
) -> np.ndarray:
    """The scores of all clips of a video: the mean of those of their frames.

    Args:
        values: ``(T,)``, the scores of its frames, nan where they have none.
        last_start: The last frame that a clip may start at; the first is 0.
        clip_len: Frames of a clip.
        interval: From one of its frames to the next.
        missing: 'skip' takes the mean over the frames that have a score, 'zero', as the released
            code, counts the others as 0.

    Returns:
        float64 ``(last_start + 1,)``; nan for a clip without a single score.

    Example:
        >>> clip_scores(np.array([1, 2, 3, 4, np.nan]), last_start=2, clip_len=2, interval=2)
        array([2., 3., 3.])
    """
    frames = np.arange(last_start + 1)[:, None] + np.arange(clip_len) * interval
    padded = np.append(np.asarray(values, np.float64), np.nan)
    found = padded[np.minimum(frames, len(values))]
    is_known = np.isfinite(found)
    count = clip_len if missing == 'zero' else is_known.sum(axis=1)
    with np.errstate(invalid='ignore'):
        return np.where(is_known, found, 0).sum(axis=1) / count


def starts_above_median(scores: np.ndarray) -> np.ndarray:
    """The starts whose clips score strictly above the median of all clips of the video.

    Where there is none, as all of them score the same or there is but one, all starts are kept.

    Args:
        scores: ``(n,)``, of the clips that start at 0..n-1; nan is never above.

    Returns:
        int64, ascending.

    Example:
        >>> starts_above_median(np.array([3.0, 1.0, 2.0, 5.0])).tolist()
        [0, 3]
    """
    known = scores[np.isfinite(scores)]
    if not len(known):
        return np.arange(len(scores))
    chosen = np.flatnonzero(scores > np.median(known))
    return chosen if len(chosen) else np.arange(len(scores))
