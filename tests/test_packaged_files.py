"""Configs of the package, inherited in folders and by tools that know nothing of it."""

from pathlib import Path

import pytest

import ssvrl_mm
from ssvrl_mm import ConfigNotFoundError, config_file
from tests.clips import encode, translating
from tests.interpreter import run_fresh, run_mmactions_tool

CONFIG = 'mvcgc/s3d_ucf101.py'
CHILD = f"_base_ = __import__('ssvrl_mm').config_file('{CONFIG}')\n"


def test_the_path_of_a_config(repository):
    path = config_file(CONFIG)
    assert isinstance(path, str)
    assert Path(path).samefile(repository / 'configs' / CONFIG)
    assert Path(config_file('_base_/default_runtime.py')).is_file()


@pytest.mark.parametrize(
    'name, meant',
    [
        ('mvcgc/s3d_ucf11.py', CONFIG),
        ('s3d_ucf101.py', CONFIG),
        ('mvcgc/s3d_ucf101', CONFIG),
        (f'ssvrl_mm::{CONFIG}', CONFIG),
        (f'configs/{CONFIG}', CONFIG),
        (f'../configs/{CONFIG}', CONFIG),
        ('???', 'configs holds them'),
    ],
)
def test_an_unknown_name(name, meant):
    with pytest.raises(ConfigNotFoundError) as raised:
        config_file(name)
    assert repr(name) in str(raised.value) and meant in str(raised.value)
    assert isinstance(raised.value, FileNotFoundError)


def test_finding_a_config_imports_neither_torch_nor_mmengine(tmp_path, repository):
    code = f"""
        import sys, ssvrl_mm
        ssvrl_mm.config_file({CONFIG!r})
        print(sorted({{'torch', 'mmengine', 'mmcv', 'mmaction', 'numpy', 'av'}} & set(sys.modules)))
    """
    assert run_fresh(code, tmp_path, [repository]).split() == ['[]']


def test_a_config_anywhere_inherits_from_it(tmp_path, repository):
    (tmp_path / 'child.py').write_text(CHILD + 'load_from = _base_.model.type\n')
    (tmp_path / 'children.py').write_text(CHILD.replace('= __', '= [__').replace(')\n', ')]\n'))
    code = f"""
        from mmengine import Config
        base = Config.fromfile({str(repository / 'configs' / CONFIG)!r})
        for name in ('child.py', 'children.py'):
            child = Config.fromfile(name)
            assert child.model == base.model and child.train_dataloader == base.train_dataloader
        print(Config.fromfile('child.py').load_from == base.model.type)
    """
    assert run_fresh(code, tmp_path, [repository]).split() == ['True']


STOP = """
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class StopHook(Hook):
    def before_train(self, runner):
        print('built', type(runner.model).__module__, len(runner.train_dataloader.dataset))
        raise SystemExit(0)
"""


def test_mmaction2s_own_tool_builds_it(tmp_path, repository):
    """Its tools import nothing of ours before they read the config."""
    for number in range(2):
        encode(tmp_path / f'{number}.mp4', translating(8, 2, 1, 48, 64, seed=number))
    (tmp_path / 'list.txt').write_text('0.mp4 0\n1.mp4 1\n')
    (tmp_path / 'stop.py').write_text(STOP)
    (tmp_path / 'mine.py').write_text(
        CHILD
        + "custom_imports = dict(imports=['stop'])\n"
        + "custom_hooks = [dict(type='StopHook')]\n"
        + "mine = dict(data_root='.', ann_file='list.txt', data_prefix=dict(video=''))\n"
        + 'mine.update(group=None)\n'
        + 'train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, '
        + 'dataset=mine)\n'
    )
    printed = run_mmactions_tool(
        'train.py', [['mine.py', '--no-validate']], tmp_path, [repository, tmp_path]
    )
    built = [line.split() for line in printed.splitlines() if line.startswith('built')]
    ((_, module, videos),) = built
    assert module.startswith(f'{ssvrl_mm.__name__}.models') and videos == '2'
