import logging
import os

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ssvrl_mm.engine.runner import ToolRunner


class Counted(BaseModel):
    """Counts how often its weights are initialised."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.calls = 0

    def init_weights(self):
        super().init_weights()
        self.calls += 1

    def forward(self, inputs, data_samples=None, mode='tensor'):
        loss = self.layer(inputs).sum()
        return {'loss': loss} if mode == 'loss' else [loss]


@pytest.fixture
def build(tmp_path):
    """Makes the runner in the test itself: its console is the standard output of that moment."""
    return lambda: make_runner(tmp_path)


def make_runner(tmp_path):
    loader = torch.utils.data.DataLoader([{'inputs': torch.ones(2)}] * 4, batch_size=2)
    return ToolRunner(
        model=Counted(),
        work_dir=str(tmp_path),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        experiment_name=tmp_path.name,
        cfg=Config(dict(a_setting=1)),
    )


def test_environment_and_config_go_to_the_log_file_alone(tmp_path, capsys, build):
    build()
    shown = capsys.readouterr().out
    [log] = tmp_path.glob('*/*.log')
    written = log.read_text()
    for dump in (
        'System environment:', 'Versions and machine:', 'decoders', 'Config:',
        'Hooks will be executed', 'CheckpointHook',
    ):  # fmt: skip
        assert dump in written and dump not in shown
    assert str(log) in shown and len(shown.splitlines()) == 1


def test_iterations_and_checkpoints_stay_on_the_console(tmp_path, capsys, build):
    runner = build()
    runner.train()
    shown = capsys.readouterr().out
    assert 'Epoch(train) [1][2/2]' in shown and 'Saving checkpoint at 1 epochs' in shown
    assert 'FileClient' not in shown and (tmp_path / 'epoch_1.pth').exists()


def test_messages_of_others_stay_on_the_console(capsys, build):
    build()
    for level in (logging.INFO, logging.WARNING):
        MMLogger.get_current_instance().log(level, 'the videos are short')
    assert capsys.readouterr().out.count('the videos are short') == 2


def test_weights_are_initialised_once(capsys, build):
    runner = build()
    runner.init_weights()
    before = runner.model.layer.weight.clone()
    runner.train_loop  # noqa: B018 - builds it
    runner.init_weights()
    assert runner.model.calls == 1 and torch.equal(runner.model.layer.weight, before)
    runner.train()
    assert runner.model.calls == 1
    assert 'more than once' not in capsys.readouterr().out


@pytest.mark.parametrize('own', [None, ':16:8'])
def test_a_deterministic_run_has_the_setting_of_cublas(monkeypatch, build, own):
    runner = build()
    monkeypatch.setattr(Runner, 'set_randomness', lambda self, *args: None)
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', '')
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG')
    runner.set_randomness(seed=0)
    runner.set_randomness(seed=0, deterministic=False)
    assert 'CUBLAS_WORKSPACE_CONFIG' not in os.environ
    if own:
        monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', own)
    runner.set_randomness(seed=0, deterministic=True)
    assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == (own or ':4096:8')


@pytest.mark.parametrize('cuda', [False, True])
def test_memory_is_pinned_where_there_is_cuda(monkeypatch, cuda):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    built = []
    monkeypatch.setattr(Runner, 'build_dataloader', lambda config, **kwargs: built.append(config))
    own, config = dict(num_workers=0, pin_memory=False), dict(num_workers=2)
    for loader in (config, own, 'a loader'):
        ToolRunner.build_dataloader(loader, seed=0)
    assert built == [dict(config, **(dict(pin_memory=True) if cuda else {})), own, 'a loader']
    assert config == dict(num_workers=2)


def test_the_optimizer_has_merged_groups_and_the_config_does_not_say_so(build):
    runner = build()
    before = dict(runner.optim_wrapper)
    config = dict(before, paramwise_cfg=dict(bias_decay_mult=1.0), constructor=None)
    del config['constructor']
    config['optimizer'] = dict(config['optimizer'], weight_decay=0.1)
    wrapper = runner.build_optim_wrapper(config)
    assert len(wrapper.optimizer.param_groups) == 2 and 'constructor' not in config
    hooks = wrapper.optimizer._optimizer_load_state_dict_pre_hooks
    assert [hook.__name__ for hook in hooks.values()] == ['_fit']
