"""Splits of a list of videos into training and test videos."""

import random
from collections import defaultdict
from collections.abc import Sequence

from ssvrl_mm.datasets.recordings import group_of
from ssvrl_mm.datasets.video_list import VideoEntry, VideoListError

Split = tuple[list[VideoEntry], list[VideoEntry]]


def split_by_ratio(entries: Sequence[VideoEntry], test_ratio: float, seed: int) -> Split:
    """Holds out a share of each class, at random: (train, test), each in the given order."""
    of_class: dict[int, list[VideoEntry]] = defaultdict(list)
    for entry in entries:
        of_class[entry.label].append(entry)
    rng = random.Random(seed)
    test: set[VideoEntry] = set()
    for label in sorted(of_class):
        test.update(rng.sample(of_class[label], round(test_ratio * len(of_class[label]))))
    return [e for e in entries if e not in test], [e for e in entries if e in test]


def split_by_group(
    entries: Sequence[VideoEntry],
    pattern: str,
    test_groups: Sequence[str],
    test_ratio: float,
    seed: int,
) -> Split:
    """Holds out whole groups: the given ones, or random ones up to a share of the videos."""
    groups = [group_of(entry.path, pattern) for entry in entries]
    names = sorted(set(groups))
    unknown = sorted(set(test_groups) - set(names))
    if unknown:
        raise VideoListError(f'test groups {unknown} are not among the groups {names}')
    held_out = set(test_groups)
    if not held_out:
        random.Random(seed).shuffle(names)
        for name in names:
            wanted = test_ratio * len(groups) - sum(group in held_out for group in groups)
            # A group goes to the side that leaves the share closer to what was asked for.
            if groups.count(name) <= 2 * wanted:
                held_out.add(name)
    pairs = list(zip(entries, groups, strict=True))
    return [e for e, g in pairs if g not in held_out], [e for e, g in pairs if g in held_out]
