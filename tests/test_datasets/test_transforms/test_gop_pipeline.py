"""SampleGOPs and what comes after it, on files whose frames carry their number."""

import random

import cv2
import numpy as np
import pytest
import torch

from ssvrl_mm.datasets.transforms import (
    ClipFlip,
    ClipRandomResizedCrop,
    ClipResize,
    ClipThreeCrop,
    DecodeCompressedVideo,
    OpenCompressedVideo,
    PackSSLInputs,
    SampleContextMotion,
    SampleGOPs,
)
from ssvrl_mm.video import (
    CompressedVideoReader,
    GOPStructureError,
    MotionUnavailableError,
    VideoTooShortError,
)
from tests.clips import H264_B, encode, translating

STREAMS = ('iframe', 'motion', 'residual')
DIGITS = 8


def numbered(num_frames, height=96, width=128):
    """A moving texture with the frame's number in its upper rows, in binary digits of 16 px."""
    frames = translating(num_frames, 2, -1, height, width).copy()
    for number, frame in enumerate(frames):
        for digit in range(DIGITS):
            frame[:16, 16 * digit : 16 * digit + 16] = 255 * (number >> digit & 1)
    return frames


def number_of(image):
    """The number that a picture carries."""
    digits = image[4:12, :].reshape(8, DIGITS, 16, 3)[:, :, 4:12].mean(axis=(0, 2, 3)) > 128
    return int((digits * 2 ** np.arange(DIGITS)).sum())


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    frames = numbered(80)
    kinds = {
        'gop12.avi': dict(codec='mpeg4', options={'sc_threshold': '1000000000'}),
        'gop10.avi': dict(codec='mpeg4', gop=10, options={'sc_threshold': '1000000000'}),
        'h264_b.mp4': dict(gop=25, options=H264_B),
    }
    paths = {name: str(encode(folder / name, frames, **kind)) for name, kind in kinds.items()}
    paths['short.avi'] = str(encode(folder / 'short.avi', frames[:11], codec='mpeg4'))
    paths['vp9.webm'] = str(
        encode(folder / 'vp9.webm', frames[:24], codec='libvpx-vp9', options={'cpu-used': '8'})
    )
    return paths


@pytest.fixture(scope='module')
def wholes(files):
    found = {}
    for name in ('gop12.avi', 'gop10.avi', 'h264_b.mp4'):
        with CompressedVideoReader(files[name]) as reader:
            found[name] = reader.get_frames_at(range(80), ('rgb', 'motion', 'residual'))
    return found


def run(path, steps, streams=STREAMS, seed=0, **options):
    random.seed(seed)
    results = dict(filename=path, streams=streams, reader_options=options)
    for step in [OpenCompressedVideo(), *steps]:
        results = step(results)
    return results


@pytest.mark.parametrize('name', ['gop12.avi', 'gop10.avi', 'h264_b.mp4'])
@pytest.mark.parametrize('fps', [None, 30])
@pytest.mark.parametrize('streams', [STREAMS, ('iframe', 'motion'), ('iframe',)])
def test_frames_are_those_that_were_sampled(files, wholes, name, fps, streams):
    sample = SampleGOPs(num_clips=2, fps=fps)
    results = run(files[name], [sample, DecodeCompressedVideo()], streams)
    iframes, moving = results['iframe_inds'].ravel(), results['motion_inds'].ravel()
    assert [number_of(image) for image in results['iframes']] == iframes.tolist()
    whole = wholes[name]
    assert (np.stack(results['iframes']) == whole.rgb[iframes]).all()
    if 'motion' in streams:
        assert (results['motion'] == whole.motion[moving]).all()
        assert (results['motion_valid'] == whole.motion_valid[moving]).all()
    if 'residual' in streams:
        assert (np.stack(results['residuals']) == whole.residual[moving]).all()
    begins, ends = results['frame_inds'].min(1), results['frame_inds'].max(1)
    np.testing.assert_allclose(results['clip_times'], np.stack([begins, ends + 1], 1) / 25)


GEOMETRY = {
    'train': [ClipRandomResizedCrop(56, (0.5, 0.7), (1, 1)), ClipFlip()],
    'mirrored': [ClipFlip(1.0), ClipRandomResizedCrop(56, (0.5, 0.7), (1, 1))],
    'resized': [ClipResize(short_side=104), ClipRandomResizedCrop(56, (0.5, 0.7)), ClipFlip()],
    'test': [ClipResize(short_side=64), ClipThreeCrop(56)],
    'three': [ClipThreeCrop(56), ClipFlip(1.0, 'vertical')],
    'as it is': [],
}


@pytest.mark.parametrize('geometry', GEOMETRY.values(), ids=GEOMETRY)
@pytest.mark.parametrize('accumulate', [False, True])
def test_both_modes_give_the_same(files, geometry, accumulate):
    """On a file whose groups are those that are sampled."""
    packed = []
    for mode in ('virtual', 'real'):
        steps = [SampleGOPs(mode=mode, num_clips=2, positions=(1, 4, 11))]
        steps += [*geometry, DecodeCompressedVideo(), PackSSLInputs()]
        packed.append(run(files['gop12.avi'], steps, seed=3, accumulate=accumulate))
    virtual, real = (one['inputs'] for one in packed)
    assert set(virtual) == set(STREAMS)
    clips = 6 if any(isinstance(step, ClipThreeCrop) for step in geometry) else 2
    assert virtual['iframe'].shape[:3] == (clips, 3, 5)
    assert virtual['motion'].shape[:3] == (clips, 2, 15)
    assert virtual['residual'].shape[:3] == (clips, 3, 15)
    for name, tensor in virtual.items():
        assert torch.equal(tensor, real[name])
        assert tensor.float().std() > 0
    for one in packed:
        sample = one['data_samples']
        assert sample.iframe_inds.shape == (clips, 5) and sample.motion_inds.shape == (clips, 15)


@pytest.mark.parametrize('geometry', GEOMETRY.values(), ids=GEOMETRY)
@pytest.mark.parametrize('name', ['gop12.avi', 'h264_b.mp4'])
@pytest.mark.parametrize('seed', range(2))
def test_parts_are_those_of_whole_frames(files, geometry, name, seed):
    """Residuals are computed where they are shown, and the same as if they were cropped after."""
    sample = SampleGOPs(num_clips=2)
    before = run(files[name], [sample, *geometry, DecodeCompressedVideo()], seed=seed)
    after = run(files[name], [sample, DecodeCompressedVideo(), *geometry], seed=seed)
    for key in ('iframes', 'residuals', 'motion', 'motion_valid'):
        np.testing.assert_array_equal(np.stack(before[key]), np.stack(after[key]), err_msg=key)


def test_residuals_of_a_crop_are_those_that_opencv_crops(files, wholes):
    """A transcription, with crop and flip by hand."""
    for seed in range(4):
        steps = [SampleGOPs(), *GEOMETRY['train']]
        results = run(files['gop12.avi'], steps, seed=seed)
        (shown,) = results['view_steps']
        box, flip = shown[0].view, results['flip'][0]
        results = DecodeCompressedVideo()(results)
        for number, image in zip(results['motion_inds'][0], results['residuals'], strict=True):
            whole = wholes['gop12.avi'].residual[number]
            expected = cv2.resize(whole[box.top : box.bottom, box.left : box.right], (56, 56))
            assert image.dtype == np.int16
            assert (image == (expected[:, ::-1] if flip else expected)).all()


def spied(monkeypatch):
    """Calls of the reader: the streams and regions of each pass that decodes; keyframes."""
    passes, keyframes = [], []
    read, near = CompressedVideoReader.get_frames_at, CompressedVideoReader.get_keyframes_near

    def get_frames_at(reader, indices, streams=('rgb', 'motion'), **options):
        if streams:
            regions = options.get('regions'), options.get('residual_regions')
            passes.append((set(streams), list(indices), *regions))
        return read(reader, indices, streams, **options)

    def get_keyframes_near(reader, index, *args):
        keyframes.append(index)
        return near(reader, index, *args)

    monkeypatch.setattr(CompressedVideoReader, 'get_frames_at', get_frames_at)
    monkeypatch.setattr(CompressedVideoReader, 'get_keyframes_near', get_keyframes_near)
    return passes, keyframes


@pytest.mark.parametrize('name', ['gop12.avi', 'gop10.avi'])
def test_one_pass_reads_all(files, monkeypatch, name):
    passes, keyframes = spied(monkeypatch)
    steps = [SampleGOPs(), *GEOMETRY['train'], DecodeCompressedVideo()]
    results = run(files[name], steps)
    ((streams, frames, regions, residual_regions),) = passes
    assert streams == {'rgb', 'motion', 'residual'} and not keyframes
    assert frames == results['iframe_inds'].ravel().tolist() == list(regions)
    assert list(residual_regions) == results['motion_inds'].ravel().tolist()
    (box,) = {*regions.values(), *residual_regions.values()}
    assert box != (0, 0, 128, 96)


def test_keyframes_are_read_alone_where_that_is_cheap(files, monkeypatch):
    passes, keyframes = spied(monkeypatch)
    sample = SampleContextMotion(4, 2, motion_len=3, num_negatives=0)
    for name, mode in (('gop12.avi', 'real'), ('gop12.avi', 'virtual'), ('gop10.avi', 'virtual')):
        results = run(
            files[name], [SampleGOPs(mode=mode), DecodeCompressedVideo()], ('iframe', 'motion')
        )
        ((streams, frames, *_),) = passes
        iframes = results['iframe_inds'].ravel().tolist()
        is_apart = name == 'gop12.avi'
        assert (frames, keyframes) == (([], iframes) if is_apart else (iframes, []))
        assert streams == ({'motion'} if is_apart else {'motion', 'rgb'})
        passes.clear()
        keyframes.clear()
    run(files['gop10.avi'], [sample, DecodeCompressedVideo()], ('iframe', 'motion'))
    assert len(keyframes) == 1 and passes[0][0] == {'motion'}


def test_files_that_do_not_fit(files):
    for name in ('gop10.avi', 'h264_b.mp4'):
        with pytest.raises(GOPStructureError, match=rf'{name}: .*transcode .*mpeg4-gop12'):
            run(files[name], [SampleGOPs(mode='real')])
        with pytest.raises(GOPStructureError, match=f'{name}: .*accumulated motion'):
            run(files[name], [SampleGOPs()], accumulate=True)
    with pytest.raises(MotionUnavailableError, match=r"vp9; .*'estimate'.*transcode .*mpeg4-gop12"):
        run(files['vp9.webm'], [SampleGOPs()])
    estimated = run(files['vp9.webm'], [SampleGOPs(), DecodeCompressedVideo()], motion='estimate')
    assert estimated['motion'].any() and len(estimated['residuals']) == 25
    with pytest.raises(VideoTooShortError, match=r'short\.avi: .* 11 frames, at least 12'):
        run(files['short.avi'], [SampleGOPs()])
