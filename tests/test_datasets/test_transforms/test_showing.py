"""Crops before decoding and after it give the same clips, and every frame its place."""

import random

import cv2
import numpy as np
import pytest
from mmaction.datasets.transforms import Flip, FormatShape

from ssvrl_mm.datasets.transforms import (
    ClipCenterCrop,
    ClipFlip,
    ClipMultiScaleCrop,
    ClipRandomCrop,
    ClipRandomResizedCrop,
    ClipResize,
    ClipTenCrop,
    ClipThreeCrop,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackSSLInputs,
    SampleClips,
    SampleContextMotion,
)
from ssvrl_mm.video import CompressedVideoReader
from tests.clips import encode, translating

STREAMS = ('rgb', 'motion', 'residual')
GEOMETRY = {
    'train': [ClipRandomResizedCrop(size=48), ClipFlip()],
    'smooth': [
        ClipRandomResizedCrop(
            size=48, motion_stride=1, motion_interpolation='bilinear', scale_motion=False
        ),
        ClipFlip(),
    ],
    'one box': [ClipRandomResizedCrop(size=(32, 48), per_clip=False), ClipFlip(per_clip=False)],
    'upside down': [ClipFlip(1.0, 'vertical'), ClipRandomResizedCrop(size=40), ClipFlip(1.0)],
    'mirrored twice': [ClipCenterCrop(48), ClipFlip(1.0), ClipFlip(1.0), ClipFlip(1.0, 'vertical')],
    'centre': [ClipResize(short_side=56), ClipCenterCrop(48)],
    'coarse': [ClipResize(short_side=56, interpolation='area'), ClipCenterCrop(48, None)],
    'scales': [ClipResize(short_side=56), ClipMultiScaleCrop(48), ClipFlip()],
    'random': [ClipResize(short_side=56), ClipRandomCrop(48)],
    'three': [ClipResize(short_side=56), ClipThreeCrop(48)],
    'ten': [ClipResize(short_side=56), ClipTenCrop(48)],
    'ten of ten': [ClipTenCrop(60), ClipTenCrop(48)],
    'none': [],
}


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    # Odd sizes: cells overhang.
    return str(encode(path, translating(30, 2, -1, 71, 93, seed=2), pix_fmt='yuv444p', gop=10))


def run(path, steps, streams=STREAMS, seed=0):
    random.seed(seed)
    results = dict(filename=path, streams=streams)
    for step in [OpenCompressedVideo(), *steps]:
        results = step(results)
    return results


def assert_equal(found, expected):
    assert set(found) == set(expected)
    for key, value in expected.items():
        if isinstance(value, list) and len(value) and isinstance(value[0], np.ndarray):
            assert len(found[key]) == len(value), key
            for one, other in zip(found[key], value, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=key)
                assert one.dtype == other.dtype
        else:
            np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.mark.parametrize('geometry', GEOMETRY.values(), ids=GEOMETRY)
@pytest.mark.parametrize('seed', range(2))
def test_crops_may_stand_before_decoding(clip, geometry, seed):
    sample = SampleClips(clip_len=6, frame_interval=2, num_clips=3)
    before = run(clip, [sample, *geometry, DecodeCompressedVideo()], seed=seed)
    after = run(clip, [sample, DecodeCompressedVideo(), *geometry], seed=seed)
    assert_equal(before, after)


@pytest.mark.parametrize('streams', [(*STREAMS, 'iframe'), ('motion', 'iframe')], ids=len)
@pytest.mark.parametrize('geometry', [GEOMETRY['train'], GEOMETRY['three']], ids=['train', 'test'])
def test_streams_that_share_views(clip, geometry, streams):
    sample = SampleContextMotion(
        4, 2, motion_len=3, num_clips=2, num_negatives=1, test_mode=geometry is GEOMETRY['three']
    )
    before = run(clip, [sample, *geometry, DecodeCompressedVideo()], streams)
    after = run(clip, [sample, DecodeCompressedVideo(), *geometry], streams)
    assert_equal(before, after)


def test_half_before_and_half_after(clip):
    sample, decode = SampleClips(6, num_clips=2), DecodeCompressedVideo()
    crop, flip = ClipRandomResizedCrop(48), ClipFlip()
    expected = run(clip, [sample, decode, crop, flip])
    assert_equal(run(clip, [sample, crop, decode, flip]), expected)


def test_each_frame_is_the_one_that_opencv_makes(clip):
    """A transcription: frames from a plain decode, cropped, scaled and mirrored by hand."""
    random.seed(3)
    results = OpenCompressedVideo()(dict(filename=clip))
    for step in (SampleClips(6, num_clips=2), ClipRandomResizedCrop(40), ClipFlip(0.5)):
        results = step(results)
    views = [[step.view for step in steps] for steps in results['view_steps']]
    results = DecodeCompressedVideo(('rgb',))(results)
    with CompressedVideoReader(clip) as reader:
        whole = reader.get_frames_at(range(30), ('rgb',)).rgb
    for clip_number, numbers in enumerate(results['frame_inds']):
        box, mirror = views[clip_number][0], views[clip_number][-1]
        for place, number in enumerate(numbers):
            part = whole[number, box.top : box.bottom, box.left : box.right]
            expected = cv2.resize(part, (40, 40), interpolation=cv2.INTER_LINEAR)
            if len(views[clip_number]) > 1 and mirror.flip:
                expected = expected[:, ::-1]
            assert (results['imgs'][6 * clip_number + place] == expected).all()


def test_frames_share_no_memory(clip):
    """Transforms of mmaction2 mirror frames in place: a frame that comes twice only once."""
    results = run(clip, [SampleClips(clip_len=40, num_clips=2), DecodeCompressedVideo()], ('rgb',))
    images = results['imgs']
    assert len(images) == 80  # a video of 30 frames starts over
    expected = [image[:, ::-1].copy() for image in images]
    results = Flip(flip_ratio=1)(dict(results, modality='RGB'))
    for found, wanted in zip(results['imgs'], expected, strict=True):
        assert (found == wanted).all()
    assert FormatShape('NCTHW')(dict(results, clip_len=40))['imgs'].shape == (2, 3, 40, 71, 93)


def test_decoding_keeps_no_whole_frames(clip, monkeypatch):
    asked = []
    read = CompressedVideoReader.get_frames_at

    def spy(reader, *args, **options):
        batch = read(reader, *args, **options)
        asked.append((batch.rgb, batch.residual))
        return batch

    monkeypatch.setattr(CompressedVideoReader, 'get_frames_at', spy)
    run(clip, [SampleClips(6), *GEOMETRY['train'], DecodeCompressedVideo()])
    assert set(asked) == {(None, None)}


def test_crops_of_a_resized_frame_resize_it_once(clip, monkeypatch):
    sizes = []
    resize = cv2.resize
    monkeypatch.setattr(
        cv2,
        'resize',
        lambda image, size, **rest: (sizes.append(size), resize(image, size, **rest))[1],
    )
    run(clip, [SampleClips(6, num_clips=1), *GEOMETRY['ten'], DecodeCompressedVideo()], ('rgb',))
    assert len(sizes) == 6


def test_packing_copies_nothing_where_frames_lie_in_a_row(clip):
    results = run(clip, [SampleClips(6), *GEOMETRY['train'], DecodeCompressedVideo()])
    images = [image.copy() for image in results['imgs']]
    memory = results['imgs'][0].__array_interface__['data'][0]
    packed = PackSSLInputs()(dict(results))['inputs']['rgb']
    assert packed.data_ptr() == memory
    turned = dict(results, imgs=[image.swapaxes(0, 1) for image in results['imgs']])
    assert (PackSSLInputs()(turned)['inputs']['rgb'] == packed.swapaxes(-1, -2)).all()
    shuffled = dict(results, imgs=results['imgs'][1:] + results['imgs'][:1])
    other = PackSSLInputs()(shuffled)['inputs']['rgb']
    assert other.data_ptr() != memory
    for clip_number in range(2):
        for place in range(6):
            at = 6 * clip_number + place
            assert (packed[clip_number, :, place].permute(1, 2, 0).numpy() == images[at]).all()
            expected = images[(at + 1) % 12]
            assert (other[clip_number, :, place].permute(1, 2, 0).numpy() == expected).all()
