"""What does not fit is told: by how much, and by which names."""

import pytest
import torch

from ssvrl_mm.models.conversion.classifiers import linear_classifier
from ssvrl_mm.models.conversion.fitting import ConversionError, best_fit, fit
from ssvrl_mm.models.conversion.layout import Layout, Part
from ssvrl_mm.models.conversion.renaming import rename


def projection_names(ours):
    return rename(ours, [(r'fc(\d)\.(\w+)', r'layer-\1.\2')], {'layer-2': 'last'}, 'a projection')


def projection(ours='backbone{_stream}.', theirs='net.', **kwargs):
    """A small module in the place of a backbone."""
    return Part(
        dict(type='ProjectionHead', in_channels=3, hidden_channels=4, out_channels=2),
        projection_names,
        ours,
        theirs,
        dict(in_channels=('fc1.weight', 1)),
        **kwargs,
    )


LAYOUT = Layout(
    'lab',
    'net',
    projection(pointwise=True, twins={'last.': 'again.'}),
    (
        linear_classifier('top', 2, 5),
        projection('key{_stream}.module.', 'copy.', pointwise=True),
    ),
    left_out={'queue': 'keys'},
)


def theirs(channels=3):
    torch.manual_seed(0)
    weights = {
        'net.layer-1.weight': torch.rand(4, channels, 1, 1, 1),
        'net.layer-1.bias': torch.rand(4),
        'net.last.weight': torch.rand(2, 4, 1, 1, 1),
        'net.last.bias': torch.rand(2),
        'top.weight': torch.rand(7, 2),
        'top.bias': torch.rand(7),
    }
    weights['net.again.weight'] = weights['net.last.weight'].clone()
    weights['net.again.bias'] = weights['net.last.bias'].clone()
    return weights


def test_names_shapes_and_sizes_of_ours():
    weights = theirs(channels=6)
    found = fit(LAYOUT, {**weights, 'queue_ptr': torch.zeros(1)}, to_ours=True)
    assert found.fits and found.left_out == ['queue_ptr']
    assert found.taken == set(weights)
    assert {name: tuple(weight.shape) for name, weight in found.converted.items()} == {
        'backbone.fc1.weight': (4, 6),
        'backbone.fc1.bias': (4,),
        'backbone.fc2.weight': (2, 4),
        'backbone.fc2.bias': (2,),
        'cls_head.fc_cls.weight': (7, 2),
        'cls_head.fc_cls.bias': (7,),
    }
    assert torch.equal(found.converted['backbone.fc2.bias'], weights['net.last.bias'])
    assert found.modules['backbone.']['in_channels'] == 6
    assert found.modules['cls_head.']['num_classes'] == 7
    assert str(found) == 'lab:net: 8 there, all of it'


def test_both_ways_bit_for_bit_with_a_stream_and_its_copy():
    weights = theirs()
    for name in [name for name in weights if name.startswith('net.') and 'again' not in name]:
        weights[f'copy.{name[4:]}'] = torch.rand_like(weights[name])
    there = fit(LAYOUT, weights, to_ours=True, stream='rgb')
    assert set(there.modules) == {'backbone_rgb.', 'cls_head.', 'key_rgb.module.'}
    ours = {**there.converted, 'key_rgb.step': torch.tensor(5), 'head.queue': torch.zeros(1)}
    back = fit(LAYOUT, ours, to_ours=False, stream='rgb')
    assert back.fits and back.left_out == ['head.queue']
    assert set(back.converted) == set(weights)
    for name, weight in back.converted.items():
        assert torch.equal(weight, weights[name]) and weight.shape == weights[name].shape, name


def test_nothing_is_shared_with_the_file():
    weights, name = theirs(), 'net.layer-1.weight'
    turned = torch.rand(3, 4, 1, 1, 1).transpose(0, 1)
    for weights[name] in (torch.rand(4, 300, 1, 1, 1)[:, ::100], turned):
        converted = fit(LAYOUT, weights, to_ours=True).converted['backbone.fc1.weight']
        assert torch.equal(converted, weights[name][:, :, 0, 0, 0])
        assert converted.is_contiguous()
        assert converted.untyped_storage().nbytes() == 4 * 3 * 4


@pytest.mark.parametrize(
    'change, field, message',
    [
        ({'net.last.bias': None}, 'missing', 'net.last.bias'),
        ({'net.again.bias': None}, 'missing', 'net.again.bias'),
        ({'top.bias': None}, 'missing', 'top.bias'),
        ({'top.scale': torch.zeros(1)}, 'left_over', 'top.scale'),
        ({'net.gate': torch.zeros(1)}, 'left_over', 'net.gate'),
        ({'net.layer-1.bias': torch.zeros(5)}, 'unfit', 'net.layer-1.bias is (5,), not (4,)'),
        (
            {'net.layer-1.weight': torch.zeros(4, 3)},
            'unfit',
            'net.layer-1.weight is (4, 3), not (4, 3, 1, 1, 1)',
        ),
        (
            {'net.layer-1.weight': torch.zeros(4, 0, 1, 1, 1)},
            'unfit',
            'net.layer-1.weight is (4, 0, 1, 1, 1), not (4, 3, 1, 1, 1)',
        ),
        (
            {'top.bias': torch.zeros(7).half()},
            'unfit',
            'top.bias is torch.float16, not torch.float32',
        ),
        (
            {'top.bias': torch.zeros(7).to_sparse()},
            'unfit',
            'top.bias is torch.sparse_coo, not torch.strided',
        ),
        ({'top.bias': torch.full((7,), torch.nan)}, 'unfit', 'top.bias is not finite'),
        (
            {'net.again.bias': torch.zeros(2)},
            'unfit',
            'net.last.bias and net.again.bias should be the same, and are not',
        ),
        (
            {'net.again.bias': torch.zeros(2).double()},
            'unfit',
            'net.last.bias and net.again.bias should be the same, and are not',
        ),
    ],
)
def test_what_does_not_fit(change, field, message):
    weights = {n: w for n, w in {**theirs(), **change}.items() if w is not None}
    found = fit(LAYOUT, weights, to_ours=True)
    assert not found.fits
    problems = dict(missing=found.missing, left_over=found.left_over, unfit=found.unfit)
    assert problems.pop(field) == [message]
    assert not any(problems.values())
    assert f'1 {field.replace("_", " ")} ({message})' in str(found)


def test_a_part_of_ours_that_theirs_lacks_is_left_over():
    ours = fit(LAYOUT, theirs(), to_ours=True).converted
    gated = {**ours, 'backbone.gate': torch.zeros(1), 'neck.weight': torch.zeros(1)}
    found = fit(LAYOUT, gated, to_ours=False)
    assert (found.left_over, found.left_out) == (['backbone.gate'], ['neck.weight'])


def test_counters_of_batchnorm_may_be_missing():
    layout = Layout(
        'lab', 'c3d', Part(dict(type='C3D', width=0.125), lambda ours: {n: n for n in ours})
    )
    from ssvrl_mm.models.backbones import C3D

    weights = C3D(width=0.125).state_dict()
    old = {name: weight for name, weight in weights.items() if not name.endswith('tracked')}
    found = fit(layout, old, to_ours=True)
    assert found.fits and len(found.converted) == len(old) < len(weights)
    assert fit(layout, weights, to_ours=True).fits
    wrong = {**weights, 'stages.0.conv1a.bn.num_batches_tracked': torch.tensor(1.0)}
    assert fit(layout, wrong, to_ours=True).unfit


def test_every_layout_is_named_with_its_distance():
    weights = theirs()
    del weights['net.last.bias']
    other = Layout('other', 'net', projection(theirs='network.'))
    with pytest.raises(ConversionError) as error:
        best_fit([other, LAYOUT], weights, True, None, 'some.pth')
    assert str(error.value).splitlines() == [
        'some.pth: its 7 weights are in none of the known layouts (holds net.layer-1.weight, '
        'net.layer-1.bias, net.last.weight, ...). How far it is from each:',
        '  lab:net: 7 there, 1 missing (net.last.bias)',
        '  other:net: 0 there, 4 missing (network.layer-1.weight, network.layer-1.bias, '
        'network.last.weight, ...), 7 left over (net.layer-1.weight, net.layer-1.bias, '
        'net.last.weight, ...)',
    ]


def test_the_layout_with_a_place_for_most_is_taken_and_a_tie_is_asked():
    ours = fit(LAYOUT, theirs(), to_ours=True).converted
    bare = Layout('lab', 'bare', projection(theirs='', pointwise=True))
    assert best_fit([bare, LAYOUT], ours, False, None, '').layout is LAYOUT
    with pytest.raises(ConversionError, match='a.pth: its weights could be lab:bare and lab:bare;'):
        best_fit([bare, bare], ours, False, None, 'a.pth')
