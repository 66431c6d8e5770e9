"""Pretext tasks on one network over several streams."""

import numpy as np
import pytest
import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope

from ssvrl_mm.models.recognizers import JointPretextRecognizer
from ssvrl_mm.models.utils.correspondence import Arrangement
from ssvrl_mm.registry import MODELS
from tests.processes import run_processes

from ..joint import CHANNELS, TinyJoint, clips, labelled
from ..tiny import CRITERION, TinyBackbone

PMSP, CTP = dict(type='ssvrl_mm.PMSPHead'), dict(type='ssvrl_mm.CTPHead')
BOTH = dict(pmsp=PMSP, ctp=CTP)
CONTRAST = dict(type='ssvrl_mm.ClipContrastHead', criterion=CRITERION)
ROTATION = dict(type='ssvrl_mm.PretextClassificationHead', num_classes=4, label_key='rotation')


def build(heads=None, correspondence=None, **kwargs):
    torch.manual_seed(0)
    heads = BOTH if heads is None else heads
    if 'ctp' in heads and correspondence is None:
        correspondence = {}
    return JointPretextRecognizer(dict(type=TinyJoint), heads, correspondence, **kwargs).double()


def total(model, losses):
    return model.parse_losses(losses)[0]


def test_losses_are_those_of_the_heads_on_what_the_network_gives():
    model, inputs, given = build(), clips(0), labelled(4)
    torch.manual_seed(5)
    losses = model(inputs, given, mode='loss')
    torch.manual_seed(5)
    drawn = model.correspondence.draw(4)
    flat = {s: x[:, 0] for s, x in inputs.items()}
    aligned = model.backbone(flat)
    torch.testing.assert_close(
        losses['loss_pmsp'], model.heads.pmsp.loss(aligned, given)['loss_pmsp']
    )
    rows = model.backbone(model.correspondence.arrange(flat, drawn))
    expected = model.heads.ctp.loss(rows, given, types=drawn.types, weights=drawn.weights)
    torch.testing.assert_close(losses['loss_ctp'], expected['loss_ctp'])
    assert losses['chance_ctp'] == 0.5
    assert {'effective_rank_fused', 'mean_cosine_fused', 'top1_ctp_aligned'} < set(losses)
    # One call of the network: its BatchNorm sees all types together.
    calls = []
    model.backbone.register_forward_hook(lambda _, args, __: calls.append(len(args[0]['iframe'])))
    for mixing, count in (('two_passes', 8), ('all', 16), ('single_pass', 4)):
        model.correspondence.mixing = mixing
        model(inputs, given, mode='loss')
        assert calls.pop() == count and not calls


def test_single_pass_trains_motion_statistics_on_aligned_clips_alone():
    model, inputs, given = build(correspondence=dict(mixing='single_pass')), clips(1), labelled(4)
    torch.manual_seed(0)
    while True:
        state = torch.get_rng_state()
        types = model.correspondence.draw(4).types
        if 0 < (types == 0).sum() < 4:
            break
    torch.set_rng_state(state)
    losses = model(inputs, given, mode='loss')
    chosen = types == 0
    alone = build(dict(pmsp=PMSP))
    expected = alone(
        {s: x[chosen] for s, x in inputs.items()},
        [sample for sample, kept in zip(given, chosen, strict=True) if kept],
        mode='loss',
    )
    # Four times a quarter of the clips, on average.
    torch.testing.assert_close(losses['loss_pmsp'], expected['loss_pmsp'] * chosen.sum())
    torch.testing.assert_close(losses['top1_pmsp'], expected['top1_pmsp'])


@pytest.mark.parametrize(
    'heads',
    [
        dict(pmsp=PMSP),
        dict(ctp=CTP),
        dict(ctp=dict(CTP, num_types=2)),
        BOTH,
        dict(contrast=CONTRAST),
        dict(rotation=ROTATION),
    ],
    ids=['pmsp', 'ctp', 'binary', 'both', 'contrast', 'rotation'],
)
def test_gradients_reach_every_part_in_full(heads):
    model, given = build(heads), labelled(4, 2, rotation=[[0, 1], [2, 3], [1, 1], [0, 2]])
    total(model, model(clips(2, 4, 2), given, mode='loss')).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
    for stream in CHANNELS:
        # Every channel of the first convolutions, too.
        gradient = model.backbone.parts[stream].conv.weight.grad
        assert gradient.flatten(1).any(dim=1).all()


def test_weights_of_heads_scale_their_losses():
    inputs, given = clips(3), labelled(4)
    found = {}
    for weight in (1.0, 0.25):
        model = build(dict(pmsp=PMSP, ctp=dict(CTP, loss_weight=weight)))
        torch.manual_seed(1)
        found[weight] = model(inputs, given, mode='loss')
        parts = found[weight]['loss_pmsp'] + found[weight]['loss_ctp']
        torch.testing.assert_close(total(model, found[weight]), parts)
    torch.testing.assert_close(found[0.25]['loss_ctp'], found[1.0]['loss_ctp'] / 4)
    torch.testing.assert_close(found[0.25]['loss_pmsp'], found[1.0]['loss_pmsp'])


@pytest.mark.parametrize('at_once', [1, 4, 16])
@pytest.mark.parametrize('average', [True, False])
def test_prediction_writes_all_streams_together_and_each(at_once, average):
    model = build(test_batch_clips=at_once, average_clips=average).eval()
    inputs, given = clips(4, 2, 3), labelled(2)
    calls = []
    model.backbone.register_forward_hook(lambda _, args, __: calls.append(len(args[0]['iframe'])))
    model(inputs, given, mode='predict')
    assert calls == {1: [1] * 6, 4: [4, 2], 16: [6]}[at_once]
    features = model(inputs)
    assert features.shape == (2, 3, 15)
    with torch.no_grad():
        flat = model.backbone({s: x.flatten(0, 1) for s, x in inputs.items()})
    pooled = {s: x.numpy().mean(axis=(2, 3, 4)).reshape(2, 3, -1) for s, x in flat.items()}
    pooled['fused'] = np.concatenate([*pooled.values()], axis=2)
    np.testing.assert_allclose(features.detach(), pooled['fused'])
    np.testing.assert_allclose(model(inputs, stream='motion').detach(), pooled['motion'])
    for i, sample in enumerate(given):
        assert set(sample.features.keys()) == {'fused', *CHANNELS}
        for name, rows in pooled.items():
            wanted = rows[i].mean(axis=0, keepdims=True) if average else rows[i]
            np.testing.assert_allclose(sample.features[name], wanted, rtol=1e-5)
            assert sample.features[name].dtype == torch.float32


@pytest.mark.parametrize('channels_last', [True, False])
def test_clips_lie_as_the_convolutions_work(channels_last):
    model, layouts = build(channels_last=channels_last), []
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    model.backbone.register_forward_hook(
        lambda _, args, __: layouts.extend(
            x.is_contiguous(memory_format=layout) for x in args[0].values()
        )
    )
    model(clips(5), labelled(4), mode='loss')
    model.eval()(clips(5), labelled(4), mode='predict')
    assert len(layouts) == 6 and all(layouts)
    weight = model.backbone.parts['iframe'].conv.weight
    assert weight.is_contiguous(memory_format=layout)


def test_its_backbone_starts_a_classifier(tmp_path):
    model = build()
    path = tmp_path / 'pretrained.pth'
    torch.save(dict(state_dict=model.state_dict()), path)

    class Loaded(BaseModule, TinyJoint):
        def __init__(self, init_cfg):
            BaseModule.__init__(self, init_cfg)
            TinyJoint.__init__(self)

    init_cfg = dict(type='ssvrl_mm.PretrainedBackbone', checkpoint=str(path), prefix='backbone.')
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        classifier = MODELS.build(
            dict(
                type='MultiStreamClassifier',
                backbone=dict(type=Loaded, init_cfg=init_cfg),
                cls_head=dict(type='ClassificationHead', num_classes=3, in_channels=15),
                data_preprocessor=dict(type='SSLDataPreprocessor'),
            )
        )
    for parameter in classifier.backbone.parameters():
        parameter.data.zero_()
    classifier.init_weights()
    for name, weight in model.backbone.state_dict().items():
        torch.testing.assert_close(classifier.backbone.state_dict()[name], weight.float())


def test_wrong_models_are_refused():
    with pytest.raises(ValueError, match='heads is empty'):
        build({})
    with pytest.raises(ValueError, match='no head, such as CTPHead, tells its types'):
        build(dict(pmsp=PMSP), correspondence={})
    with pytest.raises(ValueError, match=r'ctp2 tell types.*set correspondence=dict\(\)'):
        build(dict(ctp2=CTP))
    with pytest.raises(ValueError, match='differ in their number of types'):
        build(dict(ctp=CTP), correspondence=dict(num_types=2))
    with pytest.raises(TypeError, match='TinyBackbone is no backbone over several streams'):
        JointPretextRecognizer(dict(type=TinyBackbone), BOTH)
    with pytest.raises(ValueError, match='test_batch_clips'):
        build(test_batch_clips=0)
    model = build(dict(a=PMSP, b=PMSP))
    with pytest.raises(ValueError, match="the head 'b' gives what another one does"):
        model(clips(0), labelled(4), mode='loss')


def test_wrong_inputs_are_refused():
    model, inputs, given = build(), clips(6), labelled(4)
    with pytest.raises(ValueError, match="mode must be 'tensor', 'loss' or 'predict'"):
        model(inputs, given, mode='train')
    with pytest.raises(ValueError, match='give a mapping of streams'):
        model(inputs['motion'])
    for mode in ('loss', 'predict', 'tensor'):
        with pytest.raises(KeyError, match=r"\['motion', 'residual'\] are missing"):
            model({'iframe': inputs['iframe']}, given, mode=mode)
    with pytest.raises(KeyError, match="stream 'rgb' is not among"):
        model.extract_feat(inputs, 'rgb')
    with pytest.raises(ValueError, match='of the same videos and clips, got'):
        model({**inputs, 'motion': inputs['motion'][:2]}, given, mode='loss')
    with pytest.raises(ValueError, match='every stream must be'):
        model.extract_feat({s: x[0] for s, x in inputs.items()})
    with pytest.raises(ValueError, match='batch of one'):
        model({s: x[:1] for s, x in inputs.items()}, given[:1], mode='loss')
    build(dict(pmsp=PMSP))({s: x[:1] for s, x in inputs.items()}, given[:1], mode='loss')


def of_rank(drawn, rank):
    """The share of a process in an arrangement of four clips whose partners are of its half."""
    places = torch.arange(8).view(2, 2, 2)[:, rank].flatten()
    part = [x[places] for x in drawn[:4]]
    return Arrangement(part[0], part[1] % 2, *part[2:], None)


def training_step(rank, world_size):
    """The mean of loss and gradients over processes with given partners."""
    model, inputs, given = build(), clips(7), labelled(4)
    drawn = model.correspondence.draw(4)
    own = torch.arange(4)
    drawn.types[4:] = torch.tensor([1, 2, 1, 3])
    sources, order = model.correspondence._take(drawn.types, 4, 1)
    sources[4:] = torch.where(drawn.types[4:] == 1, own ^ 1, own)
    drawn = drawn._replace(sources=sources, order=order)
    if world_size == 2:
        half = slice(2 * rank, 2 * rank + 2)
        inputs, given = {s: x[half] for s, x in inputs.items()}, given[half]
        drawn = of_rank(drawn, rank)
    model.correspondence.draw = lambda videos, num_clips: drawn
    losses = model(inputs, given, mode='loss')
    loss = total(model, losses)
    loss.backward()
    found = [loss.detach(), *(p.grad for p in model.parameters())]
    for value in found:
        all_reduce(value)
        value /= get_world_size()
    return found


def test_two_processes_with_given_partners_train_as_one(tmp_path):
    alone = training_step(0, 1)
    for found in run_processes(training_step, tmp_path, 2):
        torch.testing.assert_close(found, alone, rtol=1e-9, atol=1e-12)
