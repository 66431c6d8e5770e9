import pytest
import torch

from ssvrl_mm.models import SingleStreamPreprocessor, SSLDataPreprocessor

CLIPS = dict(
    rgb=[torch.randint(0, 256, (3, 3, 4, 16, 16), dtype=torch.uint8) for _ in range(2)],
    motion=[torch.randn(3, 2, 4, 4, 4).half() * 8 for _ in range(2)],
    residual=[torch.randint(-255, 256, (3, 3, 4, 16, 16), dtype=torch.int16) for _ in range(2)],
)
MV = dict(motion=dict(clip=10, size=8))


@pytest.mark.parametrize('stream', CLIPS)
@pytest.mark.parametrize('alone', [True, False])
def test_equals_what_pretraining_sees(stream, alone):
    inputs = {stream: CLIPS[stream]} if alone else CLIPS
    clips = SingleStreamPreprocessor(stream, **MV)(dict(inputs=inputs))['inputs']
    assert torch.equal(clips, SSLDataPreprocessor(**MV)(dict(inputs=CLIPS))['inputs'][stream])


def test_motion_takes_the_size_of_rgb_where_it_is_there():
    clips = SingleStreamPreprocessor('motion')(dict(inputs=CLIPS))['inputs']
    assert clips.shape == (2, 3, 2, 4, 16, 16)


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
    with pytest.raises(ValueError, match="got 'flow'"):
        SingleStreamPreprocessor('flow')
    with pytest.raises(TypeError, match='dict of streams'):
        SingleStreamPreprocessor('rgb')(dict(inputs=CLIPS['rgb']))
