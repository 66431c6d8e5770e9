"""Order, sampling rate and contrast on the features of one clip, together and apart."""

import copy

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.models.recognizers import SegmentOrderRecognizer
from ssvrl_mm.models.utils import chunks

from ..segments import TinyGenerator, segment_samples
from ..tiny import CRITERION, TinyBackbone, projector, samples
from ..two_streams import clips as two_streams

ORDER = dict(type='SegmentOrderHead', in_channels=6, hidden_channels=5)
RATE = dict(type='SamplingRateHead', in_channels=6)
CONTRAST = dict(type='MoCoHead', projector=projector(), criterion=CRITERION, queue_length=6)
VIEWS = dict(type=TinyGenerator)


AUTOENCODER = dict(type='ViewAutoencoder', channels=(4, 4, 6), latent_channels=3)


def of_parts(n):
    """A head whose vectors are cut into n parts."""
    return dict(CONTRAST, similarity=dict(type='ShuffleSimilarity', num_parts=n))


def shown(**rgb):
    """A data preprocessor."""
    return dict(type='SSLDataPreprocessor', rgb=rgb)


def build(head=CONTRAST, order=ORDER, rate=RATE, stream='rgb', **kwargs):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = SegmentOrderRecognizer(
            {stream: dict(type=TinyBackbone, seed=1)}, head, order, rate, **kwargs
        )
    return model.double()


def clips(seed, n=4, num_clips=2):
    return dict(rgb=two_streams(seed, n, num_clips)['rgb'])


def labelled(n=4, num_clips=2):
    return segment_samples(n, num_clips)


def first_clips(n=4):
    """Samples with the labels of clip 0 alone."""
    given = labelled(n)
    for sample in given:
        for name in ('segment_order', 'segment_lengths', 'sampling_rates'):
            sample.set_field(getattr(sample, name)[:1], name)
    return given


def test_the_losses_are_those_of_the_heads_on_clip_0():
    model, inputs = build(contrast_weight=0.5), clips(0)
    model(clips(9), segment_samples(4, 2, first=4), mode='loss')
    apart = copy.deepcopy(model)
    losses = model(inputs, labelled(), mode='loss')
    maps = apart.backbone_rgb(inputs['rgb'][:, 0])
    keys = apart.backbone_rgb(inputs['rgb'][:, 1])
    expected = {
        **apart.order.loss(maps, first_clips()),
        **apart.rate.loss(maps, first_clips()),
        **apart.head.loss(maps, samples(range(4)), key_feats=keys),
    }
    assert expected['loss_rgb'] > 0
    expected['loss_rgb'] = expected['loss_rgb'] / 2
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, msg=name)
    # L = L_order + .3 L_sr + L_ctr; the rate's head has multiplied by its weight.
    total, _ = model.parse_losses(losses)
    parts = (losses[f'loss_{name}'] for name in ('order', 'rate', 'rgb'))
    torch.testing.assert_close(total, sum(parts))
    torch.testing.assert_close(losses['loss_rate'], 0.3 * losses['mse_rate'])


TASKS = {'loss_order': 'order', 'loss_rate': 'rate', 'loss_rgb': 'head'}


@pytest.mark.parametrize(
    'parts',
    [('order',), ('rate',), ('head',), ('order', 'rate'), ('order', 'head'), ('rate', 'head')],
)
def test_any_of_the_three_may_be_left_out(parts):
    left_out = {name: None for name in TASKS.values() if name not in parts}
    model, contrast = build(**left_out), 'head' in parts
    model.set_epoch(0)
    given = labelled() if {*parts} - {'head'} else samples(range(4))
    losses = model(clips(0, num_clips=1 + contrast), given, mode='loss')
    assert {n for n in losses if n.startswith('loss')} == {n for n in TASKS if TASKS[n] in parts}
    assert {'effective_rank_rgb', 'mean_cosine_rgb'} < set(losses) or contrast
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == ('key_' in name), name
    assert any('key_' in name for name, _ in model.named_parameters()) == contrast
    model.restart()


def test_restarting_empties_the_queue():
    model = build()
    model(clips(0), labelled(), mode='loss')
    assert int(model.head.queue.fill) == 4
    model.restart()
    assert int(model.head.queue.fill) == 0


def test_without_contrast_the_spread_is_of_the_features():
    model, inputs = build(head=None), clips(0)
    one_by_one = torch.tensor([[1.0, 0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0, 0]]).double()
    model.backbone_rgb = nn.Module()
    model.backbone_rgb.forward = lambda x: one_by_one.requires_grad_()
    losses = model({'rgb': inputs['rgb'][:2]}, labelled(2), mode='loss')
    assert losses['mean_cosine_rgb'] == 0


def views(monkeypatch, draws, **kwargs):
    """What the key network is shown, and the clips of the batch."""
    model, inputs = build(view_generator=VIEWS, **kwargs), clips(0)
    model.train()
    seen = []
    model.key_backbone_rgb.module.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    with monkeypatch.context() as patch:
        patch.setattr(torch, 'rand', lambda *args, **kw: torch.tensor(draws))
        losses = model(inputs, labelled(), mode='loss')
    (shown,) = seen
    return model, inputs['rgb'], shown, losses


@pytest.mark.parametrize(
    'draws, probability, chosen',
    [
        ([0.1, 0.9, 0.49, 0.5], 0.5, [0, 2]),
        ([0.6, 0.7, 0.8, 0.9], 0.5, []),
        ([0.0, 0.7, 0.8, 0.999], 1.0, [0, 1, 2, 3]),
        ([0.1, 0.29, 0.3, 0.999], 0.3, [0, 1]),
    ],
)
def test_keys_are_views_of_the_query_or_other_clips(monkeypatch, draws, probability, chosen):
    model, given, shown, losses = views(monkeypatch, draws, view_probability=probability)
    assert len(model.view_generator.shown) == bool(chosen)
    for i in range(4):
        expected = 2 * given[i, 0] if i in chosen else given[i, 1]
        assert torch.equal(shown[i], expected), i
    if chosen:
        assert torch.equal(model.view_generator.shown[0], given[chosen, 0])
    # Order, rate and query are of clip 0 in any case.
    plain = build()(dict(rgb=given), labelled(), mode='loss')
    assert all(plain[n] == losses[n] for n in ('loss_order', 'loss_rate'))


def test_draws_are_of_each_video_with_the_probability():
    model = build(view_generator=VIEWS, view_probability=0.25)
    torch.manual_seed(0)
    for _ in range(50):
        model._with_views(*clips(0)['rgb'].unbind(1))
    count = sum(len(shown) for shown in model.view_generator.shown)
    assert 30 <= count <= 70  # of 200


def test_the_generator_stays_as_it_is():
    model = build(view_generator=VIEWS, view_probability=1.0)
    before = copy.deepcopy(model.view_generator.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    for step in range(2):
        model.train()
        losses = model(clips(step), labelled(), mode='loss')
        optimizer.zero_grad()
        model.parse_losses(losses)[0].backward()
        optimizer.step()
    after = model.view_generator.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(p.requires_grad for p in model.view_generator.parameters())
    model.eval()
    assert not model.training
    # Downstream nobody needs it.
    others = [n for n in model.state_dict() if not n.startswith(model.training_only)]
    assert others and all(name.startswith('backbone_rgb.') for name in others)


def test_a_generator_that_nothing_will_fill_is_warned_of(caplog):
    MMLogger.get_instance('test_views', logger_name='test_views')
    with caplog.at_level('WARNING', logger='test_views'):
        MMLogger.get_current_instance().addHandler(caplog.handler)
        build(view_generator=VIEWS)
    assert 'view_generator has no init_cfg' in caplog.text


class Halving(nn.Module):
    """Makes views of half the size, in half precision."""

    def synthesise(self, clips):
        return clips[..., ::2].half()


class Rounding(nn.Module):
    """Makes views in half precision."""

    def synthesise(self, clips):
        return clips.half()


def test_views_come_in_the_precision_of_the_clips_and_in_their_size():
    model = build(view_generator=dict(type=Rounding), view_probability=1.0)
    first, second = clips(0)['rgb'].unbind(1)
    found = model._with_views(first, second)
    assert found.dtype == torch.double and torch.equal(found, first.half().double())
    model = build(view_generator=dict(type=Halving), view_probability=1.0)
    with pytest.raises(ValueError, match=r'Halving made views \(4, 3, 4, 6, 3\) of clips \(4, 3'):
        model(clips(0), labelled(), mode='loss')


def test_features_and_answers_come_from_one_pass():
    model = build(answers_pretext=True, test_batch_clips=3).eval()
    inputs, given = clips(0, n=3, num_clips=3), segment_samples(3, 3)
    given[1].set_metainfo(dict(role='gallery'))
    seen = []
    model.backbone_rgb.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    model(inputs, given, mode='predict')
    assert seen == [3, 3, 3]
    for i, sample in enumerate(given):
        maps = model.backbone_rgb(inputs['rgb'][i])
        pooled = maps.mean(dim=(0, 2, 3, 4)).detach()
        torch.testing.assert_close(sample.features['rgb'][0], pooled.float())
        assert sample.truth_order.equal(sample.segment_order)
        if i == 1:
            assert not hasattr(sample, 'answer_order') and not hasattr(sample, 'predicted_rates')
            continue
        assert sample.answer_order.equal(model.order(maps).argmax(dim=1))
        torch.testing.assert_close(sample.predicted_rates, model.rate(maps).detach().float())


@pytest.mark.parametrize('answers_pretext', [False, True])
@pytest.mark.parametrize('left_out', ['order', 'rate'])
def test_clips_without_labels_describe_the_videos(answers_pretext, left_out):
    model = build(head=None, answers_pretext=answers_pretext, **{left_out: None}).eval()
    inputs, given = clips(0, n=2, num_clips=3), segment_samples(2, 3)
    for sample in given:
        sample.set_field(torch.tensor([2, -1, -1]), 'segment_order')
        sample.set_field(torch.tensor([[1, 2, 3], [-1] * 3, [-1] * 3]), 'sampling_rates')
        if left_out == 'order':
            del sample.segment_order
    model(inputs, given, mode='predict')
    for sample, video in zip(given, inputs['rgb'], strict=True):
        pooled = model.backbone_rgb(video[1:]).mean(dim=(0, 2, 3, 4)).detach()
        torch.testing.assert_close(sample.features['rgb'][0], pooled.float())
        answers = dict(rate='answer_order', order='predicted_rates')
        assert hasattr(sample, answers[left_out]) == answers_pretext
        assert answers['rate' if left_out == 'order' else 'order'] not in sample


def test_videos_without_labels_are_described_unless_they_are_to_be_asked():
    inputs = clips(0, n=2)
    found = build().eval()(inputs, samples(range(2)), mode='predict')
    assert found[0].features['rgb'].shape == (1, 6)
    with pytest.raises(KeyError, match="needs 'segment_order' in every data sample"):
        build(answers_pretext=True).eval()(inputs, samples(range(2)), mode='predict')


def test_heads_take_the_stream_of_the_backbone():
    model = build(stream='residual', head={**CONTRAST, 'stream': 'residual'})
    losses = model(dict(residual=clips(0)['rgb']), labelled(), mode='loss')
    assert {'loss_residual', 'loss_order', 'loss_rate'} < set(losses)


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(head=None, order=None, rate=None), 'neither head, order nor rate'),
        (dict(head=None, contrast_weight=2.0), 'contrast_weight=2.0 of no contrast'),
        (dict(head=None, view_generator=VIEWS), 'nothing uses view_generator'),
        (dict(order=None, rate=None, answers_pretext=True), 'neither order nor rate to be asked'),
        (dict(head=None, shuffle_bn=True), 'shuffle_bn of no contrast: there is no head'),
        (dict(head=None, stages=[(0, 'rgb')]), 'stages of no contrast'),
        (dict(view_probability=1.5), r'must lie in \(0, 1\], got 1.5'),
        (dict(head=of_parts(4)), 'num_parts=4, but order and rate are of 3 segments'),
        (dict(head=of_parts(2), order=None), r'set head.similarity.num_parts=3'),
        (
            dict(view_generator=AUTOENCODER, data_preprocessor=shown(remove_still=True)),
            'has remove_still=True, and view_generator False',
        ),
        (
            dict(view_generator=AUTOENCODER, data_preprocessor=shown(mean=[0] * 3, std=[255] * 3)),
            r'mean of data_preprocessor.rgb is \[0.0, 0.0, 0.0\], that of view_generator \[123.6',
        ),
        (dict(view_generator=VIEWS, view_probability=0.0), r'must lie in \(0, 1\], got 0.0'),
        (dict(view_generator=VIEWS, view_probability=1.1), r'must lie in \(0, 1\], got 1.1'),
        (dict(rate={**RATE, 'num_segments': 4}), r'differ in num_segments: \[3, 4\]'),
        (dict(order={**ORDER, 'stream': 'flow'}), r"a head of \('flow',\), but .*\('rgb',\)"),
        (dict(head={**CONTRAST, 'stream': 'flow'}), r"backbones of \('rgb',\), but a head of"),
    ],
)
def test_models_that_cannot_train_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_similarities_of_the_segments_and_generators_of_the_clips_are_taken():
    build(head=of_parts(3))
    build(head=of_parts(4), order=None, rate=None)
    still = dict(AUTOENCODER, remove_still=True)
    build(view_generator=still, data_preprocessor=shown(remove_still=True))
    # Other streams are not normalised as RGB is.
    head = {**CONTRAST, 'stream': 'residual'}
    build(stream='residual', head=head, view_generator=still, data_preprocessor=shown())


def test_heads_of_another_task_are_refused():
    for kwargs, message in (
        (dict(order=dict(type='ClipOrderHead', in_channels=6)), 'order must be a SegmentOrderHead'),
        (dict(order=RATE), 'order must be a SegmentOrderHead, got a SamplingRateHead'),
        (dict(rate=ORDER), 'rate must be a SamplingRateHead, got a SegmentOrderHead'),
    ):
        with pytest.raises(TypeError, match=message):
            build(**kwargs)


def test_wrong_parts_are_refused():
    with pytest.raises(TypeError, match=r'TinyBackbone has no synthesise\(clips\)'):
        build(view_generator=dict(type=TinyBackbone))
    with pytest.raises(ValueError, match=r"one stream are needed, got \('rgb', 'flow'\)"):
        SegmentOrderRecognizer(dict(rgb={}, flow={}), None, ORDER)
    with pytest.raises(ValueError, match='two clips per video'):
        build()(clips(0, num_clips=1), labelled(), mode='loss')
    with pytest.raises(ValueError, match=r'needs \(N, V, C, T, H, W\), got \(4, 3'):
        build(head=None)(dict(rgb=clips(0)['rgb'][:, 0]), labelled(), mode='loss')


def test_the_number_of_views_is_hidden_from_cudnn(monkeypatch):
    monkeypatch.setattr(chunks, '_tries_algorithms', lambda clips: True)
    model, given, shown, _ = views(monkeypatch, [0.1, 0.9, 0.4, 0.8])
    assert [len(clips) for clips in model.view_generator.shown] == [4]
    for i in range(4):
        assert torch.equal(shown[i], given[i, 1] if i % 2 else 2 * given[i, 0])


@pytest.mark.parametrize('channels_last', [True, False])
def test_clips_are_laid_out_as_the_networks_work(channels_last):
    model = build(view_generator=VIEWS, view_probability=1.0, channels_last=channels_last)
    assert model.channels_last == channels_last
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    seen = []
    for network in (model.backbone_rgb, model.key_backbone_rgb.module):
        network.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    autoencoder = build(view_generator=AUTOENCODER, channels_last=channels_last).view_generator
    weight = autoencoder.encoder[2].weight
    assert weight.is_contiguous(memory_format=layout)
    model.view_generator.synthesise = lambda x: seen.append(x) or x
    model(clips(0), labelled(), mode='loss')
    assert len(seen) == 3 and all(x.is_contiguous(memory_format=layout) for x in seen)
    alone = build(head=None, channels_last=channels_last)
    alone.backbone_rgb.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    alone(clips(0), labelled(), mode='loss')
    assert seen[-1].is_contiguous(memory_format=layout)


def test_losses_of_mixed_precision_are_in_full_one():
    model = build(view_generator=VIEWS).float()
    inputs = {s: x.float() for s, x in clips(0).items()}
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(inputs, labelled(), mode='loss')
    for name in TASKS:
        assert losses[name].dtype == torch.float32
    expected = model(inputs, labelled(), mode='loss')
    torch.testing.assert_close(losses['loss_order'], expected['loss_order'], rtol=0.02, atol=0)
