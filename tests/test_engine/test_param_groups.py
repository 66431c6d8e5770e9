import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import DefaultOptimWrapperConstructor, build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from torch import nn

from ssvrl_mm.engine import CheckpointFileError, MergedGroupsConstructor
from ssvrl_mm.engine.param_groups import merge_groups

PARAMWISE = dict(custom_keys={'0': dict(lr_mult=0.1), '1.weight': dict(decay_mult=0.0)})


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def build(model, constructor, **optimizer):
    config = dict(
        type='OptimWrapper',
        optimizer=dict(dict(type='Adam', lr=1e-2, weight_decay=1e-3), **optimizer),
        constructor=constructor,
        paramwise_cfg=PARAMWISE,
    )
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return build_optim_wrapper(model, ConfigDict(config))


def train(constructor, schedule, resumed=None, **optimizer):
    """Weights, and learning rates by parameter, after four steps (two where it is resumed)."""
    model = network()
    wrapper = build(model, constructor, **optimizer)
    scheduler = PARAM_SCHEDULERS.build(dict(schedule, by_epoch=False, optimizer=wrapper))
    torch.manual_seed(1)
    batches = torch.randn(4, 8, 3)
    if resumed:
        for part, state in zip((model, wrapper, scheduler), resumed, strict=True):
            part.load_state_dict(state)
    states = []
    for batch in batches[2:] if resumed else batches:
        wrapper.update_params(model(batch).square().sum())
        scheduler.step()
        states.append(copy.deepcopy([p.state_dict() for p in (model, wrapper, scheduler)]))
    rates = {
        id(parameter): group['lr']
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    named = [rates[id(parameter)] for parameter in model.parameters()]
    return [p.detach() for p in model.parameters()], named, states


SCHEDULES = [
    dict(type='MultiStepLR', milestones=[2], gamma=0.1),
    dict(type='CosineAnnealingLR', T_max=5, eta_min=1e-4),
    dict(type='LinearLR', start_factor=0.1, end=3),
]


@pytest.mark.parametrize('schedule', SCHEDULES, ids=lambda schedule: schedule['type'])
@pytest.mark.parametrize('kind', [dict(type='Adam'), dict(type='SGD', momentum=0.9)])
def test_merged_groups_train_bit_for_bit_as_one_per_parameter(schedule, kind):
    weights, rates, _ = train('MergedGroupsConstructor', schedule, **kind)
    expected, expected_rates, _ = train('DefaultOptimWrapperConstructor', schedule, **kind)
    assert rates == expected_rates and len(set(rates)) == 2
    assert all(torch.equal(*pair) for pair in zip(weights, expected, strict=True))


def test_groups_are_merged_in_the_order_of_the_model():
    model = network()
    groups = build(model, 'MergedGroupsConstructor').optimizer.param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert [[names[id(p)] for p in group['params']] for group in groups] == [
        ['0.weight', '0.bias'],
        ['1.weight'],
        ['1.bias', '2.weight', '2.bias', '3.weight', '3.bias'],
    ]
    assert [(group['lr'], group['weight_decay']) for group in groups] == [
        (1e-3, 1e-3),
        (1e-2, 0),
        (1e-2, 1e-3),
    ]


def test_merging_leaves_what_it_is_given():
    groups = [dict(params=[1], lr=1), dict(params=[2]), dict(params=[3], lr=1)]
    assert merge_groups(groups) == [dict(params=[1, 3], lr=1), dict(params=[2])]
    assert groups == [dict(params=[1], lr=1), dict(params=[2]), dict(params=[3], lr=1)]


def test_a_parameter_of_two_modules_is_refused_as_ever():
    model = network()
    model.again = nn.Sequential(model[0])
    with pytest.raises(ValueError, match='more than one parameter group'):
        build(model, 'MergedGroupsConstructor')


def test_without_settings_by_parameter_there_is_one_group():
    wrapper = MergedGroupsConstructor(dict(optimizer=dict(type='SGD', lr=0.1)))(network())
    [group] = wrapper.optimizer.param_groups
    assert len(group['params']) == 8


def saved(constructor, **optimizer):
    model = network()
    wrapper = build(model, constructor, **optimizer)
    wrapper.update_params(model(torch.ones(4, 3)).square().sum())
    return model, wrapper.state_dict()


def test_a_resumed_run_goes_on_as_the_uninterrupted_one():
    weights, _, states = train('MergedGroupsConstructor', SCHEDULES[1])
    again, _, _ = train('MergedGroupsConstructor', SCHEDULES[1], resumed=states[1])
    assert all(torch.equal(*pair) for pair in zip(again, weights, strict=True))


def test_the_checkpoint_of_a_group_per_parameter_is_refused_with_the_way_to_resume_it():
    model, state = saved('DefaultOptimWrapperConstructor')
    with pytest.raises(CheckpointFileError, match='holds 8 parameter groups, .* has 3') as caught:
        build(model, 'MergedGroupsConstructor').load_state_dict(state)
    named = str(caught.value).partition('optim_wrapper.constructor=')[2].partition(';')[0]
    assert named == DefaultOptimWrapperConstructor.__name__
    build(model, named).load_state_dict(saved(named)[1])


def test_a_step_is_computed_as_this_run_computes_it():
    model, state = saved('MergedGroupsConstructor')
    assert state['param_groups'][0]['fused'] is None
    wrapper = build(model, 'MergedGroupsConstructor', fused=True)
    wrapper.load_state_dict(state)
    assert all(group['fused'] is True for group in wrapper.optimizer.param_groups)
    assert [group['lr'] for group in wrapper.optimizer.param_groups] == [1e-3, 1e-2, 1e-2]
    wrapper.update_params(model(torch.ones(4, 3)).square().sum())
