import copy

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import load_state_dict, save_checkpoint
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from ssvrl_mm.models.heads import MoCoHead
from ssvrl_mm.models.recognizers import ContrastiveRecognizer
from ssvrl_mm.models.utils.weights import WeightsError
from tests.processes import run_processes

from ..in_batch import in_batch_terms
from ..tiny import CRITERION, TinyBackbone, projector, samples
from ..two_streams import CROSS_FROM_2, LENGTH, STREAMS, backbones, build, clips, moco


def train(model, steps, share=None, first=0):
    """SGD on a few batches, the later ones with cross guidance; or on a share of each."""
    module = getattr(model, 'module', model)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
    history = []
    for step in range(first, first + steps):
        module.set_epoch(step)
        inputs, ids = clips(step), np.arange(4 * step, 4 * step + 4) % 18
        if share is not None:
            inputs, ids = {s: x[share] for s, x in inputs.items()}, ids[share]
        losses = model(inputs, samples(ids), mode='loss')
        optimizer.zero_grad()
        (losses['loss_rgb'] + losses['loss_motion']).backward()
        gradients = {n: p.grad.clone() for n, p in module.named_parameters() if p.requires_grad}
        optimizer.step()
        history.append({name: value.detach() for name, value in losses.items()})
    return dict(losses=history, gradients=gradients, state=copy.deepcopy(dict(module.state_dict())))


def distributed(rank, splits):
    shares = {
        tuple(split): slice(rank * split[0], rank * split[0] + split[rank]) for split in splits
    }
    return {
        split: train(DistributedDataParallel(build(CROSS_FROM_2)), 4, share)
        for split, share in shares.items()
    }


def test_two_processes_equal_one_however_the_batch_is_split(tmp_path):
    alone = train(build(CROSS_FROM_2), 4)
    assert any(losses['num_positives'] > 0 for losses in alone['losses'])
    both = run_processes(distributed, tmp_path, [(2, 2), (3, 1)])
    for split in ((2, 2), (3, 1)):
        shares = [process[split] for process in both]
        for step, losses in enumerate(alone['losses']):
            for name, value in losses.items():
                if name.startswith('loss'):
                    mean = sum(share['losses'][step][name] for share in shares) / 2
                else:
                    parts = zip(shares, split, strict=True)
                    mean = sum(share['losses'][step][name] * part for share, part in parts) / 4
                torch.testing.assert_close(mean, value, msg=f'{split} {name} of step {step}')
        for share in shares:
            for kind in ('gradients', 'state'):
                assert share[kind].keys() == alone[kind].keys()
                for name, value in alone[kind].items():
                    torch.testing.assert_close(share[kind][name], value, msg=f'{split} {name}')


@pytest.mark.parametrize(
    ('table', 'expected'),
    [
        ([(0, 'init')], ['init'] * 7),
        ([(0, 'cross')], ['cross'] * 7),
        ([(0, 'init'), (3, 'cross')], ['init'] * 3 + ['cross'] * 4),
        ([(0, 'init'), (1, 'cross'), (4, 'init')], ['init'] + ['cross'] * 3 + ['init'] * 3),
    ],
)
def test_the_table_says_when_a_stage_begins(table, expected):
    model = build(table)
    assert [model.stage_of_epoch(epoch) for epoch in range(7)] == expected


def test_coclr_comes_back_to_a_stage():
    table = [(0, 'init'), (2, 'rgb'), (5, 'motion'), (8, 'rgb'), (11, 'motion')]
    model = build(table, head='CoCLRHead')
    stages = [model.stage_of_epoch(epoch) for epoch in range(12)]
    assert stages == ['init'] * 2 + ['rgb'] * 3 + ['motion'] * 3 + ['rgb'] * 3 + ['motion']


def test_the_resting_stream_gets_no_gradient():
    turns = [('rgb', 'motion'), ('motion', 'rgb'), ('rgb', 'motion')]
    model = build([(i, active) for i, (active, _) in enumerate(turns)], head='CoCLRHead')
    for step, (active, resting) in enumerate(turns):
        model.set_epoch(step)
        model.zero_grad()
        losses = model(clips(step), samples(range(4 * step, 4 * step + 4)), mode='loss')
        figures = {'num_positives', 'queue_fill'}
        figures |= {f'{n}_{s}' for n in ('effective_rank', 'mean_cosine') for s in STREAMS}
        assert set(losses) == {f'loss_{active}', f'top1_{active}', *figures}
        losses[f'loss_{active}'].backward()
        for stream, trained in ((active, True), (resting, False)):
            for part in (model.backbone(stream), model.head.projector[stream]):
                assert all((p.grad is not None) == trained for p in part.parameters())
    # From the third step on the queue of 6 is full, and 5 nearest of other videos are positives.
    assert losses['num_positives'] == 5


def test_a_run_whose_epoch_nobody_tells_does_not_train_the_first_stage_for_ever():
    model = build(CROSS_FROM_2)
    with pytest.raises(RuntimeError, match='SetEpochHook'):
        model(clips(0), samples(range(4)), mode='loss')
    # Features do not depend on it, and neither does a single stage.
    model(clips(0), samples(range(4)), mode='predict')
    build()(clips(0), samples(range(4)), mode='loss')


def test_changes_of_stage_are_logged_once(caplog):
    MMLogger.get_instance('test_stages', logger_name='test_stages')
    model = build(CROSS_FROM_2)
    with caplog.at_level('INFO', logger='test_stages'):
        MMLogger.get_current_instance().addHandler(caplog.handler)
        for epoch in range(4):
            model.set_epoch(epoch)
        build().set_epoch(0)
    assert [record.message for record in caplog.records] == [
        "epoch 1: training stage is 'init'",
        "epoch 3: training stage is 'cross'",
    ]


@pytest.mark.parametrize(
    ('table', 'message'),
    [
        (None, r"stages=\[\(0, 'init'\), \(300, 'cross'\)\]"),
        ([], 'rising epochs'),
        ([(1, 'cross')], 'the first at 0'),
        ([(0, 'init'), (2, 'cross'), (2, 'init')], 'rising epochs'),
        ([(0, 'init'), (3, 'cross'), (2, 'init')], 'rising epochs'),
        ([(0, 'init'), (3, 'crossed')], r"MVCGCHead has the stages .*, not \['crossed'\]"),
    ],
)
def test_refuses_wrong_tables(table, message):
    with pytest.raises(ValueError, match=message):
        build(table)


def test_a_resumed_run_equals_an_uninterrupted_one():
    whole = train(build(CROSS_FROM_2), 5)
    model = build(CROSS_FROM_2)
    saved = train(model, 3)['state']
    resumed = build(CROSS_FROM_2)
    resumed.load_state_dict(saved)
    rest = train(resumed, 2, first=3)
    for first, second in zip(whole['losses'][3:], rest['losses'], strict=True):
        # The spread of the queue is looked at anew when a process begins.
        names = [name for name in first if not name.startswith(('effective_rank', 'mean_cosine'))]
        assert len(names) == len(first) - 4
        assert all(torch.equal(first[name], second[name]) for name in names)
    for name, value in whole['state'].items():
        assert torch.equal(value, rest['state'][name]), name


def test_queries_come_from_clip_0_and_keys_from_the_momentum_copies_of_clip_1():
    model = build([(0, 'cross')])
    train(model, 2)
    before, inputs = copy.deepcopy(model), clips(9)
    model.loss(inputs, samples(range(40, 44)))
    for stream in STREAMS:
        online = before.backbone(stream).state_dict()
        old = getattr(before, f'key_backbone_{stream}').module.state_dict()
        new = getattr(model, f'key_backbone_{stream}').module.state_dict()
        for name in online:
            torch.testing.assert_close(new[name], 0.9 * old[name] + 0.1 * online[name])
        with torch.no_grad():
            maps = getattr(model, f'key_backbone_{stream}').module(inputs[stream][:, 1])
            pooled = maps.mean(dim=(2, 3, 4))
            keys = model.head.key_projector[stream].module(pooled)
        expected = torch.nn.functional.normalize(keys, dim=1)
        slots = (int(before.head.queue.pointer) + torch.arange(4)) % LENGTH
        torch.testing.assert_close(model.head.queue[stream][slots], expected)

    # The second clip of the queries' own backbones plays no part in the loss.
    other = {s: torch.stack([x[:, 0], x[:, 1], x[:, 0]], dim=1) for s, x in inputs.items()}
    two, three = copy.deepcopy(before), copy.deepcopy(before)
    first = two.loss(inputs, samples(range(40, 44)))
    second = three.loss(other, samples(range(40, 44)))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_only_online_parts_get_gradients():
    model = build([(0, 'cross')])
    train(model, 3)
    for name, parameter in model.named_parameters():
        is_key = name.startswith(('key_backbone', 'head.key_projector'))
        assert parameter.requires_grad != is_key, name
        assert (parameter.grad is None) == is_key, name


@pytest.mark.parametrize('test_batch_clips', [1, 4, 100])
def test_prediction_is_the_mean_of_the_clips_pooled_features(test_batch_clips):
    model = build(test_batch_clips=test_batch_clips).eval()
    inputs = clips(0, n=3, num_clips=5)
    predicted = model(inputs, samples(range(3)), mode='predict')
    for stream in STREAMS:
        with torch.no_grad():
            maps = model.backbone(stream)(inputs[stream].flatten(0, 1)).numpy()
        expected = maps.mean(axis=(2, 3, 4)).reshape(3, 5, 6).mean(axis=1)
        for sample, feature in zip(predicted, expected, strict=True):
            assert sample.features[stream].dtype == torch.float32
            np.testing.assert_allclose(sample.features[stream], feature[None], rtol=1e-6)


def test_prediction_of_one_stream_and_of_single_clips():
    model = build(average_clips=False).eval()
    inputs = {'motion': clips(0, n=2, num_clips=3)['motion']}
    predicted = model(inputs, samples(range(2)), mode='predict')
    assert list(predicted[1].features.keys()) == ['motion']
    expected = model.extract_feat(inputs['motion'], stream='motion')[1].detach()
    np.testing.assert_allclose(predicted[1].features['motion'], expected, rtol=1e-6)


def test_extract_feat_keeps_the_batch_axes():
    model = build()
    inputs = clips(0, n=2, num_clips=3)
    every = model.extract_feat(inputs['motion'], stream='motion')
    assert every.shape == (2, 3, 6)
    torch.testing.assert_close(
        model.extract_feat(inputs['motion'][:, 1], stream='motion'), every[:, 1]
    )
    both = model(inputs)
    assert torch.equal(both['motion'], every)
    assert torch.equal(model(inputs['motion'], stream='motion'), every)
    with pytest.raises(KeyError, match='flow'):
        model.extract_feat(inputs['motion'], stream='flow')


def test_training_needs_two_clips():
    with pytest.raises(ValueError, match='two clips per video'):
        build()(clips(0, num_clips=1), samples(range(4)), mode='loss')
    with pytest.raises(ValueError, match='mode'):
        build()(clips(0), samples(range(4)), mode='train')


def test_second_stage_loads_the_first():
    first = build()
    train(first, 3)
    second = build([(0, 'cross')])
    second.load_state_dict(first.state_dict())
    losses = second(clips(7), samples(range(50, 54)), mode='loss')
    assert losses['queue_fill'] == 1


@pytest.fixture
def apart(tmp_path):
    """Two streams that were trained apart, and their checkpoints."""
    sources = {stream: moco(stream) for stream in STREAMS}
    for stream, source in sources.items():
        for _ in range(2):
            source(clips(0), samples(range(4)), mode='loss')
        save_checkpoint({'state_dict': source.state_dict()}, str(tmp_path / f'{stream}.pth'))
    return sources, {stream: str(tmp_path / f'{stream}.pth') for stream in STREAMS}


def from_streams(checkpoints, **options):
    init_cfg = dict(type='PretrainedStreams', checkpoints=checkpoints, **options)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = build([(0, 'cross')], init_cfg=init_cfg)
        model.init_weights()
    return model


def test_second_stage_loads_two_single_streams(apart):
    sources, checkpoints = apart
    model = from_streams(checkpoints)
    loaded, filled = model.state_dict(), set()
    for source in sources.values():
        for name, value in source.state_dict().items():
            if not name.startswith('head.queue'):
                assert torch.equal(loaded[name], value), name
                filled.add(name)
    assert {name for name in loaded if not name.startswith('head.queue')} == filled
    # Half a queue is no queue of pairs: it has to fill again.
    assert int(model.head.queue.fill) == 0


def test_streams_that_do_not_fit_are_an_error(apart, tmp_path):
    _, checkpoints = apart
    swapped = dict(zip(checkpoints, reversed(checkpoints.values()), strict=True))
    with pytest.raises(WeightsError, match=r"motion\.pth: nothing there is of the stream 'rgb'"):
        from_streams(swapped)
    with pytest.raises(WeightsError, match=r"none of the streams \('rgb',\), backbone_motion"):
        from_streams({'rgb': checkpoints['rgb']})
    weights = torch.load(checkpoints['rgb'], weights_only=True)['state_dict']
    gone = next(name for name in weights if name.startswith('head.projector.rgb'))
    torch.save({n: w for n, w in weights.items() if n != gone}, tmp_path / 'part.pth')
    with pytest.raises(WeightsError, match=rf'1 are missing \({gone}\), 0 have no place'):
        from_streams({**checkpoints, 'rgb': str(tmp_path / 'part.pth')})
    torch.save({**weights, 'backbone_rgb.x': torch.ones(1)}, tmp_path / 'more.pth')
    with pytest.raises(WeightsError, match=r'1 have no place in it \(backbone_rgb\.x\)'):
        from_streams({**checkpoints, 'rgb': str(tmp_path / 'more.pth')})
    with pytest.raises(ValueError, match='a checkpoint per stream'):
        from_streams({'rgb': ''})


def test_keys_start_from_the_online_weights_whatever_these_came_from():
    model = build()
    weights = {
        name: torch.randn_like(value)
        for name, value in model.state_dict().items()
        if name.startswith(('backbone_rgb', 'head.projector.rgb'))
    }
    load_state_dict(model, weights, strict=False)
    model(clips(0), samples(range(4)), mode='loss')
    for name, value in weights.items():
        key = name.replace('backbone_rgb.', 'key_backbone_rgb.module.')
        key = key.replace('projector.rgb.', 'key_projector.rgb.module.')
        assert key != name
        torch.testing.assert_close(model.state_dict()[key], value)


def test_backbones_and_head_have_the_same_streams():
    head = dict(type='ssvrl_mm.MVCGCHead', projector=projector(), criterion=CRITERION)
    one = dict(rgb=dict(type=TinyBackbone))
    with pytest.raises(ValueError, match=r"backbones of \('rgb',\), but a head of"):
        ContrastiveRecognizer(one, head, stages=[(0, 'init')])
    with pytest.raises(ValueError, match='test_batch_clips'):
        moco('rgb', test_batch_clips=0)


class LocalContrast(MoCoHead):
    """MoCo, and a place of a query's map finds itself among all places of its clip."""

    def loss(self, feats, data_samples, **kwargs):
        losses = super().loss(feats, data_samples, **kwargs)
        places = F.normalize(feats['rgb'].flatten(2), dim=1)
        similarities = (places.mT @ places).flatten(0, 1)
        own = torch.arange(places.shape[2]).repeat(len(places))
        losses['loss_local'] = self.criterion(similarities, own).mean()
        return losses


def test_a_head_may_look_at_the_maps_beside_the_pooled_features():
    torch.manual_seed(0)
    head = dict(type=LocalContrast, projector=projector(), criterion=CRITERION, queue_length=LENGTH)
    model = ContrastiveRecognizer(backbones(['rgb']), head).double()
    plain = moco('rgb')
    plain.load_state_dict(model.state_dict())
    inputs = clips(0)
    losses = model(inputs, samples(range(4)), mode='loss')
    expected = plain(inputs, samples(range(4)), mode='loss')
    assert torch.equal(losses['loss_rgb'], expected['loss_rgb'])
    maps = model.backbone('rgb')(inputs['rgb'][:, 0]).detach().numpy()
    terms = []
    for clip in maps:
        vectors = clip.reshape(len(clip), -1).T
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.maximum(norms, 1e-12)
        terms.append(in_batch_terms(vectors, vectors, range(len(vectors)), 0.07))
    assert losses['loss_local'].item() == pytest.approx(np.mean(terms), rel=1e-9)
    losses['loss_local'].backward()
    assert all(p.grad is not None for p in model.backbone('rgb').parameters())
