"""The figures as JSON, as text and as a picture, beside those of the papers."""

import json
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from ssvrl_mm.inference_benchmark import papers
from ssvrl_mm.inference_benchmark.base import Options, Setup
from ssvrl_mm.inference_benchmark.figure import draw_figure
from ssvrl_mm.inference_benchmark.machine import describe_machine
from ssvrl_mm.inference_benchmark.measuring import Run, spread
from ssvrl_mm.inference_benchmark.networks import PerFrame
from ssvrl_mm.inference_benchmark.report import format_report, make_report
from ssvrl_mm.inference_benchmark.setups import SETUPS
from ssvrl_mm.inference_benchmark.videos import Video


@pytest.fixture
def make():
    videos = [Video('a.avi', 180, 320, 240, 'mpeg4', 400_000)]
    videos.append(Video('b.mp4', 192, 340, 256, 'h264', 600_000))
    setups = {name: Setup(f'what {name} is', lambda *_: None) for name in ('mvcgc', 'imrnet')}
    setups['stored-flow'] = setups['mvcgc']
    setups['imrnet'] = replace(setups['imrnet'], per_frame=PerFrame(25, 0.7e9))
    runs = {
        'mvcgc': [
            Run(video, n, 0.0, 0.008, 0.5 + n / 10, False, 500_000)
            for n in (0, 1)
            for video in 'ab'
        ],
        'imrnet': [Run('a', n, 0.128, 0.032, None, True, 1_250_000) for n in (0, 1)],
        'stored-flow': [],
    }
    rates = {'keyframes + motion vectors': spread([5000, 6000, 7000])}
    missing = {'coclr': 'no TV-L1 here'}
    machine = {'cpu': 'Z80', 'cores': 1}
    return lambda **options: make_report(
        machine, Options(threads=4, **options), 'cpu', videos, setups, runs, rates, missing
    )


@pytest.fixture
def report(make):
    return make()


def test_json(report):
    assert json.loads(json.dumps(report)) == report
    assert list(report) == [
        'machine',
        'options',
        'videos',
        'setups',
        'whole_files_fps',
        'not_measured',
        'papers',
    ]
    assert report['options'] == {
        'protocol': 'one_clip',
        'width': 1.0,
        'device': 'cpu',
        'threads': 4,
        'flow_method': 'tvl1',
        'clock': 'cpu',
    }
    assert report['machine'] == {'cpu': 'Z80', 'cores': 1}
    assert report['videos'][1]['codec'] == 'h264'
    # What was never measured is not there.
    assert list(report['setups']) == ['mvcgc', 'imrnet']
    ours = report['setups']['mvcgc']
    assert ours['total_s']['median'] == pytest.approx(0.558)
    assert ours['bytes'] == 500_000 and len(ours['runs']) == 4
    assert ours['runs'][0]['network_s'] == 0.5
    assert report['setups']['imrnet']['x_pre_processing']['median'] == pytest.approx(16)
    assert report['setups']['imrnet']['total_s'] is None
    assert report['whole_files_fps']['keyframes + motion vectors']['q1'] == 5500
    assert report['papers']['table_1']['MVCGC']['inference_s'] == 0.0703
    assert report['papers']['context_motion_fps'] == 500
    assert ours['per_frame'] is None
    per_frame = report['setups']['imrnet']['per_frame']
    assert per_frame['pre_processing_ms']['median'] == pytest.approx(1000 * 0.032 / 25)
    assert per_frame['inference_ms'] is None
    assert (per_frame['frames'], per_frame['gflops']) == (25, 0.7)
    assert report['papers']['table_2']['IMR (R18)']['gflops'] == 0.66
    assert 'P100' in report['papers']['per_frame_machine']


def cells(text, start):
    """The words of the first line that starts so, behind that."""
    line = next(line for line in text.splitlines() if line.startswith(start))
    return line.removeprefix(start).split()


def test_text(report):
    text = format_report(report)
    first, second = text.splitlines()[:2]
    assert first.startswith(
        '2 video(s) of 180 to 192 frames, mpeg4 320x240, h264 340x256, 0.50 MB each; one_clip'
    )
    assert '4 thread(s), cpu time' in first and second == 'cpu Z80, cores 1'
    assert cells(text, 'mvcgc ') == ['0.0080', '550.0', '0.558', '1.0', '1.0', '0.50', '87.4']
    assert cells(text, 'imrnet ') == ['0.1280', '-', '-', '16.0', '-', '1.25', '76.8']
    paper = cells(text, 'paper: CoCLR')
    assert paper == ['13.2000', '248.7', '13.400', '1650.0', '171.8', '9.36', '87.3']
    assert 'Intel Xeon 5118, Titan RTX' in text
    parts = text[text.index('of which') :]
    assert cells(parts, 'mvcgc ') == ['0.000', '8.0', '550.0', '0.508', '-', '0.608']
    assert cells(parts, 'imrnet ') == ['0.128', '32.0', '-', '-']
    assert cells(parts, 'mvcgc: ') == ['what', 'mvcgc', 'is']
    assert cells(text, 'keyframes + motion vectors') == ['6000', '5500', '-', '6500']
    assert cells(text, 'paper: keyframes + motion vectors') == ['>', '500']
    assert 'peak MiB' not in text
    assert text.endswith('not measured: coclr: no TV-L1 here')
    frames = text[text.index('per frame') : text.index('of which')]
    assert cells(frames, 'imrnet ') == ['1.28', '-', '-', '0.70', '25']
    assert cells(frames, 'paper: IMR (R18)') == ['2.87', '1.36', '4.23', '0.66']
    assert 'mvcgc' not in frames and 'Tesla P100' in frames
    # Columns stand below one another.
    table = text[text.index('per video') : text.index('\npaper: Table 1')].splitlines()
    assert len({len(line) for line in table}) == 1


def test_a_frame_of_several_clips_is_not_told(make):
    several = make(protocol='ten_clips')
    assert {own['per_frame'] for own in several['setups'].values()} == {None}
    text = format_report(several)
    assert 'per frame' not in text and 'paper: IMRNet' in text


def test_text_without_some_figures(report):
    for summary in report['setups'].values():
        summary['peak_MiB'] = 123.4
    text = format_report(report)
    assert cells(text[text.index('of which') :], 'mvcgc ')[-1] == '123' and 'peak MiB' in text
    report['videos'] = report['videos'][:1]
    report['setups'], report['whole_files_fps'], report['not_measured'] = {}, {}, {}
    lines = format_report(report).splitlines()
    assert len(lines) == 2 and lines[0].startswith('1 video(s) of 180 frames, mpeg4')


def test_the_papers_figures_agree_with_what_it_says():
    for row in papers.TABLE_1.values():
        assert row.pre_processing_s + row.inference_s == pytest.approx(row.total_s, abs=0.06)
    ours = papers.TABLE_1['MVCGC']
    # "reduces the storage budgets by 95% and 70%"
    for name, share in (('IIC', 0.95), ('MemDPC', 0.95), ('CoCLR', 0.95), ('IMRNet', 0.7)):
        assert 1 - ours.gigabytes / papers.TABLE_1[name].gigabytes == pytest.approx(share, abs=0.02)
    assert ours.megabytes == pytest.approx(0.5022, abs=1e-4)
    assert max(papers.TABLE_1.values(), key=lambda row: row.top1) is ours
    for row in papers.TABLE_2.values():
        assert row.pre_processing_ms + row.inference_ms == pytest.approx(row.total_ms)
    assert papers.COLUMNS.keys() <= SETUPS.keys()
    assert set(papers.COLUMNS.values()) <= set(papers.TABLE_1)


def test_figure_1(report, tmp_path, monkeypatch):
    drawn, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, 'savefig', lambda self, *args, **options: drawn.append(self) or save(self, *args)
    )
    draw_figure(report, tmp_path / 'figure.png')
    assert (tmp_path / 'figure.png').read_bytes().startswith(b'\x89PNG')
    (axes,) = drawn[0].axes
    paper, ours = axes.collections
    assert len(paper.get_offsets()) == 5
    assert paper.get_offsets()[-1].tolist() == [0.078, 87.4]
    # IMRNet has no total here, so only MVCGC is left.
    assert ours.get_offsets().tolist() == [[pytest.approx(0.558), 87.4]]
    # As large as the storage.
    areas = [*paper.get_sizes()[[0, 4]], ours.get_sizes()[0]]
    assert areas[0] / areas[1] == pytest.approx(20) and areas[2] / areas[1] == pytest.approx(
        0.9956, abs=1e-3
    )
    assert axes.get_xscale() == 'log'
    names = [text.get_text() for text in axes.texts]
    assert names == ['IIC', 'MemDPC', 'CoCLR', 'IMRNet', 'MVCGC', 'mvcgc']
    report['setups'] = {}
    draw_figure(report, tmp_path / 'paper.svg')
    assert len(drawn[1].axes[0].collections) == 1


def test_machine(monkeypatch, tmp_path):
    machine = describe_machine()
    assert list(machine) == ['cpu', 'cores', 'gpu', 'python', 'torch', 'av', 'opencv']
    assert machine['cpu'] and machine['cores'] >= 1


def test_the_page_of_mvcgc_has_the_same_figures(repository):
    page = (repository / 'configs/mvcgc/README.md').read_text()
    lines = [[cell.strip() for cell in line.split('|')[1:-1]] for line in page.splitlines()]
    table = {cells[0]: cells[1:] for cells in lines if len(cells) == 6}
    assert table[''] == list(papers.TABLE_1)
    for heading, key, factor in (
        ('pre-processing, s', 'pre_processing_s', 1),
        ('inference, ms', 'inference_s', 1000),
        ('total, s', 'total_s', 1),
        ('storage, GB', 'gigabytes', 1),
    ):
        shown = [float(cell) / factor for cell in table[heading]]
        assert shown == pytest.approx([getattr(row, key) for row in papers.TABLE_1.values()])
