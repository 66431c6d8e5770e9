"""The whole way: a probe of two streams, of each by itself, fused from files and in one model."""

import importlib.util
import itertools
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.registry import MODELS

HERE = Path(__file__).resolve().parent
STREAMS = ('rgb', 'motion')


@pytest.fixture
def pretrained(repository, tmp_path):
    """A checkpoint like the demo's."""
    model = MODELS.build(Config.fromfile(repository / 'configs/mvcgc/demo.py').model)
    path = tmp_path / 'pretrained.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture
def run(repository, tmp_path, monkeypatch, pretrained):
    """Runs a tool in this process, in an empty folder; a process of its own takes seconds more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('SSVRL_DATA', str(tmp_path))
    monkeypatch.setenv('PRETRAINED', str(pretrained))
    monkeypatch.setenv('LOCAL_RANK', '0')
    runs = itertools.count()

    def run(name, *words, options=()):
        spec = importlib.util.spec_from_file_location('tool', repository / 'tools' / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if name in ('train', 'test'):
            names = f'experiment_name=downstream_{next(runs)}'
            words = [*words, '--cfg-options', names, *options]
        monkeypatch.setattr(sys, 'argv', [name, *map(str, words)])
        module.main()

    return run


def last_metrics(work_dir):
    [scalars] = work_dir.glob('*/vis_data/scalars.json')
    return json.loads(scalars.read_text().splitlines()[-1])


def scores(path, key='pred_score'):
    return {entry['filename']: entry[key].numpy() for entry in pickle.loads(path.read_bytes())}


def test_streams_together_apart_and_fused(run, pretrained, tmp_path, monkeypatch, capsys):
    # Both streams in one run: two iterations, a validation, and the same again as a test.
    run('train', HERE / 'tiny_probe.py', '--work-dir', 'both')
    start = torch.load(pretrained, weights_only=True)['state_dict']
    trained = torch.load(tmp_path / 'both/epoch_1.pth', weights_only=False)['state_dict']
    for stream in STREAMS:
        name = f'backbone_{stream}.stages.2.mixed_3b.branch1.1.temporal.bn.running_var'
        frozen = f'classifiers.{stream}.backbone.{name.partition(".")[2]}'
        assert torch.equal(trained[frozen], start[name])
    dumped = tmp_path / 'both.pkl'
    run('test', HERE / 'tiny_probe.py', 'both/epoch_1.pth', '--dump', dumped)
    validated = last_metrics(tmp_path / 'both')
    fused, rgb, motion = (scores(dumped, f'pred_score{v}') for v in ('', '_rgb', '_motion'))
    assert len(fused) == 16
    labels = {e['filename']: int(e['gt_label']) for e in pickle.loads(dumped.read_bytes())}
    for row, name in ((fused, 'acc/top1'), (rgb, 'acc/rgb_top1'), (motion, 'acc/motion_top1')):
        hits = np.mean([row[video].argmax() == label for video, label in labels.items()])
        assert validated[name] == pytest.approx(hits)
    for video, score in fused.items():
        np.testing.assert_allclose(score, (rgb[video] + motion[video]) / 2, atol=1e-6)

    # Each stream by itself, from the weights of the run of both.
    for stream in STREAMS:
        prefix = f'classifiers.{stream}.'
        part = {n.removeprefix(prefix): w for n, w in trained.items() if n.startswith(prefix)}
        torch.save(dict(state_dict=part), tmp_path / f'{stream}.pth')
        files = f'{stream}.pth', '--dump', tmp_path / f'{stream}.pkl'
        monkeypatch.setenv('STREAM', stream)
        run('test', HERE / 'tiny_stream.py', *files)

    # Fused from their score files, and in one model from their checkpoints.
    out = tmp_path / 'fused.pkl'
    capsys.readouterr()
    run('analysis/fuse_scores', 'rgb.pkl', 'motion.pkl', '--out', out)
    printed = capsys.readouterr().out
    table = {line.split()[0]: line.split()[1:] for line in printed.splitlines()[1:]}
    assert printed.startswith('16 videos') and list(table)[1:] == [
        'rgb.pkl',
        'motion.pkl',
        'fused',
    ]
    for row, name in (
        ('rgb.pkl', 'acc/rgb_top1'),
        ('motion.pkl', 'acc/motion_top1'),
        ('fused', 'acc/top1'),
    ):
        assert float(table[row][0]) == pytest.approx(100 * validated[name], abs=0.051)
    checkpoints = [f'model.checkpoints.{stream}={tmp_path}/{stream}.pth' for stream in STREAMS]
    composed = tmp_path / 'composed.pkl'
    run('test', HERE / 'tiny_probe.py', '--dump', composed, options=checkpoints)
    for path in (out, composed):
        assert scores(path).keys() == fused.keys()
        for video, score in scores(path).items():
            np.testing.assert_allclose(score, fused[video], atol=1e-5)

    # Nobody tests weights that are not those of a classifier.
    with pytest.raises(SystemExit, match='0 of the 778 weights of LateFusionRecognizer'):
        run('test', HERE / 'tiny_probe.py', 'pretrained.pth')
    with pytest.raises(SystemExit, match='give a checkpoint'):
        run('test', HERE / 'tiny_probe.py')


def test_files_that_do_not_fit_end_in_a_message(run, tmp_path):
    for name, videos in (('a', 'xy'), ('b', 'xz')):
        entries = [
            dict(filename=v, gt_label=torch.tensor([0]), pred_score=torch.tensor([0.5, 0.5]))
            for v in videos
        ]
        (tmp_path / f'{name}.pkl').write_bytes(pickle.dumps(entries))
    with pytest.raises(SystemExit, match=r'^error: b\.pkl has no score for 1 videos of a\.pkl: y$'):
        run('analysis/fuse_scores', 'a.pkl', 'b.pkl')
    for words in (['a.pkl'], ['a.pkl', 'b.pkl', '--weights', '1']):
        with pytest.raises(SystemExit, match='2'):
            run('analysis/fuse_scores', *words)
