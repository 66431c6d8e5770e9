import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from ssvrl_mm.engine.hooks import InitBeforeTestHook, StrictCheckpointHook, ValidateOnResumeHook
from ssvrl_mm.models.utils.weights import WeightsError

LOSSES = [3.0, 3.0, 3.0, 2.0, 3.0, 3.0, 3.0, 3.0]


class Model(BaseModel):
    """One weight; fails to be initialised twice."""

    def __init__(self, classifiers=None, checkpoints=None):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        if classifiers is not None:
            self.classifiers, self.checkpoints = (
                nn.ModuleDict(dict.fromkeys(classifiers, nn.Identity())),
                checkpoints,
            )
        self.initialised = 0

    def init_weights(self):
        self.initialised += 1

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return {'loss': (self.weight - 1) ** 2} if mode == 'loss' else [0]


class Scripted(BaseMetric):
    """The loss of each epoch is given; notes when it is asked for."""

    def __init__(self, model):
        super().__init__()
        self.asked, self.runner = [], None

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        self.asked.append(self.runner.epoch)
        return {'acc/loss': LOSSES[self.runner.epoch - 1]}


def runner(folder, epochs, hooks, name, model=None, validation=None, **kwargs):
    loader = dict(
        dataset=[dict(inputs=torch.zeros(1))] * 2,
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=1,
    )
    model = model or Model()
    metric = Scripted(model)
    settings = dict(
        model=model,
        work_dir=str(folder),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, **(validation or dict(val_interval=1))),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=loader,
        val_cfg=dict(),
        val_evaluator=[metric],
        test_dataloader=loader,
        test_cfg=dict(),
        test_evaluator=[metric],
        param_scheduler=dict(
            type='ReduceOnPlateauLR', monitor='acc/loss', patience=1, factor=0.1, by_epoch=True
        ),
        custom_hooks=hooks,
        default_scope='ssvrl_mm',
        default_hooks=dict(logger=None),
        experiment_name=name,
    )
    made = Runner(**{**settings, **kwargs})
    metric.runner = made
    made.metric = metric
    return made


def rate(run):
    return run.optim_wrapper.param_groups[0]['lr']


@pytest.mark.parametrize('hooked', [True, False])
def test_resumed_plateau_equals_the_uninterrupted_one(tmp_path, hooked):
    hooks = [ValidateOnResumeHook()] if hooked else []
    whole = runner(tmp_path / 'whole', 6, hooks, f'whole{hooked}')
    whole.train()
    assert rate(whole) == pytest.approx(0.01)  # two in a row not better than the first: epoch 3
    resumed = runner(
        tmp_path / 'resumed',
        3,
        hooks,
        f'resumed{hooked}',
        resume=True,
        load_from=str(tmp_path / 'whole' / 'epoch_2.pth'),
    )
    resumed.train()
    # The checkpoint of epoch 2 was written before its validation.
    assert resumed.metric.asked == ([2, 3] if hooked else [3])
    assert rate(resumed) == pytest.approx(0.01 if hooked else 0.1)


@pytest.mark.parametrize(
    'validation, asked',
    [
        (dict(val_interval=2), [2, 4, 5]),
        (dict(val_interval=3), [3, 5]),
        (dict(val_interval=1, val_begin=3), [3, 4, 5]),
        (dict(val_interval=2, val_begin=3), [4, 5]),
        (dict(val_interval=1, val_begin=6), []),
        (dict(val_interval=4, dynamic_intervals=[(3, 1)]), [2, 3, 4, 5]),
    ],
    ids=str,
)
def test_resumed_run_owes_the_validations_of_the_uninterrupted_one(tmp_path, validation, asked):
    hooks = [ValidateOnResumeHook()]
    whole = runner(tmp_path / 'whole', 5, hooks, f'whole{validation}', validation=validation)
    whole.train()
    assert whole.metric.asked == asked
    for epoch in range(1, 6):
        resumed = runner(
            tmp_path / f'resumed{epoch}',
            5,
            hooks,
            f'resumed{epoch}{validation}',
            validation=validation,
            resume=True,
            load_from=str(tmp_path / 'whole' / f'epoch_{epoch}.pth'),
        )
        resumed.train()
        assert resumed.metric.asked == [e for e in asked if e >= epoch], epoch


def test_a_resumed_run_without_validation_owes_none(tmp_path):
    none = dict(val_dataloader=None, val_cfg=None, val_evaluator=None, param_scheduler=None)
    runner(tmp_path / 'whole', 1, [], 'unvalidated', **none).train()
    resumed = runner(tmp_path / 'resumed', 2, [ValidateOnResumeHook()], 'also_not', **none)
    resumed.resume(str(tmp_path / 'whole' / 'epoch_1.pth'))
    resumed.train()
    assert (resumed.epoch, resumed.metric.asked) == (2, [])


def test_a_run_that_starts_anew_owes_no_validation(tmp_path):
    runner(tmp_path / 'first', 1, [], 'first').train()
    second = runner(
        tmp_path / 'second',
        2,
        [ValidateOnResumeHook()],
        'second',
        validation=dict(val_interval=1, val_begin=0),
        load_from=str(tmp_path / 'first' / 'epoch_1.pth'),
    )
    second.train()
    assert second.metric.asked == [1, 2]


def save(path, **weights):
    torch.save(dict(state_dict=weights), path)
    return str(path)


def test_checkpoint_of_another_model_is_refused(tmp_path):
    for prefix, name in (('', 'a'), ('module.', 'b')):
        path = save(tmp_path / f'{name}.pth', **{f'{prefix}weight': torch.ones(())})
        run = runner(tmp_path, 1, [StrictCheckpointHook()], f'right_{name}', load_from=path)
        run.test()
        assert run.model.weight == 1
    wrong = save(tmp_path / 'wrong.pth', **{'backbone_rgb.weight': torch.ones(())})
    run = runner(tmp_path, 1, [StrictCheckpointHook()], 'wrong', load_from=wrong)
    with pytest.raises(
        WeightsError,
        match=r"wrong.pth: 0 of the 1 weights of Model .*All of them are under 'backbone_rgb\.'",
    ):
        run.test()
    more = save(tmp_path / 'more.pth', weight=torch.ones(()), other=torch.ones(()))
    with pytest.raises(WeightsError, match=r'1 have no place in it \(other\)'):
        runner(tmp_path, 1, [StrictCheckpointHook()], 'more', load_from=more).test()
    shape = save(tmp_path / 'shape.pth', weight=torch.ones(3))
    with pytest.raises(WeightsError, match='size mismatch for weight'):
        runner(tmp_path, 1, [StrictCheckpointHook()], 'shape', load_from=shape).test()


def test_test_without_any_weights_is_refused(tmp_path):
    hooks = [InitBeforeTestHook()]
    with pytest.raises(RuntimeError, match='nothing to test'):
        runner(tmp_path, 1, hooks, 'none').test()
    with pytest.raises(RuntimeError, match='nothing to test'):
        runner(tmp_path, 1, hooks, 'half', Model(['rgb', 'motion'], dict(rgb='a.pth'))).test()


def test_model_of_several_checkpoints_is_initialised_once(tmp_path):
    hooks = [InitBeforeTestHook()]
    model = Model(['rgb'], dict(rgb='a.pth'))
    runner(tmp_path, 1, hooks, 'classifiers', model).test()
    assert model.initialised == 1
    path = save(tmp_path / 'a.pth', weight=torch.ones(()))
    loaded = Model(['rgb'], dict(rgb='a.pth'))
    runner(tmp_path, 1, hooks, 'loaded', loaded, load_from=path).test()
    assert loaded.initialised == 0
    trained = runner(tmp_path, 1, hooks, 'trained')
    trained.train()
    trained.test()
    assert trained.model.initialised == 1
