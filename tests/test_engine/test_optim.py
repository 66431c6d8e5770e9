import copy

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import AmpOptimWrapper, OptimWrapper, build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.engine import DeviceAmpOptimWrapper, MergedGroupsConstructor, optim
from ssvrl_mm.engine.optim import evaluate_with_amp, fit_optimizer, forbid_amp


def build(**kwargs):
    config = dict(type='DeviceAmpOptimWrapper', optimizer=dict(type='SGD', lr=0.5), **kwargs)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return build_optim_wrapper(nn.Linear(2, 1), config)


def test_plain_wrapper_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    wrapper = build(dtype='float16', clip_grad=dict(max_norm=1.0))
    assert type(wrapper) is OptimWrapper
    assert wrapper.clip_grad_kwargs == dict(max_norm=1.0)


@pytest.mark.parametrize(
    'asked, supported, given',
    [
        ('bfloat16', True, torch.bfloat16),
        ('bfloat16', False, torch.float16),
        ('float16', True, torch.float16),
    ],
)
def test_precision_is_one_that_the_device_has(monkeypatch, asked, supported, given):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda **kwargs: supported)
    made = {}
    monkeypatch.setattr(optim, 'AmpOptimWrapper', lambda **kwargs: made.update(kwargs))
    optim.DeviceAmpOptimWrapper(dtype=asked)
    assert getattr(torch, made['dtype']) is given
    # Only float16 underflows without a scale.
    disabled = dict(enabled=False)
    assert (made['loss_scale'] == disabled) is (given is torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('dtype, scaled', [('float16', True), ('bfloat16', False)])
def test_mixed_precision_on_cuda(dtype, scaled):
    wrapper = build(dtype=dtype)
    assert isinstance(wrapper, AmpOptimWrapper)
    assert wrapper.loss_scaler.is_enabled() is scaled
    layer = nn.Linear(2, 1).cuda()
    with wrapper.optim_context(layer):
        assert layer(torch.ones(1, 2, device='cuda')).dtype is getattr(torch, dtype)


def test_unknown_dtype():
    with pytest.raises(ValueError, match="'bfloat16', 'float16'.*got 'half'"):
        DeviceAmpOptimWrapper(dtype='half')


def settled(cuda, monkeypatch, **config):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    cfg = ConfigDict(type='OptimWrapper', **config)
    before = copy.deepcopy(cfg)
    fitting = fit_optimizer(cfg)
    assert cfg == before
    return fitting


@pytest.mark.parametrize('kind', ['SGD', 'Adam', 'AdamW', 'RMSprop', nn.Linear])
@pytest.mark.parametrize('cuda', [False, True])
def test_steps_are_fused_on_cuda_where_there_is_such_a_step(monkeypatch, kind, cuda):
    optimizer = settled(cuda, monkeypatch, optimizer=dict(type=kind, lr=1)).optimizer
    fused = dict(fused=True) if cuda and kind in ('SGD', 'Adam', 'AdamW') else {}
    assert optimizer == dict(type=kind, lr=1, **fused)


@pytest.mark.parametrize(
    'own', [dict(fused=False), dict(foreach=True), dict(capturable=True), dict(differentiable=True)]
)
def test_a_config_has_its_say_in_how_a_step_is_computed(monkeypatch, own):
    optimizer = dict(type='Adam', lr=1, **own)
    assert settled(True, monkeypatch, optimizer=optimizer).optimizer == optimizer


def test_groups_are_merged_unless_a_config_names_its_constructor(monkeypatch):
    optimizer = dict(type='SGD', lr=1)
    merged = settled(False, monkeypatch, optimizer=optimizer)
    assert merged.constructor is MergedGroupsConstructor
    assert len(build_optim_wrapper(nn.Linear(2, 1), merged).param_groups) == 1
    own = settled(False, monkeypatch, optimizer=optimizer, constructor='Own')
    assert own.constructor == 'Own'
    several = ConfigDict(constructor='Own', first=dict(optimizer=optimizer))
    assert fit_optimizer(several) is several and fit_optimizer(None) is None


@pytest.mark.parametrize(
    'kind', [dict(type='SGD', momentum=0.9, nesterov=True), dict(type='Adam'), dict(type='AdamW')]
)
def test_a_fused_step_is_the_plain_one_but_for_rounding(kind):
    weights = []
    for fused in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
        config = dict(kind, lr=0.01, weight_decay=0.01, fused=fused)
        wrapper = build_optim_wrapper(model, dict(type='OptimWrapper', optimizer=config))
        for _ in range(5):
            wrapper.update_params(model(torch.randn(4, 6)).square().sum())
        weights.append(
            torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        )
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-6)


def test_a_config_without_evaluation_or_training_has_a_precision_too(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = Config(dict(val_cfg=None))
    forbid_amp(cfg)
    evaluate_with_amp(cfg)
    assert cfg.to_dict() == dict(val_cfg=None, test_cfg=dict(fp16=True))
