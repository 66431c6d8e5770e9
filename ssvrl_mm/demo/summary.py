"""What the demo says at the end: the figures, their errors, and what they mean."""

import math
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from ssvrl_mm.evaluation import wilson_interval
from ssvrl_mm.evaluation.retrieval import ROW_NAMES, collapse_mark

# From here on no figure is off by more than ten points.
_ENOUGH_QUERIES = 100


class Target(Enum):
    """Who looks for what."""

    CLASS = ('held-out videos', 'a training video of their own class')
    HALF = ('second halves', 'the first half of the same video')


class Gain(NamedTuple):
    """The difference of two recalls.

    Attributes:
        value: After minus before.
        low: Lower bound at 95 %.
        high: Upper bound at 95 %.
    """

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Distance to the further bound."""
        return max(self.value - self.low, self.high - self.value)

    @property
    def within_error(self) -> bool:
        """Whether it may as well be none."""
        return self.low <= 0 <= self.high


def gain_of(before: float, after: float, queries: int) -> Gain:
    """The gain and its bounds at 95 %, both figures' errors put together.

    Newcombe, "Interval estimation for the difference between independent proportions", 1998,
    method 10: the distances to Wilson's bounds, added in squares. Both figures are of the same
    queries, which makes the true error smaller: the bounds are on the safe side.

    Args:
        before: Recall of the random network.
        after: Recall of the trained one.
        queries: Number of queries of each.
    """
    first, last = (wilson_interval(share, queries) for share in (before, after))
    gain = after - before
    down = math.hypot(after - last.low, first.high - before)
    up = math.hypot(last.high - after, before - first.low)
    return Gain(gain, gain - down, gain + up)


def summarise(before: Mapping[str, float], after: Mapping[str, float]) -> dict:
    """The figures as they go to JSON.

    Args:
        before: Metrics of the random network, of
            :class:`~ssvrl_mm.evaluation.VideoRetrieval`.
        after: The same of the trained one.

    Returns:
        ``chance``, ``queries``, ``before`` and ``after`` by stream; ``before_interval`` and
        ``after_interval``, bounds at 95 %; ``gain``, ``gain_interval``; ``collapsed``: of which
        streams the features were all alike.
    """
    first, last = (_plain(metrics) for metrics in (before, after))
    queries = int(last['num_query'])
    recalls = {name.removesuffix('_R@1'): name for name in last if name.endswith('_R@1')}
    chance = last[recalls.pop('chance')]
    shares = {
        'before': {stream: first[name] for stream, name in recalls.items()},
        'after': {stream: last[name] for stream, name in recalls.items()},
    }
    gains = {s: gain_of(shares['before'][s], shares['after'][s], queries) for s in recalls}
    return {
        'chance': chance,
        'queries': queries,
        **shares,
        **{
            f'{when}_interval': {s: list(wilson_interval(v, queries)) for s, v in of_when.items()}
            for when, of_when in shares.items()
        },
        'gain': {stream: gain.value for stream, gain in gains.items()},
        'gain_interval': {stream: [gain.low, gain.high] for stream, gain in gains.items()},
        'collapsed': {
            when: [stream for stream in recalls if collapse_mark(metrics, stream)]
            for when, metrics in (('before', first), ('after', last))
        },
    }


def _plain(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics without the prefix of their protocol."""
    return {name.rpartition('/')[2]: value for name, value in metrics.items()}


def format_summary(figures: Mapping, target: Target = Target.CLASS) -> str:
    """The table, one sentence that says what it means, and a warning where queries are few.

    Args:
        figures: Of :func:`summarise`.
        target: What a query looks for.
    """
    chance, queries = figures['chance'], figures['queries']
    lines = [
        f'Retrieval R@1 in per cent, ± at 95 %; {queries} queries, chance {100 * chance:.1f}',
        f'{"":<8}{"before":>15}{"after":>15}{"gain":>15}{"times chance":>15}',
    ]
    for name, after in figures['after'].items():
        before, gain = figures['before'][name], _gain(figures, name)
        cells = (
            _per_cent(before, figures['before_interval'][name]),
            _per_cent(after, figures['after_interval'][name]),
            f'{100 * gain.value:+.1f} ± {100 * gain.error:.1f}',
            f'{after / chance:.1f}',
        )
        note = '  the gain is within its error' if gain.within_error else ''
        row = f'{ROW_NAMES.get(name, name):<8}' + ''.join(f'{cell:>15}' for cell in cells)
        lines.append(f'{row}{note}')
    for when, streams in figures['collapsed'].items():
        if streams:
            names = ', '.join(ROW_NAMES.get(name, name) for name in streams)
            lines.append(
                f'{when}: the features of {names} are nearly all alike, so that rounding decides '
                'what is found'
            )
    lines += ['', meaning(figures, target)]
    if queries < _ENOUGH_QUERIES:
        error = 100 * max(
            max(share - low, high - share)
            for when in ('before', 'after')
            for share, (low, high) in zip(
                figures[when].values(), figures[f'{when}_interval'].values(), strict=True
            )
        )
        lines.append(
            f'{queries} queries are few: a figure may be off by {error:.0f} points; '
            f'{_ENOUGH_QUERIES} queries or more bring that below 10.'
        )
    return '\n'.join(lines)


def most_gained(figures: Mapping) -> str:
    """The stream that training brought most; others may have found more from the first.

    Args:
        figures: Of :func:`summarise`.
    """
    return max(figures['gain'], key=lambda name: figures['gain'][name])


def meaning(figures: Mapping, target: Target, start: str = 'random weights') -> str:
    """One sentence about the stream that gained most.

    Args:
        figures: Of :func:`summarise`.
        target: Who looks for what.
        start: What the training started from, in words.
    """
    best = most_gained(figures)
    shares = (figures['after'][best], figures['before'][best], figures['chance'])
    after, before, chance = (f'{100 * share:.0f}' for share in shares)
    gain = _gain(figures, best)
    if gain.within_error:
        verdict = (
            f'with {figures["queries"]} queries that difference is within its error, so that this '
            'run does not show what training is good for'
        )
    elif gain.value > 0:
        verdict = 'this much the network learned from the videos, without a single label'
    else:
        verdict = 'training made it worse, as it may with few videos or few steps'
    who, what = target.value
    by = ' and '.join(ROW_NAMES.get(part, part) for part in best.split('+'))
    if best == 'both':
        by = 'both streams together'
    elif '+' in best:
        by = f'{by} together'
    return (
        f'What it means: by {by}, {after} in 100 {who} find {what} first, {before} with '
        f'{start} and {chance} by chance; {verdict}.'
    )


def _gain(figures: Mapping, name: str) -> Gain:
    return Gain(figures['gain'][name], *figures['gain_interval'][name])


def _per_cent(share: float, interval: list[float]) -> str:
    low, high = interval
    return f'{100 * share:.1f} ± {100 * max(share - low, high - share):.1f}'
