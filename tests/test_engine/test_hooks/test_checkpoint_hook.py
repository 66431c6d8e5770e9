import multiprocessing
import os
import shutil
import signal

import pytest
import torch
from mmengine.hooks import Hook

from ssvrl_mm.engine import CheckpointHook, TrainingDivergedError
from ssvrl_mm.engine.checkpoint_files import check_whole, newest_checkpoint
from ssvrl_mm.evaluation.provenance import file_sha256
from tests.test_engine.test_hooks.toy_run import toy_run

KEEP_ONE = dict(checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=1))
KEEP_BEST = dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='acc'))


def train_until_killed(folder, function, call, **kwargs):
    """Trains; the process is killed as it is about to call an `os` function for the n-th time."""
    calls, original = [], getattr(os, function)

    def kill(*args):
        calls.append(args)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args)

    setattr(os, function, kill)
    toy_run(folder, **kwargs).train()


def killed_run(folder, function, call, **kwargs):
    context = multiprocessing.get_context('fork')
    process = context.Process(
        target=train_until_killed, args=(folder, function, call), kwargs=kwargs
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


def names(folder):
    """Checkpoints, pointers and what was to become one; the copy of the config is none."""
    return sorted(p.name for p in folder.iterdir() if p.is_file() and p.suffix != '.py')


@pytest.mark.parametrize(
    'function, call, left, newest',
    [
        # The second save: written beside, to be renamed, renamed, the pointer likewise, deletion.
        ('fsync', 5, ['epoch_1.pth', 'epoch_2.pth.partial', 'last_checkpoint'], 1),
        ('replace', 3, ['epoch_1.pth', 'epoch_2.pth.partial', 'last_checkpoint'], 1),
        ('fsync', 6, ['epoch_1.pth', 'epoch_2.pth', 'last_checkpoint'], 2),
        (
            'replace',
            4,
            ['epoch_1.pth', 'epoch_2.pth', 'last_checkpoint', 'last_checkpoint.partial'],
            2,
        ),
        ('remove', 1, ['epoch_1.pth', 'epoch_2.pth', 'last_checkpoint'], 2),
    ],
)
def test_a_kill_during_a_save_loses_nothing(tmp_path, function, call, left, newest):
    folder = tmp_path / 'run'
    killed_run(folder, function, call, epochs=3, hooks=KEEP_ONE)
    assert names(folder) == left
    found = newest_checkpoint(folder)
    assert found.path == folder / f'epoch_{newest}.pth'
    check_whole(found.path)
    # The run goes on from there and ends as one that nobody killed.
    resumed = toy_run(folder, 3, hooks=KEEP_ONE, resume=True, load_from=str(found.path))
    resumed.train()
    whole = toy_run(tmp_path / 'whole', 3, hooks=KEEP_ONE)
    whole.train()
    assert torch.equal(resumed.model.weight, whole.model.weight)
    assert 'epoch_3.pth' in names(folder)
    assert (folder / 'last_checkpoint').read_text() == str(folder / 'epoch_3.pth')
    assert names(tmp_path / 'whole') == ['epoch_3.pth', 'last_checkpoint']


def test_the_previous_best_goes_when_the_new_one_is_there(tmp_path):
    scores = [0.5, 0.4, 0.6]
    # Names in the order of writing: epoch 1, pointer, best 1, epoch 1 again, pointer, ...
    killed_run(tmp_path / 'a', 'remove', 1, epochs=3, scores=scores, hooks=KEEP_BEST)
    best = [name for name in names(tmp_path / 'a') if name.startswith('best')]
    assert best == ['best_acc_epoch_1.pth', 'best_acc_epoch_3.pth']
    for name in best:
        check_whole(tmp_path / 'a' / name)
    toy_run(tmp_path / 'b', 3, scores=scores, hooks=KEEP_BEST).train()
    best = [name for name in names(tmp_path / 'b') if name.startswith('best')]
    assert best == ['best_acc_epoch_3.pth']


def test_a_copied_run_leaves_the_best_of_the_original_alone(tmp_path):
    toy_run(tmp_path / 'old', 1, scores=[0.5], hooks=KEEP_BEST).train()
    shutil.copytree(tmp_path / 'old', tmp_path / 'new')
    resumed = toy_run(
        tmp_path / 'new',
        2,
        scores=[0.9],
        hooks=KEEP_BEST,
        resume=True,
        load_from=str(tmp_path / 'new/epoch_1.pth'),
    )
    resumed.train()
    assert 'best_acc_epoch_1.pth' in names(tmp_path / 'old')
    assert 'best_acc_epoch_1.pth' not in names(tmp_path / 'new')
    assert 'best_acc_epoch_2.pth' in names(tmp_path / 'new')


def test_several_bests_are_kept_apart(tmp_path):
    hook = CheckpointHook(save_best=['acc', 'top'], rule='greater')
    hook.before_train(toy_run(tmp_path))
    assert hook._best() == dict(acc=None, top=None)
    hook._set_best('top', 'x')
    assert hook.best_ckpt_path_dict == dict(acc=None, top='x')


def test_what_is_published_is_named_by_its_checksum(tmp_path):
    hook = dict(type='CheckpointHook', interval=1, published_keys=['meta', 'state_dict'])
    toy_run(tmp_path, 1, hooks=dict(checkpoint=hook)).train()
    [published] = tmp_path.glob('epoch_1-*.pth')
    assert published.stem == f'epoch_1-{file_sha256(published)[:8]}'
    assert torch.load(published).keys() == {'meta', 'state_dict'}
    # It is no checkpoint to resume from.
    assert newest_checkpoint(tmp_path).path.name == 'epoch_1.pth'


def test_another_backend_keeps_its_own_way(tmp_path):
    hook = CheckpointHook(backend_args=dict(backend='local'))
    assert hook.backend_args == dict(backend='local')
    assert CheckpointHook(out_dir='s3://bucket/runs').backend_args is None


def test_nan_is_never_saved(tmp_path):
    run = toy_run(tmp_path, 2, hooks=KEEP_ONE)
    run.register_hook(Spoil())
    with pytest.raises(TrainingDivergedError) as caught:
        run.train()
    assert '1 weights are not finite after iteration 8' in str(caught.value)
    assert 'weight' in str(caught.value) and 'epoch_1.pth' in str(caught.value)
    assert names(tmp_path) == ['epoch_1.pth', 'last_checkpoint']


class Spoil(Hook):
    """Spoils a weight after the last loss of the second epoch."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 7:
            runner.model.weight.data.fill_(float('nan'))
