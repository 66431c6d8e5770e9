"""From the folder of a run to its page."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ssvrl_mm.progress import Progress
from ssvrl_mm.report.blocks import Section, missing
from ssvrl_mm.report.data_health import DataHealth, look_at_data
from ssvrl_mm.report.demo_figures import ShownFigures, shown_figures
from ssvrl_mm.report.errors import ReportError
from ssvrl_mm.report.network import NetworkFindings, NetworkOptions, check_device, run_network
from ssvrl_mm.report.page import render_page
from ssvrl_mm.report.run_folder import RunFolder, open_run
from ssvrl_mm.report.run_log import LogFacts, read_logs
from ssvrl_mm.report.sections.classes import classes_section
from ssvrl_mm.report.sections.curves import curves_section
from ssvrl_mm.report.sections.data import data_section
from ssvrl_mm.report.sections.embedding import embedding_section
from ssvrl_mm.report.sections.neighbours import VideoOptions, class_names, neighbours_section
from ssvrl_mm.report.sections.origin import origin_section
from ssvrl_mm.report.sections.overview import overview_section
from ssvrl_mm.report.sections.retrieval import retrieval_section
from ssvrl_mm.report.sections.settings import settings_section
from ssvrl_mm.report.sections.speed import speed_section
from ssvrl_mm.whole_files import write_whole
from ssvrl_mm.zoo.extras import require_extra

# Of the limit, what stays free: base64 and markup of the videos are counted, their captions not.
_SLACK = 20_000


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows.

    Attributes:
        videos: Queries whose neighbours are shown; 0: no videos.
        neighbours: How many of each.
        limit_mb: The page is no larger, in MB of 10^6 bytes.
        look_at: Videos that are looked into; 0: none.
        base: Config file to compare with; None: the one of the package of that name.
        network: How the network is run.
        progress: Whether to say what is done.
    """

    videos: int = 6
    neighbours: int = 3
    limit_mb: float = 10.0
    look_at: int = 100
    base: Path | None = None
    network: NetworkOptions = field(default_factory=NetworkOptions)
    progress: bool = True


def cache_folder(out: Path) -> Path:
    """Where what the network gave is kept, beside the page."""
    return out.with_name(f'{out.stem}_cache')


def write_page(folder: Path, out: Path, options: ReportOptions | None = None) -> Path:
    """Writes the report of a run.

    Args:
        folder: Its work dir.
        out: The page; features are kept in ``NAME_cache`` beside it.
        options: What it shows.

    Returns:
        ``out``.

    Raises:
        ReportError: The folder holds no run of this package, the limit is too small, or the
            device is not there.
        WeightsError: The newest checkpoint does not fit the model of the config.
        ImportError: The extra ``report`` is not installed.

    Example:
        >>> write_page(Path('work_dirs/demo'), Path('work_dirs/demo/report.html'))
        PosixPath('work_dirs/demo/report.html')
    """
    options = options or ReportOptions()
    check_extra()
    check_device(options.network.device)
    run = open_run(folder)
    facts = run_facts(run)
    with _said('looking into the videos', options):
        data = look_at_data(run.cfg, options.look_at, options.network.workers)
    network = run_network(run, cache_folder(out), options.network)
    with _said('drawing the report', options):
        text = _page(run, facts, data, network, options)
    write_whole(out, text.encode('utf-8', 'backslashreplace'))
    return out


def run_facts(run: RunFolder) -> LogFacts:
    """What the logs say: machine and time of the training, and what was said of any video."""
    told_by = run.told_by
    facts = read_logs(launch.log for launch in told_by if launch.log)
    tests = read_logs(each.log for each in run.launches if each.log and each not in told_by)
    facts.skipped.update(tests.skipped)
    for text, count in tests.warnings.items():
        facts.warnings[text] = facts.warnings.get(text, 0) + count
    return facts


def check_extra() -> None:
    """Checks that what a report needs is installed.

    Raises:
        ImportError: It is not; the message says how to get it.
    """
    for module in ('jinja2', 'matplotlib'):
        require_extra(module, 'report', 'a report')


def _page(
    run: RunFolder,
    facts: LogFacts,
    data: DataHealth,
    found: NetworkFindings,
    options: ReportOptions,
) -> str:
    """The page, with as many videos as the limit has room for."""
    limit = int(options.limit_mb * 1e6)
    source = found.sources.get('query') or found.sources.get('test')
    names = class_names(source) if source else {}
    try:
        figures = shown_figures(run, found)
    except Exception as error:  # as a section's
        figures = ShownFigures(remarks=[f'The figures cannot be made: {_told(error)}'])
    before = [
        _made('overview', 'Overview', lambda: overview_section(run, facts, data, figures)),
        _made('settings', 'What was run', lambda: settings_section(run, options.base)),
        _made('curves', 'Curves of the training', lambda: curves_section(run)),
        _made('data', 'Health of the data', lambda: data_section(run, facts, data)),
    ]
    if 'test' in found.trained:
        before.append(_made('classes', 'Classes', lambda: classes_section(found, names)))
    before.append(_made('retrieval', 'Retrieval', lambda: retrieval_section(run, found, figures)))
    after = [
        _made('embedding', 'Where features lie', lambda: embedding_section(found, names)),
        _made('speed', 'Speed', lambda: speed_section(run, facts)),
        _made('origin', 'Environment and checksums', lambda: origin_section(run, facts, data)),
    ]
    title = f'Report of {run.name}'
    subtitle = f'{run.path}, written {_today()}'
    size = len(render_page(title, subtitle, [*before, *after]).encode('utf-8', 'backslashreplace'))
    if size > limit:
        raise ReportError(
            f'the page takes {size / 1e6:.1f} MB without any video, and may have '
            f'{options.limit_mb:g}: raise --limit-mb'
        )
    videos = VideoOptions(options.videos, options.neighbours, max(0, limit - size - _SLACK))
    shown = _neighbours(found, names, videos)
    text = render_page(title, subtitle, [*before, shown, *after])
    if len(text.encode('utf-8', 'backslashreplace')) > limit:
        # The limit is the reason, and not what was asked for.
        reason = f'Left out: the page would be larger than {options.limit_mb:g} MB (--limit-mb).'
        shown = Section(shown.anchor, shown.title, [missing(reason)])
        text = render_page(title, subtitle, [*before, shown, *after])
    return text


def _neighbours(found: NetworkFindings, names: Mapping[int, str], videos: VideoOptions) -> Section:
    return _made('neighbours', 'Nearest videos', lambda: neighbours_section(found, names, videos))


def _made(anchor: str, title: str, make: Callable[[], Section]) -> Section:
    """A section; where it fails, one that says why: the others are no worse for it."""
    try:
        return make()
    except (ImportError, ReportError):
        raise
    except Exception as error:  # whatever files hold that nobody has thought of
        return Section(anchor, title, [missing(f'This cannot be shown: {_told(error)}')])


def _told(error: Exception) -> str:
    return f'{type(error).__name__}: {error}'


def _today() -> str:
    from datetime import datetime

    return f'{datetime.now():%Y-%m-%d %H:%M}'


@contextmanager
def _said(what: str, options: ReportOptions) -> Iterator[None]:
    if not options.progress:
        yield
        return
    with Progress(what):
        yield
