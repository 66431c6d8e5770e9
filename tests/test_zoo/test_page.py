import copy
import hashlib
import re
import runpy

import pytest
import yaml

from ssvrl_mm.zoo import list_models
from ssvrl_mm.zoo.page import BEGIN, END, PageError, tables, updated, write_page
from ssvrl_mm.zoo.publishing import FILE_LIMIT, FOLDER_LIMIT

PUBLISHED = yaml.safe_load("""
Name: mscl_r3d10-w50_motion-primitives
Alias: mscl_r3d10
Config: configs/mscl/a.py
In Collection: MSCL
Metadata:
  Architecture: R3D-10
  Width: 0.5
  Batch Size: 16
  Epochs: 60
  Training Data: MotionPrimitives
  Data Spec: {num_frames: 72, codecs: mixed}
  Device: 2 CPU cores
  Training Time (hours): 0.93
  Parameters (M): 1.1
  Log: mscl-1a2b3c4d.log.json
  Command: python tools/model_zoo/reproduce.py mscl_r3d10
  Seeds: {seeds: 3, epochs: 20, R@1 mean: 70.1, R@1 std: 2.0}
Results:
  - Task: Video Retrieval
    Metrics: {RGB R@1: 79.7, RGB R@1 random weights: 15.3, RGB probe: 91.8, flow R@1: 60,
              Chance: 6.2}
Weights: mscl-1a2b3c4d.pth
""")
RECIPES = [
    {'Name': f'mscl_{n}', 'Config': f'configs/mscl/{n}.py', 'In Collection': 'MSCL',
     'Metadata': {'Training Data': data, 'Architecture': 'R3D-18'}}
    for n, data in (('b', 'UCF101'), ('c', 'UCF101'), ('d', 'Kinetics-400'))
]  # fmt: skip


@pytest.fixture
def index(tmp_path):
    def write(models):
        collection = {'Name': 'MSCL', 'README': 'configs/mscl/README.md'}
        content = {'Collections': [collection], 'Models': models}
        (tmp_path / 'a.yml').write_text(yaml.safe_dump(content, sort_keys=False))
        (tmp_path / 'model-index.yml').write_text('Import: [a.yml]\n')
        return tmp_path / 'model-index.yml'

    return write


def test_the_page_is_not_stale(repository):
    page = (repository / 'model_zoo.md').read_text(encoding='utf-8')
    assert updated(page, repository / 'model-index.yml') == page, (
        'model_zoo.md is stale: python tools/model_zoo/write_model_zoo.py writes it'
    )


def test_what_it_links_to_is_there(repository):
    page = (repository / 'model_zoo.md').read_text(encoding='utf-8')
    places = re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', page)
    assert len(places) > 100 and not [p for p in places if not (repository / p).exists()]


def test_without_models_it_says_so(index):
    text = tables(index(RECIPES))
    assert 'No model with weights is published yet' in text and 'random' not in text
    assert text.endswith(
        '### [MSCL](configs/mscl/README.md)\n\n'
        '| data | network | configs |\n'
        '|---|---|---|\n'
        '| UCF101 | R3D-18 | [mscl_b](configs/mscl/b.py), [mscl_c](configs/mscl/c.py) |\n'
        '| Kinetics-400 | R3D-18 | [mscl_d](configs/mscl/d.py) |'
    )


def test_a_model_has_a_row_per_stream_and_one_of_its_training(index):
    text = tables(index([PUBLISHED, *RECIPES]))
    assert (
        '| model | network | stream | R@1 (random) | probe (random) | chance | spread of R@1 '
        '| files |\n'
        '|---|---|---|---:|---:|---:|---:|---|\n'
        '| **mscl_r3d10**<br>[mscl_r3d10-w50_motion-primitives](configs/mscl/a.py) '
        '| R3D-10, width 0.5 | RGB | 79.7 (15.3) | 91.8 | 6.2 | 70.1 ± 2.0 (3 seeds, 20 epochs) '
        '| [weights](checkpoints/mscl-1a2b3c4d.pth), [log](checkpoints/mscl-1a2b3c4d.log.json) |\n'
        '|  |  | flow | 60.0 | - |  |  |  |\n'
    ) in text
    assert (
        '| model | trained on | epochs x batch | device | hours | parameters (M) | again by |\n'
        '|---|---|---:|---|---:|---:|---|\n'
        '| mscl_r3d10 | MotionPrimitives: num_frames 72, codecs mixed | 60 x 16 | 2 CPU cores '
        '| 0.93 | 1.1 | `python tools/model_zoo/reproduce.py mscl_r3d10` |\n'
    ) in text
    assert 'mscl_r3d10' not in text[text.index('## Recipes') :]


def test_figures_of_papers_have_a_column_of_their_own(index):
    models = [copy.deepcopy(PUBLISHED) for _ in range(8)]
    for number, model in enumerate(models):
        model.update(Name=f'm{number}', Alias=f'a{number}')
    models[3]['Metadata']['Paper Figures'] = '61.9 | UCF101'
    models[4].update(Weights='https://x.org/y.pth')
    del models[5]['Metadata']['Seeds'], models[5]['Metadata']['Log'], models[5]['Results']
    lines = tables(index(models)).splitlines()
    (header,) = [line for line in lines if 'probe (random)' in line]
    assert header.endswith("| spread of R@1 | paper's figures | files |")
    rows = [line for line in lines if line.startswith('| **')]
    assert len(rows) == 8 and '| 61.9 \\| UCF101 | [weights]' in rows[3]
    assert '|  | [weights](https://x.org/y.pth), [log]' in rows[4]
    assert rows[5].endswith('| - | - | - | - | - |  | [weights](checkpoints/mscl-1a2b3c4d.pth) |')
    # No recipes: no empty tables.
    assert lines[-1].startswith('Configs that nobody has trained')


def test_a_copy_as_safetensors_is_linked(index):
    model = copy.deepcopy(PUBLISHED)
    model['Metadata']['Safetensors'] = 'mscl-5e6f7a8b.safetensors'
    text = tables(index([model]))
    assert 'log.json), [safetensors](checkpoints/mscl-5e6f7a8b.safetensors) |' in text


@pytest.mark.parametrize(
    'place, value, message',
    [
        ('Results', ['R@1'], 'Results must hold names with values'),
        ('Results', [{'Task': 'Video Retrieval'}], 'Metrics of Results must hold .*is None'),
        ('Results', [{'Metrics': {'RGB R@1': '79.7'}}], r"RGB R@1 must be a number, and is '79.7'"),
        ('Seeds', [1, 2], 'Seeds must hold'),
        ('Seeds', {'R@1 mean': '70', 'R@1 std': 2.0}, 'R@1 mean must be a number'),
        ('Data Spec', 'the usual', 'Data Spec must hold'),
        ('Training Time (hours)', 'one', r'Training Time \(hours\) must be a number'),
    ],
)
def test_what_no_table_can_hold_is_told_by_the_name_of_the_model(index, place, value, message):
    model = copy.deepcopy(PUBLISHED)
    (model if place == 'Results' else model['Metadata'])[place] = value
    with pytest.raises(PageError, match=f'^{model["Name"]}: {message}'):
        tables(index([model]))


@pytest.mark.parametrize('missing', ['R@1 std', 'R@1 mean', 'epochs'])
def test_a_spread_that_is_not_whole_breaks_no_page(index, missing):
    model = copy.deepcopy(PUBLISHED)
    del model['Metadata']['Seeds'][missing]
    row = next(line for line in tables(index([model])).splitlines() if line.startswith('| **'))
    assert ('| 6.2 | 70.1 ± 2.0 (3 seeds, - epochs) |' in row) == (missing == 'epochs')
    assert ('| 6.2 | - |' in row) == (missing != 'epochs')


def test_the_recipes_say_where_it_stands_what_they_need(repository, index):
    text = tables(repository / 'model-index.yml')
    file, _, heading = re.search(r'\]\((docs/performance.md)(#)([\w-]+)\)', text).groups()
    assert heading == 'what-a-training-needs'
    assert '\n## What a training needs\n' in (repository / file).read_text(encoding='utf-8')
    # A zoo of somebody's own has no such page.
    assert 'docs/' not in tables(index(RECIPES))


def test_a_model_with_weights_has_its_files_and_says_their_digest(repository):
    models = {
        model.name: model for model in list_models(index=repository / 'model-index.yml').values()
    }.values()
    for model in models:
        assert re.fullmatch('[0-9a-f]{64}', str(model.sha256)) and model.log, model.name
        copied = model.metadata.get('Safetensors')
        files = {model.weights: model.sha256, copied: model.metadata.get('Safetensors SHA-256')}
        for name, digest in files.items():
            if name and '://' not in name:
                file = repository / 'checkpoints' / name
                assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, name
                assert name.startswith(f'{model.name}-{digest[:8]}.')
        assert (repository / 'checkpoints' / model.log).is_file(), model.log
    sizes = [file.stat().st_size for file in (repository / 'checkpoints').glob('*')]
    assert not sizes or (max(sizes) <= FILE_LIMIT and sum(sizes) <= FOLDER_LIMIT)


def test_text_outside_of_the_marks_stays(index, capsys, repository):
    file = index([PUBLISHED])
    assert write_page(file) is None
    page = file.with_name('model_zoo.md')
    page.write_text(f'# Zoo\n{BEGIN}\nold\n{END}\n## Loading\nBy name.\n')
    assert write_page(file) == page
    text = page.read_text()
    assert text.startswith(f'# Zoo\n{BEGIN}\n\n## Models') and 'old' not in text
    assert text.endswith(f'{END}\n## Loading\nBy name.\n')
    for broken in (
        '# Zoo\n',
        f'{END}\n{BEGIN}\n',
        f'{BEGIN}\n{END}\n{BEGIN}\n',
        f'{BEGIN}{END}{END}',
    ):
        with pytest.raises(PageError, match='has to hold each of these lines once'):
            updated(broken, file)

    tool = runpy.run_path(str(repository / 'tools' / 'model_zoo' / 'write_model_zoo.py'))['main']
    assert tool(['--index', str(file), '--check']) == 0
    index([PUBLISHED, *RECIPES])
    assert tool(['--index', str(file), '--check']) == 1
    assert 'is stale' in capsys.readouterr().out
    assert tool(['--index', str(file)]) == 0 == tool(['--index', str(file), '--check'])
    page.unlink()
    assert tool(['--index', str(file)]) == 1 and 'there is no' in capsys.readouterr().err
