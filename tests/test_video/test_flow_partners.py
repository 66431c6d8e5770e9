"""Which frames flow leads from and to where some are lost, and how long it is then."""

import numpy as np

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.flow_stream import ComputedFlow
from ssvrl_mm.video.motion.flow import FlowOptions
from tests.clips import encode, translating


def test_partners_of_frames_beside_lost_ones(tmp_path):
    """Of two frames as near, the earlier; never the frame itself or one on its other side."""
    path = encode(tmp_path / 'clip.mkv', translating(8, 1, 0, 32, 32), 'ffv1', pix_fmt='bgr0')
    with CompressedVideoReader(path, flow_span=2) as reader:
        fetcher = reader._open()

        def pairs(span, lost):
            fetcher.lost = set(lost)
            source = ComputedFlow(fetcher, FlowOptions(span=span))
            kept = [n for n in range(8) if n not in lost]
            return {n: source._pair(n) for n in kept}

        assert pairs(2, [3]) == {
            0: (2, 0), 1: (2, 0), 2: (2, 0), 4: (4, 2), 5: (5, 2), 6: (6, 4), 7: (7, 5),
        }  # fmt: skip
        assert pairs(1, [3])[4] == (4, 2)
        assert pairs(-1, [3])[2] == (2, 4)
        assert pairs(-1, [7])[6] == (5, 6)
        assert pairs(2, [0, 1]) == {
            2: (3, 2), 3: (3, 2), 4: (4, 2), 5: (5, 3), 6: (6, 4), 7: (7, 5),
        }  # fmt: skip
        assert pairs(-3, [7, 6]) == {n: (min(n, 4), min(n + 3, 5)) for n in range(6)}
        assert pairs(3, [1, 2, 3, 4, 5, 6, 7]) == {0: None}
        assert pairs(7, []) == dict.fromkeys(range(8), (7, 0))
        assert set(pairs(8, []).values()) == {None}


def test_lengths_are_scaled_to_the_span(tmp_path):
    """A lost partner: the displacement to the nearest one, times span by distance."""
    path = encode(tmp_path / 'clip.mkv', translating(8, 1, 0, 32, 32), 'ffv1', pix_fmt='bgr0')

    def method(image, other):
        return np.ones((*image.shape[:2], 2), np.float32)

    for span, factor in ((2, -2 / 3), (-2, 2), (3, -0.75), (1, -0.5)):
        with CompressedVideoReader(path, flow_method=method, flow_span=span) as reader:
            reader._open().lost = {4 - span} if abs(span) > 1 else {3}
            flow = reader.get_frames_at([4], ('flow',)).flow
        np.testing.assert_allclose(flow, factor, rtol=1e-6)
