import pytest
import torch
from torch import nn

from ssvrl_mm.models.utils.weights import WeightsError, load_weights, named_weights


def small(width=3):
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 1))


def ones(module, prefix=''):
    return {prefix + name: torch.ones_like(value) for name, value in module.state_dict().items()}


def test_counts_and_loads_what_is_below_the_prefix():
    module, more = small(), {'head.weight': torch.zeros(4)}
    assert load_weights(module, {**ones(module, 'backbone.'), **more}, 'a.pth', 'backbone.') == 8
    assert all((value == 1).all() for value in module.state_dict().values())


def test_nothing_that_matches_is_an_error_even_if_nothing_is_required():
    with pytest.raises(WeightsError, match='a.pth: 0 of the 8 weights of Sequential'):
        load_weights(
            small(), {'other': torch.zeros(1)}, 'a.pth', ignore=['0.', '1.', '2.', 'other']
        )


def test_left_over_weights_pass_where_that_is_wanted():
    module = small()
    weights = {**ones(module), '3.weight': torch.zeros(1)}
    with pytest.raises(WeightsError, match=r'1 have no place in it \(3\.weight\)'):
        load_weights(module, weights, 'a.pth')
    assert load_weights(module, weights, 'a.pth', allow_left_over=True) == 8
    assert load_weights(module, weights, 'a.pth', ignore=['3.']) == 8


def test_shapes_count_but_for_what_is_ignored():
    module, before = small(), small().state_dict()
    module.load_state_dict(before)
    weights = {**ones(module), '2.weight': torch.ones(1, 7)}
    with pytest.raises(WeightsError, match=r'a.pth: weights .* size mismatch for 2\.weight'):
        load_weights(module, weights, 'a.pth')
    module.load_state_dict(before)
    assert load_weights(module, weights, 'a.pth', ignore=['2.']) == 7
    assert torch.equal(module[2].weight, before['2.weight'])
    assert (module[2].bias == 1).all()


def test_counters_of_batchnorm_are_not_missed():
    module = small()
    weights = {n: w for n, w in ones(module).items() if 'num_batches' not in n}
    assert load_weights(module, weights, 'a.pth') == 8


def test_names_of_a_distributed_model_lose_their_prefix_only_if_all_have_it():
    weights = ones(small(), 'module.')
    assert set(named_weights({'state_dict': weights}, 'a.pth')) == set(small().state_dict())
    assert set(named_weights(weights, 'a.pth')) == set(small().state_dict())
    mixture = {**weights, 'other': torch.zeros(1)}
    assert named_weights(mixture, 'a.pth') == mixture
    with pytest.raises(WeightsError, match=r"All of them are under 'module\.'"):
        load_weights(small(), named_weights(mixture, 'a.pth'), 'a.pth')


def test_parts_that_are_missing_as_a_whole_are_named_with_the_way_out():
    weights = {name: weight for name, weight in ones(small()).items() if name[0] == '2'}
    way_out = (
        'Nothing of 0 and 1 is there: it was saved by a model without. Take the config that it was '
        'trained with, or another one without 0 and 1. The checkpoint holds 2 weights'
    )
    with pytest.raises(WeightsError, match=way_out):
        load_weights(small(), weights, 'a.pth')
    # A part that may be missing needs no way out, nor does one of which there is something.
    more = {**weights, '1.weight': torch.ones(3)}
    with pytest.raises(WeightsError) as caught:
        load_weights(small(), more, 'a.pth', ignore=['0.'])
    assert '3 are missing' in str(caught.value) and 'Nothing of' not in str(caught.value)
    # Where nothing is there at all, it is another model's.
    with pytest.raises(WeightsError) as caught:
        load_weights(small(), {'other': torch.zeros(1)}, 'a.pth')
    assert 'Nothing of' not in str(caught.value)


@pytest.mark.parametrize('content', [{}, dict(epoch=3), dict(state_dict=dict(a=1)), [1]])
def test_a_file_without_weights_is_named(content):
    with pytest.raises(WeightsError, match='a.pth: holds no state dict'):
        named_weights(content, 'a.pth')


def test_the_message_shows_five_names_and_eight_prefixes():
    deep = nn.Sequential(*[nn.Linear(1, 1) for _ in range(3)])
    with pytest.raises(WeightsError) as error:
        load_weights(deep, {f'part{i}.a': torch.zeros(1) for i in range(9)}, 'a.pth')
    message = str(error.value)
    assert '6 are missing (0.weight, 0.bias, 1.weight, 1.bias, 2.weight, ...)' in message
    assert '9 have no place in it (part0.a, part1.a, part2.a, part3.a, part4.a, ...)' in message
    assert message.endswith(
        'The checkpoint holds 9 weights, under ' + ', '.join(f"'part{i}.' (1)" for i in range(8))
    )
    with pytest.raises(WeightsError, match=r'2\.weight, 2\.bias\), 0 have'):
        load_weights(deep, {'0.weight': torch.zeros(1, 1)}, 'a.pth')


def test_every_shape_that_differs_is_named_up_to_five():
    deep = nn.Sequential(*[nn.Linear(1, 1) for _ in range(4)])
    wrong = {name: torch.zeros(7) for name in deep.state_dict()}
    with pytest.raises(WeightsError) as error:
        load_weights(deep, wrong, 'a.pth')
    assert str(error.value).count('size mismatch') == 5


def test_weights_at_the_root_and_below_several_prefixes_are_found():
    module = small()
    for prefix, found in (('x.', "''"), ('', "'a.' and 'b.c.'")):
        weights = ones(module) if prefix else {**ones(module, 'a.'), **ones(module, 'b.c.')}
        with pytest.raises(WeightsError) as error:
            load_weights(module, weights, 'a.pth', prefix)
        assert str(error.value).endswith(f'All of them are under {found}')
    with pytest.raises(WeightsError, match=r"under 'a\.' \(8\)$"):
        load_weights(nn.Flatten(), {f'a.{i}': torch.zeros(1) for i in range(8)}, 'a.pth')
