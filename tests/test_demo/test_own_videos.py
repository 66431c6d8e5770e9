import re

import pytest
from mmengine.config import Config

from ssvrl_mm.datasets import VideoListError, read_video_list
from ssvrl_mm.demo import Target, write_config
from ssvrl_mm.registry import DATASETS
from tests.clips import encode, translating

NAMES = [
    f'{kind}/person{p}_{i}.mp4' for kind in ('run', 'walk') for p in range(4) for i in range(2)
]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """16 videos of two classes and four persons, two of each."""
    folder = tmp_path_factory.mktemp('videos')
    for name in NAMES:
        (folder / name).parent.mkdir(exist_ok=True)
        encode(folder / name, translating(4, 1, 0, 48, 64))
    return folder


@pytest.fixture
def demo(repository):
    return repository / 'configs/mvcgc/demo.py'


def persons(work_dir, split):
    entries = read_video_list(work_dir / f'{split}_list.txt')
    return {re.search(r'person(\d)', entry.path)[1] for entry in entries}


def test_groups_are_on_one_side(demo, folder, tmp_path):
    own = write_config(demo, folder, tmp_path, r'person(\d)')
    train, test = (persons(tmp_path, split) for split in ('train', 'test'))
    assert test and not train & test and train | test == set('0123')
    said = '\n'.join(own.said)
    assert r"groups by 'person(\d)': none is on both sides" in said and 'random' not in said


def test_without_groups_both_sides_may_hold_the_same_people_and_that_is_said(
    demo, folder, tmp_path
):
    own = write_config(demo, folder, tmp_path)
    assert persons(tmp_path, 'train') & persons(tmp_path, 'test')
    said = '\n'.join(own.said)
    assert '4 held-out videos look for 12 training videos' in said
    assert 'same people or scenes may be on both sides' in said and '--group' in said
    assert own.target is Target.CLASS


def test_the_gallery_bounds_the_recalls(demo, folder, tmp_path):
    cfg = Config.fromfile(write_config(demo, folder, tmp_path, r'person(\d)').config)
    assert cfg.test_evaluator.topk == [1, 5, 10]
    cfg = Config.fromfile(write_config(demo, folder / 'run', tmp_path).config)
    assert cfg.test_evaluator.topk == cfg.val_evaluator.topk == [1, 5]


@pytest.fixture
def imrnet(repository):
    return repository / 'configs/imrnet/imrnet_demo.py'


@pytest.fixture(scope='module')
def longer(tmp_path_factory):
    """Eight videos of two groups of pictures, one too short for two, one for any."""
    folder = tmp_path_factory.mktemp('longer')
    for number, frames in enumerate([24] * 8 + [23, 4]):
        encode(folder / f'{number}.avi', translating(frames, 1, 0, 48, 64), 'mpeg4')
    return folder


def test_videos_whose_halves_would_be_the_same_are_left_out(imrnet, folder, longer, tmp_path):
    own = write_config(imrnet, longer, tmp_path)
    assert [line.split('/')[-1] for line in own.said[:-1]] == [
        '8.avi: is too short: 23 frames, at least 24 are needed',
        '9.avi: is too short: 4 frames, at least 24 are needed',
    ]
    assert 'the second halves of 8 videos look' in own.said[-1]
    listed = [entry.path for entry in read_video_list(tmp_path / 'test_list.txt')]
    assert listed == [f'{number}.avi' for number in range(8)]
    with pytest.raises(VideoListError, match=r'^0 videos .*needs 8\n(.*short: 4 .*\n){5}.* 3 more'):
        write_config(imrnet, folder / 'run', tmp_path)


def test_a_demo_with_several_metrics_keeps_them(imrnet, longer, tmp_path):
    cfg = Config.fromfile(write_config(imrnet, longer, tmp_path).config)
    retrieval, pretext = cfg.test_evaluator
    assert (retrieval.type, retrieval.topk) == ('VideoRetrieval', [1, 5])
    assert retrieval.streams == ('fused', 'iframe', 'motion', 'residual')
    assert pretext == Config.fromfile(imrnet).test_evaluator[1]
    # Halves of a video, in whole groups of pictures.
    gallery, query = (cfg.test_dataloader.dataset[role].pipeline for role in ('gallery', 'query'))
    assert [step.part for step in (gallery[1], query[1])] == [(0.0, 0.5), (0.5, 1.0)]


def test_without_classes_halves_look_for_halves(demo, folder, tmp_path):
    own = write_config(demo, folder / 'run', tmp_path, r'person(\d)')
    assert own.target is Target.HALF
    assert 'no classes: the second halves of 8 videos' in own.said[0]
    assert 'pattern of groups does nothing' in own.said[-1]


@pytest.mark.parametrize(
    'pattern, message',
    [
        ('person', "'person' puts too many of the 16 videos into one group"),
        ('nobody', "'nobody' matches nothing in 'run/person0_0.mp4'"),
        ('(', r"'\(' cannot be read"),
    ],
)
def test_patterns_that_make_no_groups(demo, folder, tmp_path, pattern, message):
    with pytest.raises(VideoListError, match=message):
        write_config(demo, folder, tmp_path, pattern)


def test_queries_that_can_find_nothing_are_counted(demo, folder, tmp_path):
    own = write_config(demo, folder, tmp_path, r'^(\w+)/')
    assert any('queries have no training video of their class' in line for line in own.said)


def test_too_few_videos_are_said_with_the_broken_ones(demo, tmp_path):
    (tmp_path / 'videos').mkdir()
    encode(tmp_path / 'videos/good.mp4', translating(4, 1, 0, 48, 64))
    (tmp_path / 'videos/broken.mp4').write_bytes(b'no video')
    with pytest.raises(VideoListError, match=r'^1 readable videos .* needs 8\n.*broken\.mp4'):
        write_config(demo, tmp_path / 'videos', tmp_path)


def test_many_broken_videos_are_counted_and_listed(demo, folder, tmp_path):
    videos = tmp_path / 'videos'
    videos.symlink_to(folder)
    mixed = tmp_path / 'mixed'
    (mixed / 'bad').mkdir(parents=True)
    (mixed / 'good').symlink_to(folder / 'run')
    for number in range(7):
        (mixed / f'bad/{number}.mp4').write_bytes(b'no video')
    own = write_config(demo, mixed, tmp_path / 'demo')
    named = [line for line in own.said if line.startswith('left out')]
    assert len(named) == 6 and named[-1].startswith('left out 2 more')
    assert len((tmp_path / 'demo/left_out.txt').read_text().splitlines()) == 7


@pytest.fixture(scope='module')
def phone(tmp_path_factory):
    """Ten videos of H.264, then two as phones and browsers record them, of 48 frames."""
    folder = tmp_path_factory.mktemp('phone')
    for number in range(10):
        encode(folder / f'{number}.mp4', translating(48, 1, 0, 48, 64))
    quick = {'deadline': 'realtime', 'cpu-used': '8'}
    hevc = {'x265-params': 'log-level=none:pools=none:frame-threads=1'}
    encode(folder / 'vp9.webm', translating(48, 1, 0, 48, 64), 'libvpx-vp9', options=quick)
    encode(folder / 'hevc.mp4', translating(48, 1, 0, 48, 64), 'libx265', options=hevc)
    return folder


@pytest.mark.parametrize(
    'demo, told, options',
    [
        ('mvcgc/demo', 'their motion is estimated', dict(motion='auto')),
        ('imrnet/imrnet_demo', 'their motion is estimated', dict(motion='auto')),
        ('mscl/mscl_demo', 'computed for all videos', dict(motion='auto', flow_method='dis')),
        ('segment_order/segment_order_demo', '', {}),
    ],
)
def test_videos_without_vectors_are_read_and_told(repository, phone, tmp_path, demo, told, options):
    demo = repository / 'configs' / f'{demo}.py'
    own = write_config(demo, phone, tmp_path / 'run')
    said = '\n'.join(own.said)
    assert told in said
    assert ('2 of 12 videos give no motion vectors away (hevc, vp9)' in said) == bool(told)
    cfg = Config.fromfile(own.config)
    given = Config.fromfile(demo).train_dataloader.dataset.reader_options.to_dict()
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        assert loader.dataset.reader_options.to_dict() == {**given, **options}
    # All of them are read, in halves as there are no classes.
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    assert len(dataset) == 24 and len([*dataset]) == 24


def test_videos_with_vectors_keep_the_options_of_the_config(demo, folder, tmp_path):
    own = write_config(demo, folder, tmp_path)
    assert 'motion' not in '\n'.join(own.said)
    assert 'auto' not in own.config.read_text()
