import numpy as np
import pytest
import torch

from ssvrl_mm.evaluation import FeatureProbe, ProbeSplit, logistic_probe


def samples(rng, role, labels, clips=2):
    """Clips of two streams whose means tell the class, more or less."""
    for number, label in enumerate(labels):
        centre = np.zeros(6)
        centre[label] = 2
        yield dict(
            role=role,
            video_id=number,
            filename=f'{role}/{number}.mp4',
            gt_label=torch.tensor([label]),
            features={
                stream: torch.tensor(scale * rng.normal(centre, 1, (clips, 6)))
                for stream, scale in (('rgb', 1.0), ('motion', 10.0))
            },
        )


def test_the_probe_is_fitted_to_the_gallery_and_tested_on_the_queries():
    rng = np.random.default_rng(0)
    labels = dict(gallery=[0] * 12 + [1] * 14 + [2] * 12, query=[0, 1, 1, 2, 2, 2, 0, 1, 1, 1])
    given = {role: list(samples(rng, role, of_role)) for role, of_role in labels.items()}
    metric = FeatureProbe(streams=['rgb', 'both'])
    # Queries first: their order of arrival is not that of the split.
    metric.process(None, given['query'])
    metric.process(None, given['gallery'])
    found = metric.evaluate(48)

    def rows(stream):
        means = [
            s['features'][stream].float().numpy().mean(0) for s in given['gallery'] + given['query']
        ]
        return np.stack(means)

    def unit(features):
        return features / np.linalg.norm(features, axis=1, keepdims=True)

    split = ProbeSplit(np.arange(38), np.arange(38, 48))
    truth = np.array(labels['gallery'] + labels['query'])
    both = np.concatenate([unit(rows('rgb')), unit(rows('motion'))], axis=1)
    expected = {
        'probe/rgb_logistic': logistic_probe(rows('rgb'), truth, split)['logistic'],
        'probe/both_logistic': logistic_probe(both, truth, split)['logistic'],
        # Class 1 is the gallery's most frequent; half of the queries are of it.
        'probe/chance_logistic': 0.5,
    }
    assert found == pytest.approx(expected)
    assert 0.5 < found['probe/rgb_logistic'] <= 1


def test_a_gallery_of_one_class_is_refused():
    rng = np.random.default_rng(0)
    metric = FeatureProbe()
    metric.process(None, [*samples(rng, 'gallery', [1, 1]), *samples(rng, 'query', [0])])
    with pytest.raises(ValueError, match='two classes'):
        metric.evaluate(3)
