"""Files of logs, whatever state they are in."""

import json

import pytest

from ssvrl_mm.run_logs import join_parts, read_scalar_file, read_text_log
from tests.test_run_logs.logs import evaluated, step

# As mmengine 0.10 writes it, with CUDA and without.
TEXT = """\
2026/11/22 18:40:40 - mmengine - INFO - Config:
train_cfg = dict(max_epochs=2)
2026/11/22 18:41:20 - mmengine - INFO - Epoch(train)  [1][10/20]  lr: 1.0000e-03  eta: 0:30:00  \
time: 1.8200  data_time: 0.0784  memory: 512  loss: 4.4847  top1_rgb: 0.0312
2026/11/22 18:41:30 - mmengine - INFO - Epoch(train)  [2][ 5/20]  base_lr: 1.0e-05 lr: 2.0e-05  \
eta: 1 day, 0:30:00  time: 2.0000  data_time: 0.1000  loss: nan  loss_rgb: -inf
2026/11/22 18:41:31 - mmengine - INFO - Saving checkpoint at 2 epochs
2026/11/22 18:41:32 - mmengine - INFO - Epoch(val)  [2][ 50/320]    eta: 0:00:09  time: 0.1  \
data_time: 0.0
2026/11/22 18:41:33 - mmengine - INFO - Epoch(val) [2][320/320]    retrieval/rgb_R@1: 0.2500  \
retrieval/chance_R@1: 0.0625  data_time: 0.0100  time: 0.1000
2026/11/22 18:41:34 - mmengine - INFO - Epoch(test) [320/320]    retrieval/rgb_R@1: 0.7500
2026/11/22 18:41:35 - mmengine - INFO - Epoch(train)  [2][10/20]  lr: 1.0e-
"""


def test_text_gives_what_the_scalars_give(tmp_path):
    file = tmp_path / 'x.log'
    file.write_text(TEXT)
    part = read_text_log(file)
    first, second, evaluation, cut = part.lines
    assert first == {
        'lr': 1e-3, 'time': 1.82, 'data_time': 0.0784, 'memory': 512, 'loss': 4.4847,
        'top1_rgb': 0.0312, 'epoch': 1, 'iter': 10, 'step': 10,
    }  # fmt: skip
    assert (second['iter'], second['epoch'], second['base_lr'], second['lr']) == (25, 2, 1e-5, 2e-5)
    assert second['loss'] != second['loss'] and second['loss_rgb'] == -float('inf')
    assert evaluation == {
        'retrieval/rgb_R@1': 0.25, 'retrieval/chance_R@1': 0.0625, 'data_time': 0.01, 'time': 0.1,
        'step': 2,
    }  # fmt: skip
    # Half a number is none.
    assert cut == {'epoch': 2, 'iter': 30, 'step': 30}
    assert part.epoch_length == 20 and not part.problems


def test_text_of_a_run_that_counts_iterations(tmp_path):
    file = tmp_path / 'x.log'
    head = '2026/11/22 18:41:20 - mmengine - INFO - '
    file.write_text(
        f'{head}Iter(train) [ 100/2000]  lr: 1.0e-03  loss: 4\n'
        f'{head}Iter(val) [32/32]    acc/top1: 0.5  time: 0.1\n'
    )
    part = read_text_log(file)
    assert part.lines == [
        {'lr': 1e-3, 'loss': 4, 'iter': 100, 'step': 100},
        {'acc/top1': 0.5, 'time': 0.1, 'step': 100},
    ]
    assert part.epoch_length is None


def test_each_entry_is_taken_or_said_to_be_left_out(tmp_path):
    file = tmp_path / 'scalars.json'
    good = [step(10, 1), evaluated(1, 0.5)]
    bad = ['{"loss": 3, "it', '[]', '{"iter": "3"}', '{"iter": true}', '{"step": -1, "epoch": 1.5}']
    bad += ['{"mode": "train", "epoch": 1, "iter": 5, "loss": 2}', '[' * 100_000]
    lines = [json.dumps(line) for line in good]
    file.write_bytes('\n'.join([lines[0], '', *bad, lines[1], '{"loss"']).encode() + b'\xff')
    part = read_scalar_file(file)
    assert part.lines == good and part.cut_off
    numbers, problems = zip(*part.problems, strict=True)
    assert numbers == tuple(range(2, 9))
    for said, problem in zip(
        [
            'is no JSON', r'is [], and no mapping', "has iter '3', which counts nothing",
            'has iter True, which', 'has epoch 1.5 and step -1, which',
            'is of mmcv before mmengine', 'is no JSON',
        ],
        problems,
        strict=True,
    ):  # fmt: skip
        assert problem.startswith(said), problem
    file.write_text(lines[0] + '\n')
    assert read_scalar_file(file) == ([good[0]], [], False, None)


def test_a_resumed_run_has_each_step_once():
    first = [step(5, 9), step(10, 8), evaluated(1, 0.1), step(15, 7), step(20, 6)]
    first += [evaluated(2, 0.2), step(25, 5)]
    # From the end of epoch 1.
    second = [step(15, 4), step(20, 3), evaluated(2, 0.3), step(25, 2)]
    joined = join_parts([first, [], second])
    assert joined == [*first[:3], *second]
    # What is joined is not changed.
    joined[0]['loss'] = 0
    assert first[0]['loss'] == 9


@pytest.mark.parametrize('reached, kept', [(30, 2), (20, 1)])
def test_a_resumed_run_that_counts_iterations(reached, kept):
    first = [step(10, length=0), {'acc': 1, 'step': 10}, step(20, length=0), {'acc': 2, 'step': 20}]
    joined = join_parts([first, [step(reached, length=0)]])
    assert [line['acc'] for line in joined if 'acc' in line] == [1, 2][:kept]
