"""Keys of the same recording, from a dataset's names to the losses, over two processes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample

from ssvrl_mm.datasets.recordings import recording_id
from ssvrl_mm.models.heads import MVCGCHead
from ssvrl_mm.models.utils.key_queue import UNKNOWN_VIDEO, recording_ids
from tests.processes import run_processes

from ..tiny import CRITERION, as_mask, nce_terms, nearest, projector

STREAMS = ('rgb', 'motion')
N, LENGTH, K = 3, 10, 4
STEPS = 4


def recording(step, rank, i):
    """Seven recordings of which all steps and both processes have clips, and some lone ones."""
    number = (2 * step + 7 * rank + 4 * i) % 9
    return f'take{number}' if number < 7 else f'lone{step}{rank}{i}'


def head(siblings):
    torch.manual_seed(0)
    settings = dict(k=K, sibling_positives=siblings, queue_length=LENGTH, stage='cross')
    return MVCGCHead(projector(), CRITERION, **settings).double()


def batch(step, rank):
    generator = torch.Generator().manual_seed(10 * step + rank)

    def draw():
        return torch.randn(N, 6, 1, 1, 1, generator=generator, dtype=torch.double)

    common = draw()
    feats = ({s: common + draw() for s in STREAMS} for _ in range(2))
    samples = []
    for i in range(N):
        number = recording_id(recording(step, rank, i), 'videos')
        # Files are numbered from 0 in every list: their numbers must not be looked at.
        samples.append(ActionDataSample(metainfo=dict(video_id=i, recording_id=number)))
    return *feats, samples


def guided(rank, siblings):
    """The losses of the last step, and what they were made of; with a resumed head, too."""
    model = head(siblings)
    for step in range(STEPS - 1):
        query, key, samples = batch(step, rank)
        model.loss(query, samples, key_feats=key)
    resumed = head(not siblings)
    resumed.load_state_dict(model.state_dict())
    resumed.sibling_positives = siblings
    query, key, samples = batch(STEPS - 1, rank)
    with torch.no_grad():
        z = model(query)
        k = {s: F.normalize(model.key_projector[s](key[s]), dim=1) for s in STREAMS}
    queue = {s: model.queue[s] for s in STREAMS}
    losses, again = (m.loss(query, samples, key_feats=key) for m in (model, resumed))
    same = all(torch.equal(losses[name], again[name]) for name in losses if 'loss' in name)
    losses = {name: float(losses[name]) for name in ('loss_rgb', 'loss_motion', 'num_positives')}
    return dict(losses=losses, z=z, k=k, queue=queue, resumed=same, ids=model.queue.video_ids)


def without_and_with_siblings(rank):
    return [guided(rank, siblings) for siblings in (False, True)]


@pytest.fixture(scope='module')
def outcomes(tmp_path_factory):
    """Of both processes, without and with positives of the same recording."""
    return run_processes(without_and_with_siblings, tmp_path_factory.mktemp('processes'))


@pytest.mark.parametrize('siblings', [False, True])
def test_masking_and_siblings_go_by_recording_over_processes(outcomes, siblings):
    outcomes = [of_rank[siblings] for of_rank in outcomes]
    # Which recording each slot of the queue is of, counted by hand: first in, first out.
    slots = [''] * LENGTH
    arriving = [(s, r, i) for s in range(STEPS - 1) for r in range(2) for i in range(N)]
    for place, source in enumerate(arriving):
        slots[place % LENGTH] = recording(*source)
    names = [[recording(STEPS - 1, rank, i) for i in range(N)] for rank in range(2)]
    same = [np.array([[a == b for b in slots] for a in of_rank]) for of_rank in names]
    assert all(marks.any() and not marks.any(axis=1).all() for marks in same)

    expected = {f'loss_{s}': [] for s in STREAMS}
    by_file = []
    for outcome, marks in zip(outcomes, same, strict=True):
        z, k, queue = (
            {s: outcome[part][s].numpy() for s in STREAMS} for part in ('z', 'k', 'queue')
        )

        def mined(usable, k=k, queue=queue):
            r, m = (nearest(k[s], queue[s], usable, K) for s in STREAMS)
            return as_mask([a & b for a, b in zip(r, m, strict=True)], LENGTH)

        positive = mined(~marks) | marks if siblings else mined(~marks)
        assert outcome['losses']['num_positives'] == pytest.approx(positive.sum(1).mean())
        everything = np.ones_like(marks)
        for s, other in (STREAMS, STREAMS[::-1]):
            terms = nce_terms(z[s], k[other], queue[other], positive, ~marks)
            expected[f'loss_{s}'] += list(terms)
            unmasked = nce_terms(z[s], k[other], queue[other], mined(everything), everything)
            by_file += list(unmasked - terms)
        assert outcome['resumed']
    assert np.abs(by_file).max() > 0.01
    for name, terms in expected.items():
        mean = np.mean([outcome['losses'][name] for outcome in outcomes])
        np.testing.assert_allclose(mean, np.mean(terms), rtol=1e-10)
    assert torch.equal(outcomes[0]['ids'], outcomes[1]['ids'])


def test_samples_of_other_datasets_have_the_number_of_the_video_or_none():
    known = [dict(video_id=7), dict(video_id=7, recording_id=2**62 + 5), dict(), dict(video_id=0)]
    samples = [ActionDataSample(metainfo=metainfo) for metainfo in known]
    assert recording_ids(samples) == [7, 2**62 + 5, UNKNOWN_VIDEO, 0]


def test_samples_of_mmaction2_have_numbers_that_follow_from_names():
    files = [dict(filename=f'videos/{name}.mp4') for name in 'aba']
    named = [dict(video_id='1j20qq1JyX4', filename=f'{name}.mp4') for name in 'ab']
    samples = [ActionDataSample(metainfo=metainfo) for metainfo in (*files, *named)]
    a, b, again, first, second = recording_ids(samples)
    assert a == again != b and first == second != a
    assert min(a, b, first) >= 2**62 and max(a, b, first) < 2**63
