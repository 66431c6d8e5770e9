"""Figures are those of the checkpoint that is there, whatever lies beside it."""

import hashlib
import json
from types import SimpleNamespace

import pytest
import torch

from ssvrl_mm.demo.run import tested_checkpoint as checkpoint_of
from ssvrl_mm.engine import work_dir
from ssvrl_mm.report.demo_figures import read_figures, shown_figures
from ssvrl_mm.report.network import NetworkFindings
from ssvrl_mm.report.run_folder import open_run
from ssvrl_mm.report.sections.retrieval import retrieval_section
from tests.test_report.runs import figures, write_launch


def run_with(tmp_path, number=1):
    write_launch(tmp_path, '20260101_100000', (10,))
    file = tmp_path / 'epoch_1.pth'
    torch.save({'state_dict': {'x': torch.full((1,), number)}, 'meta': {}}, file)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_figures_of_another_checkpoint_are_not_shown(tmp_path):
    mine = run_with(tmp_path)
    none = NetworkFindings({}, {}, {})
    file = tmp_path / 'retrieval.json'
    for told, is_shown, said in (
        (mine, True, []),
        ('0' * 64, False, ['is of a checkpoint that is not the newest one here: not shown']),
        (None, True, ['It is not known of which checkpoint']),
    ):
        file.write_text(json.dumps(figures() | {'checkpoint_sha256': told}))
        shown = shown_figures(open_run(tmp_path), none)
        assert (shown.summary is not None) == is_shown
        assert len(shown.remarks) == len(said)
        assert all(part in remark for part, remark in zip(said, shown.remarks, strict=True))
    file.write_text(json.dumps(figures() | {'checkpoint_sha256': mine}))
    (tmp_path / 'epoch_1.pth').unlink()
    assert shown_figures(open_run(tmp_path), none).summary is None


@pytest.mark.parametrize(
    'bad',
    [
        {'after': {}},
        {'before': {}},
        {'chance': 0.0},
        {'chance': None},
        {'queries': 0},
        {'gain_interval': {'rgb': [0], 'motion': [0, 1]}},
        {'gain': None},
        {'after': {'rgb': 60, 'motion': 0.5}},
        {'pretext': {'a': None}},
        {'collapsed': []},
        {'collapsed': {'after': 1}},
    ],
)
def test_figures_that_are_none_are_told(tmp_path, bad):
    write_launch(tmp_path, '20260101_100000', (10,))
    file = tmp_path / 'retrieval.json'
    file.write_text(json.dumps(figures()))
    assert read_figures(file) == figures()
    file.write_text(json.dumps(figures() | bad))
    shown = shown_figures(open_run(tmp_path), NetworkFindings({}, {}, {}))
    if bad == {'collapsed': []}:
        assert shown.summary is not None
    else:
        assert shown.summary is None and 'holds no figures of a demo' in shown.remarks[0]


def test_tests_of_a_checkpoint_that_was_written_over_say_so(tmp_path):
    mine = run_with(tmp_path)
    folder = tmp_path / '20260101_100000'
    for told, caption in (
        (mine, 'epoch_1.pth'),
        ('1' * 64, 'of a checkpoint that is no longer here (epoch_1.pth)'),
        (None, 'epoch_1.pth'),
    ):
        content = dict(
            figures={'retrieval/rgb_R@1': 0.5, 'retrieval/num_query': 100.0},
            provenance=dict(checkpoint='gone/epoch_1.pth', checkpoint_sha256=told),
        )
        (folder / 'evaluation.json').write_text(json.dumps(content))
        run, none = open_run(tmp_path), NetworkFindings({}, {}, {})
        section = retrieval_section(run, none, shown_figures(run, none))
        table = next(block for block in section.blocks if block.kind == 'table')
        assert table.caption == f'Test of 20260101_100000, {caption}'


def test_only_the_checkpoint_of_the_last_step_was_tested(tmp_path):
    trial = SimpleNamespace(runner=SimpleNamespace(iter=20))
    assert checkpoint_of(tmp_path, trial) is None
    file = tmp_path / 'iter_10.pth'
    for meta, found in (({'iter': 10}, None), ({'iter': 20}, file), ({}, None)):
        torch.save({'state_dict': {}, 'meta': meta}, file)
        assert checkpoint_of(tmp_path, trial) == found
    file.write_bytes(b'half of it')
    assert checkpoint_of(tmp_path, trial) is None


def test_a_new_demo_begins_without_the_report_of_the_last(tmp_path):
    (tmp_path / 'report_cache').mkdir()
    for name in ('retrieval.json', 'report.html', 'report_cache/network_1.npz', 'mine.txt'):
        (tmp_path / name).write_text('')
    work_dir.clear_report(tmp_path)
    work_dir.clear_report(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ['mine.txt']
