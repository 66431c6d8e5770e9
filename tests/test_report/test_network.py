"""What the network gives is computed once, by the config's own tests, and kept."""

import sys

import numpy as np
import pytest
from mmengine.config import Config

from ssvrl_mm.apis import WeightsError
from ssvrl_mm.report import network
from ssvrl_mm.report.kept_features import FeatureKeeper
from ssvrl_mm.report.network import NetworkOptions, retrieval_metrics, run_network
from ssvrl_mm.report.run_folder import open_run
from tests.test_report.runs import write_config

SMALL = dict(workers=0, progress=False)


@pytest.fixture(scope='session')
def clips(tmp_path_factory):
    """Six clips of two classes, and lists of a gallery of four and of two queries."""
    from tests.clips import encode, translating

    root = tmp_path_factory.mktemp('report')
    (root / 'videos').mkdir()
    lists = {'train': '', 'test': ''}
    for number in range(6):
        frames = translating(16, 1 + number % 2, 0, 48, 64, seed=number)
        encode(root / 'videos' / f'{number}.mp4', frames)
        lists['train' if number < 4 else 'test'] += f'{number}.mp4 {number % 2}\n'
    for name, text in lists.items():
        (root / f'{name}.txt').write_text(text)
    (root / 'classes.txt').write_text('slow <b>\nfast\n')
    return root


@pytest.fixture
def trained(clips, tmp_path):
    """A run with a checkpoint, whose config tests by retrieval on one stream, as MoCo does."""
    import torch

    from ssvrl_mm.apis.loading import build_model, read_config

    pipeline = [
        dict(type='OpenCompressedVideo'),
        dict(type='SampleClips', clip_len=16, num_clips=2, test_mode=True),
        dict(type='ClipResize', short_side=32),
        dict(type='ClipCenterCrop', size=32),
        dict(type='DecodeCompressedVideo', streams=('rgb',)),
        dict(type='PackSSLInputs'),
    ]
    dataset = dict(
        type='RetrievalDataset',
        data_root=str(clips),
        data_prefix=dict(video='videos'),
        gallery=dict(ann_file='train.txt'),
        query=dict(ann_file='test.txt'),
        pipeline=pipeline,
    )
    model = dict(
        type='ContrastiveRecognizer',
        backbones=dict(
            rgb=dict(type='S3D', in_channels=3, width=0.125, spatial_strides=(2, 1, 2, 2, 1))
        ),
        head=dict(
            type='MoCoHead',
            projector=dict(
                type='ProjectionHead', in_channels=128, hidden_channels=8, out_channels=8
            ),
            queue_length=4,
            criterion=dict(type='InfoNCELoss', temperature=0.2),
        ),
        data_preprocessor=dict(type='SSLDataPreprocessor'),
    )
    settings = dict(
        model=model,
        test_dataloader=dict(batch_size=1, dataset=dataset),
        test_evaluator=dict(type='VideoRetrieval', topk=(1, 2)),
        randomness=dict(seed=3),
    )
    folder = tmp_path / 'run'
    write_config(folder / '20260101_100000', **settings)
    cfg = read_config(Config(dict(default_scope='ssvrl_mm', **settings)))
    cfg.randomness = dict(seed=4)
    torch.save(
        {'state_dict': build_model(cfg, True).state_dict(), 'meta': {}}, folder / 'epoch_1.pth'
    )
    return folder


def test_features_are_kept_and_searched(trained, tmp_path, monkeypatch):
    run = open_run(trained)
    cache = tmp_path / 'cache'
    found = run_network(run, cache, NetworkOptions(**SMALL))
    assert found.missing == '' and found.drops_itself
    assert {role: len(table) for role, table in found.trained.items()} == {'query': 2, 'gallery': 4}
    metrics = retrieval_metrics(run.cfg, found.trained)
    query, gallery = (found.trained[role] for role in ('query', 'gallery'))
    unit = [
        t.features['rgb'] / np.linalg.norm(t.features['rgb'], axis=1)[:, None]
        for t in (query, gallery)
    ]
    best = (unit[0] @ unit[1].T).argmax(axis=1)
    assert metrics['rgb_R@1'] == np.mean(gallery.labels[best] == query.labels)
    assert metrics['chance_R@1'] == pytest.approx(0.5) and 'rgb_R@2' in metrics
    assert not np.allclose(query.features['rgb'], found.random['query'].features['rgb'])
    # Again without the network: what was kept is all.
    monkeypatch.setattr(network, 'extract_features', _once(network.extract_features))
    again = run_network(run, cache, NetworkOptions(enabled=False))
    assert (again.trained['query'].features['rgb'] == query.features['rgb']).all()
    none = run_network(run, tmp_path / 'other', NetworkOptions(enabled=False))
    assert '--no-network' in none.missing and not none.trained


def _once(function):
    """The function, which may read and not compute."""

    def read(part, checkpoint, source, file, **options):
        assert file.is_file()
        return function(part, checkpoint, source, file, **options)

    return read


def test_checkpoints_that_do_not_fit_are_refused(trained, tmp_path):
    import torch

    torch.save({'state_dict': {'x': torch.zeros(1)}}, trained / 'epoch_1.pth')
    # Before anything is computed that takes long.
    with pytest.raises(WeightsError, match='epoch_1.pth'):
        run_network(open_run(trained), tmp_path / 'cache', NetworkOptions(**SMALL))


def test_videos_that_are_gone_are_told(trained, tmp_path, clips):
    run = open_run(trained)
    run.cfg.test_dataloader.dataset.data_root = str(tmp_path / 'gone')
    found = run_network(run, tmp_path / 'cache', NetworkOptions(**SMALL))
    assert 'there is no folder' in found.missing and not found.trained
    run.cfg.test_dataloader.dataset.data_root = str(clips)
    run.cfg.test_dataloader.dataset.query.ann_file = 'none.txt'
    found = run_network(run, tmp_path / 'cache', NetworkOptions(**SMALL))
    assert 'none.txt' in found.missing


def test_features_of_a_test_that_ran_anyway_are_the_same(trained, tmp_path):
    import torch

    run = open_run(trained)
    cache = tmp_path / 'cache'
    found = run_network(run, cache, NetworkOptions(**SMALL))
    keeper = FeatureKeeper()
    for tables in (found.random, found.trained):
        for role, table in tables.items():
            root = found.sources[role].root
            for row, path in enumerate(table.paths):
                keeper.process(
                    None,
                    [
                        dict(
                            role=role,
                            video_id=row,
                            filename=f'{root}/{path}',
                            gt_label=torch.tensor(table.labels[row]),
                            features={'rgb': torch.from_numpy(table.features['rgb'][row])},
                            clip_times=table.clip_times[row],
                        )
                    ],
                )
        assert keeper.evaluate(6) == {}
    keeper.write(run.cfg, [None, run.checkpoint], tmp_path / 'kept')
    kept = run_network(run, tmp_path / 'kept', NetworkOptions(enabled=False))
    assert kept.missing == ''
    for mine, theirs in ((kept.trained, found.trained), (kept.random, found.random)):
        for role, table in theirs.items():
            assert mine[role].paths == table.paths
            np.testing.assert_array_equal(mine[role].features['rgb'], table.features['rgb'])
            np.testing.assert_array_equal(mine[role].clip_times, table.clip_times)


def test_the_tool_ends_in_messages(repository, tmp_path, monkeypatch):
    import importlib.util

    spec = importlib.util.spec_from_file_location('report', repository / 'tools/analysis/report.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    (tmp_path / 'empty').mkdir()
    for arguments, code in (
        ([tmp_path / 'missing'], f'error: there is no folder {tmp_path / "missing"}'),
        ([tmp_path / 'empty'], 'holds no run'),
        ([tmp_path / 'empty', '--out', 'x.txt'], 2),
        ([tmp_path / 'empty', '--limit-mb', '0'], 2),
        ([tmp_path / 'empty', '-k', '0'], 2),
    ):
        monkeypatch.setattr(sys, 'argv', ['report.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            tool.main()
        assert ended.value.code == code if isinstance(code, int) else code in ended.value.code


def test_without_the_extra_the_demo_goes_on(monkeypatch):
    from ssvrl_mm.report import of_demo

    said = []
    monkeypatch.setitem(sys.modules, 'jinja2', None)
    assert of_demo.feature_keeper(said.append) is None
    (line,) = said
    assert line.startswith('no report at the end: a report needs jinja2')
    assert line.endswith("pip install 'ssvrl_mm[report]'")


def test_a_classifier_gives_scores(clips, tmp_path, repository):
    import torch

    from ssvrl_mm.apis.loading import build_model, read_config
    from ssvrl_mm.report.sections.classes import classes_section
    from ssvrl_mm.report.sections.neighbours import class_names

    cfg = Config.fromfile(repository / 'configs/mvcgc/benchmarks/mvcgc_demo_finetune.py')
    dataset = dict(
        type='CompressedVideoDataset',
        data_root=str(clips),
        data_prefix=dict(video='videos'),
        ann_file='train.txt',
        test_mode=True,
        pipeline=cfg.test_dataloader.dataset.pipeline,
        streams=('rgb', 'motion'),
    )
    cfg.test_dataloader.dataset = None
    cfg.test_dataloader.dataset = dataset
    for step in dataset['pipeline']:
        if step.type == 'SampleClips':
            step.clip_len = 16
    folder = tmp_path / 'run'
    (folder / '20260101_100000' / 'vis_data').mkdir(parents=True)
    cfg.dump(folder / '20260101_100000' / 'vis_data' / 'config.py')
    torch.save({'state_dict': build_model(read_config(cfg)).state_dict()}, folder / 'epoch_1.pth')
    found = run_network(open_run(folder), tmp_path / 'cache', NetworkOptions(**SMALL))
    assert found.missing == '' and not found.random
    scores = found.trained['test'].features['score']
    assert scores.shape[0] == 4
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    section = classes_section(found, class_names(found.sources['test']))
    right = (scores.argmax(axis=1) == found.trained['test'].labels).mean()
    assert section.blocks[0].rows[0][1].startswith(f'{100 * right:.1f} ±')
    assert 'slow <b>' in [row[0] for row in section.blocks[-1].rows]


def test_models_that_nobody_knows_and_devices_that_are_not_there(trained, tmp_path, monkeypatch):
    import torch

    from ssvrl_mm.report import ReportError
    from ssvrl_mm.report.network import check_device

    run = open_run(trained)
    run.cfg.model.type = 'NobodysModel'
    found = run_network(run, tmp_path / 'cache', NetworkOptions(**SMALL))
    assert 'cannot be run' in found.missing and 'NobodysModel' in found.missing
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for name, said in (('gpu', 'knows no such device'), ('cuda:0', 'there is no CUDA device')):
        with pytest.raises(ReportError, match=f'--device {name}: .*{said}'):
            check_device(name)
    check_device('cpu')
    check_device(None)


def test_videos_that_were_replaced_are_computed_anew(trained, tmp_path, clips):
    import os

    run, cache = open_run(trained), tmp_path / 'cache'
    run_network(run, cache, NetworkOptions(**SMALL))
    before = {file.name for file in cache.iterdir()}
    assert len(before) == 4
    os.utime(clips / 'videos' / '5.mp4', ns=(1, 1))
    assert '--no-network' in run_network(run, cache, NetworkOptions(enabled=False)).missing
    assert {file.name for file in cache.iterdir()} == before
    run_network(run, cache, NetworkOptions(**SMALL))
    after = {file.name for file in cache.iterdir()}
    # Those of the gallery are as they were, and nothing of the old video is left.
    assert len(after) == 4 and len(after & before) == 2
    # Another version may compute otherwise.
    monkey = pytest.MonkeyPatch()
    monkey.setattr(network, '__version__', '0.0.0')
    assert '--no-network' in run_network(run, cache, NetworkOptions(enabled=False)).missing
    monkey.undo()


def test_initial_weights_are_those_of_load_from(trained, tmp_path):
    import shutil

    import torch

    run, cache = open_run(trained), tmp_path / 'cache'
    start = tmp_path / 'start.pth'
    shutil.copy(run.checkpoint, start)
    run.cfg.load_from = str(start)
    found = run_network(run, cache, NetworkOptions(**SMALL))
    assert found.start == 'initial weights, from start.pth' and found.start_remarks == []
    for role, table in found.trained.items():
        np.testing.assert_array_equal(found.random[role].features['rgb'], table.features['rgb'])
    torch.save({'state_dict': {'x': torch.zeros(1)}}, start)
    found = run_network(run, cache, NetworkOptions(**SMALL))
    assert not found.random and found.trained and found.missing == ''
    assert 'do not fit the config' in found.start_remarks[0]
    start.unlink()
    found = run_network(run, cache, NetworkOptions(**SMALL))
    assert not found.random and 'the file is not here' in found.start_remarks[0]


def test_starts_are_called_what_they_are():
    from ssvrl_mm.report.starting_point import start_of

    pretrained = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='a/b.pth')))
    seeded = dict(randomness=dict(seed=0))
    for settings, label, said in (
        (seeded, 'random weights', ''),
        ({}, 'random weights', 'The config names no seed'),
        (dict(seeded, model=pretrained), 'initial weights, from b.pth', 'the file is not here'),
        (dict(load_from='c.pth', model=pretrained), 'initial weights, from c.pth', 'not here'),
    ):
        start = start_of(Config(settings))
        assert start.label == label
        assert said in start.remark() and bool(said) == bool(start.remark())


def test_resumed_runs_started_where_their_first_launch_did(tmp_path):
    from tests.test_report.runs import write_launch

    write_launch(tmp_path, '20260101_100000', (10,), load_from='first.pth', resume=False)
    write_launch(tmp_path, '20260101_110000', (20,), load_from='epoch_1.pth', resume=True)
    run = open_run(tmp_path)
    found = run_network(run, tmp_path / 'cache', NetworkOptions(**SMALL))
    assert run.first_load_from() == 'first.pth'
    assert found.start == 'initial weights, from first.pth'
