import pytest
import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper, build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.engine import DeviceAmpOptimWrapper


def build(**kwargs):
    config = dict(type='DeviceAmpOptimWrapper', optimizer=dict(type='SGD', lr=0.5), **kwargs)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return build_optim_wrapper(nn.Linear(2, 1), config)


def test_plain_wrapper_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    wrapper = build(dtype='float16', clip_grad=dict(max_norm=1.0))
    assert type(wrapper) is OptimWrapper
    assert wrapper.clip_grad_kwargs == dict(max_norm=1.0)


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
