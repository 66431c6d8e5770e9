"""The protocols that papers report retrieval under, each against its own computation in numpy."""

import numpy as np
import pytest
import torch

from tests.test_evaluation.toy_videos import (
    NUM_GALLERY,
    NUM_QUERY,
    all_samples,
    brute_force,
    run_metric,
    samples,
)


def clips_of(sample, count=3):
    """The same video with a row for each of some clips, whose mean is the feature itself."""
    name = [sample['role'] == 'query', sample['video_id']]
    noise = np.random.default_rng(name).normal(size=(count, 6)).astype(np.float32)
    noise -= noise.mean(axis=0)
    features = {
        stream: row + torch.from_numpy(noise[:, : len(row)])
        for stream, row in sample['features'].items()
    }
    return {**sample, 'features': features}


@pytest.mark.parametrize('of_clips', [False, True])
def test_clean_averages_clips_and_reports_under_its_name(of_clips):
    given = all_samples()
    if of_clips:  # of one video more than of another
        given = [clips_of(s, count=2 + s['video_id'] % 3) for s in given]
    metrics = run_metric(given, preset='clean')
    for view in ('rgb', 'motion', 'both'):
        for name, expected in brute_force(view, (1, 2, 5)).items():
            name = name.replace('retrieval/', 'retrieval/clean/')
            assert metrics[name] == pytest.approx(expected), name
    assert metrics['retrieval/clean/num_query'] == NUM_QUERY


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_coclr_averages_unit_clips_of_the_query_and_has_one_of_the_gallery():
    # What eval/main_classifier.py does: its model gives each window a feature of length one (of the
    # head of its probe), the windows are averaged, both sets centred, rows scaled, multiplied.
    queries = [clips_of(s, count=1 + s['video_id'] % 3) for s in samples('query', NUM_QUERY)]
    for s in queries:  # clips of lengths as different as those of a network may be
        for clips in s['features'].values():
            clips.reshape(-1, clips.shape[-1])[0] *= 20
    gallery = [clips_of(s, count=1) for s in samples('gallery', NUM_GALLERY)]
    metrics = run_metric([*gallery, *queries], preset='coclr')
    cosines, labels = {}, {}
    for stream in ('rgb', 'motion'):
        sets = []
        for role, videos in (('query', queries), ('gallery', gallery)):
            rows = [unit(s['features'][stream].numpy().astype(float)).mean(0) for s in videos]
            sets.append(unit(np.array(rows) - np.mean(rows, axis=0)))
            labels[role] = np.array([s['gt_label'].item() for s in videos])
        cosines[stream] = sets[0] @ sets[1].T
    cosines['both'] = cosines['rgb'] + cosines['motion']
    for view, values in cosines.items():
        hits = labels['gallery'][np.argsort(-values, axis=1)] == labels['query'][:, None]
        for k in (1, 2, 5):
            found = metrics[f'retrieval/coclr/{view}_R@{k}']
            assert found == pytest.approx(hits[:, :k].any(axis=1).mean()), (view, k)


def test_coclr_refuses_a_gallery_of_several_clips():
    given = [clips_of(s, count=2) for s in all_samples()]
    with pytest.raises(ValueError, match=r'gallery_0.mp4: .*not 2: .*ucf101_coclr_retrieval.py'):
        run_metric(given, preset='coclr')


def test_a_clip_of_zeros_stays_zero_where_clips_are_scaled():
    given = all_samples()
    given[-1] = clips_of(given[-1], count=2)
    for clips in given[-1]['features'].values():
        clips[0] = 0
    assert 0 <= run_metric(given, preset='coclr')['retrieval/coclr/both_R@1'] <= 1


def test_vcop_searches_clip_by_clip():
    given = [clips_of(s) for s in all_samples()]
    metrics = run_metric(given, preset='vcop', streams=('rgb',))
    rows, labels = {}, {}
    for role in ('query', 'gallery'):
        videos = [s for s in given if s['role'] == role]
        rows[role] = np.concatenate([s['features']['rgb'].numpy() for s in videos]).astype(float)
        rows[role] /= np.linalg.norm(rows[role], axis=1, keepdims=True)
        labels[role] = np.repeat([s['gt_label'].item() for s in videos], 3)
    order = np.argsort(-(rows['query'] @ rows['gallery'].T), axis=1)
    hits = labels['gallery'][order] == labels['query'][:, None]
    for k in (1, 2, 5):
        expected = hits[:, :k].any(axis=1).mean()
        assert metrics[f'retrieval/vcop/rgb_R@{k}'] == pytest.approx(expected)
    assert metrics['retrieval/vcop/num_query'] == 3 * NUM_QUERY
    assert metrics['retrieval/vcop/rgb_R@1'] != brute_force('rgb', [1])['retrieval/rgb_R@1']
    with pytest.raises(ValueError, match='set model.average_clips=False'):
        run_metric(all_samples(), preset='vcop')
