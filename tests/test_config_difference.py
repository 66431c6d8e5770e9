"""Differences of configs, by setting."""

import math

import numpy as np
import pytest
from mmengine.config import Config

from ssvrl_mm.config_difference import ConfigBasesError, config_difference, load_bases


def told(first, second, **options):
    return [
        (change.kind, change.path, change.before, change.after)
        for change in config_difference(first, second, **options)
    ]


def test_each_setting_is_told_with_its_path():
    first = Config(dict(model=dict(width=1, depth=3, norm=dict(eps=0.1)), seed=0, old=[1]))
    second = Config(dict(new='x', model=dict(width=2, depth=3, norm=dict(affine=True)), seed=0))
    assert told(first, second) == [
        ('added', 'new', None, 'x'),
        ('changed', 'model.width', 1, 2),
        ('added', 'model.norm.affine', None, True),
        ('removed', 'model.norm.eps', 0.1, None),
        ('removed', 'old', [1], None),
    ]
    assert told(first, second, ignore=('model', 'old')) == [('added', 'new', None, 'x')]
    assert told(first, first) == []


def test_a_further_transform_moves_no_others():
    steps = [dict(type='Open'), dict(type='Crop', size=8), dict(type='Pack')]
    more = [dict(type='Open'), dict(type='Flip', p=1), dict(type='Crop', size=9), dict(type='Pack')]
    assert told(dict(pipeline=steps), dict(pipeline=more)) == [
        ('added', 'pipeline.1', None, dict(type='Flip', p=1)),
        ('changed', 'pipeline.2.size', 8, 9),
    ]
    # Numbers of what was removed are the first config's.
    assert told(dict(pipeline=more), dict(pipeline=steps)) == [
        ('removed', 'pipeline.1', dict(type='Flip', p=1), None),
        ('changed', 'pipeline.1.size', 9, 8),
    ]
    assert told(dict(pipeline=steps[:1]), dict(pipeline=more[1:2])) == [
        ('removed', 'pipeline.0', dict(type='Open'), None),
        ('added', 'pipeline.0', None, dict(type='Flip', p=1)),
    ]


@pytest.mark.parametrize(
    'before, after',
    [
        ((1, 2), [1, 2]),
        (math.nan, math.nan),
        ([dict(a=(1,)), 2], (dict(a=[1]), 2)),
        (1, 1.0),
        (np.arange(3), np.arange(3)),
    ],
)
def test_what_means_the_same_is_no_change(before, after):
    assert told(dict(a=before), dict(a=after)) == []


@pytest.mark.parametrize(
    'before, after',
    [
        (1, True),
        (0, False),
        ([1, 2], [1, 3]),
        ([1], [1, 2]),
        (math.nan, 1.0),
        (1.0, math.nan),
        (None, 0),
        ([], [dict(type='Open')]),
        (dict(a=1), None),
        ([dict(a=1), 2], [dict(b=1), 2]),
        ([dict(a=1), 2], [dict(a=2), 2]),
        (np.arange(3), np.arange(4)),
        (np.arange(3), np.arange(3)[::-1]),
    ],
)
def test_other_values_are_one_change(before, after):
    (change,) = config_difference(dict(a=before), dict(a=after))
    assert (change.kind, change.keys) == ('changed', ('a',))
    assert change.before is before and change.after is after


def test_a_key_with_dots_is_quoted():
    (change,) = config_difference(dict(keys={'net.bias': 1}), dict(keys={'net.bias': 2}))
    assert change.path == 'keys."net.bias"' and change.keys == ('keys', 'net.bias')


def test_bases_are_read_without_what_a_file_says(tmp_path):
    (tmp_path / 'model.py').write_text('model = dict(width=1, depth=2)')
    (tmp_path / 'data.yaml').write_text('data: {size: 8}')
    (tmp_path / 'sub').mkdir()
    leaf = tmp_path / 'sub' / 'leaf.py'
    leaf.write_text(
        "_base_ = ['../model.py', '../data.yaml']\n"
        'model = dict(width=_base_.model.depth * 4)\n'
        'data = dict(_delete_=True, crop=2)\n'
    )
    bases = load_bases(leaf)
    assert bases.to_dict() == dict(model=dict(width=1, depth=2), data=dict(size=8))
    assert told(bases, Config.fromfile(leaf)) == [
        ('changed', 'model.width', 1, 8),
        ('added', 'data.crop', None, 2),
        ('removed', 'data.size', 8, None),
    ]
    leaf.write_text("_base_ = '../model.py'")
    assert told(load_bases(leaf), Config.fromfile(leaf)) == []
    assert load_bases(tmp_path / 'model.py') is None


def test_bases_of_packages(tmp_path):
    leaf = tmp_path / 'leaf.py'
    leaf.write_text("_base_ = __import__('ssvrl_mm').config_file('mvcgc/demo.py')\nmax_epochs = 2")
    assert told(load_bases(leaf), Config.fromfile(leaf)) == [('changed', 'max_epochs', 30, 2)]
    leaf.write_text("_base_ = ['mmaction::_base_/default_runtime.py']\nlog_level = 'X'")
    assert told(load_bases(leaf), Config.fromfile(leaf)) == [('changed', 'log_level', 'INFO', 'X')]


def test_imported_bases_are_refused(tmp_path):
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(
        'from mmengine.config import read_base\nwith read_base():\n    from .model import *\n'
    )
    with pytest.raises(ConfigBasesError, match='leaf.py imports its bases'):
        load_bases(leaf)
