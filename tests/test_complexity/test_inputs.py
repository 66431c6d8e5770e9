"""What backbones take, of models with one tensor, several backbones and a mapping of streams."""

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.complexity.inputs import backbones, shapes_as_said, shapes_by_pipeline
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.models.backbones import SideBySideBackbone
from ssvrl_mm.registry import MODELS
from ssvrl_mm.train_benchmark import synthetic
from tests.clips import encode, translating
from tests.test_models.tiny import TinyBackbone
from tests.test_train_benchmark.configs import mvcgc


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        yield


@pytest.fixture(autouse=True)
def short_videos(monkeypatch):
    def generate(folder):
        return [str(encode(folder / 'x.mp4', translating(12, 1, 0, height=32, width=48)))]

    monkeypatch.setattr(synthetic, 'generate', generate)


class Joint(BaseModule):
    streams = ('motion', 'rgb')
    out_channels = dict(motion=6, rgb=6)

    def __init__(self):
        super().__init__()
        self.rgb, self.motion = TinyBackbone(3), TinyBackbone(2)

    def forward(self, inputs):
        return dict(motion=self.motion(inputs['motion']), rgb=self.rgb(inputs['rgb']))


def classifier(stream):
    return dict(
        type='mmaction.Recognizer3D',
        backbone=dict(type=TinyBackbone, in_channels=dict(rgb=3, motion=2)[stream]),
        cls_head=dict(
            type='ClassificationHead', num_classes=2, in_channels=6, average_clips='prob'
        ),
        data_preprocessor=dict(type='SingleStreamPreprocessor', stream=stream),
    )


def by_pipeline(model=None, **options):
    cfg = mvcgc()
    cfg.model = model or cfg.model
    cfg.update(options)
    built = MODELS.build(cfg.model)
    return shapes_by_pipeline(cfg, built), built


def test_a_backbone_per_stream():
    shapes, model = by_pipeline()
    assert shapes == dict(backbone_rgb=(3, 4, 16, 16), backbone_motion=(2, 4, 16, 16))
    assert list(backbones(model)) == list(shapes)
    # The model can be used as before.
    assert model.backbone_rgb(torch.rand(1, 3, 4, 16, 16)).any()


def test_one_tensor_and_several_classifiers():
    assert by_pipeline(classifier('motion'))[0] == dict(backbone=(2, 4, 16, 16))
    both = dict(
        type='LateFusionRecognizer',
        classifiers=dict(rgb=classifier('rgb'), motion=classifier('motion')),
    )
    taken = dict(rgb=(3, 4, 16, 16), motion=(2, 4, 16, 16))
    assert by_pipeline(both)[0] == {
        f'classifiers.{stream}.backbone': shape for stream, shape in taken.items()
    }
    said = dict(rgb=(3, 8, 9, 9), motion=(2, 8, 7, 7))
    assert shapes_as_said(MODELS.build(both), said) == {
        f'classifiers.{stream}.backbone': shape for stream, shape in said.items()
    }


class Recording(nn.Module):
    """A recognizer that extracts nothing but the features of its backbone."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.data_preprocessor = MODELS.build(dict(type='SSLDataPreprocessor'))

    def forward(self, inputs, data_samples, mode):
        assert mode == 'tensor' and not self.training
        return self.backbone({stream: x.flatten(0, 1) for stream, x in inputs.items()})


def test_a_mapping_of_streams():
    model = Recording(Joint())
    shapes = shapes_by_pipeline(mvcgc(), model)
    assert shapes == dict(backbone=dict(rgb=(3, 4, 16, 16), motion=(2, 4, 16, 16)))
    said = dict(rgb=(3, 8, 9, 9), motion=(2, 8, 9, 9))
    assert shapes_as_said(model, said) == dict(backbone=said)
    assert list(shapes_as_said(model, said)['backbone']) == ['motion', 'rgb']
    with pytest.raises(LaunchError, match=r"backbone takes motion, rgb:.*\['rgb'\] too"):
        shapes_as_said(model, dict(motion=(2, 8, 9, 9)))


def test_backbones_within_others_count_once():
    further = dict(flow=dict(type=TinyBackbone, in_channels=2))
    with pytest.raises(AttributeError):  # one that does not say its channels
        SideBySideBackbone(dict(type=Joint), further)
    further['flow'] = dict(type='ssvrl_mm.C3D', in_channels=2, width=0.125)
    model = Recording(SideBySideBackbone(dict(type=Joint), further))
    assert list(backbones(model)) == ['backbone']
    assert list(backbones(MODELS.build(mvcgc().model))) == ['backbone_rgb', 'backbone_motion']


def test_one_tensor_of_any_name():
    model = Recording(TinyBackbone())
    assert shapes_as_said(model, dict(clips=(3, 8, 9, 9))) == dict(backbone=(3, 8, 9, 9))
    with pytest.raises(LaunchError, match=r"backbone takes one tensor.*\['motion', 'rgb'\]"):
        shapes_as_said(model, dict(rgb=(3, 8, 9, 9), motion=(2, 8, 9, 9)))


def test_what_cannot_be_known():
    model = MODELS.build(mvcgc().model)
    said = dict(rgb=(3, 8, 9, 9))
    with pytest.raises(LaunchError, match=r"backbone_motion takes motion:.*\['motion'\] too"):
        shapes_as_said(model, said)
    with pytest.raises(
        LaunchError, match=r"no backbone takes \['mution'\], but \['motion', 'rgb'\]"
    ):
        shapes_as_said(model, dict(said, motion=(2, 8, 9, 9), mution=(2, 8, 9, 9)))
    with pytest.raises(LaunchError, match='Linear has no backbone'):
        shapes_as_said(nn.Linear(1, 1), said)
    with pytest.raises(LaunchError, match='the config has no data.*--shape'):
        by_pipeline(train_dataloader=None)
    cfg = mvcgc()
    cfg.train_dataloader.dataset.pipeline[1].type = 'SampleClip'
    with pytest.raises(LaunchError, match='does not run on generated videos.*SampleClip.*--shape'):
        shapes_by_pipeline(cfg, model)
    cfg = mvcgc()
    cfg.train_dataloader.dataset.streams = ('rgb',)
    with pytest.raises(LaunchError, match=r"gives nothing to \['backbone_motion'\].*--shape"):
        shapes_by_pipeline(cfg, model)


def test_the_pipeline_of_the_test_where_nothing_is_trained():
    cfg = mvcgc()
    cfg.test_dataloader = cfg.pop('train_dataloader')
    assert shapes_by_pipeline(cfg, MODELS.build(cfg.model))['backbone_rgb'] == (3, 4, 16, 16)
