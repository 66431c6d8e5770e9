from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ssvrl_mm.apis.pmsp_clips import PMSPClip, label_pipeline, predict_cells, read_clip, with_labels
from ssvrl_mm.motion_pyramid import gop_windows


class Reader:
    closed = False

    def close(self):
        self.closed = True


def sampled(results):
    """Three clips of two I-frames; the numbers tell which is which."""
    assert results['filename'] == 'video.mp4'
    results['iframe_inds'] = np.arange(6).reshape(3, 2)
    results['iframes'] = [np.full((4, 5, 3), n, np.uint8) for n in range(6)]
    results['pmsp_labels'] = np.arange(18).reshape(3, 3, 2)
    return results


class PackSSLInputs:
    def __call__(self, results):
        return dict(packed=sorted(results))


def test_the_middle_clip_is_shown():
    clip = read_clip('video.mp4', [sampled])
    assert clip.number == 1 and clip.packed is None
    assert clip.frames.tolist() == [2, 3]
    assert clip.iframes.shape == (2, 4, 5, 3) and clip.iframes[:, 0, 0, 0].tolist() == [2, 3]
    assert clip.labels.tolist() == [[6, 7], [8, 9], [10, 11]]
    assert 'pmsp_labels' in read_clip('video.mp4', [sampled, PackSSLInputs()]).packed['packed']


def test_a_reader_that_is_left_open_is_closed():
    reader = Reader()

    def fails(results):
        results['video_reader'] = reader
        raise ValueError('no GOPs')

    with pytest.raises(ValueError, match='no GOPs'):
        read_clip('video.mp4', [fails])
    assert reader.closed
    with pytest.raises(ValueError, match="no I-frames, but .*'filename'"):
        read_clip('video.mp4', [lambda results: results])


def test_labels_are_computed_before_packing():
    pipeline = [dict(type='A'), dict(type='PackSSLInputs')]
    assert [step['type'] for step in with_labels(pipeline)] == ['A', 'PMSPLabels', 'PackSSLInputs']
    assert len(pipeline) == 2
    assert [step['type'] for step in with_labels(pipeline[:1])] == ['A', 'PMSPLabels']
    labelled = [dict(type='ssvrl_mm.PMSPLabels', num_gops=4), *pipeline]
    assert with_labels(labelled) == labelled
    steps = label_pipeline('real', 'auto', 64, 56)
    assert [step['type'] for step in steps][1::4] == ['SampleGOPs', 'PMSPLabels']
    assert steps[0]['motion'] == 'auto' and steps[1]['mode'] == 'real'
    assert (steps[2]['short_side'], steps[3]['size']) == (64, 56)


class Head:
    """Names a cell that tells level and window: 100 s + 10 t + n."""

    grids, windows = (2, 3), (1, 3)

    def predict_cells(self, maps):
        # Of the clip that is shown, the second of three.
        assert maps['iframe'].tolist() == [[1.0]] and maps['motion'].tolist() == [[11.0]]
        return {
            f's{s}_t{t}': torch.tensor([[100 * s + 10 * t + n for n in range(t)]])
            for t in self.windows
            for s in self.grids
        }


def model_with(heads):
    def preprocess(data, training):
        assert not training and len(data['inputs']) == 1
        clips = torch.tensor([[[0.0], [1.0], [2.0]]])
        return dict(inputs=dict(iframe=clips, motion=10 + clips, other=clips))

    return SimpleNamespace(
        heads=heads,
        streams=('iframe', 'motion'),
        data_preprocessor=preprocess,
        backbone=lambda inputs: inputs,
    )


def test_predictions_are_in_the_order_of_the_labels():
    clip = PMSPClip(None, None, None, dict(inputs=torch.zeros(1), data_samples=None), 1)
    cells = predict_cells(model_with({'ctp': object(), 'pmsp': Head()}), clip)
    assert cells.tolist() == [[210, 310], [230, 330], [231, 331], [232, 332]]
    assert len(cells) == len(gop_windows(5, Head.windows))
    with pytest.raises(TypeError, match='has no PMSPHead'):
        predict_cells(model_with({'ctp': object()}), clip)
