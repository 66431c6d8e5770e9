"""What the tool that extracts features says of what it cannot do."""

import importlib.util
import sys

import pytest

from tests.clips import encode, translating

CLASSIFIER = """
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='rgb',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    ),
    backbone=dict(type='VideoResNet', arch='r3d', depth=10, width=0.125),
    cls_head=dict(type='ClassificationHead', in_channels=64, num_classes=2, average_clips='prob'),
)
default_scope = 'ssvrl_mm'
pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=8, num_clips=1, test_mode=True),
    dict(type='DecodeCompressedVideo', streams=('rgb',)),
    dict(type='ClipResize', short_side=36),
    dict(type='ClipCenterCrop', size=32),
    dict(type='PackSSLInputs'),
]
dataset = dict(
    type='CompressedVideoDataset', ann_file='list.txt', streams=('rgb',), pipeline=pipeline
)
test_dataloader = dict(dataset=dataset)
"""


@pytest.mark.parametrize(
    'source, said',
    [
        (('--role', 'query'), r"tests with 0 datasets of role 'query': take the config of a"),
        (('--videos', 'videos'), 'the model gives no features: a self-supervised recognizer'),
    ],
)
def test_a_classifier_gives_no_features(source, said, tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'config.py').write_text(CLASSIFIER)
    (tmp_path / 'videos').mkdir()
    encode(tmp_path / 'videos/a.mp4', translating(12, 1, 0, 48, 64))
    file = tool('analysis/extract_features.py')
    spec = importlib.util.spec_from_file_location('tool', file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    options = ('--out', 'f.npz', '--device', 'cpu', '--workers', '0')
    monkeypatch.setattr(sys, 'argv', ['tool', 'config.py', 'random', *source, *options])
    with pytest.raises(SystemExit, match=f'error: .*{said}'):
        module.main()
