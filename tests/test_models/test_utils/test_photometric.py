"""The augmentation against kornia, PIL, colorsys, scipy and arithmetic in numpy."""

import colorsys

import numpy as np
import pytest
import torch
from kornia.augmentation import ColorJitter, RandomGaussianBlur, RandomGrayscale, VideoSequential
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

from ssvrl_mm.models.utils.blur import blur_clips, gaussian_kernels
from ssvrl_mm.models.utils.color import Factors, jitter_colors
from ssvrl_mm.models.utils.photometric import PhotometricAugmentation

MOCO = dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8)
WIDE = dict(brightness=1.5, contrast=(0.5, 2.0), saturation=2.0, hue=0.5, p=0.7)
BLUR = dict(sigma=(0.1, 2.0), p=0.5)


def kornia_pipeline(jitter=None, grayscale_p=0.0, blur=None):
    steps = []
    if jitter is not None:
        steps.append(ColorJitter(**jitter))
    if grayscale_p:
        steps.append(RandomGrayscale(p=grayscale_p))
    if blur is not None:
        size = 2 * int(np.ceil(3 * blur['sigma'][1])) + 1
        steps.append(RandomGaussianBlur((size, size), **blur))
    return VideoSequential(*steps, data_format='BCTHW')


def pictures(kind: str, count: int = 8) -> torch.Tensor:
    clips = torch.rand(count, 3, 3, 16, 18, generator=torch.Generator().manual_seed(1))
    if kind == 'bytes':
        return (clips * 255).byte().float() / 255
    # Corners of the cube of colours, its greys and edges: ties between channels all over.
    return clips.mul(2.99).floor().div(2) if kind == 'ties' else clips * 1.4 - 0.2


@pytest.mark.parametrize('kind', ['bytes', 'ties', 'beyond'])
@pytest.mark.parametrize(
    'settings',
    [(MOCO, 0.2, BLUR), (WIDE, 0.3, dict(sigma=(0.5, 3.0), p=0.6)), (MOCO,), (None, 0.5, BLUR)]
    + [(dict(hue=0.5), 1.0), (dict(saturation=0.4, p=0.0), 0.0, dict(sigma=(1.0, 1.0), p=1.0))],
)
def test_as_kornia_for_a_seed(kind, settings):
    clips = pictures(kind)
    ours, reference = PhotometricAugmentation(*settings), kornia_pipeline(*settings)
    for seed in range(8):
        torch.manual_seed(seed)
        expected, state = reference(clips.clone()), torch.get_rng_state()
        torch.manual_seed(seed)
        torch.testing.assert_close(ours(clips), expected, rtol=0, atol=1e-5)
        # As many numbers were drawn.
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(clips, pictures(kind))


def test_bytes_chosen_clips_and_normalisation():
    clips = (pictures('bytes') * 255).byte()
    augment = PhotometricAugmentation(MOCO, 0.2, BLUR)
    mean, std = torch.rand(3, 1, 1, 1), torch.rand(3, 1, 1, 1) + 0.5
    torch.manual_seed(2)
    expected = pictures('bytes')
    expected[[6, 1, 3]] = augment(expected[[6, 1, 3]])
    torch.manual_seed(2)
    rows = [clip.movedim(0, -1).contiguous().movedim(-1, 0) for clip in clips]
    found = augment(rows, 255, mean, std, chosen=[6, 1, 3])
    torch.testing.assert_close(found, (expected - mean) / std, rtol=0, atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        torch.manual_seed(2)
        assert torch.equal(augment(rows, 255, mean, std, chosen=[6, 1, 3]), found)


def jittered(clips: torch.Tensor, factors: list[Factors], order=(0, 1, 2, 3)) -> torch.Tensor:
    clips, gain = clips.clone(), torch.ones(len(clips), 1, 1, 1, 1)
    shift = torch.zeros(len(clips), 1, clips.shape[2], 1, 1)
    jitter_colors(clips, gain, shift, factors, order)
    return gain * clips + shift


@pytest.mark.parametrize('factor', [0.0, 0.6, 1.0, 1.7])
def test_brightness_and_saturation_as_in_pil(factor):
    clips = pictures('bytes', 1)
    picture = Image.fromarray((clips[0, :, 1] * 255).byte().movedim(0, -1).numpy())
    for name, enhance in (
        ('brightness', ImageEnhance.Brightness),
        ('saturation', ImageEnhance.Color),
    ):
        [found] = jittered(clips, [Factors(**{name: factor})])
        expected = np.asarray(enhance(picture).enhance(factor)).transpose(2, 0, 1)
        # PIL rounds the luma and the result.
        np.testing.assert_allclose(found[:, 1] * 255, expected, atol=1.6)


def test_contrast_is_about_each_frames_mean_luma():
    clips, factors = pictures('bytes', 3), [0.0, 0.5, 1.9]
    found = jittered(clips, [Factors(contrast=factor) for factor in factors])
    luma = np.tensordot([0.299, 0.587, 0.114], clips.numpy(), axes=([0], [1]))
    mean = luma.mean(axis=(-2, -1), keepdims=True)[:, None]
    expected = mean + np.reshape(factors, (-1, 1, 1, 1, 1)) * (clips.numpy() - mean)
    np.testing.assert_allclose(found, expected.clip(0, 1), atol=1e-5)


@pytest.mark.parametrize('kind', ['bytes', 'ties'])
def test_hue_as_in_colorsys(kind):
    turns = [-0.5, -1 / 3, -0.25, -1 / 6, -0.1, 0.05, 1 / 6, 0.3, 1 / 3, 0.5]
    clips = pictures(kind, 1).expand(len(turns), -1, -1, -1, -1)
    found = jittered(clips, [Factors(hue=turn) for turn in turns])
    for turn, clip in zip(turns, found, strict=True):
        pixels = clips[0].flatten(1).T[:200].tolist()
        hsv = [colorsys.rgb_to_hsv(*pixel) for pixel in pixels]
        expected = [colorsys.hsv_to_rgb((h + turn) % 1, s, v) for h, s, v in hsv]
        np.testing.assert_allclose(clip.flatten(1).T[:200], expected, atol=1e-5)


def test_clips_change_by_their_own_factors_alone():
    clips, factors = pictures('bytes', 2), Factors(0.7, 0.8, 1.4, 0.07)
    found = jittered(clips, [Factors(), factors])
    torch.testing.assert_close(found[0], clips[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(found[1:], jittered(clips[1:], [factors]), rtol=0, atol=1e-6)


def test_steps_follow_their_order():
    clips, factors = pictures('bytes', 1), [Factors(1.6, 1.4, 1.5, 0.1)]
    results = [
        jittered(clips, factors, order) for order in ((0, 1, 2, 3), (1, 0, 2, 3), (3, 2, 1, 0))
    ]
    assert all((a - b).abs().max() > 0.05 for a, b in zip(results, results[1:], strict=False))


def test_blur_as_in_scipy():
    clips, sigmas = pictures('bytes', 3), [0.1, 0.9, 2.0]
    found = blur_clips(clips, gaussian_kernels(sigmas, radius=6))
    for clip, sigma, blurred in zip(clips, sigmas, found, strict=True):
        width = (0, 0, sigma, sigma)
        expected = gaussian_filter(clip.double().numpy(), width, mode='mirror', radius=(0, 0, 6, 6))
        np.testing.assert_allclose(blurred, expected, atol=1e-6)
    for small, size in ((clips[..., :6, :], '6 x 18'), (clips[..., :6], '16 x 6')):
        with pytest.raises(ValueError, match=f'{size} px are too small for a blur that reaches 6'):
            blur_clips(small, gaussian_kernels(sigmas, radius=6))
    assert blur_clips(clips[..., :7, :7], gaussian_kernels(sigmas, radius=6)).shape[-1] == 7


def test_draws_stay_on_the_cpu_when_the_module_moves():
    augment = PhotometricAugmentation(MOCO, 0.2, BLUR)
    torch.manual_seed(0)
    expected = augment.draw(64)
    torch.manual_seed(0)
    with torch.device('meta'):
        assert augment.to('meta').half().draw(64) == expected
    assert all(isinstance(factor, float) for draw in expected[0] for factor in draw.jitter or ())


def test_draws_have_their_probabilities_and_ranges():
    torch.manual_seed(0)
    draws, order = PhotometricAugmentation(MOCO, 0.2, BLUR).draw(4000)
    assert sorted(order) == [0, 1, 2, 3]
    jitters = np.array([draw.jitter for draw in draws if draw.jitter is not None])
    sigmas = np.array([draw.sigma for draw in draws if draw.sigma is not None])
    # Binomial: at most 1.3 % standard deviation, of shares and of their products.
    for share, p in (
        (len(jitters) / 4000, 0.8),
        (len(sigmas) / 4000, 0.5),
        (np.mean([draw.grey for draw in draws]), 0.2),
        (np.mean([all(draw.kind) for draw in draws]), 0.08),
    ):
        assert abs(share - p) < 0.03
    for values, (low, high) in zip(
        [*jitters.T, sigmas], [(0.6, 1.4)] * 3 + [(-0.1, 0.1), (0.1, 2.0)], strict=True
    ):
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.03 * (high - low)
    assert np.abs(np.corrcoef(jitters.T) - np.eye(4)).max() < 0.06


@pytest.mark.parametrize(
    'settings',
    [
        dict(color_jitter=dict(brightness=-0.1)),
        dict(color_jitter=dict(contrast=(1.2, 0.8))),
        dict(color_jitter=dict(saturation=(-0.1, 1))),
        dict(color_jitter=dict(brightness=float('inf'))),
        dict(color_jitter=dict(hue=0.6)),
        dict(color_jitter=dict(p=1.1)),
        dict(blur=dict(p=-0.1)),
        dict(blur=dict(sigma=(0.0, 1.0))),
        dict(blur=dict(sigma=(0.1, float('inf')))),
    ],
)
def test_what_is_no_range_or_probability(settings):
    with pytest.raises(ValueError, match='needs a change or a range|not a probability|not a range'):
        PhotometricAugmentation(**settings)
