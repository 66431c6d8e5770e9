import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from mmengine.config import Config

from ssvrl_mm.datasets.motion_primitives import (
    MotionPrimitives,
    MotionPrimitivesError,
    MotionPrimitivesSpec,
    _stamp_of,
    check_motion_primitives,
    write_motion_primitives,
)
from ssvrl_mm.datasets.motion_rendering import CLASSES, DIRECTIONS, _trajectory, render_clip
from ssvrl_mm.registry import DATASETS
from ssvrl_mm.video import CompressedVideoReader

PRESETS = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'

SPEC = MotionPrimitivesSpec(train_per_class=2, test_per_class=1, num_frames=17, size=64)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_motion_primitives(tmp_path_factory.mktemp('data') / 'motion_primitives', SPEC)


def relative_motion(name, seed):
    """Motion of the object against the background: vectors (n, 2) and places (n, 2) in px."""
    from ssvrl_mm.video.motion.flow import estimate_motion

    frames = render_clip(name, seed, num_frames=24, size=160)
    vectors, places = [], []
    for t in range(8, 16):
        field = estimate_motion(frames[t - 1], frames[t], scale=1, grid=False)
        field = field - np.median(field.reshape(-1, 2), axis=0)
        y, x = np.nonzero(np.hypot(*field.transpose(2, 0, 1)) > 0.6)
        vectors.append(field[y, x])
        places.append(np.stack([x, y], 1) - np.array([x.mean(), y.mean()]))
    return np.concatenate(vectors), np.concatenate(places)


@pytest.mark.parametrize('name', DIRECTIONS)
def test_directions_move_as_they_are_called(name):
    wanted = np.array(DIRECTIONS[name]) / np.hypot(*DIRECTIONS[name])
    means = np.stack([relative_motion(name, seed)[0].mean(0) for seed in range(3)])
    cosines = means @ wanted / np.linalg.norm(means, axis=1)
    assert cosines.min() > np.cos(np.pi / 8)


@pytest.mark.parametrize(
    ('name', 'part', 'sign'),
    [
        ('expand', 'divergence', 1),
        ('contract', 'divergence', -1),
        # y points down: a turn to the left, counter-clockwise on screen, has negative curl.
        ('rotate_left', 'curl', -1),
        ('rotate_right', 'curl', 1),
    ],
)
def test_zooms_and_turns_have_the_sign_of_their_name(name, part, sign):
    for seed in range(3):
        vector, place = relative_motion(name, seed)
        radial = (vector * place).sum(1).mean()
        turning = (place[:, 0] * vector[:, 1] - place[:, 1] * vector[:, 0]).mean()
        strong, weak = (radial, turning) if part == 'divergence' else (turning, radial)
        assert sign * strong > 3 * abs(weak)


def test_the_frame_at_mid_clip_is_the_same_for_every_class():
    names = [name for name in CLASSES if name not in ('circle',) and 'oscillate' not in name]
    middle = [render_clip(name, 5, num_frames=17, size=64)[8] for name in names]
    assert len(names) == 13
    for frame in middle[1:]:
        np.testing.assert_array_equal(frame, middle[0])
    with pytest.raises(ValueError, match='wobble'):
        render_clip('wobble', 0)


def structure(path):
    """The picture types of a file, and its codec."""
    with av.open(str(path)) as container:
        types = ''.join('?IPB'[frame.pict_type] for frame in container.decode(video=0))
        return types, container.streams.video[0].codec_context.name


def test_half_is_h264_with_b_frames_and_half_mpeg4_with_gop_12(root):
    videos = sorted((root / 'videos').rglob('*.*'))
    assert len(videos) == 3 * len(CLASSES)
    codecs = {}
    for path in videos:
        types, codec = structure(path)
        codecs.setdefault(codec, []).append(types)
    assert len(codecs['h264']) == 2 * len(CLASSES) and len(codecs['mpeg4']) == len(CLASSES)
    assert all(types == 'I' + 11 * 'P' + 'I' + 4 * 'P' for types in codecs['mpeg4'])
    assert all(len(types) == 17 for types in codecs['h264'])
    assert sum('B' in types for types in codecs['h264']) > len(CLASSES)


def test_all_of_it_may_be_mpeg4_with_gop_12(tmp_path):
    spec = dict(train_per_class=2, test_per_class=1, num_frames=26, size=64)
    root = write_motion_primitives(
        tmp_path / 'gop12', MotionPrimitivesSpec(**spec, codecs='mpeg4-gop12')
    )
    videos = sorted((root / 'videos').rglob('*.*'))
    assert len(videos) == 3 * len(CLASSES) and {path.suffix for path in videos} == {'.avi'}
    assert {structure(path) for path in videos} == {(2 * ('I' + 11 * 'P') + 'IP', 'mpeg4')}
    lines = (root / 'train_list.txt').read_text().split('\n')
    assert lines[:2] == ['train/right/0000.avi 0', 'train/right/0001.avi 0']
    # Another choice is another dataset; folders of the default stay what they are.
    stamp = json.loads((root / 'spec.json').read_text())
    assert stamp == dict(format=1, fps=25, seed=0, **spec, codecs='mpeg4-gop12')
    assert 'pace' in _stamp_of(MotionPrimitivesSpec(pace=0.5))
    assert _stamp_of(MotionPrimitivesSpec()) == (
        '{"format": 1, "train_per_class": 40, "test_per_class": 20, "num_frames": 36, '
        '"size": 112, "fps": 25, "seed": 0}'
    )


def path_of(name, seed, num_frames=72, pace=1.0):
    """Places, scales and angles of the object in a frame of 112 px: (T, 4)."""
    pose = _trajectory(name, np.random.default_rng(seed), num_frames, 112, pace)
    return np.array([[now.x, now.y, now.scale, now.angle] for now in map(pose, range(num_frames))])


@pytest.mark.parametrize('name', CLASSES)
def test_pace_is_how_fast_objects_move_along_and_nothing_else(name):
    for seed in range(3):
        usual, slow = path_of(name, seed), path_of(name, seed, pace=0.75)
        assert (usual[:, 2:] == slow[:, 2:]).all()
        ways = [np.diff(path[:, :2], axis=0) for path in (usual, slow)]
        np.testing.assert_allclose(ways[1], 0.75 * ways[0], atol=1e-9)
        if name in DIRECTIONS:
            assert (np.linalg.norm(ways[1], axis=1) > 0.97).all()
    fast, slow = (render_clip(name, 0, 17, 64, pace=pace) for pace in (1.0, 0.5))
    assert (fast == render_clip(name, 0, 17, 64)).all()
    assert (fast == slow).all() == (not ways[0].any())


def test_drift_is_the_way_of_the_camera_and_nothing_else():
    still, usual, twice = (render_clip('still', 3, 24, 64, drift=drift) for drift in (0, 1, 2))
    # Nothing of a still clip moves before a still camera.
    assert (still == still[:1]).all()
    assert (usual == render_clip('still', 3, 24, 64)).all() and (usual[0] != usual[1]).any()
    # Everything goes the camera's way, twice as far with twice the drift.
    centre = still[0, 24:40, 24:40]
    ways = []
    for frames in (usual, twice):
        found = [cv2.minMaxLoc(cv2.matchTemplate(f, centre, cv2.TM_SQDIFF))[2] for f in frames]
        ways.append(np.array(found) - 24)
    assert np.linalg.norm(ways[0], axis=1).max() > 3
    np.testing.assert_allclose(ways[1], 2 * ways[0], atol=1.5)
    # Objects go their way.
    moved = render_clip('right', 3, 24, 64, drift=0)
    assert (moved != moved[:1]).any() and (moved[:, :4] == moved[:1, :4]).all()
    assert '"drift": 0' in _stamp_of(MotionPrimitivesSpec(drift=0))


def test_objects_stay_in_view_of_long_clips():
    seen = {}
    for pace in (0.75, 1):
        paths = [path_of(name, seed, pace=pace) for name in DIRECTIONS for seed in range(20)]
        places = np.stack(paths)[..., :2]
        seen[pace] = ((places >= 0) & (places < 112)).all(-1).mean()
    assert seen[1] < 0.98 < 0.99 < seen[0.75]


def test_the_same_seed_gives_the_same_bytes_and_the_splits_differ(root, tmp_path):
    again = write_motion_primitives(tmp_path / 'again', SPEC)
    for path in sorted((root / 'videos').rglob('*.*')):
        assert path.read_bytes() == (again / path.relative_to(root)).read_bytes()
    train, test = (root / f'videos/{split}/still/0000.mp4' for split in ('train', 'test'))
    assert train.read_bytes() != test.read_bytes()


def test_a_whole_folder_is_kept_and_neither_another_spec_nor_a_stranger_is_replaced(tmp_path):
    small = MotionPrimitivesSpec(train_per_class=1, test_per_class=1, num_frames=16, size=64)
    root = write_motion_primitives(tmp_path / 'set', small)
    clip = root / 'videos/train/up/0000.mp4'
    before = clip.stat().st_mtime_ns
    write_motion_primitives(root, small)
    assert clip.stat().st_mtime_ns == before
    with pytest.raises(
        MotionPrimitivesError, match='set holds MotionPrimitives of another spec'
    ) as told:
        write_motion_primitives(
            root, MotionPrimitivesSpec(train_per_class=1, test_per_class=1, num_frames=18, size=64)
        )
    assert 'another spec: num_frames is 16 where 18 is asked for; it is not' in str(told.value)
    assert json.loads((root / 'spec.json').read_text())['num_frames'] == 16
    assert clip.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ['set']

    stranger = tmp_path / 'holiday'
    stranger.mkdir()
    (stranger / 'film.mp4').write_bytes(b'')
    with pytest.raises(MotionPrimitivesError, match='holiday exists, but holds no MotionPrim'):
        write_motion_primitives(stranger, small)
    assert (stranger / 'film.mp4').exists()


def test_sigterm_leaves_nothing_and_what_was_killed_is_removed(tmp_path):
    root, host = tmp_path / 'set', socket.gethostname()
    # More than can be written before the signal.
    code = (
        'from ssvrl_mm.datasets.motion_primitives import *\n'
        f'write_motion_primitives({str(root)!r}, MotionPrimitivesSpec(40, 20, 16, 64))'
    )
    process = subprocess.Popen([sys.executable, '-c', code], stderr=subprocess.DEVNULL)
    partial = tmp_path / f'set.{host}.{process.pid}.partial'
    deadline = time.monotonic() + 120
    while not partial.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    assert process.wait(120) == 143
    assert list(tmp_path.iterdir()) == []
    # A process that is no more, and one that is.
    for number in (process.pid, os.getppid()):
        (tmp_path / f'set.{host}.{number}.partial/videos').mkdir(parents=True)
    write_motion_primitives(root, MotionPrimitivesSpec(1, 1, num_frames=16, size=64))
    assert {path.name for path in tmp_path.iterdir()} == {
        'set',
        f'set.{host}.{os.getppid()}.partial',
    }


def stamped(root, text):
    root.mkdir()
    (root / 'spec.json').write_text(text)
    return root


@pytest.mark.parametrize(
    'text, said',
    [
        ('{"format": 0, "pace": 0.75}', 'pace is 0.75 where 1.0 is asked for, '
         'format is 0 where 1 is asked for; it is not replaced'),
        ('{"format": 1, "colour": "red"}', "colour is 'red' where None is asked for"),
        ('notes', 'spec.json cannot be read'),
        ('7', 'spec.json cannot be read'),
    ],
)  # fmt: skip
def test_what_differs_is_named(tmp_path, text, said):
    with pytest.raises(MotionPrimitivesError) as told:
        check_motion_primitives(stamped(tmp_path / 'set', text))
    assert said in str(told.value) and 'remove it, or name another folder (data_root' in str(
        told.value
    )


def test_a_folder_that_may_be_used_passes(tmp_path):
    check_motion_primitives(tmp_path / 'nowhere')
    check_motion_primitives(stamped(tmp_path / 'in other words', '{"seed": 0, "format": 1}'))
    spec = dict(size=64)
    check_motion_primitives(
        stamped(tmp_path / 'set', _stamp_of(MotionPrimitivesSpec(**spec))), spec
    )
    with pytest.raises(MotionPrimitivesError, match='size is 64 where 112 is asked for'):
        check_motion_primitives(tmp_path / 'set')


@pytest.mark.parametrize(
    'wrong',
    [
        dict(size=100),
        dict(size=32),
        dict(num_frames=8),
        dict(codecs='mpeg4'),
        dict(pace=0),
        dict(drift=-0.1),
    ],
)
def test_spec_is_checked(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MotionPrimitivesSpec(**wrong)


def test_dataset_writes_itself_on_first_use(tmp_path):
    spec = dict(train_per_class=1, test_per_class=1, num_frames=16, size=64)
    dataset = MotionPrimitives('test', data_root=str(tmp_path / 'set'), spec=spec, role='query')
    assert len(dataset) == len(CLASSES)
    assert list(dataset.metainfo['classes']) == list(CLASSES)
    sample = dataset.get_data_info(3)
    assert sample['label'] == 3 and f'/test/{CLASSES[3]}/' in sample['filename']
    with CompressedVideoReader(sample['filename']) as reader:
        assert len(reader) == 16 and reader.metadata.width == 64
    with pytest.raises(ValueError, match='val'):
        MotionPrimitives('val', data_root=str(tmp_path / 'set'))


def test_imrnet_reads_it(tmp_path, monkeypatch):
    monkeypatch.setenv('SSVRL_DATA', str(tmp_path))
    cfg = Config.fromfile(PRESETS / 'motion_primitives_imrnet.py')
    small = dict(train_per_class=1, test_per_class=1, num_frames=60, size=64)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        MotionPrimitivesSpec(**loader.dataset.spec)
        dataset = DATASETS.build(dict(loader.dataset, spec={**cfg.spec, **small}))
        inputs, sample = dataset[len(dataset) - 1].values()
        assert inputs['iframe'].shape == (1, 3, 5, 64, 64)
        assert inputs['motion'].shape == (1, 2, 25, 16, 16)
        assert inputs['residual'].shape == (1, 3, 25, 64, 64)
        assert sample.pmsp_labels.shape == (1, 9, 3)
    assert (tmp_path / 'motion_primitives_gop12').is_dir()
