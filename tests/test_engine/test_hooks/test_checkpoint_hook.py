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
# The newest and three more, of which neither the first nor the second is due by the interval.
KEEP_SOME = dict(
    checkpoint=dict(type='CheckpointHook', interval=2, max_keep_ckpts=1, keep_epochs=(1, 3, 4))
)
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


def epochs_of(folder):
    return [int(path.stem.partition('_')[2]) for path in sorted(folder.glob('epoch_*.pth'))]


# What lies there after each of seven epochs.
KEPT = {1: [1], 2: [1, 2], 3: [1, 3], 4: [1, 3, 4], 5: [1, 3, 4], 6: [1, 3, 4, 6], 7: [1, 3, 4, 7]}


def test_epochs_to_keep_are_saved_and_stay(tmp_path):
    seen = {}

    class Look(Hook):
        priority = 'LOWEST'

        def after_train_epoch(self, runner):
            seen[runner.epoch + 1] = epochs_of(tmp_path)

    run = toy_run(tmp_path, 7, hooks=KEEP_SOME)
    run.register_hook(Look())
    run.train()
    assert seen == KEPT


# Six checkpoints are written, each of them and then its pointer renamed.
@pytest.mark.parametrize('call', range(3, 13))
def test_a_killed_and_resumed_run_keeps_the_same_epochs(tmp_path, call):
    killed_run(tmp_path, 'replace', call, epochs=7, hooks=KEEP_SOME)
    start = str(newest_checkpoint(tmp_path).path)
    toy_run(tmp_path, 7, hooks=KEEP_SOME, resume=True, load_from=start).train()
    # A kill between a save and the deletion of what it outdates leaves that there.
    left = {6: [2], 12: [6]}.get(call, [])
    assert epochs_of(tmp_path) == sorted([*KEPT[7], *left])


def test_nothing_to_keep_goes_when_fewer_may_stay(tmp_path):
    more = dict(checkpoint=dict(KEEP_SOME['checkpoint'], interval=1, max_keep_ckpts=4))
    toy_run(tmp_path, 4, hooks=more).train()
    assert epochs_of(tmp_path) == [1, 2, 3, 4]
    start = str(tmp_path / 'epoch_4.pth')
    again = dict(hooks=KEEP_SOME, resume=True, load_from=start, experiment_name='again')
    toy_run(tmp_path, 5, **again).train()
    assert epochs_of(tmp_path) == [1, 3, 4, 5]


def test_missed_epochs_are_told(tmp_path, monkeypatch):
    """By a run that was begun without them, and resumed with them."""
    first = dict(checkpoint=dict(type='CheckpointHook', interval=2))
    toy_run(tmp_path / 'old', 4, hooks=first).train()
    shutil.copytree(tmp_path / 'old', tmp_path / 'new')
    (tmp_path / 'new' / 'epoch_4.pth').unlink()
    (tmp_path / 'new' / 'epoch_3.pth').touch()
    start, told = str(tmp_path / 'old' / 'epoch_4.pth'), []
    run = toy_run(tmp_path / 'new', 5, hooks=KEEP_SOME, resume=True, load_from=start)
    monkeypatch.setattr(run.logger, 'warning', told.append)
    run.train()
    [message] = [message for message in told if 'keep_epochs' in message]
    assert f'{tmp_path / "new"} holds no checkpoint of epochs [1, 4], and' in message
    assert message.endswith('goes on after epoch 4')


def test_epochs_that_never_come_are_refused(tmp_path):
    run = toy_run(tmp_path, 3, hooks=KEEP_SOME)
    with pytest.raises(ValueError, match=r'keep_epochs: \[4\] never come, .* epoch 3 '):
        run.train()
    assert epochs_of(tmp_path) == []


@pytest.mark.parametrize('epochs', [5, '5', (0, 5), (5, 5), (1.0, 5), (True, 5), ('1', 5), None])
def test_epochs_to_keep_are_whole_numbers(epochs):
    with pytest.raises(ValueError, match='keep_epochs must be a list of different whole numbers'):
        CheckpointHook(keep_epochs=epochs)


def test_epochs_to_keep_are_no_iterations():
    with pytest.raises(ValueError, match='by_epoch=True'):
        CheckpointHook(keep_epochs=(1,), by_epoch=False)
    assert CheckpointHook(by_epoch=False).keep_epochs == ()


def test_misspelt_arguments_are_refused():
    """mmengine's hook takes any, and fails at the first save."""
    message = "no argument 'keep_epoch'; did you mean keep_epochs"
    with pytest.raises(TypeError, match=message):
        CheckpointHook(keep_epoch=(1, 5))
    with pytest.raises(TypeError, match="no argument 'colour'$"):
        CheckpointHook(colour=1)


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
