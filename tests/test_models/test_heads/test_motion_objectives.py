import numpy as np
import pytest
import torch
from torch import nn

from ssvrl_mm.models.heads import MotionClassification, MotionRegression, PointwiseContrast
from tests.processes import run_processes

from ..in_batch import maps_of, motion_prediction, perceptron, rows_of
from ..tiny import info_nce

E = np.exp(1 / 0.1)  # the weight of a candidate that equals the query


def contrast(size=(1, 2, 3), **kwargs):
    torch.manual_seed(0)
    settings = dict(motion_channels=5, hidden_channels=8, out_channels=4, criterion=info_nce(0.1))
    return PointwiseContrast(6, size, **{**settings, **kwargs}).double().eval()


def random_maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


@pytest.mark.parametrize(
    'n, num_clips, size', [(1, 1, (1, 2, 2)), (2, 3, (1, 2, 3)), (3, 2, (2, 2, 1))]
)
@pytest.mark.parametrize('temperature', [0.1, 0.7])
def test_equals_equation_2(n, num_clips, size, temperature):
    objective = contrast(size, criterion=info_nce(temperature))
    predicted, motion = random_maps(n, 6, *size), random_maps(n, num_clips, 5, *size, seed=1)
    flat = motion.flatten(0, 1).numpy()
    v_hat = maps_of(
        perceptron(objective.prediction_mlp.layers, rows_of(predicted.numpy())), predicted
    )
    v = maps_of(perceptron(objective.motion_mlp.layers, rows_of(flat)), flat)
    expected = motion_prediction(v.reshape(n, num_clips, *v.shape[1:]), v_hat, temperature)
    loss, log = objective(predicted, motion)
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-10, atol=1e-14)
    assert list(log) == ['top1_motion']


N, CLIPS, SIZE = 2, 3, (1, 2, 2)
POSITIONS = 4
CANDIDATES = N * CLIPS * POSITIONS


@pytest.fixture
def one_hot():
    """Motion features that are all orthogonal, and an objective that takes them as they are."""
    objective = PointwiseContrast(
        CANDIDATES, SIZE, info_nce(0.1), motion_channels=CANDIDATES
    ).double()
    objective.prediction_mlp = objective.motion_mlp = nn.Identity()
    rows = torch.eye(CANDIDATES, dtype=torch.double).view(N, CLIPS, *SIZE, CANDIDATES)
    return objective, rows.movedim(-1, 2)


def test_positive_is_the_same_video_place_and_time_in_the_first_clip(one_hot):
    objective, motion = one_hot
    others = CANDIDATES - 1
    loss, log = objective(motion[:, 0], motion)
    assert loss.item() == pytest.approx(np.log((E + others) / E))
    assert log['top1_motion'] == 1
    wrong = {
        'clip': motion[:, 1],
        'last clip': motion[:, 2],
        'video': motion[:, 0].flip(0),
        'row': motion[:, 0].flip(3),
        'column': motion[:, 0].flip(4),
        'transposed': motion[:, 0].transpose(3, 4),
    }
    for name, predicted in wrong.items():
        loss, log = objective(predicted, motion)
        right = 0.5 if name == 'transposed' else 0  # the diagonal stays
        expected = np.log(E + others) - right * np.log(E)
        assert loss.item() == pytest.approx(expected), name
        assert log['top1_motion'] == right, name


def test_every_other_candidate_is_a_negative(one_hot):
    objective, motion = one_hot
    predicted = motion[:, 0]
    query = predicted[0, :, 0, 0, 0]
    others = CANDIDATES - 1
    usual = np.log((E + others) / E)
    for sample, clip, row, column in np.ndindex(N, CLIPS, 2, 2):
        changed = motion.clone()
        changed[sample, clip, :, 0, row, column] = query
        terms = np.full(N * POSITIONS, usual)
        if (sample, clip, row, column) != (0, 0, 0, 0):
            terms[0] = np.log((2 * E + others - 1) / E)  # the query has a rival
            if clip == 0:  # and the place's own query has lost its positive
                terms[1] = np.log(CANDIDATES)
        loss, _ = objective(predicted, changed)
        assert loss.item() == pytest.approx(terms.mean()), (sample, clip, row, column)


def test_gradient_pulls_the_first_clip_and_pushes_the_others():
    objective = PointwiseContrast(4, (1, 1, 1), info_nce(0.1), motion_channels=4).double()
    objective.prediction_mlp = objective.motion_mlp = nn.Identity()
    predicted, motion = random_maps(1, 4, 1, 1, 1), random_maps(1, 4, 4, 1, 1, 1, seed=1)
    loss, _ = objective(predicted, motion.requires_grad_())
    loss.backward()
    towards_the_query = (motion.grad * predicted[:, None]).sum(dim=2).flatten()
    assert (towards_the_query < 0).tolist() == [True, False, False, False]


def test_order_of_the_batch_and_of_the_negatives_does_not_matter():
    objective = contrast().train()
    predicted, motion = random_maps(4, 6, 1, 2, 3), random_maps(4, 4, 5, 1, 2, 3, seed=1)
    loss, _ = objective(predicted, motion)
    order = [2, 0, 3, 1]
    permuted, _ = objective(predicted[order], motion[order])
    torch.testing.assert_close(permuted, loss, rtol=1e-10, atol=0)
    permuted, _ = objective(predicted, motion[:, [0, 3, 1, 2]])
    torch.testing.assert_close(permuted, loss, rtol=1e-10, atol=0)
    exchanged, _ = objective(predicted, motion[:, [1, 0, 2, 3]])
    assert not torch.isclose(exchanged, loss)


def pooled(motion, target_size):
    """View 0, averaged over blocks; the size divides."""
    field = motion[:, 0].numpy()
    blocks = []
    for size, target in zip(field.shape[2:], target_size, strict=True):
        blocks += [target, size // target]
    return field.reshape(*field.shape[:2], *blocks).mean(axis=(3, 5, 7))


def read_out(objective, predicted, values):
    """What each target cell is told: by the position it lies in, from the weights."""
    weight = objective.readout.weight.detach().numpy().reshape(-1, predicted.shape[1])
    bias = objective.readout.bias.detach().numpy()
    out = np.empty((len(predicted), values, 2, *objective.target_size))
    for cell in np.ndindex(objective.target_size):
        position = tuple(c // s for c, s in zip(cell, objective.cells, strict=True))
        within = tuple(c % s for c, s in zip(cell, objective.cells, strict=True))
        numbers = predicted.numpy()[(..., *position)] @ weight.T + bias
        numbers = numbers.reshape(-1, values, 2, *objective.cells)
        out[(..., *cell)] = numbers[(..., *within)]
    return out


OUT, TARGET = (1, 2, 3), (4, 4, 6)


@pytest.fixture
def values():
    predicted = random_maps(2, 6, *OUT)
    motion = random_maps(2, 3, 2, 8, 8, 12, seed=1).clamp(-1.5, 1.5)
    return predicted, motion


def test_regression_equals_its_formula(values):
    torch.manual_seed(0)
    objective, (predicted, motion) = MotionRegression(6, OUT, TARGET).double(), values
    loss, log = objective(predicted, motion)
    errors = read_out(objective, predicted, 1)[:, 0] - pooled(motion, TARGET)
    np.testing.assert_allclose(loss.item(), (errors**2).mean(), rtol=1e-12)
    assert log == {}


@pytest.mark.parametrize('num_bins', [2, 5, 8])
def test_classification_equals_its_formula(values, num_bins):
    torch.manual_seed(0)
    objective = MotionClassification(6, OUT, TARGET, num_bins).double()
    predicted, motion = values
    motion = 2 * motion  # means of blocks are small
    logits = read_out(objective, predicted, num_bins)
    target = pooled(motion, TARGET)
    bins = np.digitize(target, np.linspace(-1, 1, num_bins + 1)[1:-1])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    chosen = np.take_along_axis(probabilities, bins[:, None], axis=1)
    loss, log = objective(predicted, motion)
    np.testing.assert_allclose(loss.item(), -np.log(chosen).mean(), rtol=1e-12)
    hits = (logits.argmax(axis=1) == bins).mean()
    assert log['top1_motion'].item() == pytest.approx(hits)
    assert len(np.unique(bins)) == num_bins


def of_share(rank, sizes):
    """The losses of the samples that a process holds, and the gradients of the readouts."""
    own = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
    predicted, motion = random_maps(4, 6, *OUT), random_maps(4, 1, 2, 8, 8, 12, seed=1)
    results = []
    for build in (MotionRegression, MotionClassification):
        torch.manual_seed(0)
        objective = build(6, OUT, TARGET).double()
        loss, _ = objective(predicted[own], motion[own])
        loss.backward()
        results.append((loss.detach(), objective.readout.weight.grad))
    return results


def test_average_over_processes_is_that_of_the_global_batch(tmp_path):
    predicted, motion = random_maps(4, 6, *OUT), random_maps(4, 1, 2, 8, 8, 12, seed=1)
    torch.manual_seed(0)
    objective = MotionRegression(6, OUT, TARGET).double()
    errors = (read_out(objective, predicted, 1)[:, 0] - pooled(motion, TARGET)) ** 2
    by_sample = errors.mean(axis=(1, 2, 3, 4))
    assert abs(by_sample.mean() - (by_sample[0] + by_sample[1:].mean()) / 2) > 1e-3

    alone, together = of_share(0, [4]), run_processes(of_share, tmp_path, [1, 3])
    assert alone[0][0].item() == pytest.approx(errors.mean(), rel=1e-12)
    for expected, first, second in zip(alone, *together, strict=True):
        for whole, *parts in zip(expected, first, second, strict=True):
            torch.testing.assert_close(sum(parts) / 2, whole, rtol=1e-10, atol=1e-14)


def test_bins_are_uniform_and_the_outer_ones_are_open():
    objective = MotionClassification(6, OUT, TARGET, num_bins=5)
    edges = torch.tensor([-7.0, -1.0, -0.61, -0.59, -0.19, 0.0, 0.19, 0.21, 0.61, 1.0, 7.0])
    assert objective.quantise(edges).tolist() == [0, 0, 0, 1, 2, 2, 2, 3, 4, 4, 4]


@pytest.mark.parametrize('objective', [MotionRegression, MotionClassification])
def test_each_position_tells_its_own_cells_of_the_first_clip(objective, values):
    model, (predicted, motion) = objective(6, OUT, TARGET).double(), values
    told = model.read_out(predicted)
    changed = predicted.clone()
    changed[:, :, 0, 1, 2] += 1
    moved = (model.read_out(changed) != told).any(dim=2).any(dim=1)[0]
    expected = torch.zeros(TARGET, dtype=torch.bool)
    expected[:, 2:, 4:] = True
    assert torch.equal(moved, expected)
    loss, _ = model(predicted, motion)
    other = torch.cat([motion[:, :1], torch.zeros_like(motion[:, 1:])], dim=1)
    assert torch.equal(model(predicted, other)[0], loss)


def test_default_target_of_the_papers_sizes():
    for objective in (MotionRegression(512, (1, 7, 7)), MotionClassification(512, (1, 7, 7))):
        assert objective.target_size == (8, 14, 14)
        predicted, motion = torch.rand(1, 512, 1, 7, 7), torch.rand(1, 1, 2, 8, 112, 112)
        assert objective(predicted, motion)[0].dim() == 0
        assert objective.target(motion)[0, 0, 3, 2, 5] == pytest.approx(
            motion[0, 0, 0, 3, 16:24, 40:48].mean().item(), rel=1e-5
        )


def test_who_takes_features():
    assert PointwiseContrast.needs_features
    assert not MotionRegression.needs_features
    assert not MotionClassification.needs_features


def test_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r'\(5, 1, 2, 3\) are predicted, got \(5, 1, 3, 2\)'):
        contrast()(random_maps(1, 6, 1, 2, 3), random_maps(1, 2, 5, 1, 3, 2))
    with pytest.raises(ValueError, match=r'motion vectors.*\(1, 1, 3, 8, 8, 6\)'):
        MotionRegression(6, OUT, TARGET)(torch.rand(1, 6, *OUT), torch.rand(1, 1, 3, 8, 8, 6))
    with pytest.raises(ValueError, match=r'\(4, 5, 3\) must be a multiple.*\(1, 2, 3\)'):
        MotionRegression(6, OUT, (4, 5, 3))
    with pytest.raises(ValueError, match='num_bins'):
        MotionClassification(6, OUT, TARGET, num_bins=1)
