"""What heads answer on held-out videos: of which clips, and of every type of correspondence."""

import pytest
import torch
from mmengine.registry import DefaultScope

from ssvrl_mm.models.recognizers import JointPretextRecognizer

from ..joint import TinyJoint, clips, labelled

HEADS = dict(
    pmsp=dict(type='PMSPHead'),
    ctp=dict(type='CTPHead'),
    rotation=dict(type='PretextClassificationHead', num_classes=4, label_key='rotation'),
)
GALLERY = (1, 3)
LABELS = [[0, 1], [2, 3], [1, 1], [3, 0]]


def build(**kwargs):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = JointPretextRecognizer(
            dict(type=TinyJoint), HEADS, {}, answers_pretext=True, **kwargs
        )
    return model.double().eval()


def asked(model, count=4):
    """The samples after prediction, and what the network was shown, call by call."""
    samples = labelled(count, num_clips=2, rotation=LABELS)
    for i, sample in enumerate(samples):
        sample.set_metainfo(dict(role='gallery' if i in GALLERY else 'query'))
    inputs = clips(0, n=count, num_clips=2)
    shown = []
    hook = model.backbone.register_forward_hook(lambda _, args, __: shown.append(args[0]))
    model(inputs, samples, mode='predict')
    hook.remove()
    return samples, inputs, shown


@pytest.mark.parametrize('test_batch_clips', [3, 16])
def test_answers_are_those_of_the_heads_on_the_queries(test_batch_clips):
    model = build(test_batch_clips=test_batch_clips)
    samples, inputs, _ = asked(model)
    for i, sample in enumerate(samples):
        names = [name for name, _ in sample.items() if name.startswith('answer_')]
        assert sample.features.fused.shape[0] == 1
        assert sample.truth_rotation.tolist() == LABELS[i]
        level = sample.truth_pmsp_s3_t5.view(2, 5)
        assert level.equal(sample.pmsp_labels[:, 4:, 1])
        if i in GALLERY:
            assert not names and not hasattr(sample, 'truth_ctp')
            continue
        maps = model.backbone({s: x[i] for s, x in inputs.items()})
        cells = model.heads.pmsp.predict_cells(maps)
        assert sample.answer_pmsp_s3_t5.tolist() == cells['s3_t5'].flatten().tolist()
        turned = model.heads.rotation.logits(model.heads.rotation.embed(maps)).argmax(dim=1)
        assert sample.answer_rotation.tolist() == turned.tolist()
        assert len(names) == 9 + 2
        assert sample.truth_ctp.tolist() == [0, 1, 2, 3] * 2 and len(sample.answer_ctp) == 8


def test_every_type_is_shown_of_every_clip_and_draws_leave_no_trace():
    model = build()
    state = torch.get_rng_state()
    samples, inputs, shown = asked(model)
    assert torch.get_rng_state().equal(state)
    # Features, plain heads, types.
    assert [len(call['motion']) for call in shown] == [8, 4, 16]
    rows = [(i, clip) for i in (0, 2) for clip in range(2)]
    for number, (i, clip) in enumerate(rows):
        for kind in range(4):
            row = {s: x[4 * number + kind] for s, x in shown[2].items()}
            assert row['iframe'].equal(inputs['iframe'][i, clip])
            groups = row['motion'].unflatten(1, (5, 5))
            video = next(
                v for v in range(4) for g in range(5)
                if groups[:, 0].equal(inputs['motion'][v, clip].unflatten(1, (5, 5))[:, g])
            )  # fmt: skip
            own = inputs['motion'][video, clip].unflatten(1, (5, 5))
            order = [
                next(g for g in range(5) if groups[:, place].equal(own[:, g])) for place in range(5)
            ]
            shift = [(place + order[0]) % 5 for place in range(5)]
            assert (video != i) == (kind == 1)
            assert (order == [0, 1, 2, 3, 4]) == (kind in (0, 1))
            assert (order == shift) == (kind != 2)
            residual = inputs['residual'][video, clip].unflatten(1, (5, 5))[:, order]
            assert row['residual'].equal(residual.flatten(1, 2))
    again, _, _ = asked(model)
    assert again[0].answer_ctp.tolist() == samples[0].answer_ctp.tolist()


def test_one_video_alone_is_not_asked_for_types():
    samples, _, _ = asked(build(), count=1)
    assert hasattr(samples[0], 'answer_rotation') and not hasattr(samples[0], 'answer_ctp')


def test_a_batch_of_the_gallery_is_shown_to_the_network_once():
    model = build()
    samples = labelled(2, rotation=[[1], [2]])
    for sample in samples:
        sample.set_metainfo(dict(role='gallery'))
    calls = []
    model.backbone.register_forward_hook(lambda *_: calls.append(1))
    model(clips(1, n=2), samples, mode='predict')
    assert len(calls) == 1 and samples[0].truth_rotation.tolist() == [1]
