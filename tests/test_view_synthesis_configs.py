"""Configs of the training of views: what they build, and a run of the demo's in a few steps."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

from ssvrl_mm.engine.launch import default_work_dir
from ssvrl_mm.engine.runner import ToolRunner
from ssvrl_mm.registry import MODELS
from tests.clips import encode, translating

from .test_configs import CONFIGS

LEAVES = sorted((CONFIGS / 'segment_order').glob('*_views*.py'))
UCF101 = [path for path in LEAVES if 'ucf101' in path.stem]


@pytest.fixture(autouse=True)
def our_scope(monkeypatch):
    for variable in ('SSVRL_DATA', 'SSVRL_EXTRACTOR'):
        monkeypatch.delenv(variable, raising=False)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_what_they_name_can_be_built(path):
    cfg = Config.fromfile(path)
    model = cfg.model.to_dict()
    # So that building it takes no time.
    if model['feature_extractor']['type'] != 'C3D':
        model['feature_extractor']['width'] = 0.125
    built = MODELS.build(model)
    wrapper = build_optim_wrapper(built, cfg.optim_wrapper)
    assert set(wrapper.keys()) == {'view_generator', 'flow_estimator'}
    steps = cfg.train_dataloader.dataset.pipeline
    [sample] = [step for step in steps if step['type'] == 'SampleShuffledSegments']
    assert sample['num_clips'] == 1


@pytest.mark.parametrize('path', UCF101, ids=lambda path: path.stem)
def test_they_are_what_the_page_says(path):
    cfg = Config.fromfile(path)
    assert {part.optimizer.lr for part in (cfg.optim_wrapper[n] for n in (
        'view_generator', 'flow_estimator'))} == {1e-4}  # fmt: skip
    assert cfg.model.penalty.epsilon == 1e-3 and cfg.train_cfg.max_epochs == 30
    weights = dict(cfg.model.weights)
    reconstruction = weights.pop('reconstruction')
    assert weights == dict(info_max=1.0, info_min=1.0, kl=1e-3)
    assert (reconstruction == 0) is path.stem.endswith('_no-reconstruction')
    start = cfg.model.feature_extractor.init_cfg
    other = CONFIGS / f'segment_order/{start.checkpoint.split("/")[2]}.py'
    assert start.prefix == 'backbone_rgb.' and start.checkpoint.endswith('epoch_300.pth')
    assert default_work_dir(other) == start.checkpoint.rpartition('/')[0]
    wanted = dict(Config.fromfile(other).model.backbones.rgb)
    assert wanted == {k: v for k, v in cfg.model.feature_extractor.items() if k != 'init_cfg'}


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """The demo's config on four videos of three seconds, and a feature extractor's checkpoint."""
    cfg = Config.fromfile(CONFIGS / 'segment_order/segment_order_demo_views.py')
    backbone = MODELS.build({**cfg.model.feature_extractor.to_dict(), 'init_cfg': None})
    weights = {f'backbone_rgb.{name}': value for name, value in backbone.state_dict().items()}
    torch.save(weights, tmp_path / 'f.pth')
    monkeypatch.setenv('SSVRL_EXTRACTOR', str(tmp_path / 'f.pth'))
    cfg = Config.fromfile(CONFIGS / 'segment_order/segment_order_demo_views.py')
    for number in range(4):
        encode(tmp_path / f'{number}.mp4', translating(72, 1, number - 2, 64, 64, seed=number))
    lines = [f'{number}.mp4 0' for number in range(4)]
    (tmp_path / 'list.txt').write_text('\n'.join(lines) + '\n')
    for name in ('train_dataloader', 'val_dataloader'):
        loader = cfg[name]
        for step in loader.dataset.pipeline:
            if 'size' in step:  # of smaller pictures, so that it takes seconds
                step['size'] = 32 if step['type'] == 'ClipResize' else 24
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset = dict(
            type='CompressedVideoDataset',
            ann_file=str(tmp_path / 'list.txt'),
            data_prefix=dict(video=str(tmp_path)),
            streams=('rgb',),
            pipeline=loader.dataset.pipeline,
        )
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    cfg.train_cfg.update(max_epochs=2, val_begin=2)
    cfg.default_hooks.logger.interval = 1
    cfg.visualizer = None
    return cfg


def train(cfg, folder, **changes):
    cfg = cfg.copy()
    cfg.work_dir, cfg.experiment_name = str(folder), folder.name
    cfg.merge_from_dict(changes)
    runner = ToolRunner.from_cfg(cfg)
    runner.train()
    return runner


def test_a_run_is_resumed_and_its_generator_is_used(demo, tmp_path):
    whole = train(demo, tmp_path / 'whole')
    resumed = train(
        demo, tmp_path / 'resumed', resume=True, load_from=str(tmp_path / 'whole/epoch_1.pth')
    )
    weights = whole.model.state_dict()
    assert all(torch.equal(w, weights[n]) for n, w in resumed.model.state_dict().items())
    # The feature extractor is as it was loaded, the other two have moved.
    loaded = torch.load(tmp_path / 'f.pth')
    assert all(
        torch.equal(w, loaded[f'backbone_rgb.{n}'])
        for n, w in whole.model.feature_extractor.state_dict().items()
        if not n.endswith('num_batches_tracked')
    )
    first = torch.load(tmp_path / 'whole/epoch_1.pth', weights_only=False)
    assert set(first['optimizer']) == {'view_generator', 'flow_estimator'}
    for part in ('view_generator', 'flow_estimator'):
        moved = [
            not torch.equal(w, first['state_dict'][n])
            for n, w in weights.items()
            if n.startswith(part) and not n.endswith(('.mean', '.std', '.removes_still'))
        ]
        assert all(moved)
    found = whole.message_hub.get_scalar('val/view/ssim').current()
    assert -1 <= found <= 1
    history = whole.message_hub.log_scalars
    assert len(history['train/loss_photometric'].data[0]) == 4
    assert 'train/view_generator.lr' in history
    # Frozen in another recognizer.
    init_cfg = dict(
        type='Pretrained',
        checkpoint=str(tmp_path / 'whole/epoch_2.pth'),
        prefix='view_generator.',
    )
    settings = {**demo.model.view_generator, 'init_cfg': init_cfg}
    generator = MODELS.build(settings)
    generator.init_weights()
    clips = torch.randn(1, 3, 4, 16, 16)
    assert torch.equal(generator.synthesise(clips), whole.model.view_generator.synthesise(clips))
