import copy

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.models.utils import chunks
from ssvrl_mm.models.utils.chunks import PaddedViews, pad_views, padded
from ssvrl_mm.registry import MODELS
from tests.test_models.test_recognizers.test_multi_stream_classifier import batch
from tests.test_models.test_recognizers.test_multi_stream_classifier import build as classifier
from tests.test_models.two_streams import moco


@pytest.fixture
def tries_algorithms(monkeypatch):
    """As if clips were on a GPU and cuDNN tried its algorithms on every shape."""
    monkeypatch.setattr(chunks, '_tries_algorithms', lambda clips: True)


def counted(network):
    """The numbers of clips that a network is given."""
    seen = []

    def note(module, args):
        clips = args[0] if torch.is_tensor(args[0]) else next(iter(args[0].values()))
        seen.append(len(clips))

    network.register_forward_pre_hook(note)
    return seen


def recognizer(size=4):
    torch.manual_seed(0)
    config = dict(
        type='Recognizer3D',
        backbone=dict(type='S3D', width=0.0625),
        cls_head=dict(type='ClassificationHead', num_classes=3, in_channels=64),
        data_preprocessor=dict(type='SingleStreamPreprocessor'),
        test_cfg=size and dict(max_testing_views=size),
    )
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return MODELS.build(config).eval()


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last_3d])
def test_clips_of_zeros_fill_a_chunk_up(tries_algorithms, layout):
    clips = torch.rand(2, 3, 4, 5, 6).contiguous(memory_format=layout)
    full = padded(clips, 3)
    assert full.shape == (3, 3, 4, 5, 6) and full.is_contiguous(memory_format=layout)
    assert torch.equal(full[:2], clips) and not full[2].any()
    assert padded(clips, 2) is clips and padded(clips, 1) is clips


@pytest.mark.parametrize('benchmark', [False, True])
def test_on_a_cpu_no_algorithms_are_tried(monkeypatch, benchmark):
    monkeypatch.setattr(torch.backends.cudnn, 'benchmark', benchmark)
    clips = torch.rand(2, 3, 4, 5, 6)
    assert padded(clips, 3) is clips


@torch.no_grad()
def test_mmactions_recognizer_forwards_chunks_of_one_size(tries_algorithms):
    model, views = recognizer(), torch.rand(10, 1, 3, 8, 32, 32)
    videos = [views[:, 0][None, :count] for count in (10, 3, 8, 4, 2, 9)]
    expected = [model.extract_feat(video, test_mode=True)[0] for video in videos]
    pad_views(model)
    seen = counted(model.backbone)
    found = [model.extract_feat(video, test_mode=True)[0] for video in videos]
    # Noted before they are filled up: a later hook sees what an earlier one made of them.
    assert seen == [4, 4, 4, 3, 4, 4, 4, 4, 4, 4, 4]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_several_maps_and_copies_of_a_backbone(tries_algorithms):
    class TwoMaps(nn.Module):
        def forward(self, clips, scale=1):
            return clips * scale, {'twice': [clips * 2], 'name': 'a name'}

    network = TwoMaps().eval()
    PaddedViews(network, 3)
    clips = torch.rand(5, 1, 1, 1, 1)
    network(clips[:3])
    copied = copy.deepcopy(network)
    for part in (network, copied):
        seen = counted(part)
        first, rest = part(clips[3:], 10)
        assert seen == [3]
        assert torch.equal(first, clips[3:] * 10) and torch.equal(rest['twice'][0], clips[3:] * 2)
        assert rest['name'] == 'a name'


def test_training_sees_the_clips_it_is_given(tries_algorithms):
    model = recognizer(2)
    pad_views(model)
    model.train()
    seen = counted(model.backbone)
    for count in (2, 1):
        model.backbone(torch.rand(count, 3, 16, 64, 64))
    assert seen == [2, 1]


def test_models_without_chunks_are_left_alone():
    model = recognizer(size=None)
    pad_views(model)
    assert not model.backbone._forward_pre_hooks and not model.backbone._forward_hooks


@torch.no_grad()
def test_features_of_our_recognizers(monkeypatch):
    model = moco('rgb', test_batch_clips=4).float().eval()
    clips = torch.rand(5, 2, 3, 4, 8, 8)
    expected = model.extract_feat(clips)
    monkeypatch.setattr(chunks, '_tries_algorithms', lambda clips: True)
    seen = counted(model.backbone('rgb'))
    torch.testing.assert_close(model.extract_feat(clips), expected)
    # Fewer than a chunk holds are no rest of one; training takes all at once.
    model.extract_feat(clips[:1])
    model.train().extract_feat(clips)
    assert seen == [4, 4, 4, 2, 10]


@torch.no_grad()
@pytest.mark.parametrize('at_once, expected', [(None, [5]), (2, [2, 2, 2]), (8, [5])])
def test_scores_of_several_streams(monkeypatch, at_once, expected):
    model, inputs = classifier(at_once).eval(), batch(1, 5)
    data = model.data_preprocessor(dict(inputs=inputs))
    plain = model(**data, mode='tensor', stage='head')
    model.backbone.seen.clear()
    monkeypatch.setattr(chunks, '_tries_algorithms', lambda clips: True)
    torch.testing.assert_close(model.extract_feat(data['inputs'], 'head', test_mode=True)[0], plain)
    assert [shapes['rgb'][0] for shapes in model.backbone.seen] == expected
