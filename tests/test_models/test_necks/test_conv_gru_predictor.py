import numpy as np
import pytest
import torch

from ssvrl_mm.models.necks import ConvGRUPredictor


def predictor(**kwargs):
    torch.manual_seed(0)
    settings = dict(in_size=(3, 4, 6), out_size=(3, 4, 6), channels=5, kernel_size=3, num_layers=2)
    model = ConvGRUPredictor(6, **{**settings, **kwargs}).double()
    for parameter in model.parameters():  # the biases too, which start at 0
        parameter.data = 0.4 * torch.randn_like(parameter)
    return model


def conv(w, name, maps):
    """Correlation with zero padding, (C, H, W), position by position."""
    weight, bias = w[f'{name}.weight'], w[f'{name}.bias']
    size, margin = weight.shape[2], weight.shape[2] // 2
    padded = np.pad(maps, ((0, 0), (margin, margin), (margin, margin)))
    out = np.empty((len(weight), *maps.shape[1:]))
    for y, x in np.ndindex(maps.shape[1:]):
        window = padded[:, y : y + size, x : x + size]
        out[:, y, x] = (weight * window).sum(axis=(1, 2, 3)) + bias
    return out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def transcription(w, video, num_layers, num_predictions, shrink):
    """One video: a GRU over its frames, then over its own predictions."""
    states = [0] * num_layers

    def step(x):
        for i in range(num_layers):
            h = states[i] + np.zeros_like(x)
            reset, update = np.split(
                sigmoid(conv(w, f'cells.{i}.gates', np.concatenate([x, h]))), 2
            )
            new = np.tanh(conv(w, f'cells.{i}.candidate', np.concatenate([x, reset * h])))
            states[i] = x = (1 - update) * h + update * new

    def predict():
        hidden = np.maximum(conv(w, 'prediction.0', states[-1]), 0)
        return conv(w, 'prediction.2', hidden)

    for frame in video.swapaxes(0, 1):
        embedded = np.maximum(conv(w, 'embedding', frame), 0)
        if shrink:  # half the size by bilinear interpolation: the mean of each 2 x 2
            embedded = embedded.reshape(5, 2, 2, 3, 2).mean(axis=(2, 4))
        step(embedded)
    predictions = [predict()]
    for _ in range(num_predictions - 1):
        step(np.maximum(predictions[-1], 0))
        predictions.append(predict())
    return np.stack(predictions, axis=1)


@pytest.mark.parametrize(
    'num_layers, kernel_size, out_size',
    [(1, 1, (1, 4, 6)), (1, 5, (1, 4, 6)), (1, 3, (3, 4, 6)), (2, 3, (3, 4, 6)), (2, 1, (2, 2, 3))],
)
def test_equals_a_transcription(num_layers, kernel_size, out_size):
    model = predictor(num_layers=num_layers, kernel_size=kernel_size, out_size=out_size).eval()
    maps = torch.randn(2, 6, 3, 4, 6, dtype=torch.double)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    shrink = out_size[1:] != (4, 6)
    expected = [
        transcription(weights, video.numpy(), num_layers, out_size[0], shrink) for video in maps
    ]
    np.testing.assert_allclose(model(maps).detach(), expected, rtol=1e-10, atol=1e-12)


def test_dropout_is_for_training_alone():
    model, maps = predictor(dropout=0.5), torch.randn(1, 6, 3, 4, 6, dtype=torch.double)
    assert not torch.equal(model(maps), model(maps))
    model.eval()
    assert torch.equal(model(maps), model(maps))


def test_gru_starts_orthogonal():
    for cell in ConvGRUPredictor(6, channels=8, num_layers=2, kernel_size=3).cells:
        for layer in (cell.gates, cell.candidate):
            rows = layer.weight.detach().flatten(1)
            torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), atol=1e-5, rtol=0)
            assert not layer.bias.any()


@pytest.mark.parametrize('arguments', [dict(kernel_size=2), dict(num_layers=0)])
def test_refuses_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        predictor(**arguments)
