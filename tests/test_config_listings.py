"""Every config stands in its method's page, and in the model index."""

import pytest
import yaml
from mmengine.config import Config

from .test_configs import CONFIGS, LEAVES, RUNNABLE, name_of

METHODS = sorted({path.relative_to(CONFIGS).parts[0] for path in LEAVES})


@pytest.mark.parametrize('method', METHODS)
def test_every_method_is_in_the_model_index(method):
    root = CONFIGS.parent
    index = (root / 'model-index.yml').read_text()
    metafile = f'configs/{method}/metafile.yml'
    assert (root / metafile).exists(), f'{metafile} is missing; write it like this:\n' + yaml.dump(
        {
            'Collections': [{'Name': method, 'README': f'configs/{method}/README.md'}],
            'Models': [example_entry(path, method) for path in RUNNABLE if method in path.parts],
        },
        sort_keys=False,
    )
    assert metafile in yaml.safe_load(index)['Import'], (
        f'model-index.yml does not name the method: add this line to it:\n  - {metafile}'
    )


def example_entry(path, collection):
    """What a metafile says of a config."""
    name = path.stem
    if not name.startswith((path.parent.name, 'coclr_')):
        name = f'{path.parent.name}_{name}'
    return {
        'Name': name,
        'Config': path.relative_to(CONFIGS.parent).as_posix(),
        'In Collection': collection,
        'Metadata': {'Epochs': Config.fromfile(path).train_cfg.max_epochs},
    }


def indexed():
    """Metafile -> its content."""
    root = CONFIGS.parent
    names = yaml.safe_load((root / 'model-index.yml').read_text())['Import']
    return {name: yaml.safe_load((root / name).read_text()) for name in names}


@pytest.mark.parametrize('path', RUNNABLE, ids=name_of)
def test_model_index_lists_every_config(path):
    config = path.relative_to(CONFIGS.parent).as_posix()
    metafile = f'configs/{path.relative_to(CONFIGS).parts[0]}/metafile.yml'
    content = indexed().get(metafile)
    if content is None:
        pytest.fail(f'{metafile} is missing or not in model-index.yml', pytrace=False)
    found = [model for model in content['Models'] if model['Config'] == config]
    collection = content['Collections'][0]['Name']
    entry = yaml.dump([example_entry(path, collection)], sort_keys=False)
    assert len(found) == 1, f'{metafile} has {len(found)} entries of {config}; have one:\n{entry}'
    epochs = Config.fromfile(path).train_cfg.max_epochs
    assert found[0]['Metadata']['Epochs'] == epochs, f'{metafile}, {config}: Epochs: {epochs}'


def test_model_index_names_what_is_there():
    root, names = CONFIGS.parent, []
    for content in indexed().values():
        collections = {collection['Name']: collection for collection in content['Collections']}
        assert all((root / entry['README']).exists() for entry in collections.values())
        assert all(model['In Collection'] in collections for model in content['Models'])
        assert all((root / model['Config']).exists() for model in content['Models'])
        names += [model['Name'] for model in content['Models']]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize('path', LEAVES, ids=name_of)
def test_readme_names_every_config(path):
    readme = CONFIGS / path.relative_to(CONFIGS).parts[0] / 'README.md'
    link = f'[{path.stem}]({path.relative_to(readme.parent).as_posix()})'
    page = readme.relative_to(CONFIGS.parent)
    if not readme.exists():
        pytest.fail(f'{page} is missing: name the paper and list the configs', pytrace=False)
    assert f']({path.relative_to(readme.parent).as_posix()})' in readme.read_text(), (
        f'{page} does not name the config: add a row to its table, such as\n'
        f'| {link} | what it is | where the paper has it |'
    )
