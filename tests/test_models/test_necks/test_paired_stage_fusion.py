import numpy as np
import pytest
import torch

from ssvrl_mm.models.necks import PairedStageFusion
from ssvrl_mm.registry import MODELS


def transcription(earlier, last):
    """Cell by cell; of an odd number of frames the last is its own partner."""
    n, channels, frames, height, width = earlier.shape
    out = np.empty((n, 2 * channels, (frames + 1) // 2, height, width))
    for t, y, x in np.ndindex(out.shape[2:]):
        even, odd = earlier[:, :, 2 * t, y, x], earlier[:, :, min(2 * t + 1, frames - 1), y, x]
        nearest = last[
            :,
            :,
            t * last.shape[2] // out.shape[2],
            y * last.shape[3] // height,
            x * last.shape[4] // width,
        ]
        out[:, :, t, y, x] = np.concatenate([even, odd], axis=1) + nearest
    return out


@pytest.mark.parametrize('frames, last_frames', [(4, 2), (2, 1), (5, 3), (1, 1), (6, 1)])
def test_equals_a_transcription(frames, last_frames):
    rng = np.random.default_rng(0)
    earlier = rng.standard_normal((2, 3, frames, 7, 7))
    last = rng.standard_normal((2, 6, last_frames, 4, 4))
    fused = PairedStageFusion()((torch.from_numpy(earlier), torch.from_numpy(last)))
    np.testing.assert_array_equal(fused, transcription(earlier, last))


def test_sizes_of_the_released_code():
    # R3D-26 after 16 x 112 x 112 with a pooling stem.
    maps = torch.zeros(1, 1024, 4, 7, 7), torch.zeros(1, 2048, 2, 4, 4)
    neck = MODELS.build(dict(type='ssvrl_mm.PairedStageFusion'))
    assert neck(maps).shape == (1, 2048, 2, 7, 7)


def test_refuses_maps_that_do_not_match():
    neck, last = PairedStageFusion(), torch.zeros(1, 8, 1, 2, 2)
    with pytest.raises(ValueError, match=r'twice.*\(1, 3, 2, 4, 4\) and \(1, 8, 1, 2, 2\)'):
        neck((torch.zeros(1, 3, 2, 4, 4), last))
    for maps in (last, (last,), (last, last, last)):
        with pytest.raises(ValueError, match='two maps'):
            neck(maps)
