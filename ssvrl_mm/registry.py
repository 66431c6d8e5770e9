"""Registries of ssvrl_mm: children of mmaction2's, scope ``ssvrl_mm``.

With ``default_scope = 'ssvrl_mm'`` in a config, our names and mmaction2's both resolve without a
prefix. In another mmaction2 project, write ``custom_imports = dict(imports=['ssvrl_mm'])`` and
``type='ssvrl_mm.S3D'``.
"""

from mmaction import registry as mmaction
from mmengine.registry import Registry

_SCOPE = 'ssvrl_mm'


def _child(parent: Registry, ours: str, theirs: str | None = None) -> Registry:
    """A child registry of our scope.

    Both places are imported on first use: a lookup falls back on the parent's entries, but does
    not by itself import the modules that fill them.
    """
    locations = [f'mmaction.{theirs or ours}', f'{_SCOPE}.{ours}']
    return Registry(parent.name, parent=parent, scope=_SCOPE, locations=locations)


MODELS = _child(mmaction.MODELS, 'models')
TRANSFORMS = _child(mmaction.TRANSFORMS, 'datasets.transforms')
DATASETS = _child(mmaction.DATASETS, 'datasets')
METRICS = _child(mmaction.METRICS, 'evaluation')
HOOKS = _child(mmaction.HOOKS, 'engine', 'engine.hooks')
LOOPS = _child(mmaction.LOOPS, 'engine', 'engine.runner')
OPTIM_WRAPPERS = _child(mmaction.OPTIM_WRAPPERS, 'engine', 'engine.optimizers')
VISUALIZERS = _child(mmaction.VISUALIZERS, 'visualization')
