import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from ssvrl_mm.evaluation import (
    ProbeSplit,
    feature_probe,
    format_probe,
    group_splits,
    logistic_probe,
    probe_features,
    probe_groups,
    summarise_probes,
)


def problem(seed=0, rows=120, classes=3, noise=1.5):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    centres = rng.normal(size=(classes, 6))
    features = {
        'rgb': (5 + centres[labels] + noise * rng.normal(size=(rows, 6))).astype(np.float32),
        'motion': (centres[labels, :4] + noise * rng.normal(size=(rows, 4))).astype(np.float32),
    }
    order = rng.permutation(rows)
    return features, labels, ProbeSplit(order[: rows * 2 // 3], order[rows * 2 // 3 :])


def test_neighbours_of_one_and_two_streams_equal_scikit_learn():
    features, labels, (train, test) = problem()
    found = probe_features(features, labels, ProbeSplit(train, test), ks=(1, 3), logistic=False)
    unit = {s: rows / np.linalg.norm(rows, axis=1, keepdims=True) for s, rows in features.items()}
    unit['both'] = np.concatenate([unit['rgb'], unit['motion']], axis=1)
    for view, rows in unit.items():
        search = KNeighborsClassifier(1, metric='cosine', algorithm='brute')
        search.fit(rows[train], labels[train])
        assert found[view]['knn1'] == pytest.approx(search.score(rows[test], labels[test]))
        nearest = labels[train][search.kneighbors(rows[test], 5, return_distance=False)]
        hits = (nearest == labels[test][:, None]).any(axis=1)
        assert found[view]['recall5'] == pytest.approx(hits.mean())
    assert len({tuple(row.values()) for row in found.values()}) == 3


def test_logistic_regression_is_that_of_scikit_learn_with_the_chosen_c():
    features, labels, (train, test) = problem(noise=2.5)
    rows = features['rgb']
    found = logistic_probe(rows, labels, ProbeSplit(train, test))
    scaler = StandardScaler().fit(rows[train])
    accuracies = {}
    for strength in feature_probe.C_GRID:
        model = LogisticRegression(C=strength, max_iter=1000)
        model.fit(scaler.transform(rows[train]), labels[train])
        accuracies[strength] = model.score(scaler.transform(rows[test]), labels[test])
    assert found['logistic'] == pytest.approx(accuracies[found['C']], abs=1.5 / len(test))
    assert len(set(accuracies.values())) > 1


def test_nothing_is_chosen_by_the_test_videos():
    features, labels, split = problem(noise=3)
    first = logistic_probe(features['rgb'], labels, split)
    permuted = labels.copy()
    permuted[split.test] = np.random.default_rng(3).permutation(labels[split.test])
    assert logistic_probe(features['rgb'], permuted, split)['C'] == first['C']
    assert logistic_probe(features['rgb'], labels, split) == first


def test_cross_validation_keeps_groups_together(monkeypatch):
    features, labels, split = problem()
    groups = np.arange(120) // 6
    used = []
    fits = feature_probe._fits
    monkeypatch.setattr(
        feature_probe, '_fits', lambda rows, *rest: used.append(rows) or fits(rows, *rest)
    )
    logistic_probe(features['rgb'], labels, split, groups)
    known = {row.tobytes(): group for row, group in zip(features['rgb'], groups, strict=True)}
    train_groups = {known[features['rgb'][row].tobytes()] for row in split.train}
    assert len(used) == 4  # three folds, and all of them at the end
    held_out = [train_groups - {known[row.tobytes()] for row in fold} for fold in used[:3]]
    assert set().union(*held_out) == train_groups
    assert sum(map(len, held_out)) == len(train_groups)


def test_group_splits_are_disjoint_and_complete():
    labels, groups = np.arange(60) % 3, np.arange(60) // 4
    splits = group_splits(labels, groups, 5, seed=1)
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(60))
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == 60
    other = group_splits(labels, groups, 5, seed=2)
    assert [s.test.tolist() for s in other] != [s.test.tolist() for s in splits]
    with pytest.raises(ValueError, match='16 folds of 15 groups'):
        group_splits(labels, groups, 16, seed=0)


def test_groups_come_from_the_paths():
    paths = ['a/v_Bow_g01_c02.avi', 'b/v_Run_g12_c01.avi']
    assert probe_groups(paths, r'_g(\d+)_').tolist() == ['01', '12']
    assert probe_groups(paths, r'g\d+').tolist() == ['g01', 'g12']
    with pytest.raises(ValueError, match="'x' matches nothing in 'a/v_Bow"):
        probe_groups(paths, 'x')


def test_summary_is_mean_and_sample_deviation():
    runs = [{'rgb': {'knn1': value, 'recall5': 1.0, 'C': 1.0}} for value in (0.5, 0.6, 0.1)]
    report = summarise_probes(runs)
    assert report.mean['rgb']['knn1'] == pytest.approx(0.4)
    assert report.deviation['rgb']['knn1'] == pytest.approx(np.std([0.5, 0.6, 0.1], ddof=1))
    assert format_probe(report).splitlines() == [
        '| stream | 1-NN | R@5 |',
        '|---|---:|---:|',
        '| RGB | 40.0 ± 26.5 | 100.0 ± 0.0 |',
    ]
    single = summarise_probes(runs[:1])
    assert np.isnan(single.deviation['rgb']['knn1'])
    assert '| RGB | 50.0 | 100.0 |' in format_probe(single)


def test_unfit_problems_are_refused():
    features, labels, split = problem()
    with pytest.raises(ValueError, match='0 training and'):
        probe_features(features, labels, ProbeSplit(split.train[:0], split.test))
    with pytest.raises(ValueError, match='have no label'):
        probe_features(features, np.full(120, -1), split)
    features['motion'][split.test[0]] = np.nan
    with pytest.raises(ValueError, match='motion: features must be'):
        probe_features(features, labels, split)


def test_a_class_of_one_video_leaves_nothing_to_choose():
    features, labels, split = problem()
    labels = labels.copy()
    labels[split.train[0]] = 7
    assert logistic_probe(features['rgb'], labels, split)['C'] == 1e-1
