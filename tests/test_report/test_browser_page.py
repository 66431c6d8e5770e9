"""The page in a browser: no errors, no requests, videos play, tables sort, phones have room."""

import numpy as np
import pytest

from ssvrl_mm.apis import FeatureTable
from ssvrl_mm.apis.video_source import VideoSource
from ssvrl_mm.report.blocks import Numbers, Section, Table
from ssvrl_mm.report.network import NetworkFindings
from ssvrl_mm.report.page import render_page
from ssvrl_mm.report.sections.embedding import embedding_section
from ssvrl_mm.report.sections.neighbours import VideoOptions, class_names, neighbours_section
from tests.clips import encode, translating
from tests.test_report.runs import HOSTILE

LONG = 'model.' + 'backbone_of_a_long_name.' * 6


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    """Four queries and four gallery videos; features say that each finds its like."""
    root = tmp_path_factory.mktemp('page')
    folders = ('left', '<img src=x onerror=broken=1>')
    tables, sources = {}, {}
    for role, shift in (('query', 0), ('gallery', 4)):
        entries = []
        for number in range(4):
            label = number % 2
            path = f'{folders[label]}/{shift + number}.mp4'
            (root / folders[label]).mkdir(exist_ok=True)
            encode(root / path, translating(12, 2 - 4 * label, 0, 48, 64, seed=shift + number))
            entries.append((path, label))
        labels = np.array([0, 1, 0, 1])
        # The third query is nearest to a video of the other class.
        angles = (
            np.array([0.0, 1.0, 0.9, 1.1]) if role == 'query' else np.array([0.0, 1.0, 0.1, 1.2])
        )
        features = {'rgb': np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)}
        times = np.full((4, 1, 2), np.nan, np.float32)
        tables[role] = FeatureTable([path for path, _ in entries], labels, times, features)
        sources[role] = VideoSource(entries, str(root), str(root), '')
    return NetworkFindings(sources, tables, {})


@pytest.fixture(scope='module')
def page(found, tmp_path_factory):
    names = class_names(found.sources['query'])
    table = Table(
        HOSTILE, ['name', 'value'], [['b', '9'], ['a', '10.5 ± 1'], [LONG, '-']], stacks=True
    )
    wide = Table('wide', [f'column {n}' for n in range(12)], [['value'] * 12])
    cards = Numbers([('ContrastiveRecognizer', 'model', '<b>'), ('25.0 %', 'x', 'mvcgc_s3d_k400')])
    sections = [
        Section('tables', HOSTILE, [cards, table, wide]),
        neighbours_section(found, names, VideoOptions(queries=4, neighbours=2)),
        embedding_section(found, names),
    ]
    file = tmp_path_factory.mktemp('html') / 'report.html'
    file.write_text(render_page(HOSTILE, LONG, sections), encoding='utf-8')
    return file


def test_neighbours_are_marked_and_limited(found):
    names = class_names(found.sources['query'])
    assert names == {0: 'left', 1: '<img src=x onerror=broken=1>'}
    section = neighbours_section(found, names, VideoOptions(queries=4, neighbours=2))
    said, *searches = section.blocks
    assert 'The first one found is right for 3 of 4.' in said.text
    assert [search.found[0].right for search in searches] == [True, True, False, True]
    sizes = [len(clip.video) + len(clip.poster) for s in searches for clip in (s.query, *s.found)]
    assert all(2000 < size < 40_000 for size in sizes)
    section = neighbours_section(found, names, VideoOptions(4, 2, limit=sum(sizes[:3]) + 10))
    clips = [clip for s in section.blocks[1:5] for clip in (s.query, *s.found)]
    assert all(clip.video for clip in clips[:3]) and not all(clip.video for clip in clips)
    assert '--limit-mb' in section.blocks[-1].text
    none = neighbours_section(found, names, VideoOptions(queries=0))
    assert '--no-videos' in none.blocks[0].text


@pytest.mark.parametrize('width', [1280, 360])
def test_the_page_is_calm_and_fits(browser, page, width):
    browser.open(page, width, 812)
    browser.wait('return document.readyState == "complete"')
    assert (browser.overflow(), browser.errors(), browser.asked_outside()) == (0, [], [])
    assert browser.run('return window.broken') is None
    assert browser.run('return document.title') == HOSTILE
    # Each word of a card stands in one line.
    lines = """return [...document.querySelectorAll('.numbers b')].map(card => [card.textContent,
      ...[...card.childNodes].filter(node => node.nodeType === 3).map(node => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return range.getClientRects().length;
      })])"""
    assert browser.run(lines) == [['ContrastiveRecognizer', 1, 1], ['25.0 %', 1]]


def test_the_page_is_dark_where_people_want_it(browser, page):
    colours = """const style = getComputedStyle(document.body);
      return [style.backgroundColor, style.color].map(c => Number(c.match(/\\d+/)[0]))"""
    shades = {}
    for theme in ('dark', 'light'):
        wanted = {'features': [{'name': 'prefers-color-scheme', 'value': theme}]}
        browser.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', wanted)
        browser.open(page)
        shades[theme] = browser.run(colours)
    assert shades['dark'][0] < 50 < 200 < shades['dark'][1]
    assert shades['light'][1] < 50 < 200 < shades['light'][0]


def test_videos_play(browser, page):
    browser.open(page)
    browser.run('document.querySelector(".play").click()')
    browser.wait(
        'return [...document.querySelectorAll("video")].every(v => v.currentTime > 0.1)'
        ' && document.querySelectorAll("video").length == 12'
    )
    browser.run('document.querySelector(".play").click()')
    assert browser.run('return [...document.querySelectorAll("video")].every(v => v.paused)')
    assert browser.errors() == []


def test_tables_sort_by_numbers_and_back(browser, page):
    browser.open(page)
    cells = '[...document.querySelector("#tables tbody").rows].map(r => r.cells[{}].innerText)'
    click = 'document.querySelectorAll("#tables th button")[{}].click()'
    seen = []
    for column in (1, 1, 0, 0):
        browser.run(click.format(column))
        seen.append(browser.run(f'return {cells.format(column)}'))
    assert seen[:2] == [['9', '10.5 ± 1', '-'], ['10.5 ± 1', '9', '-']]
    assert seen[2:] == [['a', 'b', LONG], [LONG, 'b', 'a']]
    sorts = 'return [...document.querySelectorAll("#tables [aria-sort]")].map(h => h.ariaSort)'
    assert browser.run(sorts) == ['descending']


def test_points_say_their_names_and_classes_are_picked(browser, page):
    browser.open(page)
    browser.run(
        'document.querySelector(".points use")'
        '.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}))'
    )
    assert browser.run('return document.getElementById("tip").innerText') == 'left: left/0.mp4'
    browser.run('document.querySelectorAll(".legend button")[1].click()')
    shown = 'return getComputedStyle(document.querySelector("[data-gid=class-{}]")).opacity'
    assert [browser.run(shown.format(n)) for n in (0, 1)] == ['0.08', '1']
