"""Links between files of the repository, as links between pages of the site.

Pages are written for the repository's web view: a link names a file, relative to the file it
stands in. Here each becomes a link to the page that shows the file, or to a view of its source
where no page does. A text that lies elsewhere, ``configs/mvcgc/README.md`` for instance, becomes a
page by a file in ``docs/`` that includes it, and links to it lead to that page.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

#: The scheme of links to source views, between reading and writing.
SCHEME = 'source:'

# Pictures first: they may be the text of a link, which may go over lines, but not a blank one.
_PICTURE = re.compile(r'(!\[[^\[\]]*\]\()([^)\s]+)(?=[)\s])')
_LINK = re.compile(r'(?<!!)(\[(?:[^\[\]\n]|\n(?!\s*\n)|\[[^\[\]]*\])*\]\()([^)\s]+)(?=[)\s])')
_INCLUDE = re.compile(r'^```\{include\} (\S+)$', re.MULTILINE)
_FENCE = re.compile(r'^\s{0,3}(`{3,}|~{3,})')
_CODE = re.compile(r'(?<!`)(`+)(?!`)(?:[^\n]|\n(?!\s*\n))+?(?<!`)\1(?!`)')
_EXTERNAL = re.compile(r'[a-z][a-z0-9+.-]*:', re.IGNORECASE)


class Pages:
    """Which page of the site shows which file of the repository.

    Args:
        root: The repository.
        source: The folder of the site's own pages in it.

    Attributes:
        by_file: Names of pages by path in the repository.

    Example:
        >>> Pages(root, root / 'docs').by_file['configs/mvcgc/README.md']
        'methods/mvcgc'
    """

    def __init__(self, root: Path, source: Path) -> None:
        self.root, self.source = root, source
        self.by_file: dict[str, str] = {}
        for file in sorted([*source.rglob('*.md'), *source.rglob('*.ipynb')]):
            name = file.relative_to(source)
            if any(part.startswith(('_', '.')) for part in name.parts):
                continue
            page = name.with_suffix('').as_posix()
            self.by_file[file.relative_to(root).as_posix()] = page
            if file.suffix == '.md':
                for included in _INCLUDE.findall(file.read_text(encoding='utf-8')):
                    path = os.path.relpath(file.parent / included, root)
                    self.by_file[Path(path).as_posix()] = page

    def target(self, link: str, origin: str, page: str, image: bool = False) -> str | None:
        """What a link has to be on the site.

        Args:
            link: The link, as it is written.
            origin: The file that it stands in, by its path in the repository.
            page: The page that the file is shown on.
            image: Whether it is a picture that is shown in its place.

        Returns:
            The link to write instead; None where it leads to nothing in the repository.
        """
        path, _, anchor = link.partition('#')
        if not path or _EXTERNAL.match(link):
            return link
        file = os.path.normpath(PurePosixPath(origin).parent / path)
        if file.startswith('..') or path.startswith('/') or not (self.root / file).exists():
            return None
        here = self.source / PurePosixPath(page).parent
        if image:
            return PurePosixPath(os.path.relpath(self.root / file, here)).as_posix()
        if file not in self.by_file:
            return SCHEME + PurePosixPath(file).as_posix()
        shown = self.by_file[file]
        suffix = '.ipynb' if file.endswith('.ipynb') else '.md'
        relative = os.path.relpath(self.source / (shown + suffix), here)
        return PurePosixPath(relative).as_posix() + (f'#{anchor}' if anchor else '')

    def relink(self, text: str, origin: str, page: str) -> tuple[str, list[tuple[int, str]]]:
        """Markdown with the links of the site, and those that lead nowhere, by line.

        Args:
            text: The Markdown; fenced blocks and code within lines stay as they are.
            origin: The file it is from, by its path in the repository.
            page: The page that it is shown on.
        """
        text, broken = self._relink(text, origin, page, _PICTURE)
        text, lost = self._relink(text, origin, page, _LINK)
        return text, sorted(broken + lost)

    def _relink(
        self, text: str, origin: str, page: str, pattern: re.Pattern[str]
    ) -> tuple[str, list[tuple[int, str]]]:
        broken = []
        # Code may be the text of a link, but no link starts within it.
        code = [*_fenced(text), *(match.span() for match in _CODE.finditer(text))]

        def replace(match: re.Match[str]) -> str:
            if any(start <= match.start() < end for start, end in code):
                return match[0]
            target = self.target(match[2], origin, page, image=pattern is _PICTURE)
            if target is None:
                broken.append((text.count('\n', 0, match.start(2)) + 1, match[2]))
                return match[0]
            return match[1] + target

        return pattern.sub(replace, text), broken


def _fenced(text: str) -> Iterator[tuple[int, int]]:
    """Where fenced blocks begin and end."""
    fence, begin, place = '', 0, 0
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if not fence and mark:
            fence, begin = mark[1], place
        elif fence and mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            yield begin, place + len(line)
            fence = ''
        place += len(line)
    if fence:
        yield begin, place
