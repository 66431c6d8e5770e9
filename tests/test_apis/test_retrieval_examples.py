import logging
from fractions import Fraction

import av
import numpy as np
import pytest

from ssvrl_mm.apis import FeatureTable, VideoSource, retrieval_examples
from ssvrl_mm.apis.loading import init_model, read_config
from ssvrl_mm.apis.neighbours import find_neighbours
from ssvrl_mm.apis.retrieval_examples import (
    RetrievalModel,
    choose_queries,
    clip_frames,
    find_examples,
)
from ssvrl_mm.video import CompressedVideoReader
from tests.clips import H264, encode
from tests.test_apis.tiny import config


def test_queries_are_drawn_or_named(tmp_path):
    source = VideoSource([(f'{i}.mp4', i) for i in range(20)], '/videos', 'list', 'sha')
    drawn = choose_queries(source, 6, seed=3)
    assert len({*drawn.entries}) == 6 and {*drawn.entries} <= {*source.entries}
    assert drawn.entries == sorted(drawn.entries, key=lambda entry: entry[1])
    assert drawn == choose_queries(source, 6, seed=3) != choose_queries(source, 6, seed=4)
    assert drawn.root == '/videos' and drawn.sha256 != 'sha'
    assert choose_queries(source, 99).entries == source.entries
    assert choose_queries(source, 1, named=['7.mp4', '2.mp4']).entries == [
        ('7.mp4', 7),
        ('2.mp4', 2),
    ]
    with pytest.raises(ValueError, match='list has no video x.mp4'):
        choose_queries(source, 1, named=['x.mp4'])


def test_neighbours_are_of_the_highest_mean_cosine():
    rng = np.random.default_rng(0)
    query, gallery = (
        {s: rng.normal(size=(n, 4)).astype(np.float32) for s in streams}
        for n, streams in ((3, ('rgb', 'motion')), (7, ('motion', 'rgb', 'flow')))
    )

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    cosines = {s: unit(query[s]) @ unit(gallery[s]).T for s in query}
    mean = (cosines['rgb'] + cosines['motion']) / 2
    for streams, wanted in ((None, mean), ('both', mean), ('motion', cosines['motion'])):
        rows, values = find_neighbours(query, gallery, 4, streams)
        np.testing.assert_array_equal(rows, np.argsort(-wanted, axis=1)[:, :4])
        np.testing.assert_allclose(values, -np.sort(-wanted, axis=1)[:, :4], rtol=1e-5)
    assert find_neighbours(query, gallery, 99)[0].shape == (3, 7)
    with pytest.raises(ValueError, match="no \\['flow'\\] in common"):
        find_neighbours(query, gallery, 1, 'rgb+flow')
    with pytest.raises(ValueError, match='no stream in common'):
        find_neighbours({'rgb': query['rgb']}, {'flow': gallery['flow']}, 1)


def test_frames_are_those_of_the_clips(tmp_path):
    # Frame n is of grey 8 n.
    frames = np.stack([np.full((48, 64, 3), 8 * n, np.uint8) for n in range(30)])
    file = encode(tmp_path / 'grey.mp4', frames, fps=10)
    times = np.array([[0.5, 1.0], [np.nan, np.nan], [1.5, 2.5]], np.float32)
    shown = clip_frames(file, times, 4)
    # Frames 5 to 24: in the middle of quarters of it.
    assert np.abs(shown.mean(axis=(1, 2, 3)) / 8 - [7, 12, 17, 22]).max() < 0.6
    assert clip_frames(file, np.array([[0.0, 99.0]]), 2).shape == (2, 48, 64, 3)


def test_frames_are_found_by_their_own_times(tmp_path):
    # MPEG-TS starts past 0, here at 1.4 s; the second ten frames last five times as long.
    frames = np.stack([np.full((48, 64, 3), 8 * n, np.uint8) for n in range(20)])
    steps = np.repeat([1, 5], 10)
    seconds = np.cumsum([0, *steps]) / 10
    with av.open(str(tmp_path / 'varying.ts'), 'w') as container:
        stream = container.add_stream('libx264', rate=10, options=H264)
        stream.height, stream.width, stream.pix_fmt = 48, 64, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 10)
        for image, time in zip(frames, seconds, strict=False):
            picture = av.VideoFrame.from_ndarray(image, format='rgb24')
            picture.pts, picture.time_base = 14 + round(10 * time), Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with CompressedVideoReader(tmp_path / 'varying.ts') as reader:
        start = reader.metadata.start_seconds
    assert start > 1
    for begin, end in ((2, 8), (9, 13), (15, 20)):
        times = np.array([[seconds[begin], seconds[end]]], np.float32) + np.float32(start)
        middles = seconds[begin] + np.array([0.25, 0.75]) * (seconds[end] - seconds[begin])
        expected = [max(n for n in range(20) if seconds[n] <= middle) for middle in middles]
        shown = clip_frames(tmp_path / 'varying.ts', times, 2)
        assert np.abs(shown.mean(axis=(1, 2, 3)) / 8 - expected).max() < 0.6


@pytest.fixture
def tables(monkeypatch):
    """Features that are given instead of computed; what was asked for."""
    asked, features = [], {}

    def extract(cfg, checkpoint, source, out, **options):
        asked.append((out, options))
        paths = [p for p, _ in source.entries if p in features[checkpoint]]
        rows = np.array([features[checkpoint][p] for p in paths], np.float32)
        labels = np.array([label for p, label in source.entries if p in paths])
        times = np.tile(np.array([[[0.0, 0.4]]], np.float32), (len(paths), 1, 1))
        return FeatureTable(paths, labels, times, {'rgb': rows})

    monkeypatch.setattr(retrieval_examples, 'extract_features', extract)
    return features, asked


def test_a_video_finds_others_right_and_wrong(home, tables, tmp_path):
    features, asked = tables
    source = VideoSource.from_folder(home / 'videos')
    paths = [path for path, _ in source.entries]
    left, right = [p for p in paths if 'left' in p][:2], [p for p in paths if 'right' in p][:1]
    features[None] = {left[0]: (1, 0), left[1]: (0, 1), right[0]: (1, 0.1)}
    (tmp_path / 'model.pth').write_bytes(b'weights')
    mine = str(tmp_path / 'model.pth')
    features[mine] = {left[0]: (1, 0), left[1]: (1, 0.1), right[0]: (0, 1), paths[-1]: (0, -1)}
    queries = choose_queries(source, 1, named=[left[0], paths[-1]])
    cfg = config(home)
    models = [RetrievalModel('ours', cfg, mine), RetrievalModel('random', cfg, None, 'rgb')]
    shown, found = find_examples(models, queries, source, tmp_path, k=1, num_frames=2, workers=0)
    # The last one could not be read by both.
    assert [video.caption for video in shown] == [left[0]] and shown[0].right is None
    assert shown[0].frames.shape == (2, 48, 64, 3)
    assert [name for name, _ in found] == ['ours', 'random']
    [[of_mine]], [[of_random]] = (rows for _, rows in found)
    # Itself, of cosine 1, is not among them.
    assert of_mine.caption == f'{left[1]} 0.995' and of_mine.right is True
    assert of_random.caption == f'{right[0]} 0.995' and of_random.right is False
    # A file of features for each model and source, the same the next time.
    files = [out for out, _ in asked]
    assert len({*files}) == 4 and all(out.parent == tmp_path for out in files)
    assert all(options == {'workers': 0} for _, options in asked)
    find_examples(models, queries, source, tmp_path, k=1, num_frames=1)
    assert [out for out, _ in asked[4:]] == files

    unlabelled = source._replace(entries=[(path, -1) for path in paths])
    _, found = find_examples(models, queries, unlabelled, tmp_path, k=2)
    assert [video.right for video in found[0][1][0]] == [None, None]
    with pytest.raises(ValueError, match='none of 1 queries can be read'):
        find_examples(models, choose_queries(source, 1, named=[paths[-1]]), source, tmp_path)


def test_random_weights_leave_the_console_alone(home, capfd):
    cfg = read_config(config(home))
    logger = logging.getLogger('mmengine')
    init_model(cfg, None, 'cpu')
    assert 'init_weights' not in ''.join(capfd.readouterr())
    assert logger.level != logging.WARNING
