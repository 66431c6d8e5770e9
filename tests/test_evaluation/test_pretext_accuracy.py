"""Accuracy in pretext tasks against counting by hand."""

import pytest
import torch

from ssvrl_mm.evaluation import PretextAccuracy, format_pretext, wilson_error

TYPES = ('aligned', 'random', 'shuffle')


def video(number, role='query', **fields):
    values = {name: torch.tensor(value) for name, value in fields.items()}
    return dict(video_id=number, role=role, filename=f'{number}.avi', **values)


# Cells: 5 of 7 known truths are right; the gallery's most frequent truth is 2, and right 3 times.
THREE = dict(truth_type=[0, 1, 2])
QUERIES = [
    video(0, answer_cell=[2, 2, 1], truth_cell=[2, 1, 1], answer_type=[0, 1, 2], **THREE),
    video(1, answer_cell=[0, 2, 1], truth_cell=[0, 2, -1], answer_type=[0, 0, 0], **THREE),
    video(2, answer_cell=[3, 2], truth_cell=[2, 2]),
]
GALLERY = [
    video(10, 'gallery', truth_cell=[2, 2, -1, -1, -1]),
    video(11, 'gallery', truth_cell=[2, 1, 1]),
]


def measure(samples, names=None, **kwargs):
    metric = PretextAccuracy(**kwargs)
    metric.dataset_meta = None if names is None else dict(classes=names)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_shares_are_those_counted_by_hand():
    # A sampler evens out the processes with a video that was there already.
    found = measure([*QUERIES, *GALLERY, QUERIES[1]], classes=dict(type=TYPES))
    assert found == pytest.approx(
        {
            'pretext/cell': 5 / 7,
            'pretext/cell_most_frequent': 4 / 7,
            'pretext/type': 4 / 6,
            'pretext/type_most_frequent': 1 / 3,
            'pretext/type_aligned': 1,
            'pretext/type_random': 1 / 2,
            'pretext/type_shuffle': 1 / 2,
            'pretext/type_balanced': 2 / 3,
            'pretext/num_videos': 3,
        }
    )


def test_without_truths_of_training_the_most_frequent_one_is_that_of_the_queries():
    found = measure(QUERIES)
    # 2 is right 4 times of 7.
    assert found['pretext/cell_most_frequent'] == pytest.approx(4 / 7)
    assert 'pretext/type_balanced' not in found


def test_a_task_without_any_truth_is_not_a_number():
    found = measure([video(0, answer_cell=[1], truth_cell=[-1])])
    assert str(found['pretext/cell']) == str(found['pretext/cell_most_frequent']) == 'nan'
    assert 'nan' in format_pretext(found)


def test_the_table_has_a_row_for_every_task_and_class():
    lines = format_pretext(measure([*QUERIES, *GALLERY], classes=dict(type=TYPES))).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        'cell', 'type', 'type_aligned', 'type_random', 'type_shuffle', 'type_balanced',
    ]  # fmt: skip
    error = 100 * wilson_error(5 / 7, 3)
    assert lines[1].split() == ['cell', '71.4', '±', f'{error:.1f}', '57.1']
    assert lines[3].split()[:2] == ['type_aligned', '100.0'] and lines[3] == lines[3].rstrip()


@pytest.mark.parametrize(
    'samples, classes, message',
    [
        (GALLERY, None, '0 held-out videos with answers to no task'),
        ([video(0, truth_cell=[1])], None, '1 held-out videos with answers to no task'),
        (QUERIES, dict(order=('a', 'b')), 'answers to cell, type: .* and answers to order'),
    ],
)
def test_videos_that_were_not_asked_are_named_as_such(samples, classes, message):
    with pytest.raises(ValueError, match=f'{message}.*answers_pretext=True'):
        measure(samples, classes=classes)


NAMES = ['left', 'circle', 'swing', 'still']
# Of four times; the second task has eight candidates.
TIMES = dict(truth_local=[0, 1, 2, 3], truth_both=[0, 1, 2, 3], choices_local=[4], choices_both=[8])
MOVING = [
    video(0, answer_local=[0, 1, 2, 0], answer_both=[0, 5, 6, 7], gt_label=1, **TIMES),
    video(1, answer_local=[0, 1, 0, 0], answer_both=[0, 1, 6, 7], gt_label=[2], **TIMES),
    video(2, answer_local=[0, 0, 0, 0], answer_both=[4, 4, 4, 4], gt_label=0, **TIMES),
]
GROUPS = dict(turning=('circle', 'swing'), circle=[1], still=['still'])


def test_videos_of_some_classes_count_apart():
    found = measure([*MOVING, *GALLERY], NAMES, groups=GROUPS)
    assert found['pretext/local'] == 6 / 12 and found['pretext/both'] == 3 / 12
    assert found['pretext/local_of_turning'] == 5 / 8 and found['pretext/both_of_turning'] == 3 / 8
    assert found['pretext/local_of_circle'] == 3 / 4 and found['pretext/both_of_circle'] == 1 / 4
    assert str(found['pretext/local_of_still']) == 'nan'
    counts = {name: found[f'pretext/num_videos_of_{name}'] for name in GROUPS}
    assert counts == dict(turning=2, circle=1, still=0) and found['pretext/num_videos'] == 3


def test_chance_is_one_of_the_candidates():
    found = measure(MOVING)
    assert found['pretext/local_chance'] == 1 / 4 and found['pretext/both_chance'] == 1 / 8
    assert not any(name.endswith('_chance') for name in measure(QUERIES))


def test_the_table_shows_chance_and_the_errors_of_groups_are_those_of_their_videos():
    lines = format_pretext(measure(MOVING, NAMES, groups=GROUPS)).splitlines()
    assert lines[0].split() == ['right', 'answers', 'most', 'frequent', 'answer', 'chance']
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert set(rows) == {
        task + group
        for task in ('local', 'both')
        for group in ('', '_of_turning', '_of_circle', '_of_still')
    }
    assert rows['local'][0] == '50.0' and rows['local'][3:] == ['25.0', '25.0']
    assert rows['both'][3:] == ['25.0', '12.5']
    for group, share, count in (('turning', 5 / 8, 2), ('circle', 3 / 4, 1)):
        error = f'{100 * wilson_error(share, count):.1f}'
        assert rows[f'local_of_{group}'] == [f'{100 * share:.1f}', '±', error]
    assert rows['local_of_still'] == ['nan']
    assert len({line.index('±') for line in lines if '±' in line}) == 1
    assert {len(lines[0])} == {len(line) for line in lines if line.endswith(('25.0', '12.5'))}


@pytest.mark.parametrize('names', [NAMES, None])
def test_a_class_that_there_is_not_is_named_before_all_videos_have_passed(names):
    metric = PretextAccuracy(groups=dict(turning=('circel', 1)))
    metric.dataset_meta = None if names is None else dict(classes=names)
    with pytest.raises(ValueError, match=r"does not have: \['circel'\]; it has \["):
        metric.process(None, MOVING)
