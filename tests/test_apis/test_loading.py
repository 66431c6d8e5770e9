import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.apis import WeightsError, init_model
from ssvrl_mm.engine import CheckpointFileError
from ssvrl_mm.models.utils.pretrained import load_pretrained
from ssvrl_mm.registry import MODELS
from tests.test_apis.tiny import BACKBONE, config

CLASSIFIER = dict(
    type='Recognizer3D',
    backbone=dict(BACKBONE, init_cfg=dict(type='PretrainedBackbone', checkpoint='gone.pth')),
    cls_head=dict(type='I3DHead', num_classes=4, in_channels=128),
)


def test_weights_arrive_and_training_state_may_be_missing(home, tmp_path):
    state = torch.load(home / 'model.pth')['state_dict']
    backbones = {f'module.{k}': v for k, v in state.items() if k.startswith('backbone')}
    torch.save(dict(state_dict=backbones, meta=dict(epoch=7)), tmp_path / 'b.pth')
    model, meta = init_model(config(home), tmp_path / 'b.pth', 'cpu')
    assert meta == {'epoch': 7} and not model.training
    for name, value in model.state_dict().items():
        if name.startswith('backbone'):
            assert torch.equal(value, state[name])


def test_classifier_needs_its_head_but_not_what_it_started_from(home, tmp_path):
    cfg = Config(dict(default_scope='ssvrl_mm', model=CLASSIFIER))
    plain = dict(CLASSIFIER, backbone=BACKBONE)
    whole, _ = init_model(Config(dict(default_scope='ssvrl_mm', model=plain)), None, 'cpu')
    state = whole.state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'c.pth')
    loaded, _ = init_model(cfg, tmp_path / 'c.pth', 'cpu')
    assert all(torch.equal(value, state[key]) for key, value in loaded.state_dict().items())

    headless = {key: value for key, value in state.items() if 'cls_head' not in key}
    torch.save(dict(state_dict=headless), tmp_path / 'd.pth')
    with pytest.raises(WeightsError, match=r'2 are missing \(cls_head\.fc_cls\.weight'):
        init_model(cfg, tmp_path / 'd.pth', 'cpu')


def test_shapes_that_differ_are_refused(home, tmp_path):
    state = torch.load(home / 'model.pth')['state_dict']
    name = next(
        key for key, value in state.items() if key.startswith('backbone_motion') and value.ndim
    )
    state[name] = state[name][:, :1] if state[name].ndim > 1 else state[name][:1]
    torch.save(dict(state_dict=state), tmp_path / 's.pth')
    with pytest.raises(WeightsError, match=f'size mismatch for {name}'):
        init_model(config(home), tmp_path / 's.pth', 'cpu')


def test_checkpoints_bring_no_code(home, tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ('code',)

    torch.save(dict(state_dict={}, meta=Evil()), tmp_path / 'evil.pth')
    with pytest.raises(Exception, match='[Ww]eights'):
        init_model(config(home), tmp_path / 'evil.pth', 'cpu')
    with pytest.raises(FileNotFoundError):
        init_model(config(home), tmp_path / 'gone.pth', 'cpu')


def test_every_classifier_needs_its_weights(tmp_path):
    view = dict(
        CLASSIFIER,
        backbone=BACKBONE,
        data_preprocessor=dict(type='SingleStreamPreprocessor', stream='rgb'),
        cls_head=dict(
            type='ClassificationHead', num_classes=4, in_channels=128, average_clips='prob'
        ),
    )
    model = dict(type='LateFusionRecognizer', classifiers=dict(first=view, second=view))
    cfg = Config(dict(default_scope='ssvrl_mm', model=model))
    state = init_model(cfg, None, 'cpu')[0].state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'both.pth')
    loaded, _ = init_model(cfg, tmp_path / 'both.pth', 'cpu')
    assert all(torch.equal(value, state[key]) for key, value in loaded.state_dict().items())

    half = {key: value for key, value in state.items() if key.startswith('classifiers.first.')}
    torch.save(dict(state_dict=half), tmp_path / 'half.pth')
    with pytest.raises(WeightsError, match=r'classifiers\.second\.backbone'):
        init_model(cfg, tmp_path / 'half.pth', 'cpu')


def test_safetensors_are_read_as_checkpoints_are(home, tmp_path):
    save_file = pytest.importorskip('safetensors.torch').save_file
    state = torch.load(home / 'model.pth')['state_dict']
    backbones = {n: v.contiguous() for n, v in state.items() if n.startswith('backbone')}
    file = tmp_path / 'b.safetensors'
    save_file(backbones, file, {'meta': '{"epoch": 7}'})
    model, meta = init_model(config(home), file, 'cpu')
    assert meta == {'epoch': 7}
    backbone = model.state_dict()
    assert all(value.equal(backbone[name]) for name, value in backbones.items())
    rgb = MODELS.build(BACKBONE)
    load_pretrained(rgb, str(file), 'backbone_rgb.')
    assert all(v.equal(state[f'backbone_rgb.{name}']) for name, v in rgb.state_dict().items())
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CheckpointFileError, match=r'b\.safetensors: cannot be read'):
        init_model(config(home), file, 'cpu')
    with pytest.raises(FileNotFoundError):
        init_model(config(home), tmp_path / 'gone.safetensors', 'cpu')
