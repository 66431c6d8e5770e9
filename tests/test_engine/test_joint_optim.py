"""Two optimizers behind one backward pass, through real runs."""

import copy
import json

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn

from ssvrl_mm.engine import (
    CheckpointFileError,
    JointOptimConstructor,
    JointOptimWrapper,
    TrainingDivergedError,
)
from ssvrl_mm.engine.config_checks import check_options
from ssvrl_mm.engine.optim import each_wrapper, fit_optimizer, set_precision
from tests.processes import run_processes

from .test_hooks.toy_run import toy_run

SGD = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
ADAM = dict(optimizer=dict(type='Adam', lr=0.01))
BOTH = dict(constructor='JointOptimConstructor', first=SGD, second=ADAM)


class Pair(BaseModel):
    """Two parts with a loss each, which the other one's weights do not enter."""

    def __init__(self, scale=1.0):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(3, 2), nn.Linear(3, 1)
        self.scale = scale

    def forward(self, inputs, data_samples=None, mode='loss'):
        return {
            'loss_first': self.first(inputs).square().mean() * self.scale,
            'loss_second': (self.second(inputs) - 1).square().mean(),
        }


INPUTS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def falling(milestone, gamma):
    return dict(type='MultiStepLR', milestones=[milestone], gamma=gamma)


def run(folder, epochs=2, optim_wrapper=BOTH, model=None, **kwargs):
    loader = dict(
        dataset=[dict(inputs=row) for row in INPUTS],
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=2,
        collate_fn=dict(type='default_collate'),
    )
    runner = toy_run(
        folder,
        epochs,
        hooks=dict(
            runtime_info=dict(type='RuntimeInfoHook'),
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', interval=1),
            training_amount=dict(type='TrainingAmountHook'),
            finite_loss=dict(type='FiniteLossHook'),
            strict_checkpoint=dict(type='StrictCheckpointHook'),
        ),
        model=model or Pair(),
        train_dataloader=loader,
        optim_wrapper=copy.deepcopy(optim_wrapper),
        **{'param_scheduler': [falling(1, 0.1)], **kwargs},
    )
    runner.train()
    return runner


def alone(part, config, epochs=2, gamma=0.1):
    """The weights of a part that is trained by itself, by torch's own optimizer."""
    model = Pair()
    settings = dict(config['optimizer'])
    kind = getattr(torch.optim, settings.pop('type'))
    optimizer = kind(getattr(model, part).parameters(), **settings)
    batches = INPUTS.split(2)
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group['lr'] = config['optimizer']['lr'] * gamma**epoch
        for batch in batches:
            optimizer.zero_grad()
            model(batch)[f'loss_{part}'].backward()
            optimizer.step()
    return getattr(model, part).state_dict()


def test_each_part_is_trained_as_if_it_were_alone(tmp_path):
    runner = run(tmp_path)
    for part, config in (('first', SGD), ('second', ADAM)):
        for name, weight in alone(part, config).items():
            torch.testing.assert_close(getattr(runner.model, part).state_dict()[name], weight)
    logged = [json.loads(line) for line in next(tmp_path.glob('*/vis_data/scalars.json')).open()]
    assert [round(row['first.lr'], 6) for row in logged] == [0.1] * 3 + [0.01] * 3
    assert [round(row['second.lr'], 6) for row in logged] == [0.01] * 3 + [0.001] * 3
    assert {'loss', 'loss_first', 'loss_second'} <= logged[0].keys()


def test_each_part_may_have_its_own_schedule(tmp_path):
    schedules = dict(first=[falling(1, 0.5)], second=[falling(2, 0.1)])
    runner = run(tmp_path, param_scheduler=schedules)
    for part, config, gamma in (('first', SGD, 0.5), ('second', ADAM, 1)):
        for name, weight in alone(part, config, gamma=gamma).items():
            torch.testing.assert_close(getattr(runner.model, part).state_dict()[name], weight)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = run(tmp_path / 'whole', 3)
    checkpoint = str(tmp_path / 'whole/epoch_1.pth')
    resumed = run(tmp_path / 'resumed', 3, resume=True, load_from=checkpoint)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert resumed.optim_wrapper.get_lr() == whole.optim_wrapper.get_lr()


@pytest.mark.parametrize(
    'saved, resumed, message',
    [
        (dict(SGD), BOTH, r"optimizers of \['first', 'second'\], the checkpoint .* of the whole"),
        (BOTH, dict(SGD), r"holds optimizers of \['first', 'second'\], and this run has one"),
    ],
)
def test_a_run_of_other_optimizers_is_not_resumed(tmp_path, saved, resumed, message):
    run(tmp_path, 1, saved)
    settings = dict(resume=True, load_from=str(tmp_path / 'epoch_1.pth'))
    with pytest.raises(CheckpointFileError, match=message):
        # As the tools do, whose optimizer of a whole model tells what a checkpoint holds.
        run(tmp_path / 'resumed', 2, fit_optimizer(resumed), **settings)


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path):
    parts = {name: dict(BOTH[name], accumulative_counts=3) for name in ('first', 'second')}
    runner = run(tmp_path, 1, dict(BOTH, **parts))
    model = Pair()
    wrapper = JointOptimConstructor({'first': SGD, 'second': ADAM})(model)
    model.train_step(dict(inputs=INPUTS), wrapper)
    for name, value in runner.model.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name])


class CpuAmp(AmpOptimWrapper):
    """mmengine's wrapper with a scale of the loss, on a CPU."""

    def __init__(self, **kwargs):
        OptimWrapper.__init__(self, **kwargs)
        self.loss_scaler = torch.amp.GradScaler('cpu', init_scale=2.0**10, growth_interval=2)
        self.cast_dtype, self._scale_update_param = torch.bfloat16, None


def joint(model, kind=OptimWrapper, lr=0.1, **kwargs):
    return JointOptimWrapper(
        **{
            part: kind(
                optimizer=torch.optim.SGD(getattr(model, part).parameters(), lr=lr),
                **copy.deepcopy(kwargs),
            )
            for part in ('first', 'second')
        }
    )


@pytest.mark.parametrize('clip', [None, dict(max_norm=0.01)])
def test_a_scaled_loss_gives_the_same_steps(clip):
    inputs, weights = torch.randn(4, 4, 3), []
    for kind in (OptimWrapper, CpuAmp):
        model = Pair()
        wrapper = joint(model, kind, clip_grad=clip, accumulative_counts=2)
        wrapper.initialize_count_status(model, 0, len(inputs))
        for batch in inputs:
            with torch.autocast('cpu', enabled=False):
                loss = sum(model(batch).values())
            wrapper.update_params(loss)
        weights.append(model.state_dict())
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name])
    # Two steps were good: the scale, one for both parts, grew once.
    scales = {part['loss_scaler']['scale'] for part in wrapper.state_dict().values()}
    assert scales == {2.0**11}
    assert wrapper.cast_dtype is torch.bfloat16


def test_a_part_without_good_gradients_stays_and_the_other_steps():
    model = Pair(scale=float('inf'))
    wrapper = joint(model, CpuAmp)
    before = copy.deepcopy(model.state_dict())
    wrapper.update_params(sum(model(torch.randn(4, 3)).values()))
    after = model.state_dict()
    assert torch.equal(before['first.weight'], after['first.weight'])
    assert not torch.equal(before['second.weight'], after['second.weight'])
    assert wrapper.state_dict()['second']['loss_scaler']['scale'] == 2.0**9
    assert all(parameter.grad is None for parameter in model.parameters())
    restored = joint(Pair(), CpuAmp)
    restored.load_state_dict(copy.deepcopy(wrapper.state_dict()))
    assert restored['first'].loss_scaler.get_scale() == 2.0**9


def test_clipping_is_of_each_part_and_logged_by_its_name(tmp_path):
    clip = dict(max_norm=1e-3)
    parts = dict(first=dict(SGD, clip_grad=clip), second=dict(ADAM, clip_grad=clip))
    run(tmp_path, 1, dict(BOTH, **parts))
    [row, *_] = [json.loads(line) for line in next(tmp_path.glob('*/vis_data/scalars.json')).open()]
    model = Pair()
    sum(model(INPUTS[:2]).values()).backward()
    for part in ('first', 'second'):
        grads = [p.grad.flatten() for p in getattr(model, part).parameters()]
        assert row[f'{part}.grad_norm'] == pytest.approx(float(torch.cat(grads).norm()))


def process(rank):
    model = MMDistributedDataParallel(Pair().double(), broadcast_buffers=False)
    wrapper = JointOptimConstructor(
        {name: dict(BOTH[name], accumulative_counts=2) for name in ('first', 'second')}
    )(model)
    batches = torch.randn(2, 2, 4, 3, generator=torch.Generator().manual_seed(1)).double()[:, rank]
    wrapper.initialize_count_status(model, 0, 2)
    for batch in batches:
        model.train_step(dict(inputs=batch), wrapper)
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_two_processes_are_one_with_the_batch_of_both(tmp_path):
    ours, theirs = run_processes(process, tmp_path)
    assert torch.equal(ours, theirs)
    model = Pair().double()
    wrapper = JointOptimConstructor({'first': SGD, 'second': ADAM})(model)
    batch = torch.randn(2, 2, 4, 3, generator=torch.Generator().manual_seed(1)).double()
    model.train_step(dict(inputs=batch.flatten(0, 2)), wrapper)
    torch.testing.assert_close(
        ours, torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    )


def test_a_diverged_run_names_the_clipping_of_both(tmp_path):
    with pytest.raises(
        TrainingDivergedError, match='optim_wrapper.first.clip_grad or optim_wrapper.second.clip'
    ):
        run(tmp_path, 1, model=Pair(scale=float('nan')))


def test_learning_rates_are_scaled_together(tmp_path):
    runner = toy_run(tmp_path, model=Pair(), optim_wrapper=copy.deepcopy(BOTH), batch_size=2)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.scale_lr(runner.optim_wrapper, dict(enable=True, base_batch_size=1))
    assert runner.optim_wrapper.get_lr() == {'first.lr': [0.2], 'second.lr': [0.02]}


def test_precision_is_chosen_for_every_part():
    cfg = ConfigDict(copy.deepcopy(BOTH))
    set_precision(cfg, amp=True)
    assert {part.type for part in each_wrapper(cfg).values()} == {'DeviceAmpOptimWrapper'}
    cfg.second.dtype = 'float16'
    set_precision(cfg, amp=False)
    assert {part.type for part in each_wrapper(cfg).values()} == {'OptimWrapper'}
    assert 'dtype' not in cfg.second and 'type' not in cfg
    assert set(each_wrapper(dict(SGD))) == {''} == set(each_wrapper(None))


@pytest.mark.parametrize(
    'option, told',
    [
        ('optim_wrapper.first.optimizer.lr', []),
        ('optim_wrapper.first.clip_grad.max_norm', []),
        ('optim_wrapper.constructor', []),
        ('optim_wrapper.optimizer.lr', ['the config has no optimizer in optim_wrapper']),
        ('optim_wrapper.frist.optimizer.lr', ['did you mean first?']),
    ],
)  # fmt: skip
def test_options_for_one_optimizer_are_told(option, told):
    messages = check_options(dict(optim_wrapper=BOTH), {option: 1})
    assert len(messages) == len(told)
    assert all(text in message for text, message in zip(told, messages, strict=True))


@pytest.mark.parametrize(
    'config, message',
    [
        (dict(first=SGD), '2 weights of Pair belong to none of the parts .* second.weight the fi'),
        (dict(frist=SGD, second=ADAM), 'Pair has no part frist; did you mean first?'),
        (dict(first=SGD, second=dict(lr=1)), 'optim_wrapper.second must be the config'),
        (dict(first=SGD, second=3), 'optim_wrapper.second must be the config'),
        ({'first': SGD, 'second': ADAM, 'second.weight': SGD}, 'no part second.weight'),
        (dict(first=dict(SGD, accumulative_counts=2), second=ADAM), 'must agree in type, prec'),
    ],
)
def test_wrong_parts_are_told(config, message):
    with pytest.raises(ValueError, match=message):
        JointOptimConstructor(config)(Pair())


def test_what_parts_share_and_settings_of_the_whole_are_told():
    model = Pair()
    model.second.weight = model.first.weight
    with pytest.raises(ValueError, match='first and second share weights'):
        JointOptimConstructor(dict(first=SGD, second=ADAM))(model)
    with pytest.raises(ValueError, match='paramwise_cfg goes into the config of one of the parts'):
        JointOptimConstructor(dict(first=SGD, second=ADAM), paramwise_cfg={})
    with pytest.raises(ValueError, match='at least one part'):
        JointOptimWrapper()
