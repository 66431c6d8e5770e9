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
        # Epochs 1, 3 and 5, as configs write them.
        (dict(val_interval=1, dynamic_intervals=[(3, 3), (5, 5)]), [1, 3, 5]),
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
    shape = save(tmp_path / 'shape.pth', weight=torch.ones(3))
    with pytest.raises(WeightsError, match='size mismatch for weight'):
        runner(tmp_path, 1, [StrictCheckpointHook()], 'shape', load_from=shape).test()
    spoiled = save(tmp_path / 'spoiled.pth', weight=torch.tensor(float('nan')))
    with pytest.raises(WeightsError, match=r'spoiled.pth: 1 weights .* not finite \(weight\)'):
        runner(tmp_path, 1, [StrictCheckpointHook()], 'spoiled', load_from=spoiled).test()


class Pretext(Model):
    """A weight that features depend on, a queue that they do not depend on."""

    training_only = ('queue',)

    def __init__(self, length=2):
        super().__init__()
        self.register_buffer('queue', torch.zeros(length))


ONE, TWO = torch.ones(()), torch.ones(2)


@pytest.mark.parametrize(
    'weights, trains, tests',
    [
        (dict(weight=ONE, queue=TWO), True, True),
        # What training alone needs may be missing or differ in a test.
        (dict(weight=ONE), False, True),
        (dict(weight=ONE, queue=torch.ones(3)), False, True),
        # Another stream's weights are none of a test's business.
        (dict(weight=ONE, queue=TWO, other=ONE), False, True),
        (dict(queue=TWO), False, False),
        (dict(weight=TWO, queue=TWO), False, False),
    ],
    ids=['whole', 'no_queue', 'other_queue', 'more', 'no_weight', 'other_weight'],
)
def test_training_wants_every_weight_and_a_test_those_it_uses(
    tmp_path, weights, trains, tests, request
):
    path = save(tmp_path / 'a.pth', **weights)
    for mode, fits in (('train', trains), ('test', tests)):
        name = f'{request.node.callspec.id}_{mode}'
        run = runner(tmp_path, 1, [StrictCheckpointHook()], name, Pretext(), load_from=path)
        if fits:
            getattr(run, mode)()
            continue
        with pytest.raises(WeightsError, match='a.pth'):
            getattr(run, mode)()


def test_a_part_is_loaded_where_that_is_meant(tmp_path):
    path = save(tmp_path / 'stage_1.pth', weight=torch.tensor(0.5), queue=torch.ones(5))
    hooks = [StrictCheckpointHook(ignore=['queue'])]
    model = Pretext(length=3)
    run = runner(tmp_path, 1, hooks, 'part', model, load_from=path)
    run.call_hook('before_run')
    run.load_or_resume()
    assert model.weight == 0.5 and model.queue.tolist() == [0, 0, 0]
    runner(tmp_path, 1, hooks, 'part_trained', Pretext(length=3), load_from=path).train()
    with pytest.raises(TypeError, match="sequence of starts of names, got 'queue'"):
        StrictCheckpointHook(ignore='queue')


def test_another_epsilon_than_that_of_the_weights_is_refused(tmp_path):
    """The checkpoint tells the network's; features of another one would be others."""
    model = Model()
    model.backbone = nn.BatchNorm3d(2, eps=1e-3)
    meta = dict(backbone=dict(type='S3D', norm_eps=1e-5))
    torch.save(dict(meta=meta, state_dict=model.state_dict()), tmp_path / 'coclr.pth')
    path = str(tmp_path / 'coclr.pth')
    run = runner(tmp_path, 1, [StrictCheckpointHook()], 'epsilon', model, load_from=path)
    with pytest.raises(WeightsError, match=r'coclr\.pth: .*Set norm_eps=1e-05'):
        run.test()
    model = Model()
    model.backbone = nn.BatchNorm3d(2, eps=1e-5)
    runner(tmp_path, 1, [StrictCheckpointHook()], 'right_epsilon', model, load_from=path).test()


def test_backbones_with_weights_of_their_own_need_no_checkpoint(tmp_path):
    model = Model()
    model.starts_pretrained = True
    runner(tmp_path, 1, [InitBeforeTestHook()], 'own_weights', model).test()
    assert model.initialised == 1


def test_weights_alone_are_no_training_to_resume(tmp_path):
    path = save(tmp_path / 'weights.pth', weight=ONE)
    hooks = [StrictCheckpointHook()]
    run = runner(tmp_path, 1, hooks, 'weights_alone', resume=True, load_from=path)
    with pytest.raises(WeightsError, match=r'weights.pth: holds no state of a training to resume'):
        run.train()


def test_test_without_any_weights_is_refused(tmp_path):
    hooks = [InitBeforeTestHook()]
    with pytest.raises(RuntimeError, match='nothing to test'):
        runner(tmp_path, 1, hooks, 'none').test()
    with pytest.raises(RuntimeError, match='nothing to test'):
        runner(tmp_path, 1, hooks, 'half', Model(['rgb', 'motion'], dict(rgb='a.pth'))).test()
    model = Model()
    runner(tmp_path, 1, [InitBeforeTestHook(random=True)], 'random', model).test()
    assert model.initialised == 1


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
