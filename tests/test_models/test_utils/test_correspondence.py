"""Types of correspondence: which clip shows what, told by the numbers of videos and groups."""

import pytest
import torch

from ssvrl_mm.models.utils.correspondence import TYPES, Correspondence

CYCLIC = [[(g + k) % 5 for g in range(5)] for k in range(5)]


def numbered(videos, clips=1, gops=5):
    """Streams whose every frame holds 1000 clip + 100 stream + frame."""
    n = videos * clips
    lengths = dict(iframe=gops, motion=5 * gops, residual=5 * gops)
    return {
        s: (1000 * torch.arange(n)[:, None] + 100 * i + torch.arange(length))[
            :, None, :, None, None
        ]
        .expand(n, 2, length, 2, 3)
        .float()
        .contiguous()
        for i, (s, length) in enumerate(lengths.items())
    }


def read(rows, stream):
    """Clip and frame of every row and place, (M, T) each; every pixel must be of that frame."""
    x = rows[stream]
    first = x[:, 0, :, 0, 0].long()
    assert (x == first[:, None, :, None, None]).all()
    number = dict(iframe=0, motion=1, residual=2)[stream]
    assert (first % 1000 // 100 == number).all()
    return first // 1000, first % 100


@pytest.mark.parametrize('mixing', ['two_passes', 'all', 'single_pass'])
@pytest.mark.parametrize('videos, clips', [(2, 1), (6, 1), (3, 2)])
def test_rows_show_what_their_types_say(mixing, videos, clips):
    torch.manual_seed(0)
    correspondence, given, seen = Correspondence(mixing=mixing), numbered(videos, clips), set()
    for _ in range(60 if mixing == 'single_pass' else 30):
        drawn = correspondence.draw(videos, clips)
        rows = correspondence.arrange(given, drawn)
        own = torch.arange(len(drawn.types)) % (videos * clips)
        assert torch.equal(read(rows, 'iframe')[0], own[:, None].expand(-1, 5))
        assert torch.equal(read(rows, 'iframe')[1], torch.arange(5).expand(len(own), -1))
        for i, kind in enumerate(drawn.types.tolist()):
            shown = [[part[i].tolist() for part in read(rows, s)] for s in ('motion', 'residual')]
            assert shown[0] == shown[1]
            [source], frames = set(shown[0][0]), shown[0][1]
            # Five frames of a group stay together, in order.
            order = [frame // 5 for frame in frames[::5]]
            assert frames == [5 * g + f for g in order for f in range(5)]
            assert sorted(order) == list(range(5))
            name, me = TYPES[kind], int(own[i])
            if name == 'random':
                assert source // clips != me // clips and source % clips == me % clips
            else:
                assert source == me
            if name in ('aligned', 'random'):
                assert order == CYCLIC[0]
            elif name == 'shift':
                assert order in CYCLIC[1:]
            else:
                assert order not in CYCLIC
            seen.add((name, source, tuple(order)))
    assert {name for name, *_ in seen} == set(TYPES)
    # No row of a type could be one of another: motion of the same source and order.
    assert len({(source, order) for name, source, order in seen if name != 'random'}) == len(
        {entry for entry in seen if entry[0] != 'random'}
    )
    assert {order for name, _, order in seen if name == 'shift'} == set(map(tuple, CYCLIC[1:]))
    if videos == 6:
        assert len({source for name, source, _ in seen if name == 'random'}) == 6


def test_every_order_that_is_no_cyclic_shift_is_a_shuffle():
    orders = Correspondence().shuffles.tolist()
    assert len(orders) == len(set(map(tuple, orders))) == 115
    assert not any(order in CYCLIC for order in orders)
    assert len(Correspondence(num_gops=4).shuffles) == 20


def test_partners_are_any_other_video():
    torch.manual_seed(0)
    drawn = [Correspondence(num_types=2).draw(4) for _ in range(60)]
    assert {tuple(d.types.tolist()) for d in drawn} == {(0,) * 4 + (1,) * 4}
    sources = torch.stack([d.sources[4:] for d in drawn])
    for i in range(4):
        assert set(sources[:, i].tolist()) == set(range(4)) - {i}


def test_types_are_mixed_evenly_and_weighed_to_equal_shares():
    torch.manual_seed(0)
    for num_types in (2, 4):
        for mixing, passes in (('two_passes', 2), ('all', num_types), ('single_pass', 1)):
            drawn = Correspondence(num_types, mixing).draw(3000)
            assert len(drawn.types) == 3000 * passes == len(drawn.weights) == len(drawn.sources)
            assert drawn.order.shape == (3000 * passes, 5)
            assert drawn.weights.mean().item() == pytest.approx(1)
            shares = [
                (drawn.weights[drawn.types == k].sum() / drawn.weights.sum()).item()
                for k in range(num_types)
            ]
            assert shares == pytest.approx([1 / num_types] * num_types, rel=0.12)
            if mixing == 'single_pass':
                wanted = num_types * (drawn.types == 0).float()
                torch.testing.assert_close(drawn.aligned_weights, wanted)
            else:
                assert drawn.aligned_weights is None and not drawn.types[:3000].any()


def test_the_seed_decides():
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(Correspondence().draw(5))
    for first, second in zip(*(d[:4] for d in draws), strict=True):
        assert torch.equal(first, second)


def test_other_numbers_of_groups_and_layouts():
    torch.manual_seed(0)
    correspondence = Correspondence(mixing='all', num_gops=3)
    given = numbered(2, gops=3)
    drawn = correspondence.draw(2)
    rows = correspondence.arrange(given, drawn)
    assert rows['motion'].shape == (8, 2, 15, 2, 3) and rows['iframe'].shape == (8, 2, 3, 2, 3)
    last = torch.channels_last_3d
    laid_out = {s: x.contiguous(memory_format=last) for s, x in given.items()}
    again = correspondence.arrange(laid_out, drawn)
    for stream, x in again.items():
        assert torch.equal(x, rows[stream]) and x.is_contiguous(memory_format=last)


def test_wrong_settings_and_batches_are_refused():
    for wrong in (dict(num_types=3), dict(mixing='none'), dict(num_gops=2), dict(num_gops=9)):
        with pytest.raises(ValueError, match='must'):
            Correspondence(**wrong)
    correspondence = Correspondence()
    with pytest.raises(ValueError, match=r'batch of one: .*drop_last=True'):
        correspondence.draw(1, 4)
    drawn, given = correspondence.draw(3), numbered(3)
    with pytest.raises(ValueError, match=r"divide into 5 .*'motion': 24"):
        correspondence.arrange({**given, 'motion': given['motion'][:, :, 1:]}, drawn)
    with pytest.raises(ValueError, match='must be streams'):
        correspondence.arrange({'iframe': given['iframe']}, drawn)
    for n in (4, 7):
        with pytest.raises(ValueError, match=f'6 rows are no passes over {n} clips'):
            correspondence.arrange(numbered(n), drawn)
