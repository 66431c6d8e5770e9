import numpy as np
import torch

from ssvrl_mm.models.necks import TransformerPredictor

HEADS = 2


def predictor():
    torch.manual_seed(0)
    model = TransformerPredictor(
        6,
        in_size=(2, 3, 2),
        out_size=(1, 2, 3),
        channels=8,
        num_heads=HEADS,
        feedforward_channels=10,
        num_encoder_layers=2,
        num_decoder_layers=3,
    ).double()
    for parameter in model.parameters():  # the biases too, which start at 0
        parameter.data = 0.5 * torch.randn_like(parameter)
    return model


def transcription(w, maps):
    """One video: encoder and decoder of Vaswani et al., normalised after each addition."""

    def linear(x, name):
        return x @ w[f'{name}.weight'].T + w[f'{name}.bias']

    def norm(x, name):
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        return scaled * w[f'{name}.weight'] + w[f'{name}.bias']

    def attention(x, memory, name):
        q_weight, k_weight, v_weight = np.split(w[f'{name}.in_proj_weight'], 3)
        q_bias, k_bias, v_bias = np.split(w[f'{name}.in_proj_bias'], 3)
        q, k, v = (
            x @ q_weight.T + q_bias,
            memory @ k_weight.T + k_bias,
            memory @ v_weight.T + v_bias,
        )
        out = []
        for q_head, k_head, v_head in zip(
            *(np.split(part, HEADS, axis=1) for part in (q, k, v)), strict=True
        ):
            weights = np.exp(q_head @ k_head.T / np.sqrt(q_head.shape[1]))
            out.append(weights / weights.sum(axis=1, keepdims=True) @ v_head)
        return linear(np.concatenate(out, axis=1), f'{name}.out_proj')

    def feedforward(x, name):
        return linear(np.maximum(linear(x, f'{name}.linear1'), 0), f'{name}.linear2')

    x = linear(maps.reshape(len(maps), -1).T, 'embedding') + w['positions']
    for i in range(2):
        layer = f'transformer.encoder.layers.{i}'
        x = norm(x + attention(x, x, f'{layer}.self_attn'), f'{layer}.norm1')
        x = norm(x + feedforward(x, layer), f'{layer}.norm2')
    memory = norm(x, 'transformer.encoder.norm')
    y = w['queries']
    for i in range(3):
        layer = f'transformer.decoder.layers.{i}'
        y = norm(y + attention(y, y, f'{layer}.self_attn'), f'{layer}.norm1')
        y = norm(y + attention(y, memory, f'{layer}.multihead_attn'), f'{layer}.norm2')
        y = norm(y + feedforward(y, layer), f'{layer}.norm3')
    return norm(y, 'transformer.decoder.norm').T.reshape(8, 1, 2, 3)


def test_equals_a_transcription():
    model = predictor()
    maps = torch.randn(2, 6, 2, 3, 2, dtype=torch.double)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    expected = [transcription(weights, video.numpy()) for video in maps]
    np.testing.assert_allclose(model.eval()(maps).detach(), expected, rtol=1e-9, atol=1e-11)
    # PyTorch has another path without gradient.
    with torch.no_grad():
        np.testing.assert_allclose(model(maps), expected, rtol=1e-9, atol=1e-11)


def test_dropout_is_for_training_alone():
    model = predictor()
    maps = torch.randn(2, 6, 2, 3, 2, dtype=torch.double)
    assert not torch.equal(model(maps), model(maps))
    model.eval()
    assert torch.equal(model(maps), model(maps))


def test_layers_start_apart_from_each_other():
    model = TransformerPredictor(6, channels=8, num_heads=2, feedforward_channels=10)
    for layers in (model.transformer.encoder.layers, model.transformer.decoder.layers):
        first, second = (layer.linear1.weight for layer in layers[:2])
        assert not torch.equal(first, second)
    # Small embeddings of positions that all differ.
    assert model.positions.std() < 0.03
    assert len(model.positions.unique(dim=0)) == 2 * 7 * 7


def test_the_papers_sizes_are_the_defaults():
    model = TransformerPredictor(2048)
    assert (len(model.transformer.encoder.layers), len(model.transformer.decoder.layers)) == (2, 4)
    assert model.positions.shape == (98, 512)
    assert model.queries.shape == (49, 512)
    assert model.transformer.nhead == 8
    layer = model.transformer.encoder.layers[0]
    assert layer.linear1.weight.shape == (512, 512)
    assert layer.dropout.p == 0.1
