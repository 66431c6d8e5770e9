"""A published model in one line, its weights in half precision and without what training needs."""

import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.apis import SSVRLInferencer, WeightsError, init_model
from ssvrl_mm.registry import MODELS
from ssvrl_mm.zoo import index, list_models, load_model, places
from ssvrl_mm.zoo.verification import sha256_of
from tests.test_apis.tiny import BACKBONE, config


def publish(folder, weights):
    """Puts weights into the clone in the folder, and its only model into the index."""
    (folder / 'checkpoints').mkdir(exist_ok=True)
    torch.save(dict(state_dict=weights, meta=dict(epoch=3)), folder / 'weights')
    digest = sha256_of(folder / 'weights')
    file = folder / 'checkpoints' / f'tiny-{digest[:8]}.pth'
    (folder / 'weights').rename(file)
    (folder / 'metafile.yml').write_text(
        f'Models: [{{Name: tiny_s3d, Alias: tiny, Config: config.py, Weights: {file.name}, '
        f'Metadata: {{Weights SHA-256: {digest}}}}}]'
    )


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """The weights of the backbones."""
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        state = MODELS.build(config(tmp_path_factory.mktemp('x')).model).state_dict()
    return {name: value for name, value in state.items() if name.startswith('backbone_')}


@pytest.fixture
def published(tmp_path, zoo, weights, monkeypatch):
    """The weights of the only model of the index, as they were before they were published."""
    config(tmp_path).dump(tmp_path / 'config.py')
    (tmp_path / 'model-index.yml').write_text('Import: [metafile.yml]')
    publish(tmp_path, {n: v.half() if v.is_floating_point() else v for n, v in weights.items()})
    for module in (index, places):
        monkeypatch.setattr(module, 'packaged_folder', lambda: tmp_path)
    return weights


def check(module, weights, prefix=''):
    loaded = module.state_dict()
    for name, value in weights.items():
        if name.startswith(prefix):
            found = loaded[name.removeprefix(prefix)]
            assert found.dtype == value.dtype
            torch.testing.assert_close(found, value, rtol=1e-3, atol=1e-6)


def scope():
    """The name of mmengine's scope."""
    current = DefaultScope.get_current_instance()
    return current and current.scope_name


def test_by_name_and_as_an_entry_of_the_list(published):
    before = scope()
    loaded = load_model('tiny')
    assert not loaded.training and loaded.streams == ('rgb', 'motion')
    check(loaded, published)
    check(load_model(list_models()['tiny_s3d'], stream='motion'), published, 'backbone_motion.')
    assert scope() == before
    with pytest.raises(WeightsError, match="of the stream 'flow'; there are those of motion, rgb"):
        load_model('tiny', stream='flow')


def test_a_config_is_for_another_function(tmp_path):
    with pytest.raises(TypeError, match=r'got a Config; ssvrl_mm.apis.init_model\(config, '):
        load_model(config(tmp_path), 'x.pth')
    assert callable(init_model)


def test_the_stream_of_a_model_with_one_network(published, tmp_path):
    preprocessor = dict(type='SingleStreamPreprocessor', stream='motion')
    model = dict(type='Recognizer3D', data_preprocessor=preprocessor, backbone=BACKBONE)
    Config(dict(default_scope='ssvrl_mm', model=model)).dump(tmp_path / 'config.py')
    of_rgb = {n.replace('_rgb', ''): v for n, v in published.items() if 'backbone_rgb' in n}
    publish(tmp_path, of_rgb)
    check(load_model('tiny', stream='motion'), of_rgb, 'backbone.')
    with pytest.raises(WeightsError, match='there is one, to be had without naming a stream'):
        load_model('tiny', stream='rgb')


def test_inference_by_name(published, tmp_path):
    check(SSVRLInferencer('tiny', device='cpu').model, published)
    # A config of one's own, with the weights of a model.
    other = shutil.copy(tmp_path / 'config.py', tmp_path / 'other.py')
    check(SSVRLInferencer(other, 'tiny_s3d', device='cpu').model, published)


def test_weights_of_another_config(published, tmp_path):
    publish(tmp_path, {n: v for n, v in published.items() if 'rgb' in n})
    with pytest.raises(WeightsError, match='Nothing of backbone_motion is there'):
        load_model('tiny')
