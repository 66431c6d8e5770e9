import numpy as np
import pytest
import torch

from ssvrl_mm.models.necks import PointwiseMLP
from ssvrl_mm.registry import MODELS

from ..in_batch import maps_of, perceptron, rows_of


def mlp():
    torch.manual_seed(0)
    module = PointwiseMLP(6, hidden_channels=5, out_channels=4).double()
    for name, buffer in [*module.named_parameters(), *module.named_buffers()]:
        if '.bn' in name and 'num_batches' not in name:
            buffer.data.uniform_(0.5, 1.5)
    return module


def batch_statistics(rows):
    return rows.mean(axis=0), rows.var(axis=0, ddof=1)


@pytest.mark.parametrize('size', [(), (3,), (2, 3), (1, 2, 3)])
def test_equals_a_perceptron_at_each_position(size):
    module, maps = mlp().eval(), torch.randn(3, 6, *size, dtype=torch.double)
    with torch.no_grad():
        projected = module(maps).numpy()
    array = maps.numpy()
    expected = maps_of(perceptron(module.layers, rows_of(array)), array)
    np.testing.assert_allclose(projected, expected, rtol=1e-10, atol=1e-12)


def test_statistics_are_over_all_positions_of_the_batch():
    module, maps = mlp(), torch.randn(3, 6, 2, 3, 3, dtype=torch.double)
    before = module.layers.bn1.running_mean.numpy().copy()
    with torch.no_grad():
        projected = rows_of(module(maps).numpy())
    weight, bias = (p.detach().numpy() for p in module.layers.conv1.parameters())
    mean, _ = batch_statistics(rows_of(maps.numpy()) @ weight[:, :, 0].T + bias)
    np.testing.assert_allclose(module.layers.bn1.running_mean, 0.9 * before + 0.1 * mean)
    # The output is normalised, then scaled and shifted by the second BatchNorm.
    scale, shift = (p.detach().numpy() for p in module.layers.bn2.parameters())
    np.testing.assert_allclose(projected.mean(axis=0), shift, atol=1e-10)
    np.testing.assert_allclose(projected.std(axis=0), scale, rtol=1e-3)


def test_the_papers_sizes_are_the_defaults():
    module = MODELS.build(dict(type='ssvrl_mm.PointwiseMLP', in_channels=256))
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    assert shapes == {
        'layers.conv1.weight': (2048, 256, 1),
        'layers.conv1.bias': (2048,),
        'layers.bn1.weight': (2048,),
        'layers.bn1.bias': (2048,),
        'layers.conv2.weight': (512, 2048, 1),
        'layers.bn2.weight': (512,),
        'layers.bn2.bias': (512,),
    }
    assert module.out_channels == 512


def test_layout_in_memory_does_not_matter():
    module, maps = mlp().eval(), torch.randn(2, 6, 2, 3, 3, dtype=torch.double)
    other = maps.to(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(module(other), module(maps), rtol=1e-12, atol=1e-14)
