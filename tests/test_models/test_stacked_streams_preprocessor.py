import numpy as np
import pytest
import torch

from ssvrl_mm.models import StackedStreamsPreprocessor

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (2, 3, 3, 4, 16, 16), dtype=np.uint8)
MOTION = (RNG.standard_normal((2, 3, 2, 4, 4, 4)) * 8).astype(np.float16)
MEAN, STD = [100.0, 110.0, 120.0], [50.0, 60.0, 70.0]


def batch(**streams):
    return dict(inputs={s: [torch.from_numpy(x) for x in clips] for s, clips in streams.items()})


def test_streams_lie_side_by_side_as_pretraining_sees_them():
    preprocessor = StackedStreamsPreprocessor(
        ('rgb', 'motion'), rgb=dict(mean=MEAN, std=STD), motion=dict(clip=10)
    )
    made = preprocessor({**batch(rgb=RGB, motion=MOTION), 'data_samples': ['a', 'b']})
    assert made['data_samples'] == ['a', 'b']
    column = (1, 3, 1, 1, 1)
    rgb = (RGB - np.reshape(MEAN, column)) / np.reshape(STD, column)
    motion = np.clip(MOTION.astype(float), -10, 10) / 10
    motion = motion.repeat(4, axis=-1).repeat(4, axis=-2)
    expected = np.concatenate([rgb, motion], axis=2)
    assert made['inputs'].shape == (2, 3, 5, 4, 16, 16)
    np.testing.assert_allclose(made['inputs'], expected, rtol=0, atol=1e-5)
    assert made['inputs'].is_contiguous()  # Recognizer3D takes a view of it


def test_order_and_choice_of_streams():
    data = batch(rgb=RGB, motion=MOTION, residual=RGB.astype(np.int16))
    clips = StackedStreamsPreprocessor(('motion', 'rgb'))(data)['inputs']
    turned = StackedStreamsPreprocessor()(data)['inputs']
    assert clips.shape[2] == 5
    assert torch.equal(clips, torch.cat([turned[:, :, 3:], turned[:, :, :3]], dim=2))


def test_what_does_not_fit():
    with pytest.raises(KeyError, match=r"no stream 'motion' in the batch, which has \['rgb'\]"):
        StackedStreamsPreprocessor()(batch(rgb=RGB))
    with pytest.raises(ValueError, match="different sizes.*size='rgb'"):
        StackedStreamsPreprocessor(motion=dict(size=8))(batch(rgb=RGB, motion=MOTION))
    with pytest.raises(ValueError, match='different sizes'):
        StackedStreamsPreprocessor()(batch(rgb=RGB, motion=MOTION[:, :2]))
