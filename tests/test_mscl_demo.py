"""MSCL's demo from its config, on few videos: its report, its ablations, clips out of order."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.datasets.motion_rendering import CLASSES
from ssvrl_mm.demo import run_demo, write_config
from ssvrl_mm.engine.runner import ToolRunner
from ssvrl_mm.registry import DATASETS, MODELS
from tests.clips import encode, translating
from tests.test_downstream import RUN, flat

MSCL = Path(__file__).resolve().parents[1] / 'configs/mscl'
CHANGING = ('oscillate_sideways', 'oscillate_upright', 'circle')


def small(name, data, work_dir, monkeypatch):
    """A config of the demo with a video of each class to learn from, and one to be found."""
    monkeypatch.setenv('SSVRL_DATA', str(data))
    cfg = Config.fromfile(MSCL / f'{name}.py')
    for dataloader in (cfg.train_dataloader, cfg.test_dataloader):
        dataloader.update(batch_size=8, num_workers=0, persistent_workers=False)
        few = dict(train_per_class=1, test_per_class=1, size=64)
        dataloader.dataset.spec = dict(dataloader.dataset.spec, **few)
    cfg.model.head.queue_length = 16
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.train_cfg.max_epochs = 1
    cfg.work_dir = str(work_dir)
    return cfg


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tmp_path_factory.mktemp('data')


def test_it_scores_trains_and_says_what_retrieval_and_the_local_task_come_to(
    data, tmp_path, monkeypatch, capsys
):
    cfg = small('mscl_demo', data, tmp_path, monkeypatch)
    figures = run_demo(cfg, tmp_path)
    assert json.loads((tmp_path / 'retrieval.json').read_text()) == figures
    assert set(figures['after']) == {'rgb', 'flow', 'rgb+flow'}
    tasks = figures['pretext']
    # 4 times of a clip, and as many rotated ones.
    assert (tasks['local_chance'], tasks['local_augmented_chance']) == (1 / 4, 1 / 8)
    assert (tasks['num_videos'], tasks['num_videos_of_changing']) == (16, 3)
    assert tasks['num_videos_of_camera'] == 1
    assert all(0 <= tasks[f'local{part}'] <= 1 for part in ('', '_of_changing', '_of_camera'))
    said = capsys.readouterr().out
    assert 'Pretext tasks on held-out videos' in said and 'Retrieval R@1' in said
    folder = data / 'motion_primitives_72'
    assert len([*folder.glob('motion_scores_2/train/*/*.scores')]) == 16
    assert not [*folder.glob('motion_scores_2/test/**/*.scores')]

    # The same weights see one frame, less itself: nothing, and one video is like another.
    cfg = small('benchmarks/mscl_demo_single', data, tmp_path / 'single', monkeypatch)
    cfg.load_from = str(tmp_path / 'epoch_1.pth')
    found = ToolRunner.from_cfg(cfg).test()
    assert found['pretext/num_videos'] == 16
    assert found['retrieval/rgb_mean_cosine'] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize('order', ['shuffled', 'single'])
def test_clips_out_of_order_are_those_of_the_demo(order):
    disordered, demo = (
        Config.fromfile(MSCL / f'{n}.py') for n in (f'benchmarks/mscl_demo_{order}', 'mscl_demo')
    )
    steps = [dict(step) for step in disordered.test_dataloader.dataset.pipeline]
    assert steps.pop(2) == dict(type='DisorderFrames', order=order)
    assert steps == [dict(step) for step in demo.test_dataloader.dataset.pipeline]
    disordered.test_dataloader.dataset.pipeline = demo.test_dataloader.dataset.pipeline
    disordered.val_dataloader = disordered.test_dataloader
    assert disordered.to_dict() == demo.to_dict()


def test_groups_are_of_the_classes():
    cfg = Config.fromfile(MSCL / 'mscl_demo.py')
    groups = cfg.test_evaluator[1].groups
    assert tuple(groups.changing) == CHANGING and tuple(groups.camera) == ('still',)
    assert {*groups.changing, *groups.camera} <= {*CLASSES}


# What each ablation leaves out of the demo, beside the sampling.
LEFT_OUT = {
    'mscl_demo_fra': {},
    'mscl_demo_inter-local': {'flow_augment': None},
    'mscl_demo_local': {'flow_augment': None, 'head.weights.inter': 0},
    'mscl_demo_inter': {
        'flow_augment': None,
        'neck': None,
        'answers_pretext': False,
        'head.local': None,
    },
}
LEFT_OUT['mscl_demo_intra'] = {**LEFT_OUT['mscl_demo_inter'], 'head.weights.inter': 0}


@pytest.mark.parametrize('name', LEFT_OUT)
def test_ablations_differ_in_what_they_leave_out(name):
    whole, cfg = (Config.fromfile(MSCL / f'{n}.py') for n in ('mscl_demo', name))
    for key, value in LEFT_OUT[name].items():
        *parents, last = key.split('.')
        node = whole.model
        for parent in parents:
            node = node[parent]
        node[last] = value
    assert flat(cfg.model.to_dict()) == flat(whole.model.to_dict())
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        MODELS.build(cfg.model)
    asks = cfg.model.answers_pretext
    assert [e.type for e in cfg.test_evaluator] == ['VideoRetrieval', 'PretextAccuracy'][: 1 + asks]
    chosen = dict(whole.train_dataloader.dataset.pipeline[1])
    given = dict(cfg.train_dataloader.dataset.pipeline[1])
    # Query and key are drawn alike, but for the scores.
    scores = {'function', 'scores_root', 'flow_method'}
    assert (chosen['function'], given['function']) == ('dw', 'none') and 'scores_root' not in given
    assert {k: given[k] for k in given.keys() - scores} == {
        k: chosen[k] for k in chosen.keys() - scores
    }
    rest = [part for part in RUN if part not in ('model', 'test_evaluator', 'val_evaluator')]
    for part in rest:
        ours, theirs = (flat({part: c.to_dict().get(part)}) for c in (cfg, whole))
        sampling = '.train_dataloader.dataset.pipeline.1.'
        assert {k: v for k, v in ours.items() if not k.startswith(sampling)} == {
            k: v for k, v in theirs.items() if not k.startswith(sampling)
        }


def test_a_still_camera_is_all_that_differs(tmp_path, monkeypatch):
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    still, moving = (
        flat({k: v for k, v in Config.fromfile(MSCL / f'{n}.py').to_dict().items() if k in RUN})
        for n in ('mscl_demo_still-camera', 'mscl_demo')
    )
    differ = {key: value for key, value in still.items() if moving.get(key, 'none') != value}
    folder = 'data/motion_primitives_72_still'
    assert differ == {
        f'.{split}_dataloader.dataset.{key}': value
        for split in ('train', 'val', 'test')
        for key, value in (('data_root', folder), ('spec.drift', 0))
    }
    assert still.keys() - differ.keys() <= moving.keys()


def test_scores_are_made_where_they_are_missing(data, tmp_path, monkeypatch):
    cfg = small('mscl_demo', data, tmp_path, monkeypatch)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        DATASETS.build(cfg.train_dataloader.dataset)
        files = sorted((data / 'motion_primitives_72/motion_scores_2').rglob('*.scores'))
        kept, lost = files[0].stat().st_mtime_ns, files[1].read_bytes()
        files[1].unlink()
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert files[1].read_bytes() == lost and files[0].stat().st_mtime_ns == kept
    inputs = dataset[0]['inputs']
    assert inputs['rgb'].shape == (2, 3, 8, 56, 56) and inputs['flow'].shape == (2, 2, 8, 14, 14)
    assert inputs['flow_peak'].dtype == torch.float32


def test_scores_are_those_of_motion_vectors():
    steps = Config.fromfile(MSCL / 'mscl_demo.py').train_dataloader.dataset.pipeline
    (sampler,) = [step for step in steps if step.type == 'SampleMotionClips']
    assert sampler.flow_method == 'vectors'


def test_videos_of_ones_own_need_neither_scores_nor_its_classes(tmp_path):
    for number in range(16):
        path = tmp_path / f'videos/{"run" if number % 2 else "walk"}/{number:02d}.mp4'
        path.parent.mkdir(parents=True, exist_ok=True)
        # Shorter than a clip of the demo.
        encode(path, translating(20, 1, 0, 64, 64, number))
    own = write_config(MSCL / 'mscl_demo.py', tmp_path / 'videos', tmp_path / 'work')
    cfg = Config.fromfile(own.config)
    assert cfg.test_evaluator[1] == dict(type='PretextAccuracy', groups=None)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        train = DATASETS.build(cfg.train_dataloader.dataset)
        gallery, query = DATASETS.build(cfg.test_dataloader.dataset).datasets
    assert train[0]['inputs']['flow'].shape == (2, 2, 8, 14, 14)
    for part in (gallery, query):
        assert part[0]['inputs']['rgb'].shape == (3, 3, 8, 56, 56)
