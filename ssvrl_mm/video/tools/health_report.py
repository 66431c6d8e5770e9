"""Reports on the health of videos: text for people, and a summary for programs."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ssvrl_mm.video.tools.health import VideoHealth, coviar_obstacles, usable_for

# Upper ends of the bins, and their names.
_GOP_BINS = [(1, '1'), (12, '2-12'), (30, '13-30'), (120, '31-120'), (300, '121-300')]
_B_BINS = [(0.0, 'none'), (0.34, 'up to a third'), (0.5, 'up to half'), (1.0, 'more')]

# Problem files that a report lists before it breaks off.
_LISTED = 50


def summarize(healths: Sequence[VideoHealth]) -> dict[str, Any]:
    """Sums up the videos of a dataset.

    Args:
        healths: the reports on its videos.

    Returns:
        Counts, per codec and per bin of GOP length and of the share of B-frames; ready for
        ``json.dump``.
    """
    good = [h for h in healths if h.readable]
    codecs = Counter(h.codec for h in good)
    known = [h.b_share for h in good if h.b_share is not None]
    return {
        'videos': len(healths),
        'readable': len(good),
        'unreadable': len(healths) - len(good),
        'with_problems': sum(bool(h.problems) for h in good),
        'frames': sum(h.num_frames for h in good),
        'hours': sum(h.duration_seconds for h in good) / 3600,
        'bytes': sum(h.file_bytes for h in healths),
        'frames_per_video': _spread(h.num_frames for h in good),
        'fps': _spread(h.fps for h in good),
        'codecs': {
            codec: _codec_summary([h for h in good if h.codec == codec])
            for codec, _ in codecs.most_common()
        },
        'largest_gop': _histogram([h.gop_max for h in good], _GOP_BINS, 'over 300'),
        'b_frames': _histogram(known, _B_BINS, 'more') | {'not known': len(good) - len(known)},
        'motion_from_codec': sum(bool(h.exports_motion and h.motion_frames) for h in good),
        'coviar_as_it_is': sum(not coviar_obstacles(h) for h in good),
        'rotated': sum(h.rotation != 0 for h in good),
        'varying_rate': sum(h.varying_rate for h in good),
    }


def video_report(health: VideoHealth) -> str:
    """The report on one video as text."""
    h = health
    rows = [('file', f'{h.path}, {_bytes(h.file_bytes)}')]
    if h.readable:
        turned = f', turned by {h.rotation} degrees' if h.rotation else ''
        rate = ', varying' if h.varying_rate else ''
        checked = 'all' if h.full else f'{h.num_checked} of {h.num_frames}'
        cells = '' if h.motion_cells is None else f', in {h.motion_cells:.0%} of their cells'
        motion = f'{_share(h.motion_frames)} of the frames have vectors{cells}'
        if not h.exports_motion:
            motion = 'vectors not exported'
        kinds = [
            f'{kind} {_share(value)}'
            for kind, value in zip('IPB', (h.i_share, h.p_share, h.b_share), strict=True)
        ]
        rows += [
            ('container', h.container),
            ('codec', f'{h.codec}, {h.pixel_format}'),
            ('size', f'{h.width}x{h.height} px{turned}'),
            ('frames', f'{h.num_frames} in {h.duration_seconds:.2f} s, {h.fps:.5g} fps{rate}'),
            ('GOP', f'median {h.gop_median:g}, largest {h.gop_max} frames'),
            ('frame types', ', '.join(kinds) if h.b_share is not None else 'known with --full'),
            ('motion', motion),
            ('decoded', f'{checked} frames, {h.num_lost} lost'),
        ]
    rows.append(('problems', '; '.join(h.problems) or 'none found'))
    text = _rows(rows)
    methods = _rows([(f'  {name}', use) for name, use in usable_for(h).items()])
    return f'{text}\nusable for\n{methods}'


def dataset_report(healths: Sequence[VideoHealth], listed: int = _LISTED) -> str:
    """The report on many videos as text.

    Args:
        healths: the reports on the videos.
        listed: how many problem files to name.
    """
    s = summarize(healths)
    good = max(s['readable'], 1)
    parts = [
        f'{s["videos"]} videos, {_bytes(s["bytes"])}: {s["readable"]} readable, '
        f'{s["with_problems"]} of them with problems; {s["unreadable"]} unreadable'
    ]
    if s['readable']:
        frames, fps = s['frames_per_video'], s['fps']
        parts += [
            f'{s["frames"]} frames, {s["hours"]:.2f} h; '
            f'{_range(frames)} frames a video, {_range(fps)} fps '
            '(smallest / median / largest)',
            _codec_table(s['codecs']),
            _rows(
                [
                    ('largest GOP of a video, frames', _bins(s['largest_gop'], good)),
                    ('share of B-frames', _bins(s['b_frames'], good)),
                    ('turned for display', _of(s['rotated'], good)),
                    ('varying frame rate', _of(s['varying_rate'], good)),
                ]
            ),
            'usable for\n'
            + _rows(
                [
                    ('  RGB (MoCo)', _of(s['readable'], good)),
                    (
                        '  RGB and motion (MVCGC, CoCLR)',
                        f'{_of(s["motion_from_codec"], good)} as they are, any other with '
                        "motion='auto' or after transcoding",
                    ),
                    (
                        '  CoViAR-style',
                        f'{_of(s["coviar_as_it_is"], good)} as they are, any other after '
                        'transcoding (--preset mpeg4-gop12)',
                    ),
                ]
            ),
        ]
    ill = [h for h in healths if h.problems]
    if ill:
        lines = [f'  {h.path}: {"; ".join(h.problems)}' for h in ill[:listed]]
        if len(ill) > listed:
            lines.append(f'  and {len(ill) - listed} more; --json lists all')
        parts.append('\n'.join(['problem files', *lines]))
    return '\n\n'.join(parts)


def _codec_summary(healths: Sequence[VideoHealth]) -> dict[str, Any]:
    def mean(value: Callable[[VideoHealth], float | None]) -> float | None:
        known = [v for h in healths if (v := value(h)) is not None]
        return float(np.mean(known)) if known else None

    containers = Counter(h.container for h in healths)
    sizes = Counter(f'{h.width}x{h.height}' for h in healths)
    return {
        'videos': len(healths),
        'frames': sum(h.num_frames for h in healths),
        'containers': dict(containers.most_common()),
        'sizes': dict(sizes.most_common()),
        'gop_median': float(np.median([h.gop_median for h in healths])),
        'gop_max': max(h.gop_max for h in healths),
        'b_share': mean(lambda h: h.b_share),
        'exports_motion': healths[0].exports_motion,
        'motion_frames': mean(lambda h: h.motion_frames),
        'motion_cells': mean(lambda h: h.motion_cells),
    }


def _codec_table(codecs: dict[str, dict[str, Any]]) -> str:
    head = ('codec', 'videos', 'frames', 'size', 'GOP', 'max', 'B', 'with motion', 'cells')
    rows = [head]
    for name, c in codecs.items():
        size = next(iter(c['sizes'])) + (', ...' if len(c['sizes']) > 1 else '')
        motion, cells = _share(c['motion_frames']), _share(c['motion_cells'])
        if not c['exports_motion']:
            motion = cells = '-'
        gop, b_share = f'{c["gop_median"]:g}', _share(c['b_share'])
        numbers = (str(c['videos']), str(c['frames']), size, gop, str(c['gop_max']), b_share)
        rows.append((name, *numbers, motion, cells))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        right = [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        lines.append('  '.join([row[0].ljust(widths[0]), *right]))
    return '\n'.join(lines)


def _histogram(
    values: Sequence[float], bins: Sequence[tuple[float, str]], rest: str
) -> dict[str, int]:
    counts = dict.fromkeys([name for _, name in bins] + [rest], 0)
    for value in values:
        counts[next((name for end, name in bins if value <= end), rest)] += 1
    return counts


def _spread(values: Iterable[float]) -> dict[str, float]:
    found = list(values)
    if not found:
        return {}
    return {'min': min(found), 'median': float(np.median(found)), 'max': max(found)}


def _bins(counts: dict[str, int], total: int) -> str:
    return ', '.join(f'{name}: {_of(count, total)}' for name, count in counts.items() if count)


def _range(spread: dict[str, float]) -> str:
    return ' / '.join(f'{spread[key]:.5g}' for key in ('min', 'median', 'max'))


def _of(count: int, total: int) -> str:
    return f'{count} ({count / total:.0%})'


def _share(value: float | None) -> str:
    return '?' if value is None else f'{value:.0%}'


def _bytes(count: float) -> str:
    for unit in ('B', 'kB', 'MB', 'GB'):
        if count < 1000:
            return f'{count:.3g} {unit}'
        count /= 1000
    return f'{count:.3g} TB'


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return '\n'.join(f'{name:<{width}}  {value}' for name, value in rows)
