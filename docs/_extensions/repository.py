"""Sphinx extension: pages and source views of the repository's files, linked as in it."""

import json
import os
from collections.abc import Iterator
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound
from repository_links import SCHEME, Pages
from sphinx.application import Sphinx
from sphinx.util import logging

#: The folder of the site that source views lie in.
VIEWS = 'source'
logger = logging.getLogger(__name__)


class Repository:
    """Turns links of pages while they are read, and writes the source views that they lead to.

    Args:
        root: The repository.
        source: The folder of the site's own pages in it.
    """

    def __init__(self, root: Path, source: Path) -> None:
        self.root = root
        self.pages = Pages(root, source)
        self._viewed: set[str] = set()

    def read_page(self, app: Sphinx, page: str, content: list[str]) -> None:
        """Turns the links of a page, or of the Markdown cells of a notebook."""
        file = Path(app.env.doc2path(page))
        if file.suffix == '.md':
            content[0] = self._turned(content[0], file, page)
        elif file.suffix == '.ipynb':
            notebook = json.loads(content[0])
            for cell in notebook['cells']:
                if cell['cell_type'] == 'markdown':
                    cell['source'] = self._turned(''.join(cell['source']), file, page)
            content[0] = json.dumps(notebook)

    def read_included(self, app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
        """Turns the links of a text that a page includes."""
        content[0] = self._turned(content[0], app.srcdir / path, app.env.docname)

    def _turned(self, text: str, file: Path, page: str) -> str:
        origin = os.path.relpath(file, self.root)
        text, broken = self.pages.relink(text, origin, page)
        for line, link in broken:
            logger.warning('link leads nowhere: %s', link, location=f'{origin}:{line}')
        return text

    def point_at_views(self, app: Sphinx, document: nodes.document, page: str) -> None:
        """Points links to files without a page at their source views."""
        for reference in document.findall(nodes.reference):
            link = reference.get('refuri', '')
            if link.startswith(SCHEME):
                path = link.removeprefix(SCHEME)
                self._viewed.add(path)
                reference['refuri'] = app.builder.get_relative_uri(page, f'{VIEWS}/{path}')

    def write_views(self, app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
        """A page per file that a link leads to; of a folder, one per file in it."""
        waiting, seen = sorted(self._viewed), set()
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            if (self.root / path).is_dir():
                inside = entries(self.root / path)
                waiting += [f'{path}/{name}' for name in inside]
                body = listing(path, inside)
            else:
                body = highlighted(self.root / path)
            title = f'<h1><code>{escape(path)}</code></h1>\n'
            yield f'{VIEWS}/{path}', {'title': path, 'body': title + body}, 'page.html'


def entries(folder: Path) -> list[str]:
    """Names of the files and folders that are no by-products."""
    return sorted(
        file.name for file in folder.iterdir() if not file.name.startswith(('.', '__pycache__'))
    )


def listing(path: str, inside: list[str]) -> str:
    """Links to the views of what a folder holds."""
    folder = PurePosixPath(path).name
    items = (f'<li><a href="{folder}/{n}.html">{n}</a></li>' for n in map(escape, inside))
    return f'<ul>{"".join(items)}</ul>'


def highlighted(file: Path) -> str:
    """A file in colours; those that are no texts are named only."""
    try:
        text = file.read_text(encoding='utf-8')
    except UnicodeDecodeError:
        return '<p>Not a text.</p>'
    try:
        lexer = get_lexer_for_filename(file.name)
    except ClassNotFound:
        lexer = TextLexer()
    return highlight(text, lexer, HtmlFormatter())


def setup(app: Sphinx) -> dict[str, Any]:
    """Connects the extension; source views are gathered in one process."""
    repository = Repository(Path(app.srcdir).parent, Path(app.srcdir))
    app.connect('source-read', repository.read_page)
    app.connect('include-read', repository.read_included)
    app.connect('doctree-resolved', repository.point_at_views)
    app.connect('html-collect-pages', repository.write_views)
    return {'parallel_read_safe': True, 'parallel_write_safe': False}
