import hashlib

import numpy
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset

from ssvrl_mm.datasets import CompressedVideoDataset
from ssvrl_mm.evaluation.provenance import (
    config_sha256,
    describe_checkpoint,
    describe_config,
    describe_datasets,
    versions,
)


def test_datasets_are_named_by_list_or_by_content(tmp_path):
    names = ('run/a.mp4', 'walk/b.mp4')
    for name in names:
        (tmp_path / 'videos' / name).parent.mkdir(parents=True)
        (tmp_path / 'videos' / name).write_bytes(b'')
    text = 'run/a.mp4 0\nwalk/b.mp4 1\n'
    (tmp_path / 'list.txt').write_text(text)
    (tmp_path / 'classes.txt').write_text('run\nwalk\n')
    folder = dict(data_prefix=dict(video=str(tmp_path / 'videos')))
    listed = CompressedVideoDataset(str(tmp_path / 'list.txt'), role='gallery', **folder)
    searched = CompressedVideoDataset(role='query', **folder)
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert describe_datasets(ConcatDataset([listed, searched])) == [
        dict(data_list=str(tmp_path / 'list.txt'), sha256=expected, videos=2, role='gallery'),
        dict(data_list='CompressedVideoDataset', sha256=expected, videos=2, role='query'),
    ]


def test_configs_differ_by_what_they_say_not_by_how_they_run():
    cfg = Config(dict(model=dict(type='A'), randomness=dict(seed=3), work_dir='x'))
    other = Config(dict(randomness=dict(seed=3), model=dict(type='A'), launcher='pytorch'))
    assert config_sha256(cfg) == config_sha256(other)
    other.model.type = 'B'
    assert config_sha256(cfg) != config_sha256(other)
    assert describe_config(cfg)['seed'] == 3


def test_checkpoint_has_the_checksum_of_its_file(tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'weights')
    described = describe_checkpoint(tmp_path / 'a.pth')
    assert described['checkpoint_sha256'] == hashlib.sha256(b'weights').hexdigest()
    assert describe_checkpoint(None)['checkpoint_sha256'] is None


def test_versions_are_those_that_run():
    found = versions()
    assert (found['torch'], found['numpy']) == (torch.__version__, numpy.__version__)
