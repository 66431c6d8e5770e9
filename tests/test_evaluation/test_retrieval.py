import logging
import pickle

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData

from ssvrl_mm.evaluation import VideoRetrieval
from ssvrl_mm.evaluation.feature_metric import search_device
from tests.test_evaluation.toy_videos import (
    NUM_GALLERY,
    NUM_QUERY,
    all_samples,
    brute_force,
    run_metric,
    samples,
    video,
)


@pytest.mark.parametrize('centre', [False, True])
@pytest.mark.parametrize('block', [2, 2048])
def test_recalls_equal_a_brute_force(centre, block):
    metrics = run_metric(all_samples(), centre=centre, block=block)
    # What mmengine's `save_best='auto'` goes by.
    assert next(iter(metrics)) == 'retrieval/rgb_R@1'
    recalls = {}
    for view in ('rgb', 'motion', 'both'):
        recalls.update(brute_force(view, (1, 2, 5), centre))
    assert len({*recalls.values()}) > 2, 'the toy set should tell streams apart'
    for name, expected in recalls.items():
        assert metrics.pop(name) == pytest.approx(expected), name
    assert {name: metrics.pop(f'retrieval/num_{name}') for name in ('query', 'gallery')} == {
        'query': NUM_QUERY,
        'gallery': NUM_GALLERY,
    }
    labels = [[s['gt_label'].item() for s in samples(*a)] for a in (('query', 5), ('gallery', 8))]
    share = np.mean([np.mean(np.array(labels[1]) == label) for label in labels[0]])
    assert metrics.pop('retrieval/chance_R@1') == pytest.approx(share)
    for name in ('rgb', 'motion', 'both'):
        assert 1 < metrics.pop(f'retrieval/{name}_effective_rank') < 12
        assert -1 < metrics.pop(f'retrieval/{name}_mean_cosine') < 0.9
    assert {*metrics} == {'retrieval/chance_R@2', 'retrieval/chance_R@5'}


def test_order_and_repeats_of_the_samples_do_not_matter():
    expected = run_metric(all_samples())
    shuffled = all_samples()[::-1] + all_samples()[3:11]
    assert run_metric(shuffled) == expected


def test_videos_of_different_lists_may_share_an_id():
    data_samples = all_samples()
    for sample in data_samples[:NUM_GALLERY]:
        sample['video_id'] = 0
    assert run_metric(data_samples)['retrieval/num_gallery'] == NUM_GALLERY


def test_clips_are_entries_of_their_own():
    # Clip c of gallery video i points to axis 2 i + c; the queries' clips hit one video each.
    axes = torch.eye(4)
    data_samples = [
        dict(role='gallery', video_id=i, gt_label=i, features={'rgb': axes[2 * i : 2 * i + 2]})
        for i in range(2)
    ]
    clips = torch.stack([axes[0], axes[3], axes[2]])  # one of video 0, two of video 1
    data_samples += [dict(role='query', video_id=0, gt_label=0, features={'rgb': clips})]
    metrics = run_metric(data_samples, streams=('rgb',), topk=(1, 4))
    assert metrics['retrieval/rgb_R@1'] == pytest.approx(1 / 3)
    assert metrics['retrieval/rgb_R@4'] == 1
    assert (metrics['retrieval/num_query'], metrics['retrieval/num_gallery']) == (3, 4)
    assert metrics['retrieval/num_query_videos'] == 1


def test_a_view_may_be_any_stream_or_sum_of_streams():
    data_samples = [
        {**s, 'features': {'rgb': s['features']['motion'], 'flow': s['features']['rgb']}}
        for s in all_samples()
    ]
    metrics = run_metric(data_samples, streams=('flow', 'rgb+flow'))
    for k in (1, 2, 5):
        assert metrics[f'retrieval/flow_R@{k}'] == brute_force('rgb', [k])[f'retrieval/rgb_R@{k}']
        both = brute_force('both', [k])[f'retrieval/both_R@{k}']
        assert metrics[f'retrieval/rgb+flow_R@{k}'] == both
    # Unasked, too.
    names = {key.partition('_R@')[0] for key in run_metric(data_samples) if '_R@' in key}
    assert names == {f'retrieval/{name}' for name in ('rgb', 'flow', 'rgb+flow', 'chance')}


def test_mmaction_data_samples_through_the_evaluator():
    data_samples = []
    for sample in all_samples():
        packed = ActionDataSample(
            metainfo={key: sample[key] for key in ('role', 'video_id', 'filename')}
        )
        packed.set_gt_label(sample['gt_label'])
        features = {name: row[None].half().double() for name, row in sample['features'].items()}
        sample['features'] = {name: row[0].half() for name, row in sample['features'].items()}
        if sample['video_id'] % 2:
            packed.features = InstanceData(**features)
        else:
            packed.set_field(features, '_features', dtype=dict)
        data_samples.append(packed)
    evaluator = Evaluator(VideoRetrieval(topk=(1, 2, 5)))
    evaluator.process(data_samples)
    expected = run_metric([{**s} for s in all_samples()])
    # Half the precision moves the spread of the features a little, and no rank.
    assert evaluator.evaluate(len(data_samples)) == pytest.approx(expected, rel=1e-2)


def test_features_may_be_of_low_precision_and_carry_gradients():
    exact = [
        {**s, 'features': {n: f.bfloat16().float() for n, f in s['features'].items()}}
        for s in all_samples()
    ]
    given = [
        {**s, 'features': {n: f.bfloat16().requires_grad_() for n, f in s['features'].items()}}
        for s in exact
    ]
    assert run_metric(given) == run_metric(exact)


@pytest.mark.parametrize('cuda, device', [(True, 'cuda'), (False, 'cpu')])
def test_search_runs_on_a_gpu_if_there_is_one_and_nothing_else_is_asked(cuda, device, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    assert search_device(None) == device
    assert search_device('cuda:1') == 'cuda:1' and search_device('cpu') == 'cpu'


def test_concatenated_features_rank_by_their_own_cosine():
    metrics = run_metric(all_samples(), streams=('both',), fusion='features')
    rows, labels = {}, {}
    for role, count in (('query', NUM_QUERY), ('gallery', NUM_GALLERY)):
        pairs = [video(role, i) for i in range(count)]
        rows[role] = np.stack([np.concatenate([f['rgb'], f['motion']]) for f, _ in pairs]).astype(
            float
        )
        rows[role] /= np.linalg.norm(rows[role], axis=1, keepdims=True)
        labels[role] = np.array([label for _, label in pairs])
    order = np.argsort(-(rows['query'] @ rows['gallery'].T), axis=1)
    hits = labels['gallery'][order] == labels['query'][:, None]
    for k in (1, 2, 5):
        expected = hits[:, :k].any(axis=1).mean()
        assert metrics[f'retrieval/both_R@{k}'] == pytest.approx(expected)


@pytest.mark.parametrize('fusion, hit', [('cosines', 1), ('features', 0)])
def test_the_longer_stream_outweighs_the_other_where_features_are_joined(fusion, hit):
    # Cosines of the query with its own class: 1 and 0.6; with the other class: 0 and 1.
    axes = torch.eye(2)
    videos = [('query', 0, axes[0], axes[0])]
    videos += [('gallery', 0, axes[0], torch.tensor([0.6, 0.8])), ('gallery', 1, axes[1], axes[0])]
    given = [
        dict(role=role, video_id=i, gt_label=i, features={'rgb': rgb, 'motion': 10 * motion})
        for role, i, rgb, motion in videos
    ]
    metrics = run_metric(given, topk=(1,), fusion=fusion)
    # The sum of the cosines is 1.6 against 1, the cosine of the whole 61 / 101 against 100 / 101.
    assert metrics['retrieval/both_R@1'] == hit
    assert (metrics['retrieval/rgb_R@1'], metrics['retrieval/motion_R@1']) == (1, 0)


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(preset='moco'), r"one of \('clean', 'coclr', 'vcop'\) or None, got 'moco'"),
        (dict(preset='clean', centre=True), 'says itself whether to centre'),
        (dict(fusion='sum'), "fusion must be 'cosines' or 'features'"),
    ],
)
def test_unfit_protocols_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        VideoRetrieval(**kwargs)


def test_k_beyond_the_gallery_ranks_all_of_it():
    metrics = run_metric(all_samples(), topk=(NUM_GALLERY, 50))
    present = {s['gt_label'].item() for s in samples('gallery', NUM_GALLERY)}
    found = np.mean([s['gt_label'].item() in present for s in samples('query', NUM_QUERY)])
    assert metrics['retrieval/rgb_R@50'] == metrics[f'retrieval/rgb_R@{NUM_GALLERY}'] == found
    assert metrics['retrieval/chance_R@50'] == pytest.approx(found)


@pytest.mark.parametrize('num_query', [1, 9])
def test_the_gallery_bounds_k_however_many_queries_there_are(num_query):
    # The query's class comes third of four.
    cosines = np.array([0.9, 0.7, 0.5, 0.3])
    rows = torch.from_numpy(np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1))
    given = [
        dict(role='gallery', video_id=i, gt_label=label, features={'rgb': rows[i]})
        for i, label in enumerate([1, 2, 0, 2])
    ]
    given += [
        dict(role='query', video_id=i, gt_label=0, features={'rgb': torch.eye(2)[0]})
        for i in range(num_query)
    ]
    metrics = run_metric(given, streams=('rgb',), topk=(1, 2, 3, 4, 50))
    recalls = [metrics[f'retrieval/rgb_R@{k}'] for k in (1, 2, 3, 4, 50)]
    assert recalls == [0, 0, 1, 1, 1]
    chances = [metrics[f'retrieval/chance_R@{k}'] for k in (1, 2, 3, 4, 50)]
    assert chances == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 1])


@pytest.mark.parametrize('order', [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_equal_videos_rank_in_the_order_of_their_ids_however_they_come(order):
    # Ids whose digits sort otherwise than their numbers.
    gallery = [
        dict(role='gallery', video_id=i, gt_label=label, features={'rgb': torch.ones(2)})
        for label, i in enumerate([2, 9, 10, 100])
    ]
    queries = [
        dict(role='query', video_id=i, gt_label=i, features={'rgb': torch.ones(2)})
        for i in range(4)
    ]
    given = [gallery[i] for i in order] + [queries[i] for i in order]
    for number in range(4):  # a query of the class that comes at this place
        chosen = [s for s in given if s['role'] == 'gallery' or s['video_id'] == number]
        metrics = run_metric(chosen, streams=('rgb',), topk=(1, 2, 3, 4))
        recalls = [metrics[f'retrieval/rgb_R@{k}'] for k in (1, 2, 3, 4)]
        assert recalls == [k > number for k in (1, 2, 3, 4)]


@pytest.fixture
def log(caplog):
    """What goes to the current logger of mmengine, which is the newest."""
    logger = MMLogger.get_instance('test_retrieval')
    logger.addHandler(caplog.handler)
    yield caplog
    del MMLogger._instance_dict['test_retrieval']


@pytest.mark.parametrize('topk, told', [((2, NUM_GALLERY), False), ((1, NUM_GALLERY + 1), True)])
def test_k_beyond_the_gallery_is_told(topk, told, log):
    run_metric(all_samples(), topk=topk)
    texts = [r.getMessage() for r in log.records if r.levelno == logging.WARNING]
    assert [f'{NUM_GALLERY} entries only' in text for text in texts] == [True] * told


def test_results_hold_no_more_than_their_own_rows():
    batch = torch.zeros(1000, 64)
    metric = VideoRetrieval(streams=('rgb',))
    sample = dict(role='query', video_id=0, gt_label=0, features={'rgb': batch[3]})
    metric.process(None, [sample])
    assert len(pickle.dumps(metric.results, protocol=2)) < 2000
    batch.fill_(1)
    assert (metric.results[0]['features']['rgb'] == 0).all()


@pytest.mark.parametrize(
    'change, message',
    [
        (
            {'features': {'rgb': torch.tensor([1.0, np.nan]), 'motion': torch.ones(2)}},
            'rgb feature is',
        ),
        ({'features': {'rgb': torch.ones(2)}}, r"needs the feature of 'motion', .* gave \['rgb'\]"),
        ({'features': None}, 'the model gave no features'),
        ({'features': {'rgb': torch.ones(1, 2, 3), 'motion': torch.ones(2)}}, r'\(1, 2, 3\)'),
        ({'features': {'rgb': torch.ones(2, 3), 'motion': torch.ones(4, 3)}}, 'number of clips'),
        ({'gt_label': torch.tensor([-1])}, r'one class per video, got \[-1\]'),
        ({'gt_label': torch.tensor([1, 2])}, r'one class per video, got \[1, 2\]'),
        ({'role': 'train'}, "role must be one of .* got 'train'"),
        ({'video_id': None}, 'no video_id'),
    ],
)
def test_unfit_samples_are_named(change, message):
    sample = {**next(samples('query', 1)), **change, 'filename': 'some/video.mp4'}
    with pytest.raises(ValueError, match=f'some/video.mp4: .*{message}'):
        VideoRetrieval(streams=('rgb', 'motion', 'both')).process(None, [sample])


def test_missing_label_and_role_are_named():
    for key, message in (('gt_label', 'one class per video'), ('role', 'role must be')):
        sample = next(samples('query', 1))
        del sample[key]
        with pytest.raises(ValueError, match=f'query_0.mp4: .*{message}'):
            VideoRetrieval().process(None, [sample])


def test_by_default_all_streams_of_the_model_are_compared():
    def only(*names):
        return [
            {**s, 'features': {name: s['features'][name] for name in names}} for s in all_samples()
        ]

    chosen = run_metric(all_samples(), streams=('rgb', 'motion', 'both'))
    assert run_metric(all_samples()) == chosen
    rgb = run_metric(only('rgb'))
    assert {name.partition('_R@')[0] for name in rgb if '_R@' in name} == {
        'retrieval/rgb',
        'retrieval/chance',
    }
    assert rgb['retrieval/rgb_R@1'] == chosen['retrieval/rgb_R@1']
    mixture = [*only('rgb')[:3], *all_samples()[3:]]
    with pytest.raises(ValueError, match='streams differ from video to video'):
        run_metric(mixture)


@pytest.mark.parametrize('missing', ['gallery', 'query'])
def test_a_missing_split_is_an_error(missing):
    data_samples = [sample for sample in all_samples() if sample['role'] != missing]
    with pytest.raises(ValueError, match=f"no {missing} among .* role='gallery'"):
        run_metric(data_samples)


@pytest.mark.parametrize(
    'kwargs', [{'topk': ()}, {'topk': (0, 1)}, {'streams': 'rgb'}, {'streams': ()}]
)
def test_unfit_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match='topk must|streams must'):
        VideoRetrieval(**kwargs)
