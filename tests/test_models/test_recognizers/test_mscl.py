"""MSCL's recognizer: what its networks see, what the head is given, and what a run depends on."""

import copy

import numpy as np
import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from ssvrl_mm.models.recognizers import MSCLRecognizer
from tests.processes import run_processes

from ..mscl import FRAMES, LOCAL, STREAMS, TIMES, Colour, TinyFrames, Turn, build, clips, head, lmcl
from ..tiny import samples

NO_LOCAL = dict(local=None)
ABLATIONS = {
    'none': dict(local=None, weights=dict(inter=0)),
    'L_RF, or MoDist': dict(local=None, same_modality=False),
    'L_LMC': dict(weights=dict(inter=0), angle=None),
    'both': dict(angle=None),
    'with FRA': {},
    'without TPN': dict(neck=None, local=dict(LOCAL, projections=dict(
        rgb=dict(type='Conv1d', in_channels=4, out_channels=7, kernel_size=1),
        flow=dict(type='Conv1d', in_channels=5, out_channels=7, kernel_size=1)))),
    'Eq. (10)': dict(weights=dict(inter=0), num_augmentations=3, angle=None,
                     flow_augment=[dict(type=Turn), dict(type=Turn, angle=0.5)],
                     local=dict(LOCAL, negatives='augmentations')),
    'mean of maps': dict(local=dict(LOCAL, time_map='mean')),
    'released': dict(contrast_augmented=True),
}  # fmt: skip


def train(model, steps, share=slice(None), first=0):
    """SGD on a few batches, or on a share of each."""
    module = getattr(model, 'module', model)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
    history = []
    for step in range(first, first + steps):
        inputs, ids = clips(step), np.arange(4 * step, 4 * step + 4) % 18
        losses = model({s: x[share] for s, x in inputs.items()}, samples(ids[share]), mode='loss')
        total, _ = module.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        gradients = {n: p.grad.clone() for n, p in module.named_parameters() if p.requires_grad}
        optimizer.step()
        history.append({name: value.detach() for name, value in losses.items()})
    return dict(losses=history, gradients=gradients, state=copy.deepcopy(dict(module.state_dict())))


@pytest.mark.parametrize('name', ABLATIONS)
def test_every_ablation_is_a_config_and_trains_all_of_its_parts(name):
    model = build(**copy.deepcopy(ABLATIONS[name]))
    found = train(model, 3)
    assert all(gradient.any() for gradient in found['gradients'].values()), name
    assert all(value.isfinite() for value in found['losses'][-1].values())
    assert ('loss_local' in found['losses'][-1]) == (ABLATIONS[name].get('local', 1) is not None)


def local_maps(model, inputs):
    """Local features of a batch's queries, from the networks themselves, in numpy."""
    with torch.no_grad():
        rgb = model.neck(model.backbone('rgb')(inputs['rgb'][:, 0])).mean(dim=(3, 4))
        flow = inputs['flow'][:, 0]
        flows = [
            model.backbone('flow')(Colour()(x)).mean(dim=(3, 4)) for x in (flow, Turn(1.9)(flow))
        ]
        flows = [model.head.local.projections['flow'](x)[:, :, ::2] for x in flows]
    return rgb.numpy(), *(x.numpy() for x in flows)


def test_the_local_term_sees_queries_and_flow_that_was_turned_before_it_was_coloured():
    model, inputs = build(), clips(5)
    rgb, flow, turned = local_maps(model, inputs)
    losses = model(inputs, samples(range(4)), mode='loss')
    exponents, labels, loss = lmcl(rgb, flow, [turned])
    assert losses['loss_local'].item() == pytest.approx(loss, rel=1e-10)
    assert losses['top1_local'].item() == pytest.approx((exponents.argmax(1) == labels).mean())
    plain = build(angle=None)(inputs, samples(range(4)), mode='loss')
    assert plain['loss_local'].item() == pytest.approx(lmcl(rgb, flow)[2], rel=1e-10)
    # The keys' clips play no part in it.
    other = {s: torch.stack([x[:, 0], x[:, 0]], dim=1) for s, x in inputs.items()}
    mirrored = build()
    again = mirrored(other, samples(range(4)), mode='loss')
    assert torch.equal(again['loss_local'], losses['loss_local'])
    assert not torch.equal(mirrored.head.queue['flow'], model.head.queue['flow'])


def test_keys_are_coloured_and_not_turned():
    model, inputs = build(contrast_augmented=True), clips(5)
    model(inputs, samples(range(4)), mode='loss')
    with torch.no_grad():
        maps = model.key_backbone_flow.module(Colour()(inputs['flow'][:, 1]))
        keys = model.head.key_projector['flow'].module(maps.mean(dim=(2, 3, 4)))
    keys = torch.nn.functional.normalize(keys, dim=1)
    torch.testing.assert_close(model.head.queue['flow'][:4], keys)
    assert int(model.head.queue.fill) == 4


def test_contrasted_flow_is_that_of_each_clip_turned():
    inputs = clips(5)
    queries, keys = build(contrast_augmented=True)._views(inputs)
    for clip, turned in enumerate((queries['augmented_0'], keys['augmented'])):
        torch.testing.assert_close(turned, Turn(1.9)(inputs['flow'][:, clip]))


class Recorded(Turn):
    """Remembers what it gave."""

    def forward(self, flow):
        self.given = super().forward(flow)
        return self.given


def test_query_and_key_of_a_video_are_turned_by_one_angle_where_they_are_contrasted():
    model = build(contrast_augmented=True, flow_augment=dict(type=Recorded))
    inputs = clips(5)
    model(inputs, samples(range(4)), mode='loss')
    before = torch.cat([inputs['flow'][:, 0], inputs['flow'][:, 1]], dim=2)
    given = model.flow_augment[0].given
    assert given.shape == before.shape
    sines = before[:, 0] * given[:, 1] - before[:, 1] * given[:, 0]
    cosines = (before * given).sum(dim=1)
    angles = torch.atan2(sines, cosines).flatten(1)
    torch.testing.assert_close(angles, angles[:, :1].expand_as(angles))
    assert len(angles[:, 0].unique()) == 4


def test_augmentations_are_drawn_anew_and_one_after_the_other():
    model = build(**copy.deepcopy(ABLATIONS['Eq. (10)']))
    queries, keys = model._views(clips(5))
    assert list(queries) == ['rgb', 'flow', 'augmented_0', 'augmented_1', 'augmented_2']
    assert list(keys) == list(STREAMS)
    lengths = [queries[name].norm(dim=1) for name in list(queries)[1:]]
    for length in lengths[1:]:
        torch.testing.assert_close(length, lengths[0])
    assert not torch.equal(queries['augmented_0'], queries['augmented_1'])


def distributed(rank, splits):
    return {
        split: train(
            DistributedDataParallel(build(contrast_augmented=True, age_decay=0.9)),
            3,
            slice(rank * split[0], rank * split[0] + split[rank]),
        )
        for split in splits
    }


def test_two_processes_equal_one_however_the_batch_is_split(tmp_path):
    splits = [(2, 2), (3, 1)]
    alone = train(build(contrast_augmented=True, age_decay=0.9), 3)
    both = run_processes(distributed, tmp_path, splits)
    for split in splits:
        shares = [process[split] for process in both]
        for step, losses in enumerate(alone['losses']):
            for name, value in losses.items():
                parts = (0.5, 0.5) if name.startswith('loss') else (split[0] / 4, split[1] / 4)
                mean = sum(
                    share['losses'][step][name] * part
                    for share, part in zip(shares, parts, strict=True)
                )
                torch.testing.assert_close(
                    mean, value, check_dtype=False, msg=f'{split} {name} of step {step}'
                )
        for share in shares:
            for kind in ('gradients', 'state'):
                assert share[kind].keys() == alone[kind].keys()
                for name, value in alone[kind].items():
                    torch.testing.assert_close(share[kind][name], value, msg=f'{split} {name}')


def test_a_resumed_run_equals_an_uninterrupted_one():
    def make():
        return build(
            contrast_augmented=True, momentum=dict(momentum=0.9, total_steps=5), age_decay=0.9
        )

    whole = train(make(), 4)
    saved = train(make(), 2)['state']
    resumed = make()
    resumed.load_state_dict(saved)
    rest = train(resumed, 2, first=2)
    for first, second in zip(whole['losses'][2:], rest['losses'], strict=True):
        # The spread of the queue is looked at anew when a process begins.
        names = [name for name in first if not name.startswith(('effective_rank', 'mean_cosine'))]
        assert all(torch.equal(first[name], second[name]) for name in names)
    for name, value in whole['state'].items():
        assert torch.equal(value, rest['state'][name]), name
    assert int(rest['state']['key_backbone_flow.step']) == 4
    assert rest['state']['head.queue.ages'].tolist() == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize('contrast_augmented', [True, False])
def test_autocast_gives_finite_losses_and_gradients(contrast_augmented):
    model = build(contrast_augmented=contrast_augmented).float().train()
    inputs = {stream: x.float() for stream, x in clips(0).items()}
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(inputs, samples(range(4)), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    assert all(x.dtype == torch.float32 for n, x in losses.items() if n.startswith('loss'))
    gradients = [p.grad for p in model.parameters() if p.requires_grad]
    assert all(g is not None and g.isfinite().all() for g in gradients)


@pytest.mark.parametrize('test_batch_clips', [1, 3, 16])
def test_held_out_videos_are_asked_which_flow_is_of_which_time(test_batch_clips):
    model = build(answers_pretext=True, test_batch_clips=test_batch_clips).eval()
    inputs, videos = clips(7, n=3), samples(range(3))
    videos[1].set_metainfo(dict(role='gallery'))
    state = torch.get_rng_state()
    model(inputs, videos, mode='predict')
    assert torch.get_rng_state().equal(state)
    for i in (0, 2):
        clip_wise = {s: x[i][:, None] for s, x in inputs.items()}
        rgb, flow, turned = local_maps(model, clip_wise)
        exponents, labels, _ = lmcl(rgb, flow, [turned])
        assert videos[i].truth_local.tolist() == labels.tolist() == [*range(TIMES)] * 2
        assert videos[i].answer_local.tolist() == exponents[:, :TIMES].argmax(axis=1).tolist()
        assert videos[i].answer_local_augmented.tolist() == exponents.argmax(axis=1).tolist()
        assert videos[i].truth_local_augmented.equal(videos[i].truth_local)
        choices = [videos[i].choices_local.tolist(), videos[i].choices_local_augmented.tolist()]
        assert choices == [[TIMES], [2 * TIMES]]
    for sample in videos:
        assert sample.features.rgb.shape == (1, 6)
    assert not hasattr(videos[1], 'answer_local')


def test_a_gallery_is_asked_nothing_and_without_answers_pretext_nobody_is():
    videos = samples(range(2))
    build().eval()(clips(7, n=2), videos, mode='predict')
    assert not hasattr(videos[0], 'answer_local')
    for sample in videos:
        sample.set_metainfo(dict(role='gallery'))
    build(answers_pretext=True).eval()(clips(7, n=2), videos, mode='predict')
    assert not hasattr(videos[0], 'answer_local')


def test_who_is_asked_without_flow_is_told_so():
    rgb = {'rgb': clips(7, n=2)['rgb']}
    with pytest.raises(KeyError, match=r"\['flow'\] are missing.*answers_pretext=False"):
        build(answers_pretext=True).eval()(rgb, samples(range(2)), mode='predict')
    build().eval()(rgb, samples(range(2)), mode='predict')


def test_augmented_flow_leaves_the_statistics_of_the_flow_alone():
    class WithStatistics(TinyFrames):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm3d(5)

        def forward(self, clips):
            return self.norm(super().forward(clips))

    found = []
    for angle in (1.9, None):
        model = build(angle=angle)
        torch.manual_seed(0)
        model.backbone_flow = WithStatistics().double()
        model.key_backbone_flow.module = copy.deepcopy(model.backbone_flow).requires_grad_(False)
        losses = model(clips(5), samples(range(4)), mode='loss')
        found.append([losses[name] for name in ('loss_rgb', 'loss_flow', 'loss_rgb_flow')])
    assert all(torch.equal(first, second) for first, second in zip(*found, strict=True))


def test_what_downstream_needs_is_told_from_what_it_does_not():
    model = build()
    downstream = {n for n in model.state_dict() if not n.startswith(model.training_only)}
    assert downstream == {
        f'backbone_{part}.{kind}'
        for part in ('rgb.first', 'rgb.second', 'flow.conv')
        for kind in ('weight', 'bias')
    }


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(NO_LOCAL, neck=dict(type=torch.nn.Identity)), 'neck makes local features'),
        (dict(NO_LOCAL, flow_augment=dict(type=Turn)), 'nothing uses flow_augment'),
        (dict(NO_LOCAL, answers_pretext=True), 'no local term to be asked'),
        (dict(num_augmentations=0), 'num_augmentations must be at least 1.* got 0'),
        (dict(num_augmentations=2, angle=None), 'without flow_augment not more, got 2'),
        (dict(contrast_augmented=True, num_augmentations=3), 'flow_augment once, got 3'),
        (dict(contrast_augmented=True, angle=None), 'flow_augment once, got 0'),
    ],
)
def test_refuses_parts_that_nothing_uses(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_a_backbone_of_one_map_gives_the_local_features_too():
    model = MSCLRecognizer(
        dict(rgb=dict(type=TinyFrames), flow=dict(type=TinyFrames)),
        head(dict(type='ssvrl_mm.LocalMotionContrast'), weights=dict(inter=0, intra=0)) | dict(
            projector=dict(type='ssvrl_mm.ProjectionHead', in_channels=5, out_channels=4)
        ),
        input_transforms=dict(flow=dict(type=Colour)),
    ).double()  # fmt: skip
    inputs = clips(5)
    losses = model(inputs, samples(range(4)), mode='loss')
    with torch.no_grad():
        maps = [
            model.backbone('rgb')(inputs['rgb'][:, 0]).mean(dim=(3, 4)),
            model.backbone('flow')(Colour()(inputs['flow'][:, 0])).mean(dim=(3, 4)),
        ]
    assert maps[0].shape[2] == FRAMES
    loss = lmcl(*(x.numpy() for x in maps))[2]
    assert losses['loss_local'].item() == pytest.approx(loss, rel=1e-10)
