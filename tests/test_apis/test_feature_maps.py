"""Maps of networks that are made by hand, so that what is to be seen in them is known."""

import numpy as np
import pytest
import torch
from torch import nn

from ssvrl_mm.apis.feature_maps import (
    LayerError,
    activation_map,
    at_frames,
    find_layers,
    find_networks,
    grad_cam,
    normalised,
    recording,
)


class Model(nn.Module):
    """Networks by name, of which each sees its own input; scores by a linear layer of means."""

    def __init__(self, **networks):
        super().__init__()
        for name, network in networks.items():
            self.add_module(name, network)
        self.inputs = [name for name in networks if name != 'fc']

    def forward(self, clips):
        maps = [getattr(self, name)(clips) for name in self.inputs]
        return self.fc(maps[-1].flatten(2).mean(dim=2)) if hasattr(self, 'fc') else maps


class OfStreams(nn.Module):
    """A network of several streams, each with a layer of its own, of which two maps come out."""

    streams = ('iframe', 'motion')

    def __init__(self):
        super().__init__()
        self.stem = nn.Identity()
        self.paths = nn.ModuleDict({s: nn.Sequential(nn.AvgPool3d(2)) for s in self.streams})

    def forward(self, inputs):
        return {s: (self.stem(inputs[s]), self.paths[s](inputs[s])) for s in self.streams}


def test_networks_are_found_and_their_copies_are_not():
    inner = Model(backbone=OfStreams(), backbone_flow=nn.Identity())
    model = Model(backbone=inner, key_backbone_rgb=nn.Identity(), head=nn.Identity())
    found = [(each.path, each.stream) for each in find_networks(model)]
    assert found == [('backbone.backbone', None), ('backbone.backbone_flow', 'flow')]
    fused = nn.Module()
    fused.classifiers = nn.ModuleDict(dict(a=Model(backbone=nn.Identity()), b=nn.Identity()))
    found = [(each.path, each.stream) for each in find_networks(fused)]
    assert found == [('classifiers.a.backbone', 'a'), ('classifiers.b', 'b')]
    with pytest.raises(TypeError, match='Linear has no backbone'):
        find_networks(nn.Linear(1, 1))


def test_layers_are_named_within_a_network_or_the_model():
    deep = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Tanh()), nn.Sigmoid())
    model = Model(backbone_rgb=deep, backbone_motion=nn.Sequential(nn.ReLU()), backbone=OfStreams())
    networks = find_networks(model)

    def found(layer):
        return [(each.stream, type(module)) for each, module in find_layers(networks, layer)]

    assert found('1') == [('rgb', nn.Sigmoid)]
    assert found('0') == [('rgb', nn.Sequential), ('motion', nn.ReLU)]
    assert found('backbone_rgb.0.1') == [('rgb', nn.Tanh)]
    assert found('backbone_motion') == [('motion', nn.Sequential)]
    assert found('paths.motion.0') == [('motion', nn.AvgPool3d)]
    assert [of for of, _ in found(None)] == ['rgb', 'motion', None]
    with pytest.raises(LayerError, match=r"no layer 'path.motion' .*; did you mean paths.motion"):
        found('path.motion')
    with pytest.raises(LayerError, match="no layer 'x' .*; there are 0, 0.0, 0.1, 1, stem, "):
        found('x')
    with pytest.raises(LayerError, match=r"stem of OfStreams is of none of the streams \('ifr"):
        found('stem')


def test_each_stream_has_its_last_map_and_its_own_number_of_frames():
    model = Model(backbone=OfStreams())
    clips = dict(iframe=torch.rand(1, 3, 2, 8, 8), motion=torch.rand(1, 2, 10, 8, 8))
    clips['motion'].requires_grad_()
    with recording(find_layers(find_networks(model), None), 'rgb') as found:
        model(clips)
    assert {s: each.clip_len for s, each in found.items()} == dict(iframe=2, motion=10)
    # Leaves, which hold no graph of what is before them.
    assert all(each.output.is_leaf and each.output.requires_grad for each in found.values())
    wanted = nn.functional.avg_pool3d(clips['motion'], 2)
    assert torch.equal(found['motion'].output, wanted)
    # The hooks are gone.
    with recording([], 'rgb') as nothing:
        model(clips)
    assert not nothing and len(found) == 2


def test_a_frozen_network_has_gradients_and_what_follows_may_write_into_its_map():
    network = nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(inplace=True))
    network.requires_grad_(False)
    model = Model(backbone=network, fc=nn.Linear(4, 2))
    clip = torch.rand(1, 3, 4, 6, 6)
    plain = model(clip)
    with recording(find_layers(find_networks(model), '0'), 'rgb') as found:
        scores = model(clip)
    torch.testing.assert_close(scores, plain)
    (gradient,) = torch.autograd.grad(scores[0, 1], found['rgb'].output)
    # Behind ReLU and the mean over 4 x 6 x 6 places.
    is_open = found['rgb'].output > 0
    wanted = model.fc.weight[1].view(1, 4, 1, 1, 1) * is_open / 144
    torch.testing.assert_close(gradient, wanted.detach())


def test_layers_that_give_no_map_or_many_say_so():
    def run(network, layer, count):
        model = Model(backbone=network)
        with recording(find_layers(find_networks(model), layer), 'rgb'):
            model(torch.rand(count, 3, 2, 2, 2))

    with pytest.raises(LayerError, match=r'rgb: a map .* got \(1, 3, 8\): .* by --layer'):
        run(nn.Flatten(2), None, 1)
    # A layer that is run twice, and one that is run on two clips.
    same = nn.Identity()
    for network, count in ((nn.Sequential(same, nn.ReLU(), same), 1), (nn.Sequential(same), 2)):
        with pytest.raises(LayerError, match='rgb: the layer gives several maps of one clip'):
            run(network, '0', count)


def test_activation_map_is_the_mean_of_squares():
    clip = np.random.default_rng(0).normal(size=(1, 5, 2, 3, 4)).astype(np.float32)
    found = activation_map(torch.from_numpy(clip).requires_grad_())
    np.testing.assert_allclose(found.numpy(), (clip[0] ** 2).mean(axis=0), rtol=1e-6)
    # Single frames lie along the batch.
    frames = activation_map(torch.from_numpy(clip[0].swapaxes(0, 1).copy()))
    np.testing.assert_allclose(frames.numpy(), found.numpy(), rtol=1e-6)


def test_grad_cam_is_that_of_the_paper():
    rng = np.random.default_rng(1)
    values, gradients = (rng.normal(size=(6, 2, 3, 4)) for _ in range(2))
    alpha = gradients.reshape(6, -1).mean(axis=1)
    wanted = np.maximum(np.tensordot(alpha, values, axes=1), 0)
    found = grad_cam(*(torch.from_numpy(each[None]) for each in (values, gradients)))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-7)
    assert (wanted > 0).any() and (wanted == 0).any()


def test_maps_go_from_0_to_1_unless_they_are_flat():
    raw = torch.tensor([[[3.0, 5.0, 4.0]]])
    assert normalised(raw).tolist() == [[[0.0, 1.0, 0.5]]]
    assert not normalised(torch.full((2, 2, 2), 7.0)).any()
    assert not normalised(1 + 1e-7 * torch.rand(2, 2, 2)).any()
    assert normalised(1e-9 * raw).max() == 1
    with pytest.raises(ValueError, match='not finite'):
        normalised(torch.tensor([[[1.0, float('nan')]]]))


def test_cells_lie_where_their_part_of_the_clip_does():
    # A map that grows by one from cell to cell is x / 4 - 3 / 8 at px x, the middle of cell 0 at
    # 1.5; likewise over time, of which a cell is two frames.
    cells = torch.arange(4.0).expand(3, 2, 4)
    large = at_frames(cells, 6, [0, 3, 5], (8, 16))
    assert large.shape == (3, 8, 16)
    wanted = ((torch.arange(16.0) + 0.5) / 4 - 0.5).clamp(0, 3)
    torch.testing.assert_close(large, wanted.expand(3, 8, 16))
    times = at_frames(torch.arange(3.0).view(3, 1, 1), 6, range(6), (1, 1)).flatten()
    torch.testing.assert_close(times, torch.tensor([0.0, 0.25, 0.75, 1.25, 1.75, 2.0]))
