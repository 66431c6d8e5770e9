"""Errors of sampling rates against counting by hand."""

import math

import pytest
import torch

from ssvrl_mm.evaluation import SamplingRateError, format_rates


def video(number, rates, predicted=None, role='query'):
    found = dict(video_id=number, role=role, filename=f'{number}.avi')
    found['sampling_rates'] = torch.tensor(rates)
    if predicted is not None:
        found['predicted_rates'] = torch.tensor(predicted)
    return found


# Errors: 1, -2 and 0; 3 and 0; those of the clip without rates do not count.
QUERIES = [
    video(0, [[1, 4, 2]], [[2.0, 2.0, 2.0]]),
    video(1, [[1, 3], [-1, -1]], [[4.0, 3.0], [9.0, 9.0]]),
]
# Mean 3, median 2, of 1, 2, 2, 2, 8.
GALLERY = [
    video(10, [[1, 2], [-1, -1]], role='gallery'),
    video(11, [[2, 2, 8]], role='gallery'),
]


def measure(samples):
    metric = SamplingRateError()
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_errors_are_those_counted_by_hand():
    # A sampler evens out the processes with videos that were there already.
    found = measure([*QUERIES, *GALLERY, QUERIES[1], GALLERY[0]])
    # Means of the videos: 5 / 3 and 9 / 2; 1 and 3 / 2.
    assert found == pytest.approx(
        {
            'rates/mse': 14 / 5,
            'rates/mse_error': 1.96 * (9 / 2 - 5 / 3) / 2,
            'rates/mse_of_constant': (4 + 1 + 1 + 4 + 0) / 5,
            'rates/mae': 6 / 5,
            'rates/mae_error': 1.96 * (3 / 2 - 1) / 2,
            'rates/mae_of_constant': (1 + 2 + 0 + 1 + 1) / 5,
            'rates/mean': 3,
            'rates/median': 2,
            'rates/num_videos': 2,
        }
    )


def test_videos_that_nothing_tells_apart_are_refused():
    samples = [video(number, [[1, 2, 3]], [[1.0, 2.0, 3.0]]) for number in range(2)]
    for sample in samples:
        del sample['video_id']
    assert measure(samples)['rates/num_videos'] == 2
    for sample in samples:
        sample['filename'] = None
    with pytest.raises(ValueError, match=r"PackActionInputs .* meta_keys=\('filename',\)"):
        measure(samples)


def test_without_a_gallery_the_constant_is_of_the_queries():
    found = measure(QUERIES[:1])
    assert found['rates/mean'] == pytest.approx(7 / 3) and found['rates/median'] == 2
    assert found['rates/mse_of_constant'] == pytest.approx((16 + 25 + 1) / 9 / 3)
    assert math.isnan(found['rates/mse_error'])


def test_a_gallery_without_rates_says_nothing_of_them():
    other = dict(video_id=5, role='gallery', filename='5.avi')
    assert measure([*QUERIES, other]) == measure(QUERIES)


def test_the_table_names_the_constants():
    lines = format_rates(measure([*QUERIES, *GALLERY])).splitlines()
    assert lines[1].split() == ['squared', 'error', '2.80', '±', '2.78', '2.00', '(mean', '3.00)']
    assert lines[2].split()[-3:] == ['1.00', '(median', '2.00)']


def test_videos_that_were_not_asked_are_named_as_such():
    unlabelled = video(3, [[-1, -1]], [[1.0, 2.0]])
    for samples in (GALLERY, [unlabelled]):
        with pytest.raises(ValueError, match=f'^{len(samples)} videos, .*answers_pretext=True'):
            measure(samples)


def test_rates_of_other_clips_are_refused():
    alone = {name: x for name, x in QUERIES[0].items() if name != 'sampling_rates'}
    for wrong in (video(0, [[1, 2]], [[1.0, 2.0, 3.0]]), alone):
        with pytest.raises(ValueError, match='of the same clips and segments'):
            measure([wrong])
