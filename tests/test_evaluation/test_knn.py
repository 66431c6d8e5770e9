import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from scipy.stats import binomtest
from sklearn.neighbors import KNeighborsClassifier

from ssvrl_mm.evaluation import KNNAccuracy, knn_predictions
from tests.test_evaluation.toy_videos import all_samples


def votes_of(similarities, labels, k):
    """Majority of the first k, then the larger sum of similarities, then the lower class."""
    best = []
    for cosines, classes in zip(similarities[:, :k], labels[:, :k], strict=True):
        key = {
            c: ((classes == c).sum(), cosines[classes == c].astype(float).sum(), -c)
            for c in set(classes.tolist())
        }
        best.append(max(key, key=key.get))
    return best


def test_predictions_equal_a_loop():
    rng = np.random.default_rng(0)
    similarities = -np.sort(-rng.uniform(-1, 1, (200, 20)).astype(np.float32), axis=1)
    labels = rng.integers(5, size=(200, 20))
    found = knn_predictions(torch.from_numpy(similarities), torch.from_numpy(labels), (1, 4, 20))
    for k in (1, 4, 20):
        assert found[k].tolist() == votes_of(similarities, labels, k)
    assert found[4].tolist() != found[20].tolist()


def test_predictions_equal_scikit_learn_where_no_votes_tie():
    rng = np.random.default_rng(1)
    gallery, query = rng.normal(size=(90, 8)), rng.normal(size=(60, 8))
    labels = rng.integers(2, size=90)
    search = KNeighborsClassifier(7, metric='cosine', algorithm='brute').fit(gallery, labels)
    distances, indices = search.kneighbors(query)
    found = knn_predictions(torch.from_numpy(1 - distances), torch.from_numpy(labels[indices]), [7])
    assert found[7].tolist() == search.predict(query).tolist()


def test_equal_votes_go_to_the_nearer_class_and_then_to_the_lower():
    labels = torch.tensor([[3, 1, 1, 3], [3, 1, 1, 3], [2, 0, 2, 0]])
    similarities = torch.tensor(
        [[0.9, 0.8, 0.7, 0.1], [0.5, 0.5, 0.5, 0.5], [-0.1, -0.2, -0.3, -0.4]]
    )
    assert knn_predictions(similarities, labels, (4,))[4].tolist() == [1, 1, 2]
    with pytest.raises(ValueError, match=r'\(1, 5\) must lie in 1..4'):
        knn_predictions(similarities, labels, (1, 5))


def test_metric_equals_scikit_learn_on_the_toy_videos():
    rows = {'query': [], 'gallery': []}
    for sample in all_samples():
        label = sample['gt_label'].item()
        unit = [f.numpy() / np.linalg.norm(f) for f in sample['features'].values()]
        rows[sample['role']].append((unit[0], np.concatenate(unit), label))
    metric = KNNAccuracy(ks=(1, 8, 100), streams=('rgb', 'both'))
    metric.process(None, [*all_samples(), *all_samples()])
    metrics = metric.evaluate(26)
    for place, view in enumerate(('rgb', 'both')):
        train, test = (np.stack([r[place] for r in rows[role]]) for role in ('gallery', 'query'))
        labels = [np.array([r[2] for r in rows[role]]) for role in ('gallery', 'query')]
        search = KNeighborsClassifier(1, metric='cosine', algorithm='brute').fit(train, labels[0])
        assert metrics[f'knn/{view}_top1_k1'] == pytest.approx(search.score(test, labels[1]))
        assert metrics[f'knn/{view}_top1_k100'] == metrics[f'knn/{view}_top1_k8']
    with pytest.raises(ValueError, match='ks must hold positive'):
        KNNAccuracy(ks=(0, 5))


def test_clips_of_a_video_are_averaged():
    # The mean of the second video points to the query, each of its clips points away.
    clips = {('gallery', 0): [[1.0, 0.5], [1.0, 0.5]], ('gallery', 1): [[1.0, 5.0], [1.0, -5.0]]}
    clips['query', 1] = [[1.0, 3.0], [1.0, -3.0]]
    given = [
        dict(role=role, video_id=label, gt_label=label, features={'rgb': torch.tensor(rows)})
        for (role, label), rows in clips.items()
    ]
    metric = KNNAccuracy(ks=(1,), streams=('rgb',))
    metric.process(None, given)
    assert metric.evaluate(3)['knn/rgb_top1_k1'] == 1


@pytest.mark.parametrize('num_query', [1, 9])
def test_the_gallery_bounds_k_however_many_queries_there_are(num_query):
    cosines = np.array([0.9, 0.7, 0.5, 0.4, 0.3])
    rows = torch.from_numpy(np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1))
    given = [
        dict(role='gallery', video_id=i, gt_label=label, features={'rgb': rows[i]})
        for i, label in enumerate([1, 2, 0, 0, 0])
    ]
    given += [
        dict(role='query', video_id=i, gt_label=0, features={'rgb': torch.eye(2)[0]})
        for i in range(num_query)
    ]
    metric = KNNAccuracy(ks=(1, 3, 4, 5, 50), streams=('rgb',))
    metric.process(None, given)
    metrics = metric.evaluate(len(given))
    # The nearest is of another class, and of three single votes too; two votes are a majority.
    assert [metrics[f'knn/rgb_top1_k{k}'] for k in (1, 3, 4, 5, 50)] == [0, 0, 1, 1, 1]


def test_equal_videos_vote_in_the_order_of_their_ids_however_they_come():
    gallery = [
        dict(role='gallery', video_id=i, gt_label=label, features={'rgb': torch.ones(2)})
        for label, i in enumerate([2, 9, 10])
    ]
    query = dict(role='query', video_id=0, gt_label=0, features={'rgb': torch.ones(2)})
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        metric = KNNAccuracy(ks=(1,), streams=('rgb',))
        metric.process(None, [*(gallery[i] for i in order), query])
        assert metric.evaluate(4)['knn/rgb_top1_k1'] == 1


def test_collapsed_features_are_named_and_every_accuracy_has_its_error(caplog):
    logger = MMLogger.get_instance('test_knn')
    logger.addHandler(caplog.handler)
    metric = KNNAccuracy(ks=(1,), streams=('rgb', 'motion'))
    given = [
        {**s, 'features': dict(s['features'], rgb=torch.ones(4) + 1e-7 * s['video_id'])}
        for s in all_samples()
    ]
    metric.process(None, given)
    metrics = metric.evaluate(13)
    del MMLogger._instance_dict['test_knn']
    assert metrics['knn/rgb_effective_rank'] == pytest.approx(1, abs=1e-4)
    assert metrics['knn/rgb_mean_cosine'] == pytest.approx(1)
    assert metrics['knn/motion_effective_rank'] > 1.5
    warnings = [r.getMessage() for r in caplog.records if r.levelname == 'WARNING']
    assert len(warnings) == 1 and warnings[0].startswith('rgb: the features have collapsed')
    share = metrics['knn/motion_top1_k1']
    bounds = binomtest(round(5 * share), 5).proportion_ci(method='wilson')
    error = 100 * max(bounds.high - share, share - bounds.low)
    [shown] = [r.getMessage() for r in caplog.records if 'kNN accuracy' in r.getMessage()]
    assert f'motion_top1_k1 {100 * share:.1f} ± {error:.1f}' in shown
    assert '(collapsed), motion' in shown and not shown.endswith('(collapsed)')
