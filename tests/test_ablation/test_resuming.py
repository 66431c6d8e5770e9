"""What a run that was stopped goes on from, and how often it is saved for that."""

import pytest
from mmengine.config import Config

from ssvrl_mm.ablation import prepare_config
from ssvrl_mm.ablation.identity import identity_of
from ssvrl_mm.ablation.resuming import checkpoint_left, keep_newest

from .test_runs import CONFIG


@pytest.mark.parametrize(
    'loop, hook, saved',
    [
        (dict(max_epochs=60), {}, (3, 1)),
        (dict(max_epochs=61), dict(interval=1, max_keep_ckpts=7), (4, 1)),
        (dict(max_epochs=5), dict(interval=-1), (1, 1)),
        (dict(max_iters=1000), dict(by_epoch=False), (50, 1)),
        # What nothing can go on from, or is counted otherwise, is as it was.
        (dict(max_iters=1000), {}, (None, None)),
        (dict(max_epochs=60), dict(by_epoch=False, interval=-1), (-1, None)),
        (dict(max_epochs=60), dict(save_optimizer=False), (None, None)),
        (dict(max_epochs=60), dict(save_param_scheduler=False), (None, None)),
    ],
)
def test_a_twentieth_is_lost_at_most(loop, hook, saved):
    cfg = Config(dict(train_cfg=loop, default_hooks=dict(checkpoint={'type': 'C', **hook})))
    keep_newest(cfg)
    found = cfg.default_hooks.checkpoint
    assert (found.get('interval'), found.get('max_keep_ckpts')) == saved


@pytest.mark.parametrize('hooks', [{}, dict(default_hooks=dict(checkpoint=None))])
def test_a_run_without_checkpoints_has_none(hooks):
    cfg = Config(dict(train_cfg=dict(max_epochs=60), **hooks))
    keep_newest(cfg)
    assert cfg.to_dict() == dict(train_cfg=dict(max_epochs=60), **hooks)


def test_how_often_it_is_saved_is_not_part_of_what_a_run_is(tmp_path):
    file = tmp_path / 'mine.py'
    file.write_text(CONFIG.format(evaluator="dict(type='VideoRetrieval')"))
    run = prepare_config(file, 0, tmp_path)
    # Results from before there was more than one checkpoint still count.
    run.cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    assert identity_of(run.cfg) == run.sha256


def test_a_checkpoint_that_is_not_whole_is_nothing_to_go_on_from(tmp_path, capsys):
    assert checkpoint_left(tmp_path) is None and capsys.readouterr().out == ''
    for name in ('epoch_3.pth', 'best_x.pth', 'last_checkpoint'):
        (tmp_path / name).touch()
    assert checkpoint_left(tmp_path) is None and list(tmp_path.iterdir()) == []
    said = capsys.readouterr().out
    assert 'none of its 1 checkpoints is whole' in said
    assert said.endswith(': training starts from the beginning\n')
