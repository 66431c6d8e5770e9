"""SSLDataPreprocessor against arithmetic in numpy, and the augmentation against its promises."""

import random

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.dataset import default_collate, pseudo_collate

from ssvrl_mm.models.utils.memory_format import to_channels_last_3d
from ssvrl_mm.models.utils.photometric import PhotometricAugmentation
from ssvrl_mm.registry import MODELS

MEAN = np.array([123.675, 116.28, 103.53]).reshape(3, 1, 1, 1)
STD = np.array([58.395, 57.12, 57.375]).reshape(3, 1, 1, 1)
AUGMENT = dict(
    color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8),
    grayscale_p=0.2,
    blur=dict(sigma=(0.1, 2.0), p=0.5),
)


def build(**settings):
    return MODELS.build(dict(type='SSLDataPreprocessor', **settings))


def sample(generator: np.random.Generator, num_clips: int = 2, frames: int = 4) -> dict:
    """One packed item: 16 x 24 px, motion in 8 px blocks."""
    rgb = generator.integers(0, 256, (num_clips, 3, frames, 16, 24), dtype=np.uint8)
    motion = generator.normal(0, 15, (num_clips, 2, frames, 2, 3)).astype(np.float16)
    inputs = {'rgb': torch.from_numpy(rgb), 'motion': torch.from_numpy(motion)}
    return dict(inputs=inputs, data_samples=ActionDataSample().set_gt_label(1))


def still_clips(repeats: int, frames: int = 5) -> torch.Tensor:
    """The same frame at every time of every clip, (1, repeats, 3, frames, 32, 32) uint8."""
    frame = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32), dtype=np.uint8)
    return torch.from_numpy(frame).repeat(1, repeats, 1, frames, 1, 1)


def test_normalisation_and_upsampling_transcribed():
    generator = np.random.default_rng(0)
    items = [sample(generator) for _ in range(3)]
    output = build()(pseudo_collate(items))
    for i, item in enumerate(items):
        rgb = (item['inputs']['rgb'].numpy() - MEAN) / STD
        np.testing.assert_allclose(output['inputs']['rgb'][i], rgb, atol=1e-5)
        motion = item['inputs']['motion'].numpy().astype(np.float32).clip(-20, 20) / 20
        blocks = motion.repeat(8, axis=-2).repeat(8, axis=-1)
        np.testing.assert_allclose(output['inputs']['motion'][i], blocks, atol=1e-6)
    assert output['inputs']['rgb'].dtype == output['inputs']['motion'].dtype == torch.float32
    assert [s.gt_label.item() for s in output['data_samples']] == [1, 1, 1]
    assert items[0]['inputs']['rgb'].dtype == torch.uint8


@pytest.mark.parametrize(
    ('settings', 'scale'), [(None, 20), (dict(clip=8), 8), (dict(clip=None), None)]
)
def test_flow_is_scaled_like_motion_with_settings_of_its_own(settings, scale):
    generator = np.random.default_rng(0)
    flow = generator.normal(0, 15, (3, 2, 2, 4, 16, 24)).astype(np.float16)
    flow[0, 0, :, 0, 0, :3] = np.nan, np.inf, -np.inf
    valid = torch.from_numpy(generator.random((3, 2, 1, 4, 16, 24)) > 0.5)
    motion = generator.normal(0, 15, (3, 2, 2, 4, 2, 3)).astype(np.float16)
    inputs = dict(flow=torch.from_numpy(flow), flow_valid=valid, motion=torch.from_numpy(motion))
    output = build(motion=dict(clip=5), flow=settings)(dict(inputs=inputs))['inputs']
    largest = scale or 65504
    expected = np.nan_to_num(flow.astype(np.float32), nan=0, posinf=largest, neginf=-largest)
    expected = expected.clip(-largest, largest) / (scale or 1)
    np.testing.assert_allclose(output['flow'], expected, rtol=1e-6)
    assert output['flow'].dtype == torch.float32
    assert torch.equal(output['flow_valid'], valid)
    np.testing.assert_allclose(output['motion'], motion.astype(np.float32).clip(-5, 5) / 5)


@pytest.mark.parametrize('size', ['rgb', (16, 24)])
def test_flow_of_low_resolution_is_repeated(size):
    flow = torch.arange(2.0 * 8 * 12).view(1, 1, 2, 1, 8, 12).half()
    rgb = torch.zeros(1, 1, 3, 1, 16, 24, dtype=torch.uint8)
    inputs = dict(flow=flow, flow_valid=flow[:, :, :1] > 40, rgb=rgb)
    output = build(flow=dict(clip=None, size=size))(dict(inputs=inputs))['inputs']
    blocks = flow.float().repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.equal(output['flow'], blocks)
    assert torch.equal(output['flow_valid'], blocks[:, :, :1] > 40)
    for wrong in (dict(clip=0), dict(size=0), dict(size=(1, 2, 3))):
        with pytest.raises(ValueError, match='flow needs'):
            build(flow=wrong)


def packed_flow(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """A crop of maps (N, V, 2, T, h, w), in halves, and the longest vectors of the whole frames."""
    flow = np.random.default_rng(0).normal(0, 9, shape).astype(np.float32)
    return flow.astype(np.float16), 1.5 * np.sqrt(np.square(flow).sum(2)).max((-2, -1))


def test_each_map_of_flow_is_divided_by_the_longest_vector_of_its_frame():
    flow, peaks = packed_flow(3, 2, 2, 4, 8, 12)
    flow[1, 1, :, 2], peaks[1, 1, 2] = 0, 0
    rgb = torch.zeros(2, 3, 4, 16, 24, dtype=torch.uint8)
    items = [
        dict(
            inputs=dict(
                flow=torch.from_numpy(flow[n]), flow_peak=torch.from_numpy(peaks[n]), rgb=rgb
            )
        )
        for n in range(3)
    ]
    output = build(flow=dict(normalize='peak', size='rgb'))(pseudo_collate(items))['inputs']
    assert set(output) == {'rgb', 'flow'}
    divisors = np.where(peaks > 0, peaks, 1)[:, :, None, :, None, None]
    expected = flow.astype(np.float32) / divisors
    found = output['flow'].numpy()
    assert found.dtype == np.float32 and found.shape == (3, 2, 2, 4, 16, 24)
    np.testing.assert_allclose(found, expected.repeat(2, -1).repeat(2, -2), rtol=1e-5)
    assert not found[1, 1, :, 2].any()


def test_no_vector_of_flow_is_longer_than_its_frames_longest():
    """Not where halves are rounded up, and not in damaged maps."""
    flow, peaks = packed_flow(2, 1, 2, 30, 8, 8)
    peaks /= 1.5
    flow[0, 0, :, 0, 0, :4] = [[np.nan, np.inf, -np.inf, 6e4], [1, 2, np.inf, 6e4]]
    peaks[1, 0, :3] = np.nan, np.inf, 1e-42
    inputs = dict(flow=torch.from_numpy(flow), flow_peak=torch.from_numpy(peaks))
    found = build(flow=dict(normalize='peak'))(dict(inputs=inputs))['inputs']['flow']
    lengths = found.norm(dim=2)
    assert found.isfinite().all() and lengths.max() <= 1 + 1e-6
    assert lengths[0].amax((-2, -1))[:, 1:].min() > 0.999
    broken = found[0, 0, :, 0, 0, :4].T
    assert broken[0].tolist() == pytest.approx([0, 1 / peaks[0, 0, 0]])
    assert broken[1].tolist() == pytest.approx([1, 0], abs=1e-3)
    assert broken[2].tolist() == pytest.approx([-(0.5**0.5), 0.5**0.5])
    assert not found[1, 0, :, 1].any()


def test_longest_vectors_have_to_be_there_and_to_fit():
    flow, peaks = (torch.from_numpy(part) for part in packed_flow(2, 3, 2, 4, 8, 8))
    by_peak = build(flow=dict(normalize='peak'))
    with pytest.raises(ValueError, match=r"'flow_peak'.*DecodeCompressedVideo\(flow_peak=True\)"):
        by_peak(dict(inputs=dict(flow=flow)))
    for wrong in (peaks[:, :2], peaks[..., :1], peaks[..., None]):
        with pytest.raises(ValueError, match=r"'flow_peak' must be \(N, V, T\)"):
            by_peak(dict(inputs=dict(flow=flow, flow_peak=wrong)))
    # Who does not ask for them does not get them.
    plain = build()(dict(inputs=dict(flow=flow, flow_peak=peaks)))['inputs']
    assert set(plain) == {'flow'} and plain['flow'].equal(flow.float().clamp(-20, 20) / 20)
    for wrong in (dict(normalize='max'), dict(normalize='peak', clip=8)):
        with pytest.raises(ValueError, match='flow needs'):
            build(flow=wrong)


def test_lists_and_stacks_give_the_same():
    items = [sample(np.random.default_rng(seed)) for seed in range(2)]
    inputs = [dict(inputs=item['inputs']) for item in items]
    lists, stacks = build()(pseudo_collate(inputs)), build()(default_collate(inputs))
    assert all(torch.equal(lists['inputs'][k], stacks['inputs'][k]) for k in ('rgb', 'motion'))
    assert lists['data_samples'] is None


@pytest.mark.parametrize(
    ('size', 'with_rgb', 'expected'),
    [('rgb', True, (16, 24)), ('rgb', False, (2, 3)), (None, True, (2, 3)), (6, True, (6, 6))]
    + [
        ((4, 9), False, (4, 9)),
        (np.int64(6), True, (6, 6)),
        (tuple(np.array([4, 9])), False, (4, 9)),
    ],
)
def test_motion_size(size, with_rgb, expected):
    item = sample(np.random.default_rng(0))['inputs']
    inputs = {
        'motion': item['motion'][None],
        'motion_valid': torch.ones(1, 2, 1, 4, 2, 3, dtype=torch.bool),
    }
    inputs['motion_valid'][..., 0, 0] = False
    if with_rgb:
        inputs['rgb'] = item['rgb'][None]
    output = build(motion=dict(size=size))(dict(inputs=inputs))['inputs']
    assert output['motion'].shape == (1, 2, 2, 4, *expected)
    assert output['motion_valid'].shape == (1, 2, 1, 4, *expected)
    invalid = (expected[0] // 2) * (expected[1] // 3)
    assert (~output['motion_valid'][0, 0, 0, 0]).sum() == invalid


def test_uneven_upsampling_takes_the_cell_at_the_pixel_centre():
    motion = torch.arange(3, dtype=torch.float16).expand(1, 1, 2, 1, 1, 3)
    output = build(motion=dict(clip=2, size=(1, 7)))(dict(inputs={'motion': motion}))['inputs'][
        'motion'
    ]
    centres = (np.arange(7) + 0.5) / 7
    assert output[0, 0, 0, 0, 0].tolist() == (np.floor(centres * 3) / 2).tolist()


def test_hostile_motion_is_bounded():
    motion = torch.tensor([float('nan'), float('inf'), -float('inf'), 6e4, -30.0, 5.0])
    motion = motion.half().view(1, 1, 1, 1, 1, 6).repeat(1, 1, 2, 1, 1, 1)
    output = build(motion=dict(clip=10.0))(dict(inputs={'motion': motion}))['inputs']['motion']
    assert output[0, 0, 0, 0, 0].tolist() == [0, 1, -1, 1, -1, 0.5]


def test_residual_iframe_and_unknown_streams():
    iframe = torch.full((1, 2, 3, 8, 8), 200, dtype=torch.uint8)
    residual = torch.full((1, 2, 3, 4, 8, 8), -51, dtype=torch.int16)
    other = torch.arange(3)
    output = build()(dict(inputs=dict(iframe=iframe, residual=residual, permutation=other)))
    expected = (200 - MEAN[..., 0]) / STD[..., 0] * np.ones((1, 2, 3, 8, 8))
    np.testing.assert_allclose(output['inputs']['iframe'], expected, atol=1e-5)
    assert output['inputs']['residual'].unique().tolist() == [pytest.approx(-0.2)]
    assert output['inputs']['permutation'] is other


@pytest.mark.parametrize(
    ('inputs', 'named'),
    [
        (dict(rgb=torch.zeros(2, 3, 4, 8, 8)), r"'rgb'.*\(2, 3, 4, 8, 8\)"),
        (dict(motion=torch.zeros(1, 1, 3, 4, 8, 8)), r"'motion' must be \(N, V, 2,"),
        (dict(rgb=[torch.zeros(1, 3, 4, 8, 8), torch.zeros(1, 3, 4, 8, 9)]), r"'rgb' differs"),
    ],
)
def test_wrong_shapes_are_named(inputs, named):
    with pytest.raises(ValueError, match=named):
        build()(dict(inputs=inputs))
    with pytest.raises(TypeError, match='dict of streams'):
        build()(dict(inputs=[torch.zeros(1)]))


@pytest.mark.parametrize(
    ('settings', 'error'),
    [
        (dict(motion=dict(size=(0, 4))), ValueError),
        (dict(motion=dict(clip=0)), ValueError),
        (dict(motion=dict(max=3)), TypeError),
        (dict(rgb=dict(std=(1, 0, 1))), ValueError),
        (dict(augment=dict(solarize=0.1)), TypeError),
        (dict(augment=dict(grayscale_p=2.0)), ValueError),
        (dict(augment=dict(blur=dict(sigma=(2.0, 0.1)))), ValueError),
    ],
)
def test_bad_settings(settings, error):
    with pytest.raises(error):
        build(**settings)


def test_augmentation_is_constant_in_time_and_differs_between_clips():
    preprocessor = build(augment=AUGMENT)
    torch.manual_seed(0)
    clips = preprocessor(dict(inputs=dict(rgb=still_clips(8))), training=True)['inputs']['rgb'][0]
    assert torch.equal(clips, clips[:, :, :1].expand_as(clips))
    distances = torch.cdist(clips[:, :, 0].flatten(1), clips[:, :, 0].flatten(1))
    # Each view has a draw of its own: no two come out alike.
    assert distances[~torch.eye(8, dtype=torch.bool)].min() > 0.1


def test_augmentation_uses_torchs_generator_alone():
    preprocessor, batch = build(augment=AUGMENT), dict(inputs=dict(rgb=still_clips(6)))
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    torch.manual_seed(3)
    first = preprocessor(batch, training=True)['inputs']['rgb']
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002
    second = preprocessor(batch, training=True)['inputs']['rgb']
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(3)
    assert torch.equal(preprocessor(batch, training=True)['inputs']['rgb'], first)
    assert not torch.equal(first, second)


def test_evaluation_and_motion_are_not_augmented():
    batch = pseudo_collate([sample(np.random.default_rng(0))])
    plain, augmented = build(), build(augment=AUGMENT)
    assert torch.equal(augmented(batch)['inputs']['rgb'], plain(batch)['inputs']['rgb'])
    trained = augmented(batch, training=True)['inputs']
    assert torch.equal(trained['motion'], plain(batch)['inputs']['motion'])
    assert trained['rgb'].flatten(0, 1).is_contiguous(memory_format=torch.channels_last_3d)


def marked(marks):
    """A sample per row of marks, the clips of which are all alike."""
    samples = [ActionDataSample() for _ in marks]
    for each, row in zip(samples, marks, strict=True):
        if row is not None:
            each.set_field(torch.tensor(row), 'augmented_clips')
    rgb = still_clips(2).expand(len(marks), -1, -1, -1, -1, -1)
    return dict(inputs=dict(rgb=rgb), data_samples=samples)


@pytest.mark.parametrize('marks', [[[True, False], [False, False]], [[False, False]] * 2])
def test_chosen_clips_alone_are_augmented(marks):
    augment = dict(color_jitter=dict(brightness=0.4, contrast=0.4), grayscale_p=1.0)
    torch.manual_seed(0)
    found = build(augment=augment)(marked(marks), training=True)['inputs']['rgb']
    plain = build()(marked(marks))['inputs']['rgb']
    changed = (found - plain).abs().flatten(2).amax(2) > 0.1
    assert changed.tolist() == marks
    torch.manual_seed(0)
    clips = still_clips(1)[0].float() / 255
    if True in marks[0]:  # as the augmentation of that clip alone would be
        [alone] = PhotometricAugmentation(**augment)(clips)
        np.testing.assert_allclose(found[0, 0] * STD + MEAN, alone * 255, atol=1e-3)
    # A test augments nothing, whatever is marked.
    assert torch.equal(build(augment=augment)(marked(marks))['inputs']['rgb'], plain)


@pytest.mark.parametrize('marks', [[[True, False], None], [[True], [False]]])
def test_a_choice_that_does_not_fit_the_clips_is_an_error(marks):
    with pytest.raises(ValueError, match='augmented_clips must mark each of the 2 clips of all 2'):
        build(augment=AUGMENT)(marked(marks), training=True)


def test_grey_blur_and_brightness_transcribed():
    clips = torch.rand(2, 3, 3, 16, 16)
    grey = PhotometricAugmentation(grayscale_p=1.0)(clips).numpy()
    luma = np.tensordot([0.299, 0.587, 0.114], clips.numpy(), axes=([0], [1]))
    np.testing.assert_allclose(grey, np.stack([luma] * 3, axis=1), atol=1e-5)

    impulse = torch.zeros(1, 3, 1, 17, 17)
    impulse[..., 8, 8] = 1
    blurred = PhotometricAugmentation(blur=dict(sigma=(1.5, 1.5)))(impulse)[0, 0, 0].numpy()
    x = np.arange(-5, 6)
    kernel = np.exp(-(x**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    np.testing.assert_allclose(blurred[3:14, 3:14], np.outer(kernel, kernel), atol=1e-6)

    torch.manual_seed(0)
    dim = PhotometricAugmentation(color_jitter=dict(brightness=0.5))(clips * 0.5) / (clips * 0.5)
    factors = dim.flatten(1)
    assert (factors.amax(1) - factors.amin(1)).max() < 1e-4
    assert (factors[:, 0] - 1).abs().max() <= 0.5 and abs(factors[0, 0] - factors[1, 0]) > 1e-3


def test_probabilities_are_per_clip():
    torch.manual_seed(0)
    clips = torch.rand(1, 3, 2, 8, 8).repeat(400, 1, 1, 1, 1)
    augmented = PhotometricAugmentation(grayscale_p=0.2)(clips)
    grey = (augmented[:, 0] - augmented[:, 1]).abs().amax(dim=(1, 2, 3)) < 1e-5
    # Binomial: standard deviation 8 around 80.
    assert 48 < grey.sum() < 112


def test_nothing_enters_checkpoints_and_autocast_does_not_round():
    preprocessor = build(augment=AUGMENT)
    assert not preprocessor.state_dict()
    batch = dict(inputs=dict(rgb=still_clips(6)))
    torch.manual_seed(0)
    expected = preprocessor(batch, training=True)['inputs']['rgb']
    torch.manual_seed(0)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(preprocessor(batch, training=True)['inputs']['rgb'], expected)


def test_remove_still():
    clips = np.random.default_rng(0).integers(0, 256, (1, 2, 3, 4, 8, 8), dtype=np.uint8)
    clips[..., :4] = clips[:, :, :, :1, :, :4]
    batch = dict(
        inputs=dict(rgb=torch.from_numpy(clips), iframe=torch.from_numpy(clips[:, :, :, 0]))
    )
    output = build(rgb=dict(remove_still=True))(batch)['inputs']
    expected = (clips - clips.mean(axis=3, keepdims=True)) / np.reshape(STD, (3, 1, 1, 1))
    np.testing.assert_allclose(output['rgb'], expected, atol=1e-5)
    assert output['rgb'][..., :4].abs().max() < 1e-5 and output['iframe'].abs().min() > 0


def test_to_channels_last_3d():
    model = torch.nn.Sequential(torch.nn.Conv3d(3, 4, 3), torch.nn.Conv2d(3, 4, 3))
    before = [p.clone() for p in model.parameters()]
    assert to_channels_last_3d(model) is model
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_on_cuda():
    preprocessor, batch = build(augment=AUGMENT), dict(inputs=dict(rgb=still_clips(6)))
    torch.manual_seed(0)
    expected = preprocessor(batch, training=True)['inputs']['rgb']
    torch.manual_seed(0)
    output = preprocessor.cuda()(batch, training=True)['inputs']['rgb']
    torch.testing.assert_close(output.cpu(), expected, atol=1e-3, rtol=1e-3)
