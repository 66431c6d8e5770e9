"""Pages of runs that were written by hand: content, escaping, size."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ssvrl_mm.report import NetworkOptions, ReportError, ReportOptions, demo_figures, write_page
from ssvrl_mm.report.blocks import Cell, Numbers, Section, Table, Text
from ssvrl_mm.report.charts import Line, confusion_chart, line_chart, point_chart
from ssvrl_mm.report.network import NetworkFindings
from ssvrl_mm.report.page import render_page, words
from ssvrl_mm.report.run_folder import open_run
from ssvrl_mm.report.run_log import LogFacts, read_logs
from ssvrl_mm.report.sections import classes, curves, retrieval, settings, speed
from ssvrl_mm.run_logs import RunLog
from tests.test_report.runs import HOSTILE, figures, write_launch

OFFLINE = ReportOptions(look_at=0, network=NetworkOptions(enabled=False), progress=False)


class Reader(HTMLParser):
    """Tags of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self._raw = [], '', False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._raw = tag in ('script', 'style')

    def handle_endtag(self, tag):
        self._raw = False

    def handle_data(self, data):
        self.text += '' if self._raw else data


def texts(section, kind):
    return [block for block in section.blocks if block.kind == kind]


def shown(cells):
    return [cell if isinstance(cell, str) else cell.text for cell in cells]


def test_what_users_wrote_is_text_and_nothing_else(tmp_path):
    run = tmp_path / HOSTILE.replace('/', '_')
    write_launch(run, '20260101_100000', (10, 20), (1, 2), model=dict(type=HOSTILE))
    page = write_page(run, tmp_path / 'report.html', OFFLINE).read_text()
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags].count('script') == 1
    assert HOSTILE in reader.text and 'videos/<b>bad</b>.mp4' in reader.text
    for _, attributes in reader.tags:
        assert not any(name.startswith('on') for name in attributes)
        for name in ('src', 'href', 'poster'):
            value = attributes.get(name) or '#'
            assert value.startswith(('#', 'data:'))
    policy = next(a['content'] for t, a in reader.tags if 'http-equiv' in a)
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:")
    assert not re.search(r'(?<!xmlns=")https?://', page)


def test_sections_that_have_nothing_say_so_in_a_sentence(tmp_path):
    write_launch(tmp_path, '20260101_100000', log='')
    page = Reader(write_page(tmp_path, tmp_path / 'report.html', OFFLINE).read_text()).text
    for sentence in (
        'name the file that this run was started with by --config',
        'No step of a training was logged',
        'The config of this run tests with no videos',
        'the config has no train_dataloader',
        'There is no checkpoint yet',
        'No log names the machine',
        'benchmark_train.py CONFIG --json',
        'No video was looked into',
    ):
        assert sentence in page


def test_a_page_is_no_larger_than_its_limit(tmp_path):
    write_launch(tmp_path, '20260101_100000', range(1, 500))
    page = write_page(tmp_path, tmp_path / 'report.html', OFFLINE)
    assert 10_000 < page.stat().st_size < 300_000
    options = ReportOptions(look_at=0, limit_mb=0.005, network=OFFLINE.network, progress=False)
    with pytest.raises(ReportError, match=r'takes 0\.\d MB without any video, and may have 0\.005'):
        write_page(tmp_path, tmp_path / 'small.html', options)
    assert not (tmp_path / 'small.html').exists()


def retrieval_of(run):
    """The section of a run without a network."""
    found = NetworkFindings({}, {}, {})
    return retrieval.retrieval_section(run, found, demo_figures.shown_figures(run, found))


def test_the_figures_are_those_of_the_demo(tmp_path):
    import json

    write_launch(tmp_path, '20260101_100000', (10,))
    (tmp_path / 'retrieval.json').write_text(json.dumps(figures()))
    run = open_run(tmp_path)
    section = retrieval_of(run)
    (table,) = texts(section, 'table')
    # Wilson's bounds of 30 and 60 of 100, by hand: 0.2189..0.3959 and 0.5020..0.6906.
    assert table.caption.endswith('100 queries, chance 25.0')
    rows = [shown(row) for row in table.rows]
    assert rows[0] == ['RGB', '30.0 ± 9.6', '60.0 ± 9.8', '+30.0 ± 13.7', '2.4']
    assert table.rows[0][3].kind == 'good' and table.rows[0][3].key == pytest.approx(0.3)
    (tmp_path / 'retrieval.json').write_text('{"chance": 1')
    assert demo_figures.read_figures(tmp_path / 'retrieval.json') is None


def test_worse_and_unsure_gains_look_otherwise(tmp_path):
    import json

    write_launch(tmp_path, '20260101_100000', (10,))
    run = open_run(tmp_path)
    for after, kind in ((0.05, 'bad'), (0.31, '')):
        (tmp_path / 'retrieval.json').write_text(json.dumps(figures(after)))
        section = retrieval_of(run)
        assert texts(section, 'table')[0].rows[0][3].kind == kind


def test_reports_of_tests_in_the_folder_are_shown(tmp_path):
    import json

    folder = write_launch(tmp_path, '20260101_100000')
    content = dict(
        figures={'retrieval/rgb_R@1': 0.5, 'retrieval/num_query': 100.0},
        provenance=dict(checkpoint='x/epoch_9.pth'),
    )
    (folder / 'evaluation.json').write_text(json.dumps(content))
    section = retrieval_of(open_run(tmp_path))
    tables = texts(section, 'table')
    assert tables[0].caption == 'Test of 20260101_100000, epoch_9.pth'
    assert [list(row) for row in tables[0].rows] == [['RGB', '50.0 ± 9.6']]
    (folder / 'evaluation.json').write_text('[]')
    section = retrieval_of(open_run(tmp_path))
    assert 'is no report of a test' in texts(section, 'text')[0].text


def test_settings_that_differ_from_file_and_bases(tmp_path, repository):
    from mmengine.config import Config

    file = repository / 'configs/mvcgc/demo.py'
    cfg = Config.fromfile(file)
    cfg.train_cfg.max_epochs = 7
    cfg.work_dir = 'elsewhere'
    (tmp_path / '20260101_100000' / 'vis_data').mkdir(parents=True)
    cfg.dump(tmp_path / '20260101_100000' / 'vis_data' / 'config.py')
    (tmp_path / 'demo.py').write_text('')
    section = settings.settings_section(open_run(tmp_path))
    changed, own = texts(section, 'table')
    assert [shown(row) for row in changed.rows] == [['train_cfg.max_epochs', '30', '7']]
    rows = {row[0].text: shown(row)[1:] for row in own.rows}
    assert rows['model.head.queue_length'] == ['2048', '128']
    assert rows['train_cfg.max_epochs'] == ['not set', '30']
    with pytest.raises(ReportError, match='bad.py cannot be read as a config'):
        (tmp_path / 'bad.py').write_text('x = (')
        settings.settings_section(open_run(tmp_path), tmp_path / 'bad.py')


def test_curves_of_a_kind_share_a_chart_and_launches_are_marked(tmp_path):
    steps = [
        {'iter': i, 'loss': 1.0, 'loss_rgb': i, 'top1_rgb': 0.1, 'top1_motion': 0.2, 'time': 1,
         'bad': float('nan'), 'text': 'x'}
        for i in (1, 2)
    ]  # fmt: skip
    found = {
        kind: [line.name for line in lines]
        for kind, lines in curves.grouped(RunLog(tmp_path, steps))
    }
    assert found == {
        'loss': ['loss'], 'parts of the loss': ['loss_rgb'], 'top1': ['top1_rgb', 'top1_motion'],
    }  # fmt: skip
    write_launch(tmp_path, '20260101_100000', (10, 20))
    write_launch(tmp_path, '20260101_110000', (15, 25), (1, 3))
    section = curves.curves_section(open_run(tmp_path))
    launches, validations = texts(section, 'table')
    assert [row[1] for row in launches.rows] == ['10', '15']
    assert [list(row) for row in validations.rows] == [['1', '0.1'], ['3', '0.3']]
    described = texts(section, 'charts')[0].charts[0].description
    assert described == 'loss over iteration: loss from 9 to 7.5.'


def test_speed_and_the_share_of_waiting(tmp_path):
    import json

    loader = dict(batch_size=8)
    folder = write_launch(tmp_path, '20260101_100000', (10, 20), train_dataloader=loader)
    facts = read_logs([folder / '20260101_100000.log'])
    section = speed.speed_section(open_run(tmp_path), facts)
    rows = dict(shown(row) for row in texts(section, 'table')[0].rows)
    # 2 processes of 8 videos in half a second; 20 steps.
    assert rows['videos per second'].startswith('32 ') and rows['a step'] == '500 ms'
    assert (
        rows['all steps'] == '0:10' and rows['from the first line of the log to the last'] == '2:00'
    )
    (share,) = texts(section, 'shares')
    assert share.parts[0][1] == pytest.approx(0.2)
    phases = [dict(phase='forward', within=None, share=0.75, median_ms=3.0)]
    phases.append(dict(phase='key forward', within='forward', share=0.25, median_ms=1.0))
    (tmp_path / 'b.json').write_text(json.dumps(dict(device='CPU', phases=phases)))
    (tmp_path / 'c.json').write_text('{}')
    section = speed.speed_section(open_run(tmp_path), LogFacts())
    measured = texts(section, 'shares')[1]
    assert measured.caption == 'Phases of a step by b.json, CPU'
    assert measured.parts == [('forward', 0.75, '3.0 ms, of it key forward 25 %')]


def test_classes_that_are_confused():
    from ssvrl_mm.apis import FeatureTable

    scores = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 1, 2]] * 0.8 + 0.05
    labels = np.array([0, 0, 1, 1, 0, 1])
    paths = [f'{i}.mp4' for i in range(6)]
    table = FeatureTable(paths, labels, np.zeros((6, 1, 2), np.float32), {'score': scores})
    found = NetworkFindings({}, {'test': table}, {})
    section = classes.classes_section(found, {0: '<b>a', 1: 'b$', 2: 'c'})
    accuracy, confused, by_class = texts(section, 'table')
    rows = dict(shown(row) for row in accuracy.rows)
    assert rows['top 1'].startswith('66.7 ±') and rows['chance'] == '33.3'
    assert rows['the most frequent class, always'] == '50.0'
    assert [shown(row) for row in confused.rows] == [
        ['<b>a', 'b$', '1', '33 %'], ['b$', 'c', '1', '33 %'],
    ]  # fmt: skip
    assert [row[0] for row in by_class.rows] == ['<b>a', 'b$']
    (chart,) = texts(section, 'chart')
    assert '&lt;b&gt;a' in chart.svg and '<b>' not in chart.svg and 'b$' in chart.svg
    assert chart.description == 'Confusion of 3 classes: 4 of 6 on the diagonal.'
    assert confusion_chart(np.eye(41), [''] * 41) is None


def test_charts_are_svg_whose_ids_are_their_own():
    points = np.random.default_rng(0).normal(size=(5, 2))
    names = [f'<i>{n}</i>' for n in range(5)]
    charts = [point_chart('t', points, np.array([0, 0, 1, 1, 12]), names, 'd') for _ in range(2)]
    ids = [set(re.findall(r' id="([^"]+)"', chart.svg)) for chart in charts]
    assert ids[0] and not ids[0] & ids[1]
    svg = charts[0].svg
    assert svg.startswith('<svg') and 'xlink' not in svg and '<style' not in svg
    titles = re.findall(r'<title>(.*?)</title>', svg)
    assert sorted(titles) == [f'&lt;i&gt;{n}&lt;/i&gt;' for n in range(5)]
    assert {f'class-{n}' for n in (0, 1, 12)} <= set(re.findall('data-gid="(class-[0-9]+)"', svg))
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    assert used and used <= ids[0]
    assert 'currentColor' in svg and '#010203' not in svg


def test_long_curves_are_thinned_but_keep_their_range():
    y = np.zeros(3000)
    y[1500] = 60.0
    chart = line_chart('loss', [Line('loss', range(3000), y)], 'iteration')
    assert len(chart.svg) < 60_000
    assert 'd="M' in chart.svg and '60' in chart.svg


def test_tables_sort_by_numbers_and_by_keys():
    table = Table('c', ['a'], [['12.5 ± 3'], ['-'], [Cell('x', 7.0)]])
    assert [cell.key for (cell,) in table.cells()] == [12.5, None, 7.0]
    page = render_page('t', 's', [Section('a', 'A', [table, Text('<p>')])])
    assert 'data-key="12.5"' in page and '&lt;p&gt;' in page


def test_names_break_between_their_words():
    broken = {
        'ContrastiveRecognizer': ['Contrastive', 'Recognizer'],
        'SSLRecognizer': ['SSL', 'Recognizer'],
        'mvcgc_s3d/a.b 25.0': ['mvcgc_', 's3d/', 'a.', 'b 25.0'],
        'S3D': ['S3D'],
        '': [''],
    }
    assert {name: words(name) for name in broken} == broken
    page = render_page(
        't', 's', [Section('a', 'A', [Numbers([('aB<i>', '', 'c_d'), ('1', '', '')])])]
    )
    assert '<b class="name">a<wbr>B&lt;i&gt;</b>' in page and '<b>1</b>' in page
    assert '<small>c_<wbr>d</small>' in page


def test_names_that_are_no_text_are_drawn(tmp_path):
    names = ['a\x00b', 'c\ud800', 'd\ufffe']
    svg = confusion_chart(np.eye(3, dtype=int), names).svg
    assert svg.count('\ufffd') >= 3 and '\x00' not in svg
    points = np.eye(3)[:, :2]
    svg = point_chart('t\x01', points, np.zeros(3, int), names, '').svg
    svg.encode()
    assert '\x00' not in svg and '\x01' not in svg


def test_a_section_that_fails_is_a_sentence(tmp_path, monkeypatch):
    from ssvrl_mm.report import writing

    def fail(*_):
        raise ZeroDivisionError('nobody thought of it')

    write_launch(tmp_path, '20260101_100000', (10,))
    for name in ('speed_section', 'shown_figures'):
        monkeypatch.setattr(writing, name, fail)
    page = Reader(write_page(tmp_path, tmp_path / 'report.html', OFFLINE).read_text()).text
    for what in ('This cannot be shown', 'The figures cannot be made'):
        assert f'{what}: ZeroDivisionError: nobody thought of it' in page
    assert 'Environment and checksums' in page
