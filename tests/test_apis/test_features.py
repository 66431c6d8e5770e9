import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint

from ssvrl_mm.apis import (
    FeatureFileError,
    FeatureTable,
    FolderInUseError,
    VideoSource,
    WeightsError,
    extract_features,
    features,
)
from ssvrl_mm.datasets import BadVideosError, CompressedVideoDataset
from ssvrl_mm.evaluation.provenance import file_sha256
from ssvrl_mm.registry import MODELS
from ssvrl_mm.video import CompressedVideoReader
from tests.processes import run_tool, run_tool_twice
from tests.test_apis.tiny import NUM_VIDEOS, PIPELINE, config

EXACT = dict(rtol=0, atol=0)


def extract(home, out, source=None, **kwargs):
    source = source or VideoSource.from_list(home / 'all_list.txt', home / 'videos')
    options = dict(workers=0, part_size=3, batch_size=2, device='cpu', progress=False, **kwargs)
    return extract_features(home / 'config.py', home / 'model.pth', source, out, **options)


def assert_equal(table, other):
    assert table.paths == other.paths
    np.testing.assert_array_equal(table.labels, other.labels)
    np.testing.assert_array_equal(table.clip_times, other.clip_times)
    assert list(table.features) == list(other.features) == ['rgb', 'motion']
    for stream, rows in table.features.items():
        np.testing.assert_array_equal(rows, other.features[stream])


@pytest.fixture(scope='module')
def whole(home, tmp_path_factory):
    """Extracted by this process, in one go."""
    return extract(home, tmp_path_factory.mktemp('whole') / 'features.npz')


def test_features_are_those_of_the_model(home, whole):
    cfg = config(home)
    init_default_scope('ssvrl_mm')
    model = MODELS.build(cfg.model).eval()
    load_checkpoint(model, str(home / 'model.pth'))
    videos = CompressedVideoDataset(
        str(home / 'all_list.txt'), PIPELINE, data_prefix=dict(video=str(home / 'videos'))
    )
    assert len(whole) == NUM_VIDEOS
    for index in (0, 5, 12):
        batch = model.data_preprocessor(pseudo_collate([videos[index]]))
        for stream, rows in whole.features.items():
            with torch.no_grad():
                clips = model.extract_feat(batch['inputs'], stream)[0]
            np.testing.assert_allclose(rows[index], clips.mean(0).numpy(), atol=1e-5)
    assert whole.labels.tolist() == [number % 2 for number in range(NUM_VIDEOS)]
    assert whole.paths[3] == 'right/03.mp4'
    assert whole.features['rgb'].dtype == np.float32


def test_clip_times_are_presentation_times(home, whole):
    with CompressedVideoReader(home / 'videos' / whole.paths[12]) as reader:
        pts = reader.get_frames_at(range(len(reader)), streams=()).pts_seconds
    assert whole.clip_times.shape == (NUM_VIDEOS, 3, 2)
    for (begin, end), start in zip(whole.clip_times[12], (0, 8, 16), strict=True):
        assert begin == pytest.approx(pts[start])
        assert end == pytest.approx(pts[start + 7] + 1 / 25)


def test_file_names_its_sources(home, whole):
    sources = whole.provenance
    assert sources['checkpoint_sha256'] == file_sha256(home / 'model.pth')
    assert sources['data_list_sha256'] == file_sha256(home / 'all_list.txt')
    assert (sources['seed'], sources['left_out'], sources['clips']) == (5, [], 'averaged')
    assert sources['versions']['torch'] == torch.__version__


def test_clips_can_be_kept(home, whole, tmp_path):
    kept = extract(home, tmp_path / 'clips.npz', keep_clips=True)
    for stream, rows in kept.features.items():
        assert rows.shape == (NUM_VIDEOS, 3, 128)
        np.testing.assert_allclose(rows.mean(axis=1), whole.features[stream], atol=1e-6)
        np.testing.assert_allclose(kept.averaged()[stream], whole.features[stream], atol=1e-6)
    with pytest.raises(FeatureFileError, match='holds features of another run'):
        extract(home, tmp_path / 'clips.npz')


def test_moving_windows_may_differ_in_number(home, tmp_path):
    cfg = config(home)
    for dataset in cfg.test_dataloader.dataset.datasets:
        dataset.pipeline[1].stride = 4
    source = VideoSource.from_list(home / 'all_list.txt', home / 'videos')
    table = extract_features(
        cfg, home / 'model.pth', source, tmp_path / 'f.npz', keep_clips=True, workers=0,
        device='cpu', progress=False,
    )  # fmt: skip
    # 12 + n frames, windows of 8 that move by 4, the last one reaching the end.
    expected = [1 + -(-(4 + number) // 4) for number in range(NUM_VIDEOS)]
    for array in (table.clip_times, *table.features.values()):
        assert (~np.isnan(array[:, :, 0])).sum(axis=1).tolist() == expected
    assert np.isfinite(table.averaged()['motion']).all()


def test_bad_videos_are_left_out_and_named(home, whole, tmp_path):
    names = [f'{path} {label}' for path, label in zip(whole.paths, whole.labels, strict=True)]
    (tmp_path / 'list.txt').write_text('\n'.join(['gone.mp4 1', *names[:4], 'text.mp4 0']))
    (home / 'videos/text.mp4').write_text('no video')
    source = VideoSource.from_list(tmp_path / 'list.txt', home / 'videos')
    table = extract(home, tmp_path / 'f.npz', source)
    (home / 'videos/text.mp4').unlink()
    assert table.paths == whole.paths[:4]
    np.testing.assert_allclose(table.features['motion'], whole.features['motion'][:4], atol=1e-6)
    left_out = FeatureTable.load(tmp_path / 'f.npz').provenance['left_out']
    assert [entry['path'] for entry in left_out] == ['gone.mp4', 'text.mp4']
    assert all('cannot be opened' in e['cause'] or 'no such' in e['cause'] for e in left_out)

    (tmp_path / 'bad.txt').write_text('gone.mp4 1\n')
    with pytest.raises(BadVideosError, match='none of the 1 videos .* can be read'):
        extract(home, tmp_path / 'g.npz', VideoSource.from_list(tmp_path / 'bad.txt', home))


def test_interrupted_run_goes_on(home, whole, tmp_path, monkeypatch):
    compute = features._compute

    def interrupted(*args):
        yield from [part for _, part in zip(range(2), compute(*args), strict=False)]
        raise KeyboardInterrupt

    monkeypatch.setattr(features, '_compute', interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(home, tmp_path / 'f.npz')
    parts = tmp_path / 'f.npz.parts'
    assert len(list(parts.glob('part_*.npz'))) == 2 and not (tmp_path / 'f.npz').exists()

    with pytest.raises(FeatureFileError, match='with another clips; delete it'):
        extract(home, tmp_path / 'f.npz', keep_clips=True)

    done = []
    monkeypatch.setattr(
        features, '_compute', lambda *args: (done.append(p[0]) or p for p in compute(*args))
    )
    assert_equal(extract(home, tmp_path / 'f.npz'), whole)
    assert done == [2, 3, 4] and not parts.exists()
    assert_equal(extract(home, tmp_path / 'f.npz'), whole)
    assert done == [2, 3, 4]


def test_a_second_run_into_the_same_file_is_refused(home, whole, tmp_path, monkeypatch):
    compute = features._compute

    def joined_by_another(*args):
        for part in compute(*args):
            before = sorted((tmp_path / 'f.npz.parts').iterdir())
            with pytest.raises(FolderInUseError, match=f'process {os.getpid()} on .* Wait for it'):
                extract(home, tmp_path / 'f.npz')
            assert sorted((tmp_path / 'f.npz.parts').iterdir()) == before
            yield part

    monkeypatch.setattr(features, '_compute', joined_by_another)
    assert_equal(extract(home, tmp_path / 'f.npz'), whole)
    assert list(tmp_path.iterdir()) == [tmp_path / 'f.npz']


def test_weights_that_do_not_fit_are_an_error(home, tmp_path):
    state = torch.load(home / 'model.pth')['state_dict']
    torch.save(dict(state_dict={f'x.{k}': v for k, v in state.items()}), tmp_path / 'none.pth')
    half = {k: v for k, v in state.items() if not k.startswith('backbone_motion')}
    torch.save(dict(state_dict=half), tmp_path / 'half.pth')
    source = VideoSource.from_folder(home / 'videos')
    options = dict(workers=0, device='cpu', progress=False)
    for name, message in (
        ('none', r"0 of the .* All of them are under 'x\.'"),
        ('half', r'backbone_motion\.'),
    ):
        with pytest.raises(WeightsError, match=message):
            extract_features(
                home / 'config.py', tmp_path / f'{name}.pth', source, tmp_path / 'f.npz', **options
            )


def test_random_weights_follow_from_the_seed(home, whole, tmp_path):
    tables = []
    for name in 'ab':
        torch.manual_seed(ord(name))
        tables.append(
            extract_features(
                home / 'config.py', None, home / 'videos', tmp_path / f'{name}.npz', workers=0,
                device='cpu', progress=False,
            )
        )  # fmt: skip
    assert_equal(*tables)
    assert not np.allclose(tables[0].features['rgb'], whole.features['rgb'])
    # The folder gives the same list, hence the same checksum.
    assert sorted(tables[0].paths) == sorted(whole.paths)
    assert tables[0].provenance['checkpoint_sha256'] is None


def command(repository, home, out, *more):
    tool = repository / 'tools/analysis/extract_features.py'
    return [
        str(tool), str(home / 'config.py'), str(home / 'model.pth'), '--out', str(out), '--list',
        str(home / 'all_list.txt'), '--root', str(home / 'videos'), '--part-size', '3',
        '--batch-size', '2', '--device', 'cpu', *more,
    ]  # fmt: skip


@pytest.fixture
def environment(repository):
    return {
        **os.environ,
        'OMP_NUM_THREADS': '1',
        'CUDA_VISIBLE_DEVICES': '',
        'PYTHONPATH': f'{repository}{os.pathsep}{os.environ.get("PYTHONPATH", "")}',
    }


def test_two_processes_share_the_videos(home, whole, repository, environment, tmp_path):
    words = command(repository, home, tmp_path / 'f.npz', '--launcher', 'pytorch')
    processes = run_tool_twice(words, tmp_path, environment, tmp_path)
    assert [process.returncode for process in processes] == [0, 0], processes[0].stderr
    # 13 videos in parts of three: neither twice nor lost, and bit by bit the same.
    assert_equal(FeatureTable.load(tmp_path / 'f.npz'), whole)
    assert not (tmp_path / 'f.npz.parts').exists()


def test_killed_tool_goes_on_and_probe_reads_it(home, whole, repository, environment, tmp_path):
    out = tmp_path / 'f.npz'
    words = [sys.executable, *command(repository, home, out, '--workers', '1')]
    process = subprocess.Popen(
        words, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob('f.npz.parts/part_*')) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = run_tool(words[1:], tmp_path, environment, tmp_path)
    assert done.returncode == 0, done.stderr
    assert_equal(FeatureTable.load(out), whole)

    probe = [repository / 'tools/analysis/probe_features.py', out]
    options = ['--splits', '3', '--group', r'(\d+)\.mp4', '--seeds', '0', '1', '--k', '1', '3']
    done = run_tool([*probe, *options], tmp_path, environment, tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / 'f_probe.json').read_text())
    assert len(report['figures']['runs']) == 6
    scores = [run['motion']['knn3'] for run in report['figures']['runs']]
    assert report['figures']['mean']['motion']['knn3'] == pytest.approx(np.mean(scores))
    [source] = report['provenance']['features']
    assert source['checkpoint_sha256'] == file_sha256(home / 'model.pth')
    assert source['data_list_sha256'] == file_sha256(home / 'all_list.txt')
    assert (tmp_path / 'f_probe.md').read_text().startswith('# Feature probe\n')
    assert '| motion |' in done.stdout

    done = run_tool([*probe, out], tmp_path, environment, tmp_path)
    assert done.returncode == 1 and 'error: 13 videos are in both files' in done.stderr
