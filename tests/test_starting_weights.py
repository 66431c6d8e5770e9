"""Which checkpoint each benchmark starts from, by its name and by the environment."""

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.models.utils.weights import load_weights
from ssvrl_mm.registry import MODELS
from tests.test_downstream import (  # noqa: F401 - our_scope is a fixture
    CLASSIFIERS,
    CONFIGS,
    MVCGC,
    RUN,
    STREAMS,
    classifiers,
    flat,
    name_of,
    our_scope,
    shrink,
)

KINETICS = sorted(MVCGC.glob('mvcgc_s3d_k400_*.py'))


def run_of(stem):
    """The run that a benchmark starts from, by its name."""
    if 'context_motion' in stem:
        backbone, data = stem.split('_')[2], 'k400' if stem.endswith('_k400') else 'ucf101'
        return f'context_motion_{backbone}_{data}' + '_released' * stem.endswith('_released')
    of_name = {
        '_k400_': 's3d_k400',
        '_flow_': 's3d_ucf101_flow',
        'coclr_s3d_rgb_': 'coclr_s3d_ucf101',
        'coclr_s3d_rgb-flow_': 'coclr_s3d_ucf101_flow',
        **{f'mvcgc_s3d_{n}_': f's3d_ucf101_{n}_moco' for n in STREAMS if '-' in n},
    }
    [run] = [v for k, v in of_name.items() if k in stem] or ['s3d_ucf101']
    return run


@pytest.mark.parametrize('path', CLASSIFIERS + KINETICS, ids=name_of)
def test_what_a_config_starts_from_is_in_its_name_unless_the_environment_says(path, monkeypatch):
    monkeypatch.delenv('SSVRL_PRETRAINED', raising=False)
    of_method = f'work_dirs/{path.parent.parent.name}/{run_of(path.stem)}/'
    for expected in (of_method, 'runs/mine.pth'):
        for classifier in classifiers(Config.fromfile(path).model):
            start = classifier.backbone.get('init_cfg')
            if 'scratch' in path.stem or 'regularized' in path.stem:
                assert start is None
            else:
                assert start.checkpoint.startswith(expected)
        monkeypatch.setenv('SSVRL_PRETRAINED', 'runs/mine.pth')


@pytest.mark.parametrize('path', KINETICS, ids=name_of)
def test_kinetics_differs_in_its_checkpoint_alone(path, monkeypatch):
    monkeypatch.setenv('SSVRL_PRETRAINED', 'the_same.pth')
    other = path.with_stem(path.stem.replace('_k400_', '_'))
    cfg, ucf = (
        {k: v for k, v in Config.fromfile(p).to_dict().items() if k in RUN} for p in (path, other)
    )
    assert flat(cfg) == flat(ucf)


# Networks of Tables 2 and 3 that have no benchmark of their own, and the stream they are tested on.
# Those of k, union and no initialisation are all alike.
NAMED_BY_CHECKPOINT = {
    's3d_ucf101_rgb_moco': 'rgb',
    's3d_ucf101_mv_moco': 'motion',
    's3d_ucf101_flow_moco': 'flow',
    'coclr_s3d_ucf101': 'rgb',
    's3d_ucf101_wo-init': 'rgb',
}


@pytest.mark.parametrize('name, stream', NAMED_BY_CHECKPOINT.items())
def test_baselines_and_ablations_run_by_naming_their_checkpoint(
    name, stream, tmp_path, monkeypatch
):
    pretraining = narrow(Config.fromfile(CONFIGS / f'mvcgc/{name}.py').model)
    pretrained = MODELS.build(pretraining)
    weights = pretrained.state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'last.pth')
    monkeypatch.setenv('SSVRL_PRETRAINED', str(tmp_path / 'last.pth'))
    cfg = shrink(Config.fromfile(MVCGC / f'mvcgc_s3d_{stream}_ucf101_linear.py'))
    probe = MODELS.build(cfg.model)
    probe.init_weights()
    expected = pretrained.backbone(stream).state_dict()
    for key, value in probe.backbone.state_dict().items():
        assert torch.equal(value, expected[key])
    # A test takes what its figures depend on, and leaves the other stream.
    if stream == 'flow':
        return
    cfg = Config.fromfile(MVCGC / f'mvcgc_s3d_{stream}_retrieval_ucf101_coclr.py')
    model = MODELS.build(narrow(cfg.model))
    load_weights(model, weights, name, ignore=model.training_only, allow_left_over=True)


def narrow(model):
    for backbone in model.backbones.values():
        backbone.width = 0.125
    model.head.projector.in_channels = 128
    return model
