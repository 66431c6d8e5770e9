"""PMSP's head against a transcription that goes window by window."""

import numpy as np
import pytest
import torch

from ssvrl_mm.models.heads import PMSPHead
from ssvrl_mm.motion_pyramid import GRIDS

from ..joint import CHANNELS, WINDOWS, labelled, log_softmax, maps, mlp

LEVELS = [(s, t) for s in GRIDS for t in (1, 3, 5)]
WINDOWS_OF = {1: [0], 3: [1, 2, 3], 5: [4, 5, 6, 7, 8]}


def head(**kwargs):
    torch.manual_seed(0)
    return PMSPHead(kwargs.pop('channels', CHANNELS), **kwargs).double()


def cell_mean(pictures, side, row, column):
    """The mean over a cell of (T, H, W), area by area of its pixels."""
    height, width = pictures.shape[1:]
    total = area = 0.0
    for y in range(height):
        for x in range(width):
            part = 1.0
            for at, cell, length in ((y, row, height), (x, column, width)):
                low, high = cell * length / side, (cell + 1) * length / side
                part *= max(0.0, min(high, at + 1) - max(low, at))
            total, area = total + part * pictures[:, y, x].mean(), area + part
    return total / area


def feature(feats, i, window, side):
    """What a perceptron sees of a window of clip i, cell by cell of each channel."""
    values = []
    for x in feats.values():
        per_gop = x.shape[2] // 5
        frames = x[i, :, window[0] * per_gop : window[1] * per_gop].numpy()
        values += [
            cell_mean(channel, side, row, column)
            for channel in frames
            for row in range(side)
            for column in range(side)
        ]
    return np.array(values)


def transcription(model, feats, given):
    """Per level: the sum of cross-entropies of each clip, hits, labels that count; and ignored."""
    labels = torch.cat([sample.pmsp_labels for sample in given]).numpy()
    found, ignored = {}, 0
    for s, t in LEVELS:
        terms, hits, count = np.zeros(len(labels)), 0, 0
        for i in range(len(labels)):
            for window in WINDOWS_OF[t]:
                label = labels[i, window, GRIDS.index(s)]
                if label < 0:
                    ignored += 1
                    continue
                side = s if model.pool == 'grid' else 1
                x = feature(feats, i, WINDOWS[window], side)
                logits = log_softmax(mlp(model.mlps[f's{s}_t{t}'], x))
                terms[i] -= logits[label]
                hits, count = hits + (logits.argmax() == label), count + 1
        found[f's{s}_t{t}'] = terms, hits, count
    return found, ignored


@pytest.mark.parametrize('pool', ['mean', 'grid'])
@pytest.mark.parametrize('num_clips', [1, 2])
def test_equals_a_transcription(pool, num_clips):
    few = dict(iframe=2, residual=1)
    feats, given = maps(1, 4, (2, 4), few), labelled(4 // num_clips, num_clips)
    model = head(channels=few, pool=pool)
    losses = model.loss(feats, given)
    levels, ignored = transcription(model, feats, given)
    total = sum(terms for terms, _, _ in levels.values()).sum() / 4
    assert losses['loss_pmsp'].item() == pytest.approx(total / 27, rel=1e-9)
    summed = head(channels=few, pool=pool, reduction='sum', loss_weight=0.5)
    assert summed.loss(feats, given)['loss_pmsp'].item() == pytest.approx(total / 2, rel=1e-9)
    assert losses['ignored_pmsp'] == ignored > 0
    hits, counts = (sum(level[i] for level in levels.values()) for i in (1, 2))
    assert losses['top1_pmsp'].item() == pytest.approx(hits / counts)
    for name, (_, right, count) in levels.items():
        assert losses[f'top1_pmsp_{name}'].item() == pytest.approx(right / count)
    assert len(losses) == 3 + 9
    cells = model.predict_cells(feats)
    assert {n: tuple(x.shape) for n, x in cells.items()} == {
        f's{s}_t{t}': (4, t) for s, t in LEVELS
    }


def test_weights_leave_clips_out():
    model, feats, given = head(), maps(2, 4), labelled(4)
    losses = model.loss(feats, given, weights=torch.tensor([4.0, 0, 0, 0]))
    alone = model.loss({s: x[:1] for s, x in feats.items()}, given[:1])
    for name in set(losses) - {'ignored_pmsp'}:
        torch.testing.assert_close(losses[name], alone[name])


def test_all_ignored_is_no_loss_but_a_gradient_for_every_part():
    model, given = head(), labelled(2)
    for sample in given:
        sample.pmsp_labels.fill_(-1)
    losses = model.loss(maps(3, 2), given)
    losses['loss_pmsp'].backward()
    assert losses['loss_pmsp'] == losses['top1_pmsp'] == losses['top1_pmsp_s2_t3'] == 0
    assert losses['ignored_pmsp'] == 54
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_it_learns_where_most_moves():
    """The cell of most motion is written into the maps, so that 'grid' finds it by itself."""
    rng = np.random.default_rng(0)
    places = rng.integers(0, 12, (24, 2))
    motion = torch.zeros(24, 4, 5, 12, 12, dtype=torch.double)
    given = labelled(24)
    for i, (y, x) in enumerate(places):
        motion[i, :, :, y, x] = 30
        labels = torch.tensor([(y * s // 12) * s + x * s // 12 for s in GRIDS])
        given[i].set_field(labels.expand(1, 9, 3).clone(), 'pmsp_labels')
    model = head(channels=dict(motion=4), pool='grid', hidden_channels=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(60):
        losses = model.loss({'motion': motion}, given)
        optimizer.zero_grad()
        losses['loss_pmsp'].backward()
        if not step:
            assert all(p.grad.any() for p in model.parameters())
        optimizer.step()
    assert losses['top1_pmsp'] == 1
    wanted = torch.cat([sample.pmsp_labels for sample in given])
    cells = model.predict_cells({'motion': motion})
    for place, s in enumerate(GRIDS):
        for t, windows in WINDOWS_OF.items():
            assert torch.equal(cells[f's{s}_t{t}'], wanted[:, windows, place])
    assert model.mlps['s3_t5'].fc1.weight.shape == (16, 36)


def test_half_precision_is_widened():
    model = head().float()
    feats, given = {s: x.bfloat16() for s, x in maps(4, 2).items()}, labelled(2)
    plain = model.loss({s: x.float() for s, x in feats.items()}, given)['loss_pmsp']
    with torch.autocast('cpu', torch.bfloat16):
        loss = model.loss(feats, given)['loss_pmsp']
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, plain, rtol=0.05, atol=0)


def test_hidden_layers_are_as_wide_as_their_input():
    assert {m.fc1.weight.shape for m in head().mlps.values()} == {(15, 15)}
    widths = {name: m.fc1.weight.shape[0] for name, m in head(pool='grid').mlps.items()}
    assert widths['s2_t1'] == 60 and widths['s4_t5'] == 240
    assert [m.fc2.weight.shape[0] for m in head().mlps.values()] == [4] * 3 + [9] * 3 + [16] * 3


def test_wrong_settings_are_refused():
    for wrong in (
        dict(pool='max'),
        dict(reduction='none'),
        dict(grids=(1, 2)),
        dict(grids=(2, 2)),
        dict(grids=()),
        dict(windows=(1, 1)),
        dict(windows=(6,)),
        dict(channels={}),
        dict(channels=dict(motion=0)),
    ):
        with pytest.raises(ValueError, match=r'must|differ|lie within|channels'):
            head(**wrong)


def test_what_does_not_fit_is_refused():
    model, feats, given = head(), maps(5, 2), labelled(2)
    with pytest.raises(KeyError, match=r"needs the streams.*got \('motion',\)"):
        model.loss({'motion': feats['motion']}, given)
    for wrong in (
        {**feats, 'motion': feats['residual']},
        {**feats, 'motion': feats['motion'][:1]},
        {**feats, 'motion': feats['motion'][0, 0, 0, 0]},
    ):
        with pytest.raises(ValueError, match='needs maps'):
            model.loss(wrong, given)
    for wrong in (feats['motion'][:, :, :24], feats['motion'].mean(dim=(3, 4))):
        with pytest.raises(ValueError, match=r'motion: maps \(M, C, T, H, W\) of 5 groups'):
            model.loss({**feats, 'motion': wrong}, given)
    with pytest.raises(ValueError, match=r'of 2 clips must be \(2, 9, 3\), got \(1, 9, 3\)'):
        model.loss(feats, given[:1])
    for bare in ([], None, [given[0], labelled(1)[0].new()]):
        if bare:
            del bare[1].pmsp_labels
        with pytest.raises(KeyError, match=r"extra_keys=\('pmsp_labels',\)"):
            model.loss(feats, bare)
