"""SampleContextMotion and what comes after it, on a clip with known motion."""

import random
from collections import Counter

import numpy as np
import pytest
import torch

from ssvrl_mm.datasets.transforms import (
    ClipFlip,
    ClipRandomResizedCrop,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackMotionTarget,
    PackSSLInputs,
    SampleContextMotion,
)
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import CompressedVideoReader
from tests.clips import encode, translating


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)


# A texture that moves by (2, -1) px per frame.
LENGTHS = dict(clip_len=4, frame_interval=2, motion_len=3, num_negatives=2)


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    return str(encode(path, translating(40, 2, -1, 96, 128), gop=10))


@pytest.fixture(scope='module')
def whole(clip):
    with CompressedVideoReader(clip) as reader:
        return reader.get_frames_at(range(40), streams=('rgb', 'motion', 'residual'))


@pytest.mark.parametrize('streams', [('rgb', 'motion', 'residual', 'iframe'), ('iframe', 'motion')])
def test_every_stream_is_that_of_a_full_decode(clip, whole, streams):
    near = 0
    for _ in range(8):
        results = SampleContextMotion(**LENGTHS)(OpenCompressedVideo()(dict(filename=clip)))
        results = DecodeCompressedVideo(streams)(results)
        frames, motions = (np.ravel(results[key]) for key in ('frame_inds', 'motion_inds'))
        (iframe,), (shown,) = np.ravel(results['iframe_inds']), results['iframes']
        assert iframe in (0, 10, 20, 30) and (shown == whole.rgb[iframe]).all()
        near += iframe in frames
        assert (results['motion'] == whole.motion[motions]).all()
        assert (results['motion_valid'] == whole.motion_valid[motions]).all()
        if 'rgb' in streams:
            assert (np.stack(results['imgs']) == whole.rgb[frames]).all()
            assert (np.stack(results['residuals']) == whole.residual[motions]).all()
        assert ('imgs' in results) == ('rgb' in streams)
    assert 0 < near < 8  # among the clip's frames, and apart from them


def test_iframes_have_to_be_chosen(clip):
    results = OpenCompressedVideo()(dict(filename=clip, frame_inds=np.array([[0, 1]])))
    with pytest.raises(KeyError, match='SampleContextMotion'):
        DecodeCompressedVideo(('rgb', 'iframe'))(results)
    assert 'video_reader' not in results


def decoded(clip, **options):
    results = SampleContextMotion(**{**LENGTHS, **options})(
        OpenCompressedVideo()({'filename': clip})
    )
    return DecodeCompressedVideo(('rgb', 'motion', 'iframe'))(results)


def test_pairs_share_crop_and_flip_and_nothing_else_does(clip, whole):
    """Constant planes would hide a crop; coordinates as pixels and as motion show it."""
    shared = Counter()
    for _ in range(30):
        results = decoded(clip)
        y, x = np.mgrid[:96, :128]
        ramp = np.stack([x, y, 0 * x], -1).astype(np.uint8)
        cells = ramp[4::8, 4::8, :2].astype(np.float32)
        results['imgs'] = [ramp] * 4
        results['iframes'] = [ramp]
        results['motion'] = np.stack([cells] * 9)
        results['motion_valid'] = np.ones((9, 12, 16), bool)
        results = ClipFlip(0.5)(ClipRandomResizedCrop(64, area_range=(0.3, 0.5))(results))
        assert len(results['flip']) == 4
        # Undo the scaling and the mirroring of vectors; what is left is where the cell came from.
        width, height = (np.ptp(results['imgs'][0][..., i].astype(float)) + 1 for i in (0, 1))

        def begins(image):
            image = image.astype(float)
            return image[32, [0, -1], 0].tolist() + image[[0, -1], 32, 1].tolist()

        pair, iframe = begins(results['imgs'][0]), begins(results['iframes'][0])
        for number, field in enumerate(results['motion'][::3]):
            sign = -1 if results['flip'][number] else 1
            places = field * [sign * width / 64, height / 64]
            ends = places[8, [0, -1], 0].tolist() + places[[0, -1], 8, 1].tolist()
            same = np.abs(np.subtract(ends, pair)).max() < 9
            shared[number] += same
        shared['iframe'] += np.abs(np.subtract(iframe, pair)).max() < 4
    assert shared[0] == 30
    assert max(shared[key] for key in (1, 2, 'iframe')) < 8


def test_motion_targets_follow_the_flip_of_the_pixels(clip):
    signs = set()
    for _ in range(20):
        results = ClipFlip(0.5)(decoded(clip))
        plain = decoded(clip)
        flip = results['flip'][0]
        packed = PackSSLInputs(motion_target=True)(results)
        assert set(packed['inputs']) == {'rgb', 'iframe'}
        sample = packed['data_samples']
        target = sample.motion_target
        assert target.shape == (3, 2, 3, 12, 16) and target.dtype == torch.float16
        assert target.is_contiguous() and plain['motion'].shape == (9, 12, 16, 2)
        assert sample.motion_inds.shape == (3, 3) and sample.iframe_distance.shape == (1,)
        # The pixels themselves: the texture moves by 2 px a frame to the right, mirrored to the
        # left. Frames of the clip are two apart.
        before, after = packed['inputs']['rgb'][0, :, 0].float(), packed['inputs']['rgb'][0, :, 1]
        errors = {
            shift: (before.roll((-2, shift), (1, 2)) - after.float())[:, 8:-8, 8:-8].abs().mean()
            for shift in (-4, 4)
        }
        seen = min(errors, key=errors.get)
        assert seen == (-4 if flip else 4)
        assert target[0, 0].float().median().item() == pytest.approx(seen / 2, abs=0.3)
        assert target[0, 1].float().median().item() == pytest.approx(-1, abs=0.3)
        signs.add(flip)
    assert signs == {False, True}


def test_views_that_tests_share_are_cropped_alike(clip, whole):
    results = decoded(clip, num_clips=2, test_mode=True)
    motions, frames = results['motion_inds'], results['frame_inds']
    iframes = results['iframe_inds'].ravel()
    transform = TRANSFORMS.build(dict(type='ClipThreeCrop', size=64, motion_stride=8))
    packed = PackSSLInputs()(transform(results))
    inputs, sample = packed['inputs'], packed['data_samples']
    assert inputs['rgb'].shape == (6, 3, 4, 64, 64) and inputs['motion'].shape == (6, 2, 3, 8, 8)
    assert inputs['iframe'].shape == (6, 3, 64, 64)
    for crop, left in enumerate((0, 64, 32)):
        for c in range(2):
            view = 2 * crop + c
            box = np.s_[..., 16:80, left : left + 64, :]
            expected = whole.rgb[frames[c]][box].transpose(3, 0, 1, 2)
            assert (inputs['rgb'][view].numpy() == expected).all()
            assert (
                inputs['iframe'][view].numpy() == whole.rgb[iframes[c]][box].transpose(2, 0, 1)
            ).all()
            cells = whole.motion[motions[c], 2:10, left // 8 : left // 8 + 8].transpose(3, 0, 1, 2)
            assert (inputs['motion'][view].numpy() == cells.astype(np.float16)).all()
    assert (sample.motion_inds == np.tile(motions, (3, 1))).all()
    assert sample.iframe_distance.shape == (6,) and sample.num_clips == 6


def test_pipelines_of_mmaction_carry_the_target(clip):
    pipeline = [
        dict(type='OpenCompressedVideo'),
        dict(type='SampleContextMotion', iframe_window=None, **{**LENGTHS, 'num_negatives': 0}),
        dict(type='DecodeCompressedVideo', streams=('rgb', 'motion')),
        dict(type='ClipRandomResizedCrop', size=64),
        dict(type='ClipFlip', flip_ratio=1.0),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackMotionTarget', meta_keys=('video_id', 'motion_inds')),
    ]
    results = dict(filename=clip, label=3, video_id=7)
    for config in pipeline:
        results = TRANSFORMS.build(config)(results)
    assert results['inputs'].shape == (1, 3, 4, 64, 64) and results['inputs'].dtype == torch.uint8
    sample = results['data_samples']
    assert sample.motion_target.shape == (1, 2, 3, 16, 16)
    assert sample.motion_target[:, 0].float().median() < -1  # mirrored
    assert sample.gt_label.tolist() == [3] and sample.video_id == 7
    assert sample.to('cpu').motion_target.dtype == torch.float16
    with pytest.raises(KeyError, match='no motion to predict'):
        PackMotionTarget()(dict(imgs=np.zeros((1, 3, 1, 8, 8), np.uint8)))
