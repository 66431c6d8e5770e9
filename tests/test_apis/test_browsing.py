"""What is shown of a dataset is what the pipeline cut out, in the colours of the file."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.apis.browsing import RESIDUAL_GAIN, browse_dataset, choose_places, shown_streams
from ssvrl_mm.datasets import VideoListError
from ssvrl_mm.registry import MODELS
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.visualization.dataset_sheet import VectorStream
from tests.clips import encode, translating

CROP = dict(type='ClipCenterCrop', size=(32, 48))


def pipeline(streams=('rgb', 'motion'), clips=2, **pack):
    return [
        dict(type='OpenCompressedVideo'),
        dict(type='SampleClips', clip_len=4, num_clips=clips, test_mode=True),
        CROP,
        dict(type='DecodeCompressedVideo', streams=streams),
        dict(type='PackSSLInputs', **pack),
    ]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    for number, name in enumerate('abcd'):
        encode(folder / f'{name}.mp4', translating(12, 3, 0, 64, 96, seed=number))
    (folder / 'list.txt').write_text('a.mp4 1\nb.mp4 0\nc.mp4 1\nd.mp4 0\n')
    (folder / 'classes.txt').write_text('run\nwalk\n')
    return folder


def config(folder, steps, preprocessor=None, ann_file='list.txt'):
    dataset = dict(
        type='CompressedVideoDataset',
        data_root=str(folder),
        ann_file=ann_file,
        pipeline=steps,
    )
    model = dict(data_preprocessor=preprocessor) if preprocessor else {}
    loader = dict(dataset=dataset)
    return Config(dict(default_scope='ssvrl_mm', model=model, train_dataloader=loader))


def enlarged(motion, times):
    return np.repeat(np.repeat(motion, times, axis=1), times, axis=2)


def frames_of(folder, name, numbers):
    """The crop in the middle of frames 64 x 96, and their motion, read without the pipeline."""
    with CompressedVideoReader(folder / name) as reader:
        batch = reader.get_frames_at(numbers, ('rgb', 'motion', 'residual'))
    return (
        batch.rgb[:, 16:48, 24:72],
        # Cropped motion has as many values as the frame had cells.
        enlarged(batch.motion[:, 2:6, 3:9], 2),
        batch.residual[:, 16:48, 24:72],
    )


NORMALISED = [
    dict(type='SSLDataPreprocessor', motion=dict(clip=8, size=None)),
    dict(type='SSLDataPreprocessor', motion=dict(clip=8, size=None, coviar=True)),
    dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=(9, 8, 7), std=(1, 2, 3)),
        motion=dict(size=None),
    ),
    dict(
        type='SSLDataPreprocessor',
        residual=dict(coviar=True),
        motion=dict(clip=20, size=None),
    ),
]  # fmt: skip


@pytest.mark.parametrize('preprocessor', NORMALISED)
def test_known_pixels_after_a_known_crop(folder, preprocessor):
    cfg = config(folder, pipeline(('rgb', 'motion', 'residual')), preprocessor)
    samples = browse_dataset(cfg, number=2)
    assert [sample.name.rpartition('/')[2] for sample in samples] == [
        'a.mp4 (sample 0 of 4)',
        'c.mp4 (sample 2 of 4)',
    ]
    assert samples[0].captions[0] == 'class: walk'
    frames = next(line for line in samples[0].captions if line.startswith('frames: '))
    spans = [part.split(' to ') for part in frames.removeprefix('frames: ').split(' | ')]
    for view, (first, last) in enumerate(spans):
        rgb, motion, residual = frames_of(folder, 'a.mp4', range(int(first), int(last) + 1))
        shown = samples[0].streams
        np.testing.assert_array_equal(shown['rgb'][view], rgb)
        motion_of = preprocessor.get('motion') or {}
        assert shown['motion'].unit == 'px/frame'
        assert shown['motion'].clip == motion_of.get('clip', 20)
        np.testing.assert_allclose(shown['motion'].vectors[view], motion, atol=2e-2)
        grey = np.clip(127.5 + RESIDUAL_GAIN * residual, 0, 255)
        close = np.abs(shown[f'residual x {RESIDUAL_GAIN}'][view] - grey)
        # CoViAR's zero lies half a level beside ours.
        assert close.max() <= 1 + 2 * bool(preprocessor.get('residual'))


def test_what_is_still_is_grey(folder, tmp_path):
    still = np.repeat(translating(1, 0, 0, 64, 96), 12, axis=0)
    encode(tmp_path / 'a.mp4', still)
    cfg = config(
        tmp_path,
        pipeline(('rgb', 'motion')),
        dict(type='SSLDataPreprocessor', rgb=dict(remove_still=True)),
        ann_file='',
    )
    (sample,) = browse_dataset(cfg)
    assert np.abs(sample.streams['rgb'].astype(int) - 127.5).max() < 12


def test_augmentation_is_that_of_training_and_follows_from_the_seed(folder):
    augment = dict(grayscale_p=1.0)
    cfg = config(folder, pipeline(), dict(type='SSLDataPreprocessor', augment=augment))
    cfg.test_dataloader = cfg.train_dataloader.copy()
    grey = browse_dataset(cfg, 'train', 1)[0].streams['rgb']
    assert np.abs(np.diff(grey.astype(int), axis=-1)).max() <= 1
    plain = browse_dataset(cfg, 'test', 1)[0].streams['rgb']
    assert np.abs(np.diff(plain.astype(int), axis=-1)).max() > 50
    steps = pipeline()
    steps[1].pop('test_mode')
    cfg = config(folder, steps, dict(type='SSLDataPreprocessor'))
    one, same, other = (
        browse_dataset(cfg, number=4, shuffle=True, seed=seed) for seed in (3, 3, 4)
    )
    assert [each.name for each in one] == [each.name for each in same]
    for mine, its in zip(one, same, strict=True):
        np.testing.assert_array_equal(mine.streams['rgb'], its.streams['rgb'])
    assert [(each.name, each.captions) for each in one] != [
        (each.name, each.captions) for each in other
    ]


def test_what_a_network_predicts_is_shown_too(folder):
    cfg = config(folder, pipeline(motion_target=True), dict(type='SSLDataPreprocessor'))
    (sample,) = browse_dataset(cfg, number=1)
    assert list(sample.streams) == ['rgb', 'motion to predict']
    vectors = sample.streams['motion to predict'].vectors
    assert vectors.shape == (2, 4, 8, 12, 2)
    np.testing.assert_allclose(np.median(vectors, axis=(0, 1, 2, 3)), (3, 0), atol=0.3)


def test_streams_of_classifiers(folder):
    steps = pipeline(clips=1)
    for preprocessor, streams in (
        (dict(type='SingleStreamPreprocessor', stream='rgb'), ['rgb']),
        (
            dict(type='SingleStreamPreprocessor', stream='motion', motion=dict(clip=20, size=None)),
            ['motion'],
        ),
        (dict(type='StackedStreamsPreprocessor', streams=('rgb', 'motion')), ['rgb', 'motion']),
    ):
        sample = browse_dataset(config(folder, steps, preprocessor), number=4)[1]
        assert list(sample.streams) == streams
        first = int(sample.captions[-1].split()[1])
        rgb, motion, _ = frames_of(folder, 'b.mp4', range(first, first + 4))
        if 'rgb' in streams:
            np.testing.assert_array_equal(sample.streams['rgb'][0], rgb)
        if streams == ['motion']:
            np.testing.assert_allclose(sample.streams['motion'].vectors[0], motion, atol=2e-2)
        elif 'motion' in streams:
            whole = enlarged(motion, 4)
            np.testing.assert_allclose(sample.streams['motion'].vectors[0], whole, atol=2e-2)


@pytest.mark.parametrize(
    'shape, layout', [((2, 3, 3, 4, 8, 8), 'NCTHW'), ((2, 3, 3, 8, 8), 'NCHW')]
)
@pytest.mark.parametrize('to_rgb', [False, True])
def test_normalisation_of_mmaction2_is_undone(shape, layout, to_rgb):
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8)
    preprocessor = MODELS.build(
        dict(
            type='mmaction.ActionDataPreprocessor',
            mean=[100, 110, 120],
            std=[50, 60, 70],
            to_rgb=to_rgb,
            format_shape=layout,
        )
    )
    inputs = preprocessor(dict(inputs=list(pixels), data_samples=None))['inputs']
    shown = shown_streams(preprocessor, inputs)['inputs']
    clips = pixels if pixels.dim() == 6 else pixels.unsqueeze(3)
    np.testing.assert_array_equal(shown, clips.movedim(2, -1).numpy())


def test_flow_of_each_normalisation():
    flow = torch.randn(1, 1, 2, 3, 4, 4).half()
    peaks = torch.full((1, 1, 3), 5.0)
    for settings, inputs, scale, unit, limit in (
        (dict(normalize='peak'), dict(flow=flow, flow_peak=peaks), 0.2, 'x the longest', None),
        (dict(clip=None), dict(flow=flow), 1, 'px', None),
        (dict(clip=10), dict(flow=flow), 1, 'px', 10),
    ):
        preprocessor = MODELS.build(dict(type='SSLDataPreprocessor', flow=settings))
        shown = shown_streams(preprocessor, preprocessor(dict(inputs=inputs))['inputs'])
        assert list(shown) == ['flow'] and shown['flow'].unit.startswith(unit)
        assert shown['flow'].clip == limit
        expected = scale * flow.float().movedim(2, -1).numpy()
        np.testing.assert_allclose(shown['flow'].vectors, expected, atol=1e-2)


def test_other_inputs():
    base = MODELS.build(dict(type='mmengine.BaseDataPreprocessor'))
    plain = torch.full((1, 2, 1, 3, 4, 4), 7)
    assert (shown_streams(base, plain)['inputs'] == 7).all()
    assert shown_streams(base, plain)['inputs'].shape == (1, 2, 3, 4, 4, 3)
    valid = shown_streams(base, dict(motion_valid=plain > 0))['motion_valid']
    assert (valid == 255).all()
    vectors = shown_streams(base, dict(x=torch.zeros(1, 2, 2, 3, 4, 4)))['x']
    assert isinstance(vectors, VectorStream) and vectors.unit == ''
    with pytest.raises(ValueError, match=r'x \(1, 5\) is no picture of 1, 2 or 3 channels'):
        shown_streams(base, dict(x=torch.zeros(1, 5)))


def test_choice_of_samples():
    assert choose_places(10, 3, False, 0) == [0, 3, 6]
    assert choose_places(2, 5, False, 0) == [0, 1]
    drawn = choose_places(100, 5, True, 1)
    assert drawn == choose_places(100, 5, True, 1) != choose_places(100, 5, True, 2)
    assert len(set(drawn)) == 5


def test_missing_data_is_told(folder):
    with pytest.raises(ValueError, match=r"has no val_dataloader, but of \['train'\]"):
        browse_dataset(config(folder, pipeline()), 'val')
    with pytest.raises(VideoListError, match=r'none.txt'):
        browse_dataset(config(folder, pipeline(), ann_file='none.txt'))
