import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.models.recognizers import MultiStreamClassifier
from ssvrl_mm.registry import MODELS

from ..joint import TinyJoint, clips
from ..tiny import TinyBackbone

CHANNELS = dict(rgb=3, motion=2, iframe=3)


class Fused(nn.Module):
    """A convolution per stream; their pooled maps are multiplied, so that none stands alone."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleDict(
            {s: TinyBackbone(c, seed=i) for i, (s, c) in enumerate(CHANNELS.items())}
        )
        self.seen = []

    def forward(self, clips):
        self.seen.append({s: tuple(x.shape) for s, x in clips.items()})
        pooled = [self.parts[s](x).mean(dim=(2, 3, 4)) for s, x in clips.items()]
        return (pooled[0] * pooled[1] + pooled[2])[..., None, None, None]


def build(at_once=None):
    torch.manual_seed(0)
    model = dict(
        type='MultiStreamClassifier',
        backbone=dict(type=Fused),
        cls_head=dict(
            type='ClassificationHead',
            num_classes=3,
            in_channels=6,
            dropout_ratio=0,
            average_clips='prob',
        ),
        data_preprocessor=dict(type='SSLDataPreprocessor', motion=dict(size=6)),
        test_cfg=None if at_once is None else dict(max_testing_views=at_once),
    )
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return MODELS.build(model)


def batch(n, v, iframes=1):
    rng = torch.Generator().manual_seed(n)
    draw = dict(generator=rng)
    return dict(
        rgb=torch.randint(0, 256, (n, v, 3, 4, 6, 6), dtype=torch.uint8, **draw),
        motion=torch.randn(n, v, 2, 8, 6, 6, **draw).half(),
        iframe=torch.randint(0, 256, (n, v * iframes, 3, 6, 6), dtype=torch.uint8, **draw),
    )


def labelled(n):
    given = [ActionDataSample().set_gt_label(i % 3) for i in range(n)]
    return given


def by_hand(model, inputs):
    """Probabilities (n, v, classes) from the parts."""
    ready = model.data_preprocessor(dict(inputs=inputs))['inputs']
    n, v = ready['rgb'].shape[:2]
    rows = []
    for i in range(n):
        for j in range(v):
            rgb, motion = (model.backbone.parts[s](ready[s][i, j][None]) for s in ('rgb', 'motion'))
            frame = model.backbone.parts['iframe'](ready['iframe'][i, j][None, :, None])
            pooled = [m.mean(dim=(2, 3, 4)) for m in (rgb, motion, frame)]
            rows.append(model.cls_head.fc_cls(pooled[0] * pooled[1] + pooled[2]).softmax(1))
    return torch.cat(rows).unflatten(0, (n, v))


def test_training_is_cross_entropy_of_the_network_on_all_streams():
    model, inputs = build(), batch(4, 1)
    data = model.data_preprocessor(dict(inputs=inputs, data_samples=labelled(4)), training=True)
    losses = model(**data, mode='loss')
    probabilities = by_hand(model, inputs)[:, 0]
    expected = -probabilities[range(4), [0, 1, 2, 0]].log().mean()
    assert losses['loss_cls'].item() == pytest.approx(expected.item(), rel=1e-5)
    losses['loss_cls'].backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize('at_once', [None, 2, 5])
def test_prediction_averages_the_clips_however_many_go_at_once(at_once):
    model, inputs = build(at_once).eval(), batch(1, 5)
    data = model.data_preprocessor(dict(inputs=inputs, data_samples=labelled(1)))
    with torch.no_grad():
        [sample] = model(**data, mode='predict')
        expected = by_hand(model, inputs)[0].mean(0)
    torch.testing.assert_close(sample.pred_score, expected)
    assert [shapes['iframe'] for shapes in model.backbone.seen] == [
        (size, 3, 1, 6, 6) for size in {None: [5], 2: [2, 2, 1], 5: [5]}[at_once]
    ]


def test_other_modes_and_a_neck():
    class Doubled(nn.Module):
        def forward(self, feats, data_samples=None):
            return 2 * feats, {'loss_aux_norm': feats.abs().mean()}

    model, inputs = build(), batch(2, 1)
    data = model.data_preprocessor(dict(inputs=inputs, data_samples=labelled(2)))
    plain = model(**data, mode='tensor', stage='backbone')
    scores = model(**data, mode='tensor', stage='head')
    assert plain.shape == (2, 6, 1, 1, 1) and scores.shape == (2, 3)
    model.neck = Doubled()
    torch.testing.assert_close(model(**data, mode='tensor', stage='neck'), 2 * plain)
    assert model(**data, mode='loss')['loss_aux_norm'] == plain.abs().mean()


def test_streams_of_different_clips_are_refused():
    model, inputs = build(), batch(2, 1, iframes=3)
    ready = model.data_preprocessor(dict(inputs=inputs))['inputs']
    with pytest.raises(ValueError, match=r"'iframe': \(2, 3\)"):
        model(ready, labelled(2), mode='loss')
    assert isinstance(model, MultiStreamClassifier)


@pytest.mark.parametrize('at_once', [None, 2, 4])
def test_a_backbone_may_return_streams(at_once):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = MODELS.build(
            dict(
                type='MultiStreamClassifier',
                backbone=dict(type=TinyJoint),
                cls_head=dict(type='ClassificationHead', num_classes=3, in_channels=15),
                data_preprocessor=dict(type='SSLDataPreprocessor'),
                test_cfg=dict(max_testing_views=at_once) if at_once else None,
            )
        )
    # Three crops of two clips of each of two videos.
    inputs, given = clips(1, 2, 6, dtype=torch.float32), labelled(2)
    calls = []
    model.eval().backbone.register_forward_hook(
        lambda _, args, __: calls.append(len(args[0]['motion']))
    )
    with torch.no_grad():
        results = model(inputs, given, mode='predict')
        assert calls == {None: [12], 2: [2] * 6, 4: [4] * 3}[at_once]
        maps = model.backbone({s: x.flatten(0, 1) for s, x in inputs.items()})
        pooled = torch.cat([x.mean(dim=(2, 3, 4)) for x in maps.values()], dim=1)
        expected = model.cls_head.fc_cls(pooled).softmax(dim=1).unflatten(0, (2, 6)).mean(dim=1)
        found = model(inputs, mode='tensor', stage='backbone')
    torch.testing.assert_close(torch.stack([r.pred_score for r in results]), expected)
    torch.testing.assert_close(found, maps)
    model.train()
    assert model.cls_head.dropout.p == 0.5
    losses = model({s: x[:, :1] for s, x in inputs.items()}, given, mode='loss')
    losses['loss_cls'].backward()
    assert all(p.grad is not None for p in model.parameters())
