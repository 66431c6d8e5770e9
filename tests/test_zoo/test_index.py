from pathlib import Path

import pytest
from mmengine.config import Config

from ssvrl_mm.zoo import ModelIndexError, ModelNotFoundError, find_model, list_models
from tests.interpreter import run_fresh

ONE = """
Models:
- Name: one
  Alias: [eins, uno]
  Config: c/one.py
  In Collection: Ones
  Metadata: {Epochs: 3, Weights SHA-256: 12ab, Log: one.log.json}
  Results: [{Task: Video Retrieval, Metrics: {R@1: 50.0}}]
  Weights: https://x.org/one.pth
- {Name: two, Alias: zwei, Config: c/two.py}
"""


@pytest.fixture
def index(tmp_path):
    (tmp_path / 'a.yml').write_text(ONE)
    (tmp_path / 'model-index.yml').write_text('Import: [a.yml]\n')
    return tmp_path / 'model-index.yml'


def test_every_packaged_model_has_a_config_that_loads():
    recipes, published = list_models(recipes=True), list_models()
    assert 'mvcgc_s3d_ucf101' in recipes and 'mvcgc_demo' in recipes
    for name in ('mvcgc_s3d_ucf101', 'mvcgc_demo'):
        assert 'model' in Config.fromfile(recipes[name].config)
    assert all(model.config.is_file() for model in (recipes | published).values())


def test_names_and_aliases_lead_to_all_that_the_index_says(index):
    models = list_models(index=index)
    assert sorted(models) == ['eins', 'one', 'uno']
    for name in models:
        model = find_model(name, index=index)
        assert model == models[name]
        assert (model.name, model.aliases) == ('one', ('eins', 'uno'))
        assert model.config == Path(index.parent, 'c/one.py')
        assert (model.weights, model.sha256) == ('https://x.org/one.pth', '12ab')
        assert (model.log, model.metadata['Epochs']) == ('one.log.json', 3)
        assert model.results[0]['Metrics'] == {'R@1': 50.0}
        assert (model.collection, model.folder) == ('Ones', index.parent)
        assert repr(model) == ("ZooModel('one', config='one.py', weights='https://x.org/one.pth')")


def test_recipes_are_the_rest(index):
    models = list_models(recipes=True, index=index)
    assert sorted(models) == ['two', 'zwei'] and models['zwei'].aliases == ('zwei',)
    assert models['two'].weights is models['two'].sha256 is models['two'].log is None


def test_what_there_is_not_is_said_with_what_there_is(index):
    with pytest.raises(ModelNotFoundError) as failed:
        find_model('three', index=index)
    assert str(failed.value) == (
        "'three' is no model of the index; models with weights: one; "
        'list_models(recipes=True) has the rest'
    )
    with pytest.raises(ModelNotFoundError, match=r"'Eis' .*; did you mean eins\? models with"):
        find_model('Eis', index=index)
    with pytest.raises(
        ModelNotFoundError,
        match=r"'two' is a recipe: .*/reproduce.py two \(models that have one: one\)",
    ):
        find_model('two', index=index)
    assert find_model('zwei', need_weights=False, index=index).name == 'two'


@pytest.mark.parametrize(
    'content, message',
    [
        ('Models: [{Name: x}]', 'a.yml: x: Config has to be a str, got None'),
        ('Models: [{Config: x.py}]', 'a.yml: Name has to be a str, got None'),
        ('Models: [x]', 'a.yml: Name has to be a str, got None'),
        ('Models: x', 'a.yml: Models has to be a list'),
        ('Models: [{Name: x, Alias: 5}]', r'a.yml: x: Alias has to be a str \| list, got 5'),
        ('Models: [{Name: x, Metadata: 5}]', 'x: Metadata has to be a dict'),
        ('Models: [{Name: x, Config: x.py, Weights: 5}]', 'x: Weights has to be a str'),
        ('Models: [{Name: x, Config: x.py, Results: {}}]', 'x: Results has to be a list'),
        (
            'Models: [{Name: x, Config: x.py, Metadata: {Weights SHA-256: 12345678}}]',
            'x: Weights SHA-256 has to be a str, got 12345678',
        ),
        ('Models: [{Name: x, Config: x.py, Metadata: {Log: [a]}}]', 'x: Log has to be a str'),
        ('Models: [', r'a.yml: cannot be read \(while parsing'),
        ('[]', 'a.yml: has to hold keys'),
        (f'{ONE}- {{Name: uno, Config: x.py}}', "a.yml: another model is called 'uno', too"),
        (None, r'a.yml: cannot be read \(.*No such file'),
    ],
)
def test_an_index_that_is_broken_says_where(content, message, index):
    metafile = index.parent / 'a.yml'
    metafile.unlink()
    if content is not None:
        metafile.write_text(content)
    with pytest.raises(ModelIndexError, match=message):
        list_models(index=index)


def test_a_collection_need_not_have_models(index):
    (index.parent / 'a.yml').write_text('Collections: []')
    assert list_models(index=index) == list_models(recipes=True, index=index) == {}


def test_an_index_names_its_metafiles(index):
    index.write_text('Imports: [a.yml]')
    with pytest.raises(ModelIndexError, match='model-index.yml: Import has to be a list'):
        list_models(index=index)


def test_importing_it_imports_neither_torch_nor_openmmlab(tmp_path, repository):
    code = """
        import sys
        import ssvrl_mm.zoo
        ssvrl_mm.zoo.list_models(recipes=True)
        print({name.partition('.')[0] for name in sys.modules})
    """
    loaded = eval(run_fresh(code, tmp_path, [repository]))
    assert 'yaml' in loaded and not loaded & {
        'torch',
        'numpy',
        'tqdm',
        'mmengine',
        'mmcv',
        'mmaction',
    }
