import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ssvrl_mm.models.necks import DETRPredictor

HEADS = 2


def predictor(**options):
    torch.manual_seed(0)
    model = DETRPredictor(
        6,
        in_size=(2, 3, 2),
        out_size=(1, 2, 3),
        channels=8,
        num_heads=HEADS,
        num_encoder_layers=2,
        num_decoder_layers=3,
        **options,
    ).double()
    for parameter in model.parameters():  # the biases too, which start at 0
        parameter.data = 0.5 * torch.randn_like(parameter)
    return model


def transcription(w, maps):
    """The released computation for one video, in its order: tokens first, one layer at a time."""

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], w[f'{name}.weight'], w[f'{name}.bias'])

    def attention(q, k, v, name):
        weights = w[f'{name}.in_proj_weight'].chunk(3)
        biases = w[f'{name}.in_proj_bias'].chunk(3)
        q, k, v = (
            F.linear(x, weight, bias).unflatten(1, (HEADS, -1)).transpose(0, 1)
            for x, weight, bias in zip((q, k, v), weights, biases, strict=True)
        )
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        found = (scores.softmax(dim=-1) @ v).transpose(0, 1).flatten(1)
        return F.linear(found, w[f'{name}.out_proj.weight'], w[f'{name}.out_proj.bias'])

    def feed_forward(x, name):
        hidden = F.linear(x, w[f'{name}.linear1.weight'], w[f'{name}.linear1.bias']).clamp(min=0)
        return F.linear(hidden, w[f'{name}.linear2.weight'], w[f'{name}.linear2.bias'])

    k_pos, q_pos = w['positions'], w['queries']
    memory = maps.permute(1, 2, 3, 0).reshape(-1, 6) @ w['embedding.weight'].T
    for i in range(2):
        name = f'encoder.{i}.self_attention'
        q = memory + k_pos
        memory = norm(memory + attention(q, q, memory, f'{name}.attention'), f'{name}.norm')
        name = f'encoder.{i}.feed_forward'
        memory = norm(memory + feed_forward(memory, name), f'{name}.norm')
    x = torch.zeros_like(q_pos)
    for i in range(3):
        name = f'decoder.{i}.self_attention'
        q = x + q_pos
        x = norm(x + attention(q, q, x, f'{name}.attention'), f'{name}.norm')
        name = f'decoder.{i}.cross_attention'
        found = attention(x + q_pos, memory + k_pos, memory, f'{name}.attention')
        x = norm(x + found, f'{name}.norm')
        name = f'decoder.{i}.feed_forward'
        x = norm(x + feed_forward(x, name), f'{name}.norm')
    return x.T.reshape(8, 1, 2, 3)


@pytest.mark.parametrize('hidden', [None, 10])
def test_equals_a_transcription(hidden):
    model = predictor(feedforward_channels=hidden).eval()
    maps = torch.randn(2, 6, 2, 3, 2, dtype=torch.double)
    weights = {name: value.detach() for name, value in model.state_dict().items()}
    expected = torch.stack([transcription(weights, video) for video in maps])
    torch.testing.assert_close(model(maps), expected, rtol=1e-9, atol=1e-11)
    with torch.no_grad():  # another path of PyTorch's attention
        torch.testing.assert_close(model(maps), expected, rtol=1e-9, atol=1e-11)
    assert model.encoder[0].feed_forward.linear1.weight.shape == (hidden or 8, 8)


def test_every_dropout_is_for_training_alone():
    maps = torch.randn(2, 6, 2, 3, 2, dtype=torch.double)
    model = predictor(dropout=0.3)
    dropouts = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    attentions = [m for m in model.modules() if isinstance(m, nn.MultiheadAttention)]
    # Per layer: one after each attention, two in the feed-forward part.
    assert len(dropouts) == 2 * 3 + 3 * 4
    assert {m.p for m in dropouts} == {m.dropout for m in attentions} == {0.3}
    assert torch.equal(model.eval()(maps), model(maps))
    for chosen in [*dropouts, *attentions]:
        model.eval()
        chosen.train()
        assert not torch.equal(model(maps), model(maps))


def test_released_sizes_and_number_of_parameters():
    with torch.device('meta'):
        model, wide = DETRPredictor(512), DETRPredictor(2048)
    attention, norm, hidden = 4 * (512 + 1) * 512, 2 * 512, 2 * (512 + 1) * 512
    layers = 2 * (attention + hidden + 2 * norm) + 4 * (2 * attention + hidden + 3 * norm)
    count = layers + (98 + 49 + 512) * 512
    assert sum(p.numel() for p in model.parameters()) == count == 14_011_904
    assert f'{count:,}' in DETRPredictor.__doc__
    assert sum(p.numel() for p in wide.parameters()) == count + (2048 - 512) * 512
    assert {m.num_heads for m in model.modules() if isinstance(m, nn.MultiheadAttention)} == {8}
    assert {m.p for m in model.modules() if isinstance(m, nn.Dropout)} == {0.1}


def test_initial_weights():
    torch.manual_seed(0)
    model = DETRPredictor(512)
    model.init_weights()
    for name, parameter in model.named_parameters():
        if name in ('positions', 'queries'):
            assert parameter.min() >= 0 and parameter.max() <= 1
            assert parameter.std().item() == pytest.approx(12**-0.5, rel=0.02)
        elif name.endswith('in_proj_weight'):  # uniform, by the fans of the three at once
            limit = (6 / (512 + 3 * 512)) ** 0.5
            assert parameter.abs().max().item() == pytest.approx(limit, rel=0.01)
        elif 'norm' in name:
            assert parameter.eq(1 if name.endswith('weight') else 0).all()
        elif name.endswith('bias'):
            assert parameter.eq(0).all()
        else:
            assert parameter.std().item() == pytest.approx(0.01, rel=0.02)
    first, second = (layer.feed_forward.linear1.weight for layer in model.encoder)
    assert not torch.equal(first, second)
