"""The benchmark of samples that hold flow: that it reads the frames that flow is of."""

import numpy as np

from ssvrl_mm.decode_benchmark import samples
from tests.clips import encode, translating


def test_a_sample_with_flow_of_later_frames(tmp_path, monkeypatch):
    frames = translating(84, dx=1, dy=0.5, height=48, width=64)
    video = str(encode(tmp_path / 'video.avi', frames, 'mpeg4'))
    config = tmp_path / 'config.py'
    config.write_text(
        "train_dataloader = dict(dataset=dict(streams=('rgb', 'flow'), "
        "reader_options=dict(flow_method='vectors', flow_span=3), pipeline=["
        "dict(type='OpenCompressedVideo'), dict(type='SampleClips', clip_len=2, motion_offset=3), "
        "dict(type='DecodeCompressedVideo', flow_peak=True), dict(type='PackSSLInputs')]))"
    )
    comparison = samples.sample_comparison(video, str(config))
    chosen = []
    monkeypatch.setattr(comparison.tasks[samples.FLOOR], 'choose', chosen.extend)
    comparison.prepare(0)
    sample = comparison.tasks[samples.WHILE]()
    assert sample['inputs'].keys() == {'rgb', 'flow', 'flow_peak'}
    frames = sample['data_samples'].frame_inds
    assert chosen == np.unique([frames, frames + 3]).tolist()
    batch = comparison.tasks[samples.CALL]()
    assert len(batch.flow) == len(np.unique(frames)) == len(batch.rgb)
    for name, kept in (('rgb', {'rgb'}), ('flow', {'flow', 'flow_peak'})):
        comparison.prepare(0)
        packed = comparison.tasks[f'{samples.AFTER}, {name} alone']()
        assert packed['inputs'].keys() == kept
