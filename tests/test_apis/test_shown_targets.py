"""Targets in words."""

import numpy as np
import torch
from mmaction.structures import ActionDataSample

from ssvrl_mm.apis.shown_targets import describe_sample
from ssvrl_mm.permutations import permutation_index


def sample(meta=None, **fields):
    data_sample = ActionDataSample()
    for name, value in fields.items():
        data_sample.set_field(value, name)
    data_sample.set_metainfo(meta or {})
    return data_sample


def test_classes_come_first_by_name_where_it_is_known():
    labelled = sample(rotation=torch.tensor([2])).set_gt_label(1)
    assert describe_sample(labelled, ['run', 'walk']) == ['class: walk', 'rotation: 2']
    assert describe_sample(labelled, ['run'])[0] == describe_sample(labelled)[0] == 'class: 1'
    assert describe_sample(None) == []


def test_orders_are_written_out_from_one():
    order = permutation_index((2, 0, 1))
    clips = sample(dict(num_clips=3), clip_order=torch.tensor([order]))
    assert describe_sample(clips) == [f'clip order: {order} (3 1 2)']
    segments = sample(
        dict(num_clips=2),
        segment_order=torch.tensor([0, permutation_index((1, 0))]),
        segment_lengths=torch.tensor([[3, 5], [4, 4]]),
        sampling_rates=torch.tensor([[1, 2], [4, 1]]),
    )
    assert describe_sample(segments) == [
        'sampling rates: 1 2 | 4 1',
        'segment lengths: 3 5 | 4 4',
        'segment order: 0 (1 2) | 1 (2 1)',
    ]
    for name in ('segment', 'clip'):
        unknown = sample(**{f'{name}_order': torch.tensor([4, 0])})
        assert describe_sample(unknown) == [f'{name} order: 4 | 0']


def test_labels_of_a_pyramid_are_written_out_and_large_ones_are_not():
    labels = torch.arange(12).reshape(2, 3, 2)
    assert describe_sample(sample(pmsp_labels=labels)) == [
        'pmsp labels: 0 1, 2 3, 4 5 | 6 7, 8 9, 10 11'
    ]
    # Windows over five GOPs, in the order of their scales, and grids of 4, 9 and 16 cells.
    cells = torch.zeros(2, 9, 3, dtype=torch.long)
    cells[0, 3], cells[1, 8] = torch.tensor([1, 4, 9]), torch.tensor([3, 8, 15])
    told = 'cell of 2x2, 3x3, 4x4 in which motion{} varies most, in GOPs {}'
    still = ['1-5: 1 1 1', '1-3: 1 1 1', '2-4: 1 1 1', '3-5: 1 1 1']
    still += [f'{gop}: 1 1 1' for gop in range(1, 6)]
    first = [*still[:3], '3-5: 2 5 10', *still[4:]]
    last = [*still[:8], '5: 4 9 16']
    assert describe_sample(sample(pmsp_labels=cells)) == [
        told.format(' of clip 1', ', '.join(first)),
        told.format(' of clip 2', ', '.join(last)),
    ]
    assert describe_sample(sample(pmsp_labels=cells[:1])) == [told.format('', ', '.join(first))]
    assert describe_sample(sample(map=torch.zeros(8, 9))) == ['map: 8x9']
    assert describe_sample(sample(map=torch.zeros(8, 8)))[0].startswith('map: 0 0')


def test_other_values():
    told = describe_sample(
        sample(
            backwards=torch.tensor([True, False]),
            share=torch.tensor([0.12345]),
            motion_target=torch.zeros(1, 2, 3, 4, 4),
        )
    )
    assert told == ['backwards: yes no', 'share: 0.123']
    noted = sample(note='a word', count=3, boxes=[1, 2])
    assert describe_sample(noted) == ['count: 3', 'note: a word']


def test_frames_of_the_clips():
    frames = np.array([[3, 5, 7, 9], [4, 5, 6, 7]])
    told = describe_sample(sample(dict(frame_inds=frames, num_clips=2, frame_interval=None)))
    assert told == ['frames: 3 to 9 by 2 | 4 to 7']
    told = describe_sample(
        sample(
            dict(
                role='query',
                frame_interval=2,
                frame_inds=np.array([0, 1, 5]),
                iframe_inds=np.array([[0, 12]]),
            )
        )
    )
    assert told == ['role: query', 'frame interval: 2', 'frames: 0 1 5', 'I-frames: 0 12']
    moving = np.array([[1, 2, 3], [7, 8, 9], [4, 5, 6]])
    told = describe_sample(sample(dict(motion_inds=moving, num_clips=2)))
    assert told == ['motion of frames: 1 to 3 | 7 to 9 | 4 to 6']
    many = np.array([*range(8), 50, 60])
    assert describe_sample(sample(dict(frame_inds=many))) == ['frames: 0 1 2 3 4 5 6 7 ... 60']
