"""Local motion contrast against the paper's equations, one time at a time."""

import numpy as np
import pytest
import torch

from ssvrl_mm.models.heads import LocalMotionContrast
from ssvrl_mm.models.utils import GlobalBatch

from ..mscl import lmcl

N, TIMES, C = 3, 4, 7


def features(seed=0, times=TIMES, channels=C):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, channels, times, generator=generator, dtype=torch.double)


def batch():
    return GlobalBatch(N, torch.device('cpu'))


@pytest.mark.parametrize(
    'negatives, count, columns',
    [('times', 0, TIMES), ('times', 1, 2 * TIMES), ('augmentations', 3, 4)],
    ids=['Eq. (5)', 'Eq. (6)', 'Eq. (10)'],
)
def test_equations(negatives, count, columns):
    local = LocalMotionContrast(negatives=negatives)
    rgb, flow = features(0), features(1)
    augmented = [features(2 + i) for i in range(count)]
    similarities, labels = local(rgb, flow, augmented)
    given = [rgb.numpy(), flow.numpy(), [x.numpy() for x in augmented]]
    exponents, expected, loss = lmcl(*given, negatives)
    assert similarities.shape == (N * TIMES, columns)
    np.testing.assert_allclose(similarities.numpy() / 0.07, exponents, rtol=1e-12)
    assert labels.tolist() == expected.tolist()
    found, logged = local.loss(rgb, flow, augmented, batch())
    assert found.item() == pytest.approx(loss, rel=1e-12)
    assert logged['top1_local'].item() == pytest.approx((exponents.argmax(1) == expected).mean())
    of_times = exponents[:, :TIMES].argmax(1) == expected
    if (negatives, count) == ('times', 1):
        assert logged['top1_local_times'].item() == pytest.approx(of_times.mean())
    else:
        assert set(logged) == {'top1_local'}


def test_augmented_flow_is_never_a_positive_and_queries_see_no_other_clip():
    local = LocalMotionContrast()
    leaves = [features(i).requires_grad_() for i in range(3)]
    similarities, labels = local(leaves[0], leaves[1], leaves[2:])
    assert labels.max() < TIMES
    own, turned = similarities[0, :TIMES].sum(), similarities[0, TIMES:].sum()
    (own + turned).backward()
    for leaf in leaves:
        assert leaf.grad[0].any() and not leaf.grad[1:].any()
    # Time 0 of RGB alone asks, and all times of flow answer.
    assert not leaves[0].grad[0, :, 1:].any()
    assert all(leaf.grad[0].any(dim=0).all() for leaf in leaves[1:])


@pytest.mark.parametrize('time_map', ['even', 'mean'])
@pytest.mark.parametrize('times', [4, 8, 12])
def test_flow_of_more_times_is_brought_to_those_of_rgb(time_map, times):
    rgb, flow, turned = features(0), features(1, times), features(2, times)
    step = times // TIMES

    def fitted(x):
        places = [[*range(i * step, (i + 1) * step)] for i in range(TIMES)]
        chosen = [p[:1] if time_map == 'even' else p for p in places]
        return np.stack([x.numpy()[:, :, p].mean(axis=2) for p in chosen], axis=2)

    similarities, _ = LocalMotionContrast(time_map=time_map)(rgb, flow, [turned])
    exponents, _, _ = lmcl(rgb.numpy(), fitted(flow), [fitted(turned)])
    np.testing.assert_allclose(similarities.numpy() / 0.07, exponents, rtol=1e-12)


def test_projections_come_before_the_norm_and_augmented_flow_shares_that_of_flow():
    torch.manual_seed(0)
    conv = dict(type='Conv1d', in_channels=5, out_channels=C, kernel_size=1)
    steps = [dict(conv, in_channels=C), dict(type='ReLU'), dict(conv, in_channels=C)]
    local = LocalMotionContrast(projections=dict(flow=conv, rgb=steps)).double()
    rgb, flow, turned = features(0), features(1, channels=5), features(2, channels=5)
    first, _, second = local.projections['rgb']
    of_flow = local.projections['flow']

    def applied(layer, x):
        weight, bias = layer.weight.detach().numpy()[:, :, 0], layer.bias.detach().numpy()
        return np.einsum('oc,nct->not', weight, x) + bias[:, None]

    hidden = np.maximum(applied(first, rgb.numpy()), 0)
    given = [applied(second, hidden), applied(of_flow, flow.numpy())]
    exponents, _, loss = lmcl(*given, [applied(of_flow, turned.numpy())])
    np.testing.assert_allclose(
        local(rgb, flow, [turned])[0].detach().numpy() / 0.07, exponents, rtol=1e-10
    )
    assert local.loss(rgb, flow, [turned], batch())[0].item() == pytest.approx(loss)


class NegativeDistance(torch.nn.Module):
    def forward(self, queries, keys):
        return -torch.cdist(queries, keys)


@pytest.mark.parametrize('negatives', ['times', 'augmentations'])
def test_another_similarity_and_temperature(negatives):
    local = LocalMotionContrast(
        negatives=negatives,
        similarity=dict(type=NegativeDistance),
        criterion=dict(type='InfoNCELoss', temperature=0.5),
    )
    x = [features(i) / features(i).norm(dim=1, keepdim=True) for i in range(3)]
    cosines = lmcl(*(part.numpy() for part in x[:2]), [x[2].numpy()], negatives, temperature=1)[0]
    similarities, labels = local(x[0], x[1], x[2:])
    np.testing.assert_allclose(similarities, -np.sqrt(2 - 2 * cosines), atol=1e-7)
    rows = np.exp(similarities.numpy() / 0.5)
    expected = -np.log(rows[np.arange(len(rows)), labels] / rows.sum(axis=1)).mean()
    assert local.loss(x[0], x[1], x[2:], batch())[0].item() == pytest.approx(expected)


def test_where_nothing_moves_accuracies_are_those_of_chance():
    local, still = LocalMotionContrast(), features(1)[:, :, :1].expand(-1, -1, TIMES)
    _, plain = local.loss(features(0), still, [], batch())
    assert plain['top1_local'].item() == pytest.approx(1 / TIMES)
    _, logged = local.loss(features(0), still, [still], batch())
    assert logged['top1_local'].item() == pytest.approx(1 / (2 * TIMES))
    assert logged['top1_local_times'].item() == pytest.approx(1 / TIMES)
    alone = LocalMotionContrast(negatives='augmentations')
    _, logged = alone.loss(features(0), still, [still] * 3, batch())
    assert logged['top1_local'].item() == pytest.approx(1 / 4)


def test_answers_name_the_candidate_that_is_nearest():
    rgb, flow, turned = features(0), features(1), features(2)
    exponents, labels, _ = lmcl(rgb.numpy(), flow.numpy(), [turned.numpy()])
    found = LocalMotionContrast().answers(rgb, flow, [turned])
    assert set(found) == {'local', 'local_augmented'}
    for task, columns in (('local', TIMES), ('local_augmented', 2 * TIMES)):
        answers, truths, choices = found[task]
        assert answers.tolist() == exponents[:, :columns].argmax(axis=1).tolist()
        assert truths.tolist() == labels.tolist() and choices == columns
    assert set(LocalMotionContrast().answers(rgb, flow)) == {'local'}
    alone = LocalMotionContrast(negatives='augmentations')
    answers, truths, choices = alone.answers(rgb, flow, [turned])['local_augmented']
    exponents, _, _ = lmcl(rgb.numpy(), flow.numpy(), [turned.numpy()], 'augmentations')
    assert answers.tolist() == exponents.argmax(axis=1).tolist()
    assert not truths.any() and choices == 2


def test_chance_decides_between_equals():
    still = torch.ones(200, C, TIMES)
    torch.manual_seed(0)
    answers = LocalMotionContrast().answers(still, still, [still])['local_augmented'][0]
    shares = np.bincount(answers.numpy(), minlength=2 * TIMES) / len(answers)
    # Standard deviation of each share: 0.012.
    np.testing.assert_allclose(shares, 1 / (2 * TIMES), atol=0.05)


def test_autocast_compares_in_float32():
    conv = dict(type='Conv1d', in_channels=C, out_channels=C, kernel_size=1)
    local = LocalMotionContrast(projections=dict(flow=conv))
    with torch.autocast('cpu', torch.bfloat16):
        similarities, _ = local(features(0).float(), features(1).bfloat16())
        loss, _ = local.loss(features(0).float(), features(1).bfloat16(), [], batch())
    assert similarities.dtype == loss.dtype == torch.float32


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(time_map='odd'), "time_map must be one of .* got 'odd'"),
        (dict(negatives='all'), "negatives must be one of .* got 'all'"),
        (dict(projections=dict(motion={})), "of 'rgb' and 'flow', got .'motion'"),
    ],
)
def test_refuses_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        LocalMotionContrast(**options)


@pytest.mark.parametrize(
    'options, rgb, flow, message',
    [
        ({}, features(0), features(1, times=6), 'flow of 6 times .* among 4 times of RGB'),
        ({}, features(0), features(1, times=2), 'flow of 2 times .* among 4 times of RGB'),
        ({}, features(0), features(1, channels=5), r'7 \(rgb\) and 5 \(flow\) channels'),
        ({}, features(0, times=1), features(1), r'1 time\(s\) and 0 augmentation\(s\)'),
        (dict(negatives='augmentations'), features(0), features(1), 'flow_augment'),
    ],
)
def test_refuses_features_that_do_not_fit(options, rgb, flow, message):
    with pytest.raises(ValueError, match=message):
        LocalMotionContrast(**options)(rgb, flow)


@pytest.mark.parametrize(
    'times, tasks', [(1, {'local_augmented'}), (2, {'local', 'local_augmented'})]
)
def test_one_time_alone_leaves_augmented_flow_to_be_told_from(times, tasks):
    x = [features(i, times) for i in range(3)]
    assert set(LocalMotionContrast().answers(x[0], x[1], x[2:])) == tasks
    _, logged = LocalMotionContrast().loss(x[0].requires_grad_(), x[1], x[2:], batch())
    assert ('top1_local_times' in logged) == (times == 2)
    assert not any(share.requires_grad for share in logged.values())
