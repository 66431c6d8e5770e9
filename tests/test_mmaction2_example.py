"""The example project: its configs train by mmaction2's own tool, which knows nothing of us."""

import json

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.models.backbones import VideoResNet
from ssvrl_mm.zoo import list_models
from ssvrl_mm.zoo.verification import sha256_of
from tests.clips import encode, translating
from tests.interpreter import run_mmactions_tool

CONFIGS = ('segment_order', 'mvcgc', 'mvcgc_cross', 'motion_regularizer', 'slowonly_motion')
# Two epochs of two iterations, with a validation at the end.
FEW = {
    'train_cfg.max_epochs': 2,
    'train_cfg.val_interval': 2,
    'train_dataloader.batch_size': 2,
    'val_dataloader.batch_size': 2,
    **{
        f'{split}_dataloader.{option}': value
        for split in ('train', 'val')
        for option, value in (('num_workers', 0), ('persistent_workers', False))
    },
}
SMALL_QUEUE = {'model.cls_head.queue_length': 4, 'model.cls_head.k': 2}
CHANGES = {
    'mvcgc': {**SMALL_QUEUE, 'train_cfg.val_interval': 3},
    'mvcgc_cross': {**SMALL_QUEUE, 'load_from': 'work_dirs/mvcgc/epoch_2.pth'},
    'finetune': {
        'model.backbone.width': 0.125,
        'model.cls_head.in_channels': 64,
    },
}


@pytest.fixture(scope='module')
def configs(repository):
    return repository / 'projects' / 'mmaction2_example' / 'configs'


@pytest.fixture
def project(configs, tmp_path):
    """A folder with the videos that the configs name."""
    root = tmp_path / Config.fromfile(configs / 'finetune.py').data_root
    (root / 'videos').mkdir(parents=True)
    for split, count in (('train', 4), ('test', 2)):
        names = [f'{split}{number}.mp4' for number in range(count)]
        for number, name in enumerate(names):
            encode(root / 'videos' / name, translating(36, 2 - number, 1, height=64, width=64))
        lines = [f'{name} {number % 2}\n' for number, name in enumerate(names)]
        (root / f'{split}_list.txt').write_text(''.join(lines))
    return tmp_path


@pytest.fixture
def published(configs, repository, tmp_path, monkeypatch):
    """A clone whose zoo has the model to finetune, its file in the cache, and nothing else."""
    weights = small_backbone(configs).state_dict()
    named = {f'backbone_rgb.{name}': weight for name, weight in weights.items()}
    cache, clone = tmp_path / 'cache', tmp_path / 'clone'
    cache.mkdir()
    torch.save(dict(state_dict=named), cache / 'weights')
    digest = sha256_of(cache / 'weights')
    file = (cache / 'weights').rename(cache / f'small-{digest[:8]}.pth')
    monkeypatch.setenv('SSVRL_MM_CACHE', str(cache))
    monkeypatch.setenv('SSVRL_MM_OFFLINE', '1')
    (clone / 'ssvrl_mm').mkdir(parents=True)
    for part in (repository / 'ssvrl_mm').iterdir():
        if part.name not in ('.mim', '__pycache__'):
            (clone / 'ssvrl_mm' / part.name).symlink_to(part)
    name = Config.fromfile(configs / 'finetune.py').model.backbone.init_cfg.checkpoint
    (clone / 'model-index.yml').write_text('Import: [metafile.yml]')
    (clone / 'metafile.yml').write_text(
        f'Models: [{{Name: small, Alias: {name}, Config: small.py, Weights: {file.name}, '
        f'Metadata: {{Weights SHA-256: {digest}, Weights Bytes: {file.stat().st_size}}}}}]'
    )
    return clone, file


def small_backbone(configs):
    cfg = Config.fromfile(configs / 'finetune.py').model.backbone
    kept = {name: value for name, value in cfg.items() if name not in ('type', 'init_cfg')}
    return VideoResNet(**{**kept, 'width': CHANGES['finetune']['model.backbone.width']})


def weights_of(project, name, epoch=2):
    file = project / 'work_dirs' / name / f'epoch_{epoch}.pth'
    return torch.load(file, weights_only=False)['state_dict']


def log_of(project, name):
    """The last value of all that a run logged."""
    (file,) = (project / 'work_dirs' / name).glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {key: value for line in lines for key, value in line.items()}


def test_every_config_trains(configs, project, published):
    pytest.importorskip('decord')  # which mmaction2's pipelines read videos by
    names = [*CONFIGS, 'finetune']
    assert {*names} == {path.stem for path in configs.glob('*.py')}
    runs = []
    for name in names:
        options = [f'{key}={value}' for key, value in {**FEW, **CHANGES.get(name, {})}.items()]
        runs.append([configs / f'{name}.py', '--seed', '0', '--cfg-options', *options])
    clone, file = published
    run_mmactions_tool('train.py', runs, project, [clone])

    for name in names:
        before, after = (weights_of(project, name, epoch) for epoch in (1, 2))
        trained = [n for n in after if n.endswith('conv.weight') or '.fc' in n]
        assert trained and all(after[n].isfinite().all() for n in trained), name
        assert all(not torch.equal(after[n], before[n]) for n in trained), name
    check_segment_order(project)
    check_mvcgc(project)
    check_motion(project)
    check_finetuning(project, configs, file)


def check_segment_order(project):
    weights, logged = weights_of(project, 'segment_order'), log_of(project, 'segment_order')
    assert weights['cls_head.heads.order.mlp.fc2.weight'].shape == (6, 512)
    assert weights['cls_head.heads.rate.mlp.fc1.weight'].shape == (3, 128)
    assert logged['pretext/order'] in (0, 0.5, 1)
    assert logged['pretext/order_chance'] == pytest.approx(1 / 6)
    assert 1 <= logged['rates/mean'] <= 4 and logged['rates/num_videos'] == 2
    assert logged['rates/mse'] >= logged['rates/mae'] ** 2 > 0
    # By `save_best='auto'` of mmaction2's runtime, as of all other runs.
    assert list(project.glob('work_dirs/segment_order/best_pretext_order_epoch_2.pth'))


def check_mvcgc(project):
    alone, guided = (weights_of(project, name) for name in ('mvcgc', 'mvcgc_cross'))
    assert alone.keys() == guided.keys()
    # The queue came along, so that the second stage found it full and mined from the start.
    assert int(alone['cls_head.queue.fill']) == int(guided['cls_head.queue.fill']) == 4
    steps = [int(w['cls_head.key_projector.rgb.step']) for w in (alone, guided)]
    assert steps == [4, 8]
    # VideoDataset numbers no videos: their files do.
    assert len({*alone['cls_head.queue.video_ids'].tolist()}) == 4
    assert {*alone['cls_head.queue.video_ids'].tolist()} == {
        *guided['cls_head.queue.video_ids'].tolist()
    }
    for stream in ('rgb', 'motion'):
        prefix = f'backbone.backbone_{stream}.'
        names = [n for n in alone if n.startswith(prefix) and alone[n].is_floating_point()]
        moved = [n for n in names if not torch.equal(alone[n], guided[n])]
        assert names and len(moved) == len(names), prefix
        assert all(guided[n].isfinite().all() for n in names)
    logged = log_of(project, 'mvcgc_cross')
    assert logged['retrieval/num_gallery'] == 4 and 0 <= logged['retrieval/both_R@1'] <= 1
    assert list(project.glob('work_dirs/mvcgc_cross/best_retrieval_rgb_R@1_epoch_2.pth'))


def check_motion(project):
    logged = log_of(project, 'motion_regularizer')
    assert logged['loss_motion'] > 0 and logged['loss_cls'] > 0 and 'acc/top1' in logged
    before, after = (weights_of(project, 'motion_regularizer', epoch) for epoch in (1, 2))
    for part in ('neck.backbone_motion.', 'neck.head.predictor.', 'neck.head.objective.'):
        names = [n for n in after if n.startswith(part) and after[n].is_floating_point()]
        assert any(not torch.equal(after[n], before[n]) for n in names), part
    assert 'acc/top1' in log_of(project, 'slowonly_motion')
    weights = weights_of(project, 'slowonly_motion')
    assert weights['backbone.conv1.conv.weight'].shape[:2] == (16, 2)


def check_finetuning(project, configs, file):
    (log,) = (project / 'work_dirs' / 'finetune').glob('*/*.log')
    names = small_backbone(configs).state_dict()
    count = sum(not name.endswith('num_batches_tracked') for name in names)
    said = f"VideoResNet: {count} weights from {file}, under the prefix 'backbone_rgb.'"
    assert said in log.read_text()
    assert 'acc/top1' in log_of(project, 'finetune')


def test_each_config_imports_us_and_no_other_file_does(configs):
    for file in configs.glob('*.py'):
        cfg = Config.fromfile(file, import_custom_modules=False)
        assert cfg.custom_imports.imports == ['ssvrl_mm'] and cfg.default_scope == 'mmaction'
    assert {file.suffix for file in configs.parent.rglob('*') if file.is_file()} <= {'.py', '.md'}
    assert not list(configs.parent.glob('*.py'))


def test_the_network_of_the_zoo_is_the_one_to_finetune(configs):
    backbone = Config.fromfile(configs / 'finetune.py').model.backbone
    name = backbone.init_cfg.checkpoint
    model = {**list_models(recipes=True), **list_models()}[name]
    pretrained = Config.fromfile(model.config).model.backbones.rgb
    ours, theirs = (
        {key: value for key, value in cfg.items() if key not in ('type', 'init_cfg', 'in_channels')}
        for cfg in (backbone, pretrained)
    )
    assert ours == theirs and backbone.type == f'ssvrl_mm.{pretrained.type}'
