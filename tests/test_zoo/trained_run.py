"""A zoo of one method, whose model is of seconds, and a run of it that was never trained."""

import json
import shutil
from types import SimpleNamespace

import pytest

CONFIG = """
default_scope = 'ssvrl_mm'
max_epochs = 30
model = dict(
    type='ContrastiveRecognizer',
    data_preprocessor=dict(type='SSLDataPreprocessor', motion=dict(clip=1.0), augment=None),
    backbones=dict(motion=dict(
        type='VideoResNet', arch='r3d', depth=10, in_channels=2, width=0.0625,
        spatial_strides=(1, 1, 1, 1, 1))),
    head=dict(
        type='MoCoHead', stream='motion', queue_length=4,
        projector=dict(type='ProjectionHead', in_channels=32, hidden_channels=16, out_channels=8),
        criterion=dict(type='InfoNCELoss', temperature=0.2),
    ),
)
spec = dict(train_per_class=1, test_per_class=1, num_frames=16, size=64)
steps = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=8, num_clips=1, test_mode=True),
    dict(type='ClipResize', short_side=64),
    dict(type='ClipCenterCrop', size=56),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs'),
]
videos = dict(data_root={data!r}, spec=spec, streams=('motion',), pipeline=steps)
sampler = dict(type='DefaultSampler', shuffle=False)
train_dataloader = dict(
    batch_size=8, num_workers=0, sampler=sampler,
    dataset=dict(type='MotionPrimitives', split='train', **videos),
)
test_dataloader = dict(
    batch_size=16, num_workers=0, sampler=sampler,
    dataset=dict(
        type='RetrievalDataset', dataset_type='MotionPrimitives',
        gallery=dict(split='train'), query=dict(split='test'), **videos,
    ),
)
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5))
test_cfg = dict(type='TestLoop')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_begin=10)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=5),
    dict(type='MultiStepLR', milestones=[20, 25]),
]
randomness = dict(seed=0)
"""
METAFILE = """\
Collections:
  - Name: MVCGC
    README: configs/mvcgc/README.md
# Weights follow.
Models:
  - Name: other   # a recipe
    Alias: taken
    Config: configs/mvcgc/other.py
    In Collection: MVCGC
    Metadata: {Training Data: UCF101, Architecture: S3D}
  # The small one.
  - Name: moco_r3d10-w6_motion-primitives
    Config: configs/mvcgc/moco_r3d10-w6_motion-primitives.py
    In Collection: MVCGC
    Metadata:
      Epochs: 30
      Paper Figures: 61.9 on UCF101
"""
NAME = 'moco_r3d10-w6_motion-primitives'
# Of each measure: random weights, trained ones.
FIGURES = {'rgb_R@1': (0.1, 0.5), 'motion_R@1': (0.2, 0.4), 'both_R@1': (0.25, 0.8125)}
PROBES = {'rgb_logistic': (0.2, 0.6), 'motion_logistic': (0.3, 0.7), 'both_logistic': (0.4, 0.9)}


def metrics(when):
    """What a test measures of random (0) or of trained weights (1)."""
    found = {f'retrieval/{name}': values[when] for name, values in FIGURES.items()}
    found |= {f'probe/{name}': values[when] for name, values in PROBES.items()}
    return {**found, 'retrieval/chance_R@1': 0.0625, 'probe/chance_logistic': 0.0625}


@pytest.fixture(scope='session')
def data_folder(tmp_path_factory):
    return tmp_path_factory.mktemp('zoo_data') / 'motion_primitives'


@pytest.fixture
def small_zoo(tmp_path, data_folder):
    """`index`, `metafile`, `config` and `out` of a zoo of its own, with a page."""
    folder = tmp_path / 'zoo' / 'configs' / 'mvcgc'
    folder.mkdir(parents=True)
    config, root = folder / f'{NAME}.py', tmp_path / 'zoo'
    config.write_text(CONFIG.replace('{data!r}', repr(str(data_folder))))
    (folder / 'other.py').write_text('model = dict()\n')
    (folder / 'metafile.yml').write_text(METAFILE)
    (root / 'model-index.yml').write_text('Import: [configs/mvcgc/metafile.yml]\n')
    return SimpleNamespace(
        index=root / 'model-index.yml',
        metafile=folder / 'metafile.yml',
        config=config,
        out=root / 'checkpoints',
        page=root / 'model_zoo.md',
    )


@pytest.fixture(scope='session')
def trained():
    """Text of the config and weights, made once: formatting and building take their time."""
    return {}


@pytest.fixture
def run(tmp_path, small_zoo, trained):
    """The work dir of a run of that model: checkpoint, log and result."""
    import torch
    from mmengine.config import Config

    from ssvrl_mm.apis.loading import init_model

    if not trained:
        cfg = Config.fromfile(small_zoo.config)
        model, _ = init_model(cfg, None, 'cpu')
        trained.update(cfg=cfg.pretty_text, weights=model.state_dict())
    folder = tmp_path / 'run'
    scalars = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
    scalars.parent.mkdir(parents=True)
    lines = [{'loss': 3.0 - n, 'time': 1.8, 'epoch': 10 * n, 'iter': 200 * n} for n in (1, 2, 3)]
    lines.append({'retrieval/rgb_R@1': 0.5, 'step': 30})
    scalars.write_text('\n'.join(json.dumps(line) for line in lines) + '\n')
    meta = dict(cfg=trained['cfg'], epoch=30, iter=600, seed=3)
    file = folder / 'epoch_30.pth'
    torch.save(dict(state_dict=trained['weights'], meta=meta, optimizer={'lr': 1}), file)
    result = dict(
        config_sha256='', validated=False, before=metrics(0), after=metrics(1),
        scalars={}, seconds_per_step=1.8, steps=600,
    )  # fmt: skip
    (folder / 'result.json').write_text(json.dumps(result))

    def change(**changes):
        """The checkpoint with other content."""
        content = torch.load(file, weights_only=True)
        for key, value in changes.items():
            part = 'meta' if key in meta else 'state_dict'
            content[part] = {**content[part], key: value}
        torch.save(content, file)

    yield SimpleNamespace(folder=folder, file=file, scalars=scalars, change=change)
    shutil.rmtree(folder)
