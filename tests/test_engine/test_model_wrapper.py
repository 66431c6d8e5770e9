import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.engine import launch
from ssvrl_mm.engine.model_wrapper import settle_wrapper, why_not_static

OURS = dict(type='MMDistributedDataParallel', broadcast_buffers=False)


@pytest.fixture(params=[False, True], ids=['cpu', 'cuda'])
def device(request, monkeypatch):
    """What the wrapper gets on a machine without CUDA, and with it."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: request.param)
    return {} if request.param else dict(device_ids=None)


def settled(**config):
    cfg = Config(config)
    settle_wrapper(cfg)
    return cfg.model_wrapper_cfg


def test_a_wrapper_of_the_user_keeps_our_defaults(device):
    own = dict(gradient_as_bucket_view=True)
    assert settled() == dict(OURS, find_unused_parameters=False, **device)
    assert settled(find_unused_parameters=True, model_wrapper_cfg=own) == dict(
        OURS, find_unused_parameters=True, gradient_as_bucket_view=True, **device
    )


def test_values_of_the_user_win(device):
    own = dict(
        type='MMSeparateDistributedDataParallel', broadcast_buffers=True,
        find_unused_parameters=False,
    )  # fmt: skip
    assert settled(find_unused_parameters=True, model_wrapper_cfg=own) == dict(own, **device)


def test_wrappers_of_another_kind_stay_as_they_are(device):
    own = dict(type='MMFullyShardedDataParallel')
    assert settled(model_wrapper_cfg=own) == own


def static(model, **wrapper):
    cfg = Config(dict(model=model, model_wrapper_cfg=dict(static_graph=True, **wrapper)))
    settle_wrapper(cfg)
    return why_not_static(cfg)


@pytest.mark.parametrize('place', ['head', 'cls_head'])
def test_a_static_graph_is_not_for_streams_that_rest(place):
    coclr = {place: dict(type='CoCLRHead')}
    assert 'one stream while another rests: leave static_graph out' in static(coclr)
    assert static(coclr, find_unused_parameters=True) == static(coclr)
    for kind in ('MVCGCHead', 'MoCoHead', 'ClassificationHead', 'ssvrl_mm.MVCGCHead', 'NoSuch'):
        assert static({place: dict(type=kind)}) is None
        unused = static({place: dict(type=kind)}, find_unused_parameters=True)
        assert 'static_graph=True' in unused and 'find_unused_parameters=True says' in unused
    assert why_not_static(Config(dict(model=coclr, model_wrapper_cfg=OURS))) is None


def test_configs_without_a_head_or_a_wrapper():
    assert static(None) is None
    assert why_not_static(Config({})) is None


def test_a_static_graph_of_coclr_ends_the_launch(monkeypatch, repository):
    for name in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'):
        monkeypatch.setenv(name, '0')
    cfg = Config.fromfile(repository / 'configs' / 'mvcgc' / 'coclr_s3d_ucf101.py')
    cfg.model_wrapper_cfg = dict(static_graph=True)
    with pytest.raises(launch.LaunchError, match='static_graph'):
        launch.setup_launcher(cfg, 'pytorch')
