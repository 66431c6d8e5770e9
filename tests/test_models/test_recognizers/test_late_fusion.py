import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import DefaultScope

from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import MODELS


@pytest.fixture(autouse=True)
def our_scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


def classifier(stream, average_clips='prob'):
    return dict(
        type='Recognizer3D',
        backbone=dict(type='S3D', width=0.125, in_channels=2 if stream == 'motion' else 3),
        cls_head=dict(
            type='ClassificationHead',
            num_classes=4,
            in_channels=128,
            dropout_ratio=0,
            average_clips=average_clips,
        ),
        data_preprocessor=dict(
            type='SingleStreamPreprocessor', stream=stream, motion=dict(size=32)
        ),
        test_cfg=None,
    )


def build(seed=0, **kwargs):
    torch.manual_seed(seed)
    classifiers = kwargs.pop(
        'classifiers', dict(rgb=classifier('rgb'), motion=classifier('motion'))
    )
    model = MODELS.build(dict(type='LateFusionRecognizer', classifiers=classifiers, **kwargs))
    for part in model.classifiers.values():  # scores that differ clearly
        part.cls_head.fc_cls.weight.data.mul_(20)
    return model.eval()


def batch(num=3, clips=2):
    generator = torch.Generator().manual_seed(1)
    shape = (clips, 3, 8, 32, 32)
    rgb = [torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8) for _ in range(num)]
    motion = [torch.randn(clips, 2, 8, 8, 8, generator=generator).half() * 5 for _ in range(num)]
    samples = [ActionDataSample(metainfo=dict(video_id=i)).set_gt_label(i % 4) for i in range(num)]
    return dict(inputs=dict(rgb=rgb, motion=motion), data_samples=samples)


@pytest.mark.parametrize('weights', [None, dict(rgb=1, motion=3), dict(rgb=0, motion=2)])
def test_weighted_mean_of_the_probabilities_of_each_view_alone(weights):
    model = build(weights=weights)
    with torch.no_grad():
        fused = model.test_step(batch())
        alone = {name: part.test_step(batch()) for name, part in model.classifiers.items()}
    shares = weights or dict(rgb=1, motion=1)
    for place, sample in enumerate(fused):
        scores = {n: s[place].pred_score.double().numpy() for n, s in alone.items()}
        assert not np.allclose(scores['rgb'], scores['motion'], atol=0.01)
        expected = np.average([scores[n] for n in shares], axis=0, weights=list(shares.values()))
        np.testing.assert_allclose(sample.pred_score, expected, atol=1e-6)
        assert sample.pred_label.tolist() == [expected.argmax()]
        for name in scores:
            np.testing.assert_array_equal(sample.get(f'pred_score_{name}').double(), scores[name])
        assert sample.video_id == place and sample.gt_label.tolist() == [place]


def test_training_is_that_of_each_view_alone():
    model = build().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = model(**model.data_preprocessor(batch(clips=1), True), mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    optimizer.step()
    for name, part in build().classifiers.items():
        part.train()
        optimizer = torch.optim.SGD(part.parameters(), lr=0.1)
        single = part(**part.data_preprocessor(batch(clips=1), True), mode='loss')
        assert {f'{key}_{name}' for key in single} <= set(losses)
        torch.testing.assert_close(losses[f'loss_cls_{name}'], single['loss_cls'])
        single['loss_cls'].backward()
        optimizer.step()
        trained = model.classifiers[name].state_dict()
        for key, value in part.state_dict().items():
            torch.testing.assert_close(trained[key], value, msg=key)


def test_each_view_from_a_run_of_its_own(tmp_path):
    trained = build(seed=5)
    paths = {name: str(tmp_path / f'{name}.pth') for name in trained.classifiers}
    for name, part in trained.classifiers.items():
        torch.save(dict(state_dict=part.state_dict()), paths[name])
    model = build(checkpoints=paths)
    model.init_weights()
    for name, value in trained.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    swapped = build(checkpoints=dict(rgb=paths['motion'], motion=paths['rgb']))
    with pytest.raises(WeightsError, match=r'motion\.pth'):
        swapped.init_weights()
    # One loaded, the other new: training may start like this.
    half = build(checkpoints=dict(motion=paths['motion']))
    half.init_weights()
    key = 'classifiers.motion.cls_head.fc_cls.weight'
    assert torch.equal(half.state_dict()[key], trained.state_dict()[key])


def test_scores_of_all_clips():
    scores = build()(**build().data_preprocessor(batch()), mode='tensor')
    assert {name: tuple(s.shape) for name, s in scores.items()} == dict(rgb=(6, 4), motion=(6, 4))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"weights of \['rgb'\], but classifiers"):
        build(weights=dict(rgb=1))
    with pytest.raises(ValueError, match='not be negative nor all zero'):
        build(weights=dict(rgb=0, motion=0))
    with pytest.raises(ValueError, match=r"checkpoints of \['flow'\]"):
        build(checkpoints=dict(flow='a.pth'))
    with pytest.raises(ValueError, match="'motion' must average probabilities"):
        build(
            classifiers=dict(
                rgb=classifier('rgb'), motion=classifier('motion', average_clips='score')
            )
        )
    with pytest.raises(ValueError, match="got 'train'"):
        build()(**batch(), mode='train')
