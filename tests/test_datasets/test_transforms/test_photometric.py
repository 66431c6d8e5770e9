import random
from collections import Counter

import numpy as np
import pytest

from ssvrl_mm.datasets.transforms import ChooseAugmentedClips, PackSSLInputs, SampleClips


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)


def released_pair():
    """Whether query and key are augmented: CoCLR's TransformController, 1 time in 2 one clip."""
    if random.random() < 0.5:
        return (True, False) if random.random() < 0.5 else (False, True)
    return random.random() < 0.3, random.random() < 0.3


def test_pairs_are_augmented_as_often_as_in_the_released_code():
    sample, choose = SampleClips(32, num_clips=2, independent=0.5), ChooseAugmentedClips()
    ours = Counter(
        tuple(choose(sample(dict(total_frames=3000)))['augmented_clips'].tolist())
        for _ in range(4000)
    )
    theirs = Counter(released_pair() for _ in range(4000))
    assert set(ours) == set(theirs)
    for pair, count in theirs.items():
        # Shares .355, .355, .245, .045: two standard deviations of a difference are 84 at most.
        assert abs(ours[pair] - count) < 130, pair


@pytest.mark.parametrize('count', [2, 3])
def test_one_of_clips_of_the_same_frames(count):
    frames = np.tile(np.arange(8), (count, 1))
    chosen = np.array(
        [ChooseAugmentedClips(p=1)(dict(frame_inds=frames))['augmented_clips'] for _ in range(60)]
    )
    assert (chosen.sum(axis=1) == 1).all() and chosen.any(axis=0).all()


@pytest.mark.parametrize('p, expected', [(0, [False] * 3), (1, [True] * 3)])
def test_clips_of_different_frames_each_for_itself(p, expected):
    frames = np.arange(24).reshape(3, 8)
    assert ChooseAugmentedClips(p)(dict(frame_inds=frames))['augmented_clips'].tolist() == expected


def test_a_single_clip_has_no_partner_to_differ_from():
    frames = np.arange(8)[None]
    chosen = [ChooseAugmentedClips(0.5)(dict(frame_inds=frames)) for _ in range(40)]
    assert 5 < sum(int(results['augmented_clips'][0]) for results in chosen) < 35


def test_the_choice_is_packed():
    results = dict(
        frame_inds=np.zeros((2, 1)), num_clips=2, imgs=[np.zeros((8, 8, 3), np.uint8)] * 2
    )
    pack = PackSSLInputs(extra_keys=('augmented_clips',))
    packed = pack(ChooseAugmentedClips()(results))['data_samples']
    assert packed.augmented_clips.shape == (2,) and packed.augmented_clips.sum() == 1


def test_p_is_a_probability_and_shown():
    with pytest.raises(ValueError, match='p must be a probability, got 2'):
        ChooseAugmentedClips(p=2)
    assert repr(ChooseAugmentedClips()) == 'ChooseAugmentedClips(p=0.3)'
