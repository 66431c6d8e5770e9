import pytest
import torch
from mmaction.structures import ActionDataSample

from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.train_benchmark import synthetic
from ssvrl_mm.train_benchmark.synthetic import RepeatedSamples, synthetic_loader
from tests.clips import encode, translating
from tests.test_train_benchmark.configs import mvcgc


@pytest.fixture(autouse=True)
def short_videos(monkeypatch):
    """Three videos of twelve frames."""

    def generate(folder):
        clips = [translating(12, dx, 0, height=32, width=48, seed=dx) for dx in range(3)]
        return [str(encode(folder / f'{dx}.mp4', clip)) for dx, clip in enumerate(clips)]

    monkeypatch.setattr(synthetic, 'generate', generate)


def test_samples_are_what_the_pipeline_packs():
    loader = synthetic_loader(mvcgc().train_dataloader, 5)
    assert (loader['batch_size'], loader['num_workers'], loader['drop_last']) == (3, 0, True)
    assert 'persistent_workers' not in loader and loader['sampler']['shuffle'] is False
    dataset = loader['dataset']
    assert len(dataset) == 5 and len(dataset.samples) == 3
    for index in range(5):
        sample = dataset[index]
        assert sample['data_samples'].video_id == index
        rgb, motion = sample['inputs']['rgb'], sample['inputs']['motion']
        assert rgb.shape == (2, 3, 4, 16, 16) and rgb.dtype == torch.uint8
        assert motion.shape == (2, 2, 4, 4, 4) and motion.dtype == torch.float16
    assert torch.equal(dataset[0]['inputs']['rgb'], dataset[3]['inputs']['rgb'])
    assert not torch.equal(dataset[0]['inputs']['rgb'], dataset[1]['inputs']['rgb'])


def test_streams_and_options_are_those_of_the_dataset():
    cfg = mvcgc().train_dataloader
    inner = dict(cfg.dataset, streams=('motion',), reader_options=dict(motion='estimate'))
    cfg.dataset = dict(type='RepeatDataset', times=2, dataset=inner)
    assert set(synthetic_loader(cfg, 1)['dataset'][0]['inputs']) == {'motion'}
    cfg.dataset.dataset.reader_options = dict(motion='no such way')
    with pytest.raises(LaunchError, match='no such way.*measure with your data, --input real'):
        synthetic_loader(cfg, 1)


def test_what_is_stored_of_videos_is_not_looked_for():
    cfg = mvcgc().train_dataloader
    cfg.dataset.update(
        streams=('flow',),
        reader_options=dict(flow_method='raft', flow_root='raft_2', flow_span=2, flow_cell=8),
    )
    for step in cfg.dataset.pipeline:
        if step.type == 'SampleClips':
            step.update(type='SampleMotionClips', scores_root='motion_scores/raft_2')
    assert set(synthetic_loader(cfg, 1)['dataset'][0]['inputs']) == {'flow'}


def test_a_pipeline_that_takes_no_video_files():
    cfg = mvcgc().train_dataloader
    cfg.dataset.pipeline = [dict(type='RawFrameDecode')]
    with pytest.raises(LaunchError, match='does not run on generated videos.*KeyError'):
        synthetic_loader(cfg, 2)


def test_labels_of_one_video_do_not_touch_another():
    samples = [dict(inputs=torch.ones(1), data_samples=ActionDataSample().set_gt_label(0))]
    dataset = RepeatedSamples(samples, 2)
    dataset[0]['data_samples'].set_gt_label(5)
    assert dataset[1]['data_samples'].gt_label.item() == 0
    assert 'video_id' not in dataset[1]['data_samples']
    assert RepeatedSamples([dict(inputs=torch.ones(1))], 1)[0]['data_samples'] is None
