"""What is remembered of files, and for how long."""

from contextlib import closing

import numpy as np

from ssvrl_mm.video.decoding.container import MediaSource
from ssvrl_mm.video.decoding.decoder import FrameDecoder
from ssvrl_mm.video.decoding.index_cache import IndexCache, KnownVideo
from tests.clips import encode, translating


def test_cache_forgets_what_was_read_longest_ago(tmp_path):
    path = encode(tmp_path / 'clip.avi', translating(36, 2, 1, 64, 80), 'mpeg4')
    with closing(FrameDecoder(MediaSource(str(path)))) as decoder:
        index = decoder.index
    video = KnownVideo(np.arange(30).reshape(10, 3), index, 1, None, 'avi')
    cache = IndexCache()
    keys = [(f'video {n}', 1, 2, 3) for n in range(4)]
    cache.put(keys[0], video)
    cache.memory_bytes = 3 * cache._held
    for key in keys[1:3]:
        cache.put(key, video)
    assert cache.get(keys[0]).reorder_depth == 1
    cache.put(keys[3], video)
    assert [cache.get(key) is not None for key in keys] == [True, False, True, True]
    np.testing.assert_array_equal(cache.get(keys[3]).index.pts, index.pts)
