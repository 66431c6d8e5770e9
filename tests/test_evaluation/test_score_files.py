import pickle

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.evaluator import DumpResults

from ssvrl_mm.evaluation import ScoreFileError, fuse_scores, read_scores

NUM, CLASSES = 6, 3


def entries(seed, order=range(NUM), **changes):
    """Results as `tools/test.py --dump` has them, and the probabilities by video."""
    rows = np.random.default_rng(seed).dirichlet(np.ones(CLASSES), NUM).astype(np.float32)
    made = []
    for i in order:
        meta = dict(filename=f'v/{i}.mp4', video_id=i, frame_inds=np.arange(8).reshape(2, 4))
        sample = ActionDataSample(metainfo={**meta, 'img_shape': (32, 32), **changes})
        sample.set_gt_label(i % CLASSES).set_pred_score(torch.from_numpy(rows[i]))
        sample.set_pred_label(int(rows[i].argmax()))
        sample.set_field(torch.from_numpy(rows[i][::-1].copy()), 'pred_score_motion')
        made.append(sample.to_dict())
    return made, rows.astype(np.float64)


def dump(path, results):
    """Writes them with mmengine's own metric."""
    metric = DumpResults(str(path))
    metric.process(None, results)
    metric.evaluate(len(results))
    return path


def test_reads_what_mmengine_dumps(tmp_path):
    results, rows = entries(0)
    scores = read_scores(dump(tmp_path / 'a.pkl', results))
    assert scores.videos == tuple(f'v/{i}.mp4' for i in range(NUM))
    np.testing.assert_array_equal(scores.labels, np.arange(NUM) % CLASSES)
    np.testing.assert_array_equal(scores.probabilities, rows)
    np.testing.assert_array_equal(
        read_scores(tmp_path / 'a.pkl', stream='motion').probabilities, rows[:, ::-1]
    )


@pytest.mark.parametrize('weights', [None, [1, 3]])
def test_matches_by_video_not_by_place(tmp_path, weights):
    (a, rows_a), (b, rows_b) = entries(0), entries(1, order=[4, 2, 0, 5, 1, 3])
    files = [dump(tmp_path / 'a.pkl', a), dump(tmp_path / 'b.pkl', b)]
    fused = fuse_scores([read_scores(path) for path in files], weights)
    expected = np.average([rows_a, rows_b], axis=0, weights=weights)
    np.testing.assert_allclose(fused.probabilities, expected)
    assert fused.videos == tuple(f'v/{i}.mp4' for i in range(NUM))


def test_three_files_with_weights(tmp_path):
    rows, files = [], []
    for seed, order in enumerate(([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [4, 2, 0, 5, 1, 3])):
        results, of_videos = entries(seed, order)
        rows.append(of_videos)
        files.append(read_scores(dump(tmp_path / f'{seed}.pkl', results)))
    fused = fuse_scores(files, [2, 1, 1])
    np.testing.assert_allclose(fused.probabilities, rows[0] / 2 + rows[1] / 4 + rows[2] / 4)
    assert fused.path.count(' + ') == 2


def test_repeated_videos_count_once_unless_they_differ(tmp_path):
    results, rows = entries(0, order=[*range(NUM), 0])
    np.testing.assert_array_equal(
        read_scores(dump(tmp_path / 'a.pkl', results)).probabilities, rows
    )
    results[-1]['pred_score'] = results[1]['pred_score']
    with pytest.raises(ScoreFileError, match=r"entry 6: .*scored twice: 'v/0\.mp4'"):
        read_scores(dump(tmp_path / 'b.pkl', results))


def broken(kind):
    results, _ = entries(1)
    if kind == 'missing':
        return results[:-2]
    if kind == 'more':
        return results + [{**results[0], 'filename': 'v/new.mp4'}]
    if kind == 'label':
        return [*results[:-1], {**results[-1], 'gt_label': torch.tensor([0])}]
    return [{**r, 'pred_score': torch.cat([r['pred_score'], torch.zeros(1)])} for r in results]


@pytest.mark.parametrize(
    'kind, message',
    [
        ('missing', r'b\.pkl has no score for 2 videos of .*a\.pkl: v/4\.mp4, v/5\.mp4'),
        ('more', r'a\.pkl has no score for 1 videos of .*b\.pkl: v/new\.mp4'),
        ('label', r'differ in the labels of 1 videos, v/5\.mp4'),
        ('classes', r'a\.pkl has 3 classes, .*b\.pkl 4'),
    ],
)
def test_files_that_do_not_fit(tmp_path, kind, message):
    files = [dump(tmp_path / 'a.pkl', entries(0)[0]), dump(tmp_path / 'b.pkl', broken(kind))]
    with pytest.raises(ScoreFileError, match=message):
        fuse_scores([read_scores(path) for path in files])


def test_weights_fit_the_files(tmp_path):
    scores = read_scores(dump(tmp_path / 'a.pkl', entries(0)[0]))
    for weights in ([1], [1, -1], [0, 0]):
        with pytest.raises(ValueError, match='2 files need as many weights'):
            fuse_scores([scores, scores], weights)


class Evil:
    """Would run code when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize(
    'content, message',
    [
        (b'text', 'no score file'),
        (pickle.dumps(dict(a=1)), 'no list of results'),
        (pickle.dumps([]), 'no list of results'),
        (pickle.dumps([dict(filename='a')]), r"entry 0 has no 'pred_score', but \['filename'\]"),
        (pickle.dumps([Evil()]), r'asks for builtins\.exec'),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / 'a.pkl'
    path.write_bytes(content)
    with pytest.raises(ScoreFileError, match=rf'a\.pkl: .*{message}'):
        read_scores(path)
    with pytest.raises(ScoreFileError, match='gone.pkl: no such file'):
        read_scores(tmp_path / 'gone.pkl')


def test_scores_that_are_no_probabilities(tmp_path):
    results, _ = entries(0)
    logits = [{**r, 'pred_score': r['pred_score'] * 4 - 1} for r in results]
    with pytest.raises(ScoreFileError, match="average_clips='prob'"):
        read_scores(dump(tmp_path / 'a.pkl', logits))
