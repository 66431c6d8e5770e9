"""Something-Something's JSON files, against what they say when read by eye."""

import json

import pytest

from ssvrl_mm.datasets.official import PreparationError, SomethingSomethingV2
from tests.test_datasets.test_official.copies import write

CLASSES = ['Moving something up', "Putting something into something's box"]
TRAIN = [('11.webm', 1), ('12.webm', 0)]


def test_templates_without_brackets_are_the_classes(sthv2):
    annotations = SomethingSomethingV2().read_annotations(sthv2 / 'annotations')
    assert annotations.classes == CLASSES
    assert annotations.lists == {
        'train_list.txt': TRAIN,
        'val_list.txt': [('21.webm', 0)],
        'test_list.txt': [('31.webm', -1), ('32.webm', -1)],
    }


def test_answers_label_the_test_videos(sthv2):
    write(sthv2 / 'annotations' / 'test-answers.csv', f'32;{CLASSES[0]}\n31;{CLASSES[1]}\n')
    lists = SomethingSomethingV2().read_annotations(sthv2 / 'annotations').lists
    assert lists['test_list.txt'] == [('31.webm', 1), ('32.webm', 0)]


def test_file_names_of_the_first_package(sthv2):
    for path in (sthv2 / 'annotations').iterdir():
        path.rename(path.with_name(f'something-something-v2-{path.name}'))
    lists = SomethingSomethingV2().read_annotations(sthv2).lists
    assert lists['train_list.txt'] == TRAIN


@pytest.mark.parametrize(
    'file, content, message',
    [
        ('labels.json', {'a': '0', 'b': '2'}, 'labels are not 0, 1'),
        ('train.json', [{'id': '1', 'template': 'Eating [something]'}], "'Eating .*' is not among"),
        ('train.json', [{'template': 'x'}], "entry 0: no 'id'"),
        ('validation.json', {}, 'holds a dict, not a list'),
        ('labels.json', {'a': float('inf')}, 'labels.json: cannot convert float infinity'),
    ],
)
def test_wrong_files(sthv2, file, content, message):
    write(sthv2 / 'annotations' / file, json.dumps(content))
    with pytest.raises(PreparationError, match=message):
        SomethingSomethingV2().read_annotations(sthv2 / 'annotations')


def test_number_that_python_refuses_names_the_file(sthv2):
    write(sthv2 / 'annotations' / 'labels.json', '{"a": ' + 5000 * '7' + '}')
    with pytest.raises(PreparationError, match=r'labels\.json is not JSON: .*4300'):
        SomethingSomethingV2().read_annotations(sthv2 / 'annotations')
