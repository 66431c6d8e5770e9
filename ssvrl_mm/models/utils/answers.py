"""Fields of data samples that say what a network answered to a pretext task, and what is right."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

#: Before the name of a task: what was answered, what is right, and among how many candidates.
ANSWER, TRUTH, CHOICES = 'answer_', 'truth_', 'choices_'


def asked_samples(samples: Sequence[Any]) -> list[int]:
    """The places of the samples that are asked: those that are not of the gallery."""
    return [i for i, sample in enumerate(samples) if sample.metainfo.get('role') != 'gallery']


def write_field(samples: Sequence[Any], chosen: Sequence[int], name: str, values: Tensor) -> None:
    """Gives each of the chosen samples its equal share of the values, flat, on the CPU."""
    shares = values.cpu().reshape(len(chosen), -1)
    for i, share in zip(chosen, shares, strict=True):
        samples[i].set_field(share.clone(), name)
