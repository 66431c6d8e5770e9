"""What a network answers to its pretext tasks on videos that it was not trained with."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssvrl_mm.models.utils.answers import ANSWER, TRUTH, asked_samples, write_field
from ssvrl_mm.models.utils.chunks import stream_chunks
from ssvrl_mm.models.utils.correspondence import Correspondence


@torch.no_grad()
def answer_pretext(
    model: Any, clips: Mapping[str, Tensor], num_clips: int, data_samples: Sequence[Any]
) -> None:
    """Asks the heads of a network, and writes answers and truths into the data samples.

    Heads that tell types of correspondence are asked for every type of every clip, the same for
    the same batch, whatever was drawn before. Videos of the gallery are not asked: only what is
    right of them is written, which tells the most frequent answer of the training.

    Args:
        model: A :class:`~ssvrl_mm.models.recognizers.JointPretextRecognizer`.
        clips: Stream -> (N * V, C, T, H, W).
        num_clips: Clips V of a video.
        data_samples: N samples with what the heads need. A field ``answer_<task>`` and one
            ``truth_<task>``, (K,) int64 on the CPU, are added for every task of a head.
    """
    asked = asked_samples(data_samples)
    rows = [i * num_clips + clip for i in asked for clip in range(num_clips)]
    total = len(data_samples) * num_clips
    like = next(iter(clips.values()))
    for head in model.heads.values():
        if head.needs_types:
            continue
        for name, truth in head.truths(data_samples, like).items():
            write_field(data_samples, range(len(data_samples)), TRUTH + name, truth)
    if not asked:
        return
    plain = [head for head in model.heads.values() if not head.needs_types]
    own = {stream: x[rows] for stream, x in clips.items()}
    for name, answers in _answers(model, plain, own).items():
        write_field(data_samples, asked, ANSWER + name, answers)
    telling = [head for head in model.heads.values() if head.needs_types]
    if not telling or len(data_samples) < 2:  # there is no other video
        return
    drawn = model.correspondence
    every = Correspondence(drawn.num_types, 'all', drawn.num_gops, drawn.fixed)
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(0)
        arrangement = every.draw(len(data_samples), num_clips)
    passes = range(0, len(arrangement.types), total)
    # The types of a clip lie side by side.
    places = [first + row for row in rows for first in passes]
    shown = {s: x[places] for s, x in every.arrange(clips, arrangement).items()}
    for name, answers in _answers(model, telling, shown).items():
        write_answers(data_samples, asked, name, answers, arrangement.types[places])


def _answers(model: Any, heads: Sequence[Any], clips: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Task -> (M, K) answers of some heads, from some clips at a time."""
    if not heads:
        return {}
    total = len(next(iter(clips.values())))
    chunks: list[dict[str, Tensor]] = []
    for chunk in stream_chunks(clips, model.test_batch_clips):
        maps = model.backbone(chunk)
        chunks.append({k: a for head in heads for k, a in head.answers(maps).items()})
    return {name: torch.cat([chunk[name] for chunk in chunks])[:total] for name in chunks[0]}


def write_answers(
    samples: Sequence[Any], chosen: Sequence[int], task: str, answers: Tensor, truths: Tensor
) -> None:
    """Gives each of the chosen samples its equal share of the answers to a task and of the truths.

    Args:
        samples: Data samples.
        chosen: The places of those that were asked.
        task: Name of the task.
        answers: As many for every chosen sample, side by side.
        truths: Likewise.
    """
    write_field(samples, chosen, ANSWER + task, answers)
    write_field(samples, chosen, TRUTH + task, truths)
