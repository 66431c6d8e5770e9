"""Preprocessing of I-frames, motion and residuals without clips of RGB, and CoViAR's scaling."""

import numpy as np
import pytest
import torch

from ssvrl_mm.models import SingleStreamPreprocessor, SSLDataPreprocessor

MEAN = np.array([123.675, 116.28, 103.53]).reshape(3, 1, 1, 1)
STD = np.array([58.395, 57.12, 57.375]).reshape(3, 1, 1, 1)
RNG = np.random.default_rng(0)
INPUTS = dict(
    iframe=RNG.integers(0, 256, (2, 1, 3, 5, 16, 24), dtype=np.uint8),
    motion=RNG.normal(0, 15, (2, 1, 2, 25, 2, 3)).astype(np.float16),
    motion_valid=RNG.random((2, 1, 1, 25, 2, 3)) > 0.5,
    residual=RNG.integers(-255, 256, (2, 1, 3, 25, 16, 24), dtype=np.int16),
)


def run(preprocessor, inputs=INPUTS):
    return preprocessor(dict(inputs={s: torch.from_numpy(x) for s, x in inputs.items()}))['inputs']


def repeated(cells):
    return cells.repeat(8, axis=-1).repeat(8, axis=-2)


def test_motion_takes_the_size_of_iframes_where_there_is_no_rgb():
    found = run(SSLDataPreprocessor())
    np.testing.assert_allclose(found['iframe'], (INPUTS['iframe'] - MEAN) / STD, atol=1e-5)
    motion = INPUTS['motion'].astype(np.float32).clip(-20, 20) / 20
    np.testing.assert_allclose(found['motion'], repeated(motion), atol=1e-6)
    np.testing.assert_array_equal(found['motion_valid'], repeated(INPUTS['motion_valid']))
    np.testing.assert_allclose(found['residual'], INPUTS['residual'] / 255, atol=1e-6)
    # RGB comes first; without either, motion stays as it is.
    rgb = np.zeros((2, 1, 3, 4, 32, 32), np.uint8)
    assert run(SSLDataPreprocessor(), {**INPUTS, 'rgb': rgb})['motion'].shape[-2:] == (32, 32)
    assert run(SSLDataPreprocessor(), {'motion': INPUTS['motion']})['motion'].shape[-1] == 3


def test_of_one_stream_too():
    found = run(SingleStreamPreprocessor('motion'))
    assert torch.equal(found, run(SSLDataPreprocessor())['motion'])
    assert run(SingleStreamPreprocessor('motion', motion=dict(size=4))).shape[-2:] == (4, 4)
    assert torch.equal(
        run(SingleStreamPreprocessor('iframe')), run(SSLDataPreprocessor())['iframe']
    )


def test_scaling_of_coviar():
    settings = dict(motion=dict(coviar=True), residual=dict(coviar=True))
    found = run(SSLDataPreprocessor(**settings))
    # As its loader stores and its network reads them, but for the rounding to whole numbers.
    stored = (INPUTS['motion'].astype(np.float64) * 127.5 / 20 + 128).clip(0.5, 255.5)
    np.testing.assert_allclose(found['motion'], repeated(stored) / 255 - 0.5, atol=1e-6)
    stored = (INPUTS['residual'] + 128).clip(0, 255)
    expected = (stored / 255 - 0.5) / (STD / 255)
    np.testing.assert_allclose(found['residual'], expected, atol=1e-5)
    assert found['residual'].dtype == found['motion'].dtype == torch.float32


def test_segments_of_single_frames():
    segments = {
        'iframe': INPUTS['iframe'][:, 0].swapaxes(1, 2),
        'motion': np.ascontiguousarray(INPUTS['motion'].swapaxes(1, 3)),
    }
    assert segments['iframe'].shape == (2, 5, 3, 16, 24)
    frames = run(SingleStreamPreprocessor('iframe', single_frames=True), segments)
    assert frames.shape == (2, 5, 3, 16, 24)
    expected = (segments['iframe'] - MEAN[..., 0]) / STD[..., 0]
    np.testing.assert_allclose(frames, expected, atol=1e-5)
    fields = run(
        SingleStreamPreprocessor('motion', single_frames=True, motion=dict(size=4)), segments
    )
    assert fields.shape == (2, 25, 2, 4, 4) and fields.view(-1, 2, 4, 4).shape == (50, 2, 4, 4)
    with pytest.raises(ValueError, match=r'clips of one, got 25 \(clip_len=1'):
        run(SingleStreamPreprocessor('residual', single_frames=True))
