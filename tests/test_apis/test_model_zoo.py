from pathlib import Path

import pytest
from mmengine.config import Config

from ssvrl_mm.apis import ModelNotFoundError, find_model, list_models


def test_every_packaged_model_has_a_config_that_loads():
    models = list_models()
    assert 'mvcgc_s3d_ucf101' in models and 'mvcgc_demo' in models
    for name in ('mvcgc_s3d_ucf101', 'mvcgc_demo'):
        assert 'model' in Config.fromfile(models[name].config)
    assert all(model.config.is_file() for model in models.values())


@pytest.fixture
def index(tmp_path):
    (tmp_path / 'a.yml').write_text(
        'Models:\n'
        '- {Name: one, Alias: [eins, uno], Config: c/one.py, Weights: "https://x.org/one.pth"}\n'
        '- {Name: two, Config: c/two.py}\n'
    )
    (tmp_path / 'model-index.yml').write_text('Import: [a.yml]\n')
    return tmp_path / 'model-index.yml'


def test_names_and_aliases_lead_to_config_and_weights(index):
    for name in ('one', 'eins', 'uno'):
        model = find_model(name, index=index)
        assert model.config == Path(index.parent, 'c/one.py')
        assert model.weights == 'https://x.org/one.pth'


def test_what_there_is_not_is_said_with_what_there_is(index):
    with pytest.raises(ModelNotFoundError, match="'three' is neither .* lists eins, one, two, uno"):
        find_model('three', index=index)
    with pytest.raises(
        ModelNotFoundError, match='no published checkpoint yet .*are eins, one, uno'
    ):
        find_model('two', index=index)
    assert find_model('two', need_weights=False, index=index).weights is None
