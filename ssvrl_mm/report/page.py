"""The page itself: one file of HTML that asks nobody for anything."""

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib import resources

from ssvrl_mm.report.blocks import Search, Section
from ssvrl_mm.version import __version__
from ssvrl_mm.zoo.extras import require_extra


def render_page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Writes sections as HTML.

    Everything but the style, the script and the charts is escaped; the page's policy lets a
    browser run this one script and nothing else, and load nothing that the page does not hold.

    Args:
        title: Heading of the page.
        subtitle: A line below it.
        sections: What it holds.

    Raises:
        ImportError: Jinja2 is not installed.
    """
    require_extra('jinja2', 'report', 'a report')
    import jinja2

    folder = resources.files('ssvrl_mm.report') / 'templates'
    style, script, template = (
        (folder / name).read_text(encoding='utf-8')
        for name in ('style.css', 'script.js', 'report.html.j2')
    )
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters['words'] = words
    # A name of a file may hold bytes that are no text.
    return environment.from_string(template).render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        has_videos=any(_plays(block) for section in sections for block in section.blocks),
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        version=__version__,
    )


def words(name: str) -> list[str]:
    """The parts of a name, between which it may go on in the next line.

    Example:
        >>> words('SSLRecognizer, 25.0 of mvcgc_s3d')
        ['SSL', 'Recognizer, 25.0 of mvcgc_', 's3d']
    """
    return re.split(r'(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[_/.])(?=[a-zA-Z])', name)


def _plays(block: object) -> bool:
    if not isinstance(block, Search):
        return False
    return any(clip.video for clip in (block.query, *block.found))
