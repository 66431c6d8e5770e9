import pytest
import torch

from ssvrl_mm.models.losses import CharbonnierLoss
from ssvrl_mm.models.view_synthesis import FlowEstimator, predict_first
from tests.clips import translating

from .test_warping import as_clip


@pytest.fixture
def estimator():
    torch.manual_seed(0)
    network = FlowEstimator((4, 6, 8))
    torch.nn.init.normal_(network.flow.weight, std=0.1)
    return network


def test_sizes_need_not_be_even(estimator):
    assert estimator(torch.rand(2, 3, 4, 19, 22)).shape == (2, 2, 3, 19, 22)


def test_it_starts_without_motion():
    assert FlowEstimator((4,))(torch.rand(1, 3, 2, 8, 8)).abs().max() == 0


def test_layers_begin_with_the_deviation_that_rectifiers_keep():
    torch.manual_seed(0)
    network = FlowEstimator()
    for block in (*network.down, *network.up):
        weight, bias = block[0].weight, block[0].bias
        expected = (2 / weight[0].numel()) ** 0.5
        assert weight.std().item() == pytest.approx(expected, rel=0.05) and not bias.any()
    assert [block[0].out_channels for block in network.down] == [32, 64, 96, 128]


def test_a_field_is_of_its_two_frames_alone(estimator):
    clips = torch.rand(2, 3, 5, 16, 16)
    flow = estimator(clips)
    for n in range(2):
        for t in range(4):
            alone = estimator(clips[n : n + 1, :, t : t + 2])
            torch.testing.assert_close(alone[0, :, 0], flow[n, :, t])
    # The order of the two counts.
    assert (estimator(clips.flip(2)) - flow.flip(2)).abs().max() > 1e-3


def test_every_weight_has_a_say(estimator):
    estimator(torch.rand(1, 3, 3, 16, 16)).square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in estimator.parameters())


def test_it_learns_where_a_texture_moves():
    torch.manual_seed(0)
    estimator = FlowEstimator((16, 16, 16))
    optimizer = torch.optim.Adam(estimator.parameters(), lr=5e-3)
    criterion = CharbonnierLoss()
    known = [(1, 0), (-1, 0), (0, 1), (0, -1)]
    clips = torch.cat(
        [as_clip(translating(3, dx=dx, dy=dy))[..., :32, :32] / 255 for dx, dy in known]
    ).float()
    for _ in range(60):
        loss = criterion(predict_first(clips, estimator(clips)), clips[:, :, :-1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = estimator(clips)[..., 4:-4, 4:-4].flatten(2).median(dim=2).values
    torch.testing.assert_close(found, torch.tensor(known).float(), atol=0.3, rtol=0)


@pytest.mark.parametrize('shape', [(1, 3, 1, 8, 8), (1, 2, 4, 8, 8), (3, 4, 8, 8)])
def test_clips_without_motion_are_refused(estimator, shape):
    with pytest.raises(ValueError, match='two frames or more'):
        estimator(torch.zeros(shape))


def test_there_must_be_channels():
    with pytest.raises(ValueError, match='channels of one size'):
        FlowEstimator(())
