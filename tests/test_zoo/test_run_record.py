import json

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.zoo.run_record import (
    RunRecordError,
    _device,
    differing_settings,
    hours_before,
    read_scalars,
)


def write(folder, start, lines):
    file = folder / start / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text(''.join(json.dumps(line) + '\n' for line in lines))


def step(iteration, loss, time=1.0):
    return {'loss': loss, 'time': time, 'iter': iteration, 'epoch': (iteration + 9) // 10}


def test_the_log_of_a_resumed_run_has_each_step_once(tmp_path):
    first = [step(5, 9), step(10, 8), {'acc': 1, 'step': 1}, step(15, 7), step(20, 6)]
    write(tmp_path, '20260101_000000', [*first, {'acc': 2, 'step': 2}, step(25, 5)])
    # From the end of epoch 1.
    write(
        tmp_path,
        '20260102_000000',
        [step(15, 4), step(20, 3), {'acc': 3, 'step': 2}, step(25, 2), step(30, 1)],
    )
    # One that was started, and ended before it logged anything.
    write(tmp_path, '20260103_000000', [])
    found = read_scalars(tmp_path, 30)
    assert [line.get('loss', line.get('acc')) for line in found] == [9, 8, 1, 4, 3, 3, 2, 1]
    # A checkpoint from before the end.
    assert [line['loss'] for line in read_scalars(tmp_path, 20) if 'loss' in line] == [9, 8, 4, 3]
    # Steps after the last line of the log, which comes every 5.
    assert len(read_scalars(tmp_path, 34)) == 8
    with pytest.raises(RunRecordError, match='ends at iteration 30, and the checkpoint is of 35'):
        read_scalars(tmp_path, 35)


def test_runs_before_take_their_time_too(tmp_path):
    def start(name):
        return dict(init_cfg=dict(checkpoint=str(tmp_path / name / 'epoch_1.pth')))

    # Weights of a first run, of a second one that starts from these, and of a library.
    for name, time, model in (('a', 3600, {}), ('b', 7200, start('a')), ('c', None, {})):
        (tmp_path / name).mkdir()
        meta = dict(iter=2, cfg=f'model = {model!r}')
        torch.save(dict(state_dict={}, meta=meta), tmp_path / name / 'epoch_1.pth')
        if time:
            write(tmp_path / name, '20260101_000000', [step(1, 0, time), step(2, 0, time)])
    model = dict(parts=[start('b'), start('c'), start('nowhere'), start('b')])
    assert hours_before(model) == 2 * 1 + 2 * 2
    assert hours_before(None) == 0


@pytest.mark.parametrize(
    'text, device',
    [
        (
            '    CUDA available: True\n    GPU 0: NVIDIA H200\n    GPU number: 1\n',
            '1 x NVIDIA H200',
        ),
        ('    GPU 0,1: NVIDIA A100-SXM4\n    GPU number: 2\n', '2 x NVIDIA A100-SXM4'),
        ('    CUDA available: False\n    GPU number: 1\n', '3 CPU cores'),
    ],
)
def test_the_device_is_what_the_log_says(tmp_path, monkeypatch, text, device):
    monkeypatch.setattr('os.sched_getaffinity', lambda process: {0, 1, 5})
    (tmp_path / '20260101_000000').mkdir()
    (tmp_path / '20260101_000000' / '1.log').write_text(text)
    assert _device(tmp_path) == device


def test_a_log_may_be_cut_off_at_its_end_and_nowhere_else(tmp_path):
    write(tmp_path, '20260101_000000', [step(5, 2), step(10, 1)])
    (file,) = tmp_path.glob('*/vis_data/scalars.json')
    whole = file.read_text()
    file.write_text(whole + '{"loss": 3, "it')
    assert [line['iter'] for line in read_scalars(tmp_path, 10)] == [5, 10]
    for broken in ('{"loss": 3, "it\n' + whole, '[]\n' + whole):
        file.write_text(broken)
        with pytest.raises(RunRecordError, match='scalars.json: entry 1 is'):
            read_scalars(tmp_path, 10)


def settings(root='data/ucf101/', start='work_dirs/a/b/epoch_2.pth', load_from=None, resume=False):
    """A config of a run, in which the end of a schedule has no bound."""
    return Config(dict(
        model=dict(parts=[dict(init_cfg=dict(checkpoint=start))], checkpoints=dict(rgb=start)),
        train_dataloader=dict(dataset=dict(data_root=root, ann_file='train.txt'), num_workers=2),
        param_scheduler=[dict(type='MultiStepLR', end=float('inf'), begin=-float('inf'))],
        load_from=load_from, resume=resume,
    ))  # fmt: skip


def test_where_things_lie_may_differ_and_not_what_they_are():
    now = settings()
    for same in (
        dict(root='/mnt/ucf101'),
        dict(root='D:\\videos\\ucf101'),
        dict(start='/elsewhere/b/epoch_2.pth'),
        # It went on from its own checkpoint.
        dict(load_from='work_dirs/mine/epoch_1.pth', resume=True),
    ):
        assert differing_settings(settings(**same).pretty_text, now) == []
    for other, name in (
        (dict(root='data/kinetics400'), 'train_dataloader.dataset.data_root'),
        (dict(start='work_dirs/a/c/epoch_2.pth'), 'model.checkpoints.rgb'),
        (dict(start='work_dirs/a/b/epoch_3.pth'), 'model.parts[0].init_cfg.checkpoint'),
        (dict(load_from='work_dirs/x/epoch_1.pth'), 'load_from'),
    ):
        found = differing_settings(settings(**other).pretty_text, now)
        assert any(sentence.startswith(f'{name} was ') for sentence in found)
    text = now.pretty_text.replace('end=inf', "end=float('inf')")
    assert text != now.pretty_text and differing_settings(text, now) == []
    assert len(differing_settings(text.replace("float('inf')", '9'), now)) == 1
