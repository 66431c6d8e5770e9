import numpy as np
import pytest
import torch

from ssvrl_mm.models import SingleStreamPreprocessor, SSLDataPreprocessor

CLIPS = dict(
    rgb=[torch.randint(0, 256, (3, 3, 4, 16, 16), dtype=torch.uint8) for _ in range(2)],
    motion=[torch.randn(3, 2, 4, 4, 4).half() * 8 for _ in range(2)],
    residual=[torch.randint(-255, 256, (3, 3, 4, 16, 16), dtype=torch.int16) for _ in range(2)],
)
CLIPS['flow'] = [clip * 3 for clip in CLIPS['motion']]
MV = dict(motion=dict(clip=10, size=8), flow=dict(clip=6, size=12))


@pytest.mark.parametrize('stream', CLIPS)
@pytest.mark.parametrize('alone', [True, False])
def test_equals_what_pretraining_sees(stream, alone):
    inputs = {stream: CLIPS[stream]} if alone else CLIPS
    clips = SingleStreamPreprocessor(stream, **MV)(dict(inputs=inputs))['inputs']
    assert torch.equal(clips, SSLDataPreprocessor(**MV)(dict(inputs=CLIPS))['inputs'][stream])


@pytest.mark.parametrize('stream', ['motion', 'flow'])
def test_motion_and_flow_take_the_size_of_rgb_where_it_is_there(stream):
    sizes = dict(motion=dict(size='rgb'), flow=dict(size='rgb'))
    clips = SingleStreamPreprocessor(stream, **sizes)(dict(inputs=CLIPS))['inputs']
    assert clips.shape == (2, 3, 2, 4, 16, 16)
    # Only of the stream that is handed over.
    other = {**sizes, stream: dict(size=8)}
    clips = SingleStreamPreprocessor(stream, **other)(dict(inputs=CLIPS))['inputs']
    assert clips.shape == (2, 3, 2, 4, 8, 8)


def test_flow_equals_a_numpy_transcription():
    flow = np.random.default_rng(0).normal(0, 20, (2, 1, 2, 3, 4, 6)).astype(np.float16)
    flow[0, 0, 0, 0, 0, :2] = np.nan, -np.inf
    clips = SingleStreamPreprocessor('flow', flow=dict(clip=20, size=(8, 12)))
    found = clips(dict(inputs=dict(flow=torch.from_numpy(flow))))['inputs'].numpy()
    # No motion where it is not known; cut off at 20 px, each value on 2 x 2 px.
    known = np.nan_to_num(flow.astype(np.float32), nan=0, neginf=-20)
    expected = np.clip(known, -20, 20) / 20
    np.testing.assert_array_equal(found, expected.repeat(2, axis=-1).repeat(2, axis=-2))
    assert found.min() == -1 and found.max() == 1


def test_flow_may_be_divided_by_its_longest_vector():
    settings = dict(flow=dict(normalize='peak', size=12))
    data = dict(inputs={**CLIPS, 'flow_peak': [torch.full((3, 4), 90.0)] * 2})
    clips = SingleStreamPreprocessor('flow', **settings)(data)['inputs']
    assert torch.equal(clips, SSLDataPreprocessor(**settings)(data)['inputs']['flow'])
    assert 0 < clips.abs().max() < 1


def test_recognizers_can_view_what_is_laid_out_channels_last():
    data = dict(inputs=CLIPS, data_samples=['a', 'b'])
    made = SingleStreamPreprocessor('rgb')(data)
    clips = made['inputs'].view(-1, 3, 4, 16, 16)
    assert clips.is_contiguous(memory_format=torch.channels_last_3d)
    assert made['data_samples'] == ['a', 'b'] and set(data['inputs']) == set(CLIPS)
    plain = SingleStreamPreprocessor('rgb', channels_last=False)(data)['inputs']
    assert plain.is_contiguous() and torch.equal(plain, made['inputs'])


def test_missing_stream_and_wrong_name():
    with pytest.raises(KeyError, match="no stream 'motion' in the batch, which has .*rgb"):
        SingleStreamPreprocessor('motion')(dict(inputs=dict(rgb=CLIPS['rgb'])))
    with pytest.raises(ValueError, match="one of .*'flow'.*, got 'flwo'"):
        SingleStreamPreprocessor('flwo')
    with pytest.raises(TypeError, match='dict of streams'):
        SingleStreamPreprocessor('rgb')(dict(inputs=CLIPS['rgb']))
