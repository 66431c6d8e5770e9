"""The documentation: its examples run and give what they say, its links and paths exist."""

import ast
import io
import re
import shutil
import tokenize
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import DATASETS, MODELS
from tests.clips import H264_B, encode, translating

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page
    for where in ('*.md', 'docs/**/*.md', 'configs/*/README.md', 'projects/*/README.md')
    for page in ROOT.glob(where)
)
# What one page puts together is run by test_new_method.py.
EXAMPLES = [
    page for page in PAGES if '\n```python\n' in page.read_text() and page.name != 'new_method.md'
]


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    """The fenced blocks of a language, with blank lines before them so that line numbers hold."""
    text = page.read_text()
    for match in re.finditer(rf'^```{language}\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        yield '\n' * text.count('\n', 0, match.start(1)) + match[1]


def run(code, page, names):
    """Runs a block; in docs/, a comment behind an expression is its value."""
    comments = {
        token.start[0]: token.string.lstrip('# ')
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT
    }
    for node in ast.parse(code).body:
        if not isinstance(node, ast.Expr):
            exec(compile(ast.Module([node], []), page, 'exec'), names)
            continue
        value = eval(compile(ast.Expression(node.value), page, 'eval'), names)
        if node.end_lineno in comments and page.startswith('docs/'):
            assert repr(value) == comments[node.end_lineno], f'{page}, line {node.lineno}'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp('docs')
    clip = translating(60, 3, -1, height=240, width=320)
    encode(folder / 'video.mp4', clip, options=H264_B)
    vp9 = {'deadline': 'realtime', 'cpu-used': '8'}
    encode(folder / 'video.webm', clip[:4], 'libvpx-vp9', options=vp9)
    entries = {'train': [], 'test': []}
    for number in range(20):
        label, name = number % 2, ('run', 'walk')[number % 2]
        path = Path(name, f'{number:02d}.mp4')
        (folder / 'my_videos' / name).mkdir(parents=True, exist_ok=True)
        encode(folder / 'my_videos' / path, translating(36, 2, 0, 48, 64, seed=number))
        entries['train' if number < 16 else 'test'].append(f'{path.as_posix()} {label}\n')
    mine = folder / 'data' / 'mine'
    mine.mkdir(parents=True)
    for split, lines in entries.items():
        (mine / f'{split}_list.txt').write_text(''.join(lines))
    (mine / 'classes.txt').write_text('run\nwalk\n')
    for name in ('run', 'walk'):
        (folder / 'data/hmdb51/videos' / name).mkdir(parents=True)
        (folder / 'data/hmdb51/splits').mkdir(parents=True, exist_ok=True)
        split = folder / 'data/hmdb51/splits' / f'{name}_test_split1.txt'
        split.write_text('a.avi 1 \nb.avi 2 \nc.avi 0 \n')
    shutil.copytree(ROOT / 'configs', folder / 'configs')
    shutil.copy(ROOT / 'hubconf.py', folder)
    # What `make demo` leaves behind.
    demo = folder / 'work_dirs' / 'demo'
    demo.mkdir(parents=True)
    model = MODELS.build(Config.fromfile(ROOT / 'configs/mvcgc/demo.py').model)
    torch.save(dict(state_dict=model.state_dict()), demo / 'epoch_1.pth')
    (demo / 'last_checkpoint').write_text(str(demo / 'epoch_1.pth'))
    return folder


def anchors(page):
    """Of the headings of a page, as the repository's web view has them."""
    for heading in re.findall(r'^#+ (.+)$', page.read_text(), re.MULTILINE):
        words = re.sub(r'\[([^]]+)\]\([^)]*\)', r'\1', heading).lower()
        yield re.sub(r'[^\w -]', '', words).replace(' ', '-')


def build(file):
    """Builds the model and the datasets of a config file."""
    cfg = Config.fromfile(file)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        MODELS.build(cfg.model)
        for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            dataset = cfg.get(name, {}).get('dataset', {})
            for part in dataset.get('datasets', [dataset] if dataset else []):
                # Of the other datasets there are no videos here.
                DATASETS.build(dict(part, lazy_init=part.data_root != 'data/mine'))


@pytest.mark.parametrize('page', EXAMPLES, ids=name_of)
def test_examples_give_what_they_say(page, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    for code in blocks(page, 'python'):
        file = re.match(r'\s*# (configs/\S+\.py)\n', code)
        if file:
            Path(file[1]).write_text(code)
            build(file[1])
            continue
        run(code, name_of(page), names)
        for name in re.findall(r'^def (test_\w+)', code, re.MULTILINE):
            names[name](folder)
        if 'custom_imports' in code and 'model = ' in code:
            with DefaultScope.overwrite_default_scope('mmaction'):
                ROOT_MODELS.build(names['model'])


@pytest.mark.parametrize('page', PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in re.findall(r'\]\(([^)\s]+)\)', page.read_text()):
        if '://' in target:
            continue
        file, _, anchor = target.partition('#')
        linked = page.parent / file if file else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_commands_name_files_that_exist():
    text = ''.join(page.read_text() for page in PAGES)
    written = re.findall(r'^# (configs/\S+)$', text, re.MULTILINE)
    for page in PAGES:
        for code in blocks(page, 'shell'):
            for path in re.findall(
                r'(?:\bprojects/\w+/|\b)(?:tools|configs)/\S+?\.(?:py|sh)\b', code
            ):
                assert (ROOT / path).exists() or path in written, f'{name_of(page)}: {path}'
