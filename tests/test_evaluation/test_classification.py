import numpy as np
import pytest
import torch
from mmaction.evaluation import AccMetric
from mmaction.structures import ActionDataSample
from mmengine.dataset import DefaultSampler
from mmengine.logging import MMLogger
from scipy.stats import binomtest, norm, sem
from sklearn.metrics import balanced_accuracy_score, log_loss, top_k_accuracy_score

from ssvrl_mm.evaluation import (
    VideoClassification,
    classification_errors,
    classification_metrics,
    classification_table,
)
from tests.processes import run_processes

NUM, CLASSES = 13, 4  # 13 videos: never even over two processes


def scores(seed=0, num=NUM):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(CLASSES), num), rng.integers(0, CLASSES, num)


def samples(indices=range(NUM)):
    (both, labels), (rgb, _) = scores(), scores(1)
    made = []
    for i in indices:
        sample = ActionDataSample(metainfo=dict(video_id=int(i), filename=f'{i}.mp4'))
        sample.set_gt_label(int(labels[i])).set_pred_score(torch.from_numpy(both[i]))
        sample.set_field(torch.from_numpy(rgb[i]).float(), 'pred_score_rgb')
        made.append(sample.to_dict())
    return made


def test_equals_scikit_learn():
    probabilities, labels = scores(num=200)
    metrics = classification_metrics(probabilities, labels, topk=(1, 2))
    expected = {
        f'top{k}': top_k_accuracy_score(labels, probabilities, k=k, labels=range(CLASSES))
        for k in (1, 2)
    }
    expected['mean1'] = balanced_accuracy_score(labels, probabilities.argmax(axis=1))
    expected['loss'] = log_loss(labels, probabilities, labels=range(CLASSES))
    assert metrics == pytest.approx(expected)


def test_errors_are_those_of_independent_videos():
    probabilities, labels = scores(num=60)
    errors = classification_errors(probabilities, labels, topk=(1, 2))
    top2 = top_k_accuracy_score(labels, probabilities, k=2, labels=range(CLASSES))
    bounds = binomtest(round(60 * top2), 60).proportion_ci(method='wilson')
    assert errors['top2'] == pytest.approx(max(bounds.high - top2, top2 - bounds.low))
    losses = [
        log_loss([y], p[None], labels=range(CLASSES))
        for p, y in zip(probabilities, labels, strict=True)
    ]
    assert errors['loss'] == pytest.approx(norm.ppf(0.975) * sem(losses))
    # Four classes, each with an error of its own; of equal ones half would be left.
    of_classes = []
    for label in range(CLASSES):
        right = (probabilities.argmax(axis=1) == label)[labels == label]
        low, high = binomtest(int(right.sum()), len(right)).proportion_ci(method='wilson')
        of_classes.append(max(high - right.mean(), right.mean() - low))
    assert errors['mean1'] == pytest.approx(np.sqrt(np.square(of_classes).sum()) / CLASSES)
    [title, row] = classification_table({'a.pkl': (probabilities, labels)}, (1, 2)).splitlines()
    assert title.split() == ['top1', 'top2', 'mean1'] and len(title) == len(row)
    assert row.split()[4:7] == [f'{100 * top2:.1f}', '±', f'{100 * errors["top2"]:.1f}']


def test_impossible_class_costs_much_but_not_infinitely():
    loss = classification_metrics(np.array([[0.0, 1.0]]), np.array([0]), (1,))['loss']
    assert 80 < loss < 90


def test_each_view_and_all_together_under_the_names_of_mmaction2(caplog):
    MMLogger.get_instance('test_classification').addHandler(caplog.handler)
    metric, theirs = (
        VideoClassification(topk=(1, 2)),
        AccMetric(metric_options=dict(top_k_accuracy=dict(topk=(1, 2)))),
    )
    for part in (samples(range(8)), samples(range(8, NUM))):
        metric.process(None, part)
        theirs.process(None, part)
    got = metric.evaluate(NUM)
    for name, value in theirs.evaluate(NUM).items():
        assert got[name] == pytest.approx(value)
    rgb, labels = scores(1)[0], scores()[1]
    for name, value in classification_metrics(rgb.astype(np.float32), labels, (1, 2)).items():
        assert got[f'acc/rgb_{name}'] == pytest.approx(value)
    assert got['acc/top1'] != got['acc/rgb_top1']
    errors = classification_errors(*scores())
    assert got['acc/mean1_error'] == pytest.approx(errors['mean1'])
    assert got['acc/num_videos'] == NUM
    [table] = [r.getMessage() for r in caplog.records if '± 95 %, 13 videos' in r.getMessage()]
    assert [line.split()[0] for line in table.splitlines()[2:]] == ['all', 'RGB']


def share(rank, round_up):
    """What one of two processes tests."""
    metric = VideoClassification()
    indices = list(DefaultSampler(range(NUM), shuffle=False, round_up=round_up))
    assert len(indices) == (7 if round_up or rank == 0 else 6)
    for start in range(0, len(indices), 4):
        metric.process(None, samples(indices[start : start + 4]))
    return metric.evaluate(NUM)


@pytest.mark.parametrize('round_up', [True, False])
def test_two_processes_equal_one(tmp_path, monkeypatch, round_up):
    monkeypatch.chdir(tmp_path)
    metric = VideoClassification()
    metric.process(None, samples())
    alone = metric.evaluate(NUM)
    assert run_processes(share, tmp_path, round_up) == [alone, alone]


def test_videos_without_names_are_all_counted():
    metric = VideoClassification(topk=(1,))
    for label in (0, 0, 1, 1):
        sample = ActionDataSample().set_gt_label(label).set_pred_score(torch.tensor([0.9, 0.1]))
        metric.process(None, [sample.to_dict()])
    assert metric.evaluate(4)['acc/top1'] == 0.5


def test_unlabelled_video_is_named():
    [sample] = samples([3])
    del sample['gt_label']
    with pytest.raises(ValueError, match=r'3\.mp4: no label'):
        VideoClassification().process(None, [sample])
    with pytest.raises(ValueError, match='topk'):
        VideoClassification(topk=())
