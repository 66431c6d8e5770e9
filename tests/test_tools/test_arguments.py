import argparse
import importlib.util
import sys

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.engine import launch


@pytest.fixture
def merged(monkeypatch, tool, tiny_config):
    """The config that a tool runs with, given its arguments."""

    def parse(name, *arguments):
        spec = importlib.util.spec_from_file_location(f'{name}_tool', tool(f'{name}.py'))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.syspath_prepend(str(tiny_config.parent))
        monkeypatch.setattr(sys, 'argv', [name, str(tiny_config), *arguments])
        monkeypatch.setenv('LOCAL_RANK', '0')
        args = module.parse_args()
        cfg = launch.load_config(args)
        module.merge_args(cfg, args)
        if name == 'train':
            module.choose_start(cfg, args)
        return cfg

    return parse


def test_defaults_leave_the_config_alone(merged):
    cfg = merged('train')
    assert cfg.work_dir.startswith('work_dirs/') and cfg.work_dir.endswith('/tiny_mvcgc')
    assert cfg.optim_wrapper.type == 'DeviceAmpOptimWrapper'
    assert (cfg.resume, cfg.load_from, cfg.randomness.seed) == (False, None, 0)
    assert cfg.auto_scale_lr.enable is False and cfg.val_dataloader is not None


def test_precision(merged):
    cfg = merged('train', '--no-amp')
    assert cfg.optim_wrapper.type == 'OptimWrapper' and 'dtype' not in cfg.optim_wrapper
    cfg = merged('train', '--no-amp', '--cfg-options', 'val_cfg.fp16=True', 'test_cfg.fp16=True')
    assert 'fp16' not in cfg.val_cfg and 'fp16' not in cfg.test_cfg
    plain = ('--cfg-options', 'optim_wrapper.type=OptimWrapper')
    assert merged('train', '--amp', *plain).optim_wrapper.type == 'DeviceAmpOptimWrapper'
    for both in (('--amp', '--no-amp'), ('--resume', '--overwrite')):
        with pytest.raises(SystemExit):
            merged('train', *both)


@pytest.mark.parametrize('cuda', [False, True])
def test_precision_of_a_test(merged, monkeypatch, cuda):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    assert merged('test', 'x.pth').test_cfg == dict(type='TestLoop')
    half = dict(fp16=True) if cuda else {}
    assert merged('test', 'x.pth', '--amp').test_cfg == dict(type='TestLoop', **half)


def test_other_training_arguments(merged):
    arguments = ['--seed', '7', '--deterministic', '--no-validate', '--auto-scale-lr']
    cfg = merged('train', *arguments, '--resume', 'x.pth')
    assert cfg.randomness == dict(seed=7, deterministic=True)
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None
    assert cfg.auto_scale_lr.enable is True
    assert (cfg.resume, cfg.load_from) == (True, 'x.pth')


def test_a_config_that_resumes_does_so_as_the_option_would(merged, tmp_path):
    folder = ('--work-dir', str(tmp_path), '--cfg-options', 'resume=True')
    cfg = merged('train', *folder)
    assert (cfg.resume, cfg.load_from) == (False, None)
    torch.save(dict(state_dict={}), tmp_path / 'epoch_4.pth')
    cfg = merged('train', *folder)
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'epoch_4.pth'))
    cfg = merged('train', *folder, 'load_from=x.pth')
    assert (cfg.resume, cfg.load_from) == (True, 'x.pth')


def test_testing_loads_the_checkpoint_and_dumps(merged):
    cfg = merged('test', 'x.pth', '--dump', 'predictions.pkl')
    assert (cfg.resume, cfg.load_from) == (False, 'x.pth')
    metric, dump = cfg.test_evaluator
    assert metric.type == 'VideoRetrieval'
    assert dump == dict(type='DumpResults', out_file_path='predictions.pkl')
    with pytest.raises(SystemExit):
        merged('test', 'x.pth', '--dump', 'predictions.json')


@pytest.mark.parametrize(
    'name, arguments',
    [
        ('demo', ('--config', 'CONFIG', '--work-dir', 'out')),
        ('analysis/extract_features', ('CONFIG', 'random', '--videos', '.', '--out', 'f.npz')),
    ],
)
def test_an_option_that_nothing_reads_ends_it(
    name, arguments, tool, monkeypatch, repository, tmp_path
):
    spec = importlib.util.spec_from_file_location('a_tool', tool(f'{name}.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    config = str(repository / 'configs/mvcgc/demo.py')
    given = [config if word == 'CONFIG' else word for word in arguments]
    options = ('--cfg-options', 'test_dataloader.batch_size=2', 'modle.width=2')
    monkeypatch.setattr(sys, 'argv', [name, *given, *options])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert end.value.code == (
        'error: --cfg-options: modle.width: the config has no modle; did you mean model?'
    )


def test_a_demo_that_is_not_there(tool, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location('a_tool', tool('demo.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, 'argv', ['demo', '--config', 'configs/mvcgc/dmeo.py'])
    with pytest.raises(SystemExit):
        module.parse_args()
    assert 'there is no config configs/mvcgc/dmeo.py' in capsys.readouterr().err


def test_a_scope_before_the_name_of_a_hook_makes_no_other_hook(tool):
    spec = importlib.util.spec_from_file_location('a_test', tool('test.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    own = dict(type='ssvrl_mm.InitBeforeTestHook')
    cfg = Config(dict(model=dict(), custom_hooks=[own, dict(type='EMAHook')]))
    module.merge_args(cfg, argparse.Namespace(checkpoint='random', amp=False, dump=None))
    kinds = [hook['type'] for hook in cfg.custom_hooks]
    assert kinds == ['EMAHook', 'InitBeforeTestHook'] and cfg.custom_hooks[1]['random']


def test_random_weights_are_tested_as_training_would_begin_with_them(merged):
    cfg = merged('test', 'random')
    assert (cfg.resume, cfg.load_from) == (False, None)
    starts = [hook for hook in cfg.custom_hooks if hook['type'] == 'InitBeforeTestHook']
    assert starts == [dict(type='InitBeforeTestHook', random=True)]
    assert merged('test', 'random.pth').load_from == 'random.pth'
