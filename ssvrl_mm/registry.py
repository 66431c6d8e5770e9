"""Registries of ssvrl_mm: children of mmaction2's, scope ``ssvrl_mm``.

With ``default_scope = 'ssvrl_mm'`` in a config, our names and mmaction2's both resolve without a
prefix. In another mmaction2 project, write ``custom_imports = dict(imports=['ssvrl_mm'])`` and
``type='ssvrl_mm.S3D'``; names of ours inside one of ours need no prefix there either.
"""

from typing import Any

from mmaction import registry as mmaction
from mmengine.registry import Registry

from ssvrl_mm.models import REGISTERING

_SCOPE = 'ssvrl_mm'


class _OwnNamesFirst(Registry):
    """A registry that finds its own entries whatever the default scope is.

    What our classes build of their configs is built here, in other people's projects too.
    """

    def build(self, cfg: dict, *args: Any, **kwargs: Any) -> Any:
        """Builds as ``Registry.build`` does, in our scope if the type is one of ours."""
        if isinstance(cfg, dict) and isinstance(cfg.get('type'), str) and '_scope_' not in cfg:
            self.import_from_location()
            if cfg['type'] in self.module_dict:
                cfg = cfg.copy()
                cfg['_scope_'] = self.scope
        return super().build(cfg, *args, **kwargs)


def _child(parent: Registry, *modules: str) -> Registry:
    """A child registry of our scope that imports these modules on first use.

    mmaction2's own modules are named too: a lookup falls back on the parent's entries, but does
    not by itself import what fills them.
    """
    child = _OwnNamesFirst(parent.name, parent=parent, scope=_SCOPE, locations=list(modules))
    # A prefix is looked for one level down: projects of mmengine's own scope would not find ours.
    child._get_root_registry()._children.setdefault(_SCOPE, child)
    return child


MODELS = _child(mmaction.MODELS, 'mmaction.models', *REGISTERING)
TRANSFORMS = _child(
    mmaction.TRANSFORMS, 'mmaction.datasets.transforms', 'ssvrl_mm.datasets.transforms'
)
DATASETS = _child(mmaction.DATASETS, 'mmaction.datasets', 'ssvrl_mm.datasets')
METRICS = _child(mmaction.METRICS, 'mmaction.evaluation', 'ssvrl_mm.evaluation')
HOOKS = _child(mmaction.HOOKS, 'mmaction.engine.hooks', 'ssvrl_mm.engine')
LOOPS = _child(mmaction.LOOPS, 'mmaction.engine.runner', 'ssvrl_mm.engine')
OPTIM_WRAPPERS = _child(mmaction.OPTIM_WRAPPERS, 'mmaction.engine.optimizers', 'ssvrl_mm.engine')
VISUALIZERS = _child(mmaction.VISUALIZERS, 'mmaction.visualization')

# Nothing of ours yet; without a child of our scope, mmengine warns at every lookup.
DATA_SAMPLERS = _child(mmaction.DATA_SAMPLERS, 'mmaction.datasets')
LOG_PROCESSORS = _child(mmaction.LOG_PROCESSORS, 'mmaction.engine')
MODEL_WRAPPERS = _child(mmaction.MODEL_WRAPPERS, 'mmaction.models')
OPTIMIZERS = _child(mmaction.OPTIMIZERS, 'mmengine.optim', 'mmaction.engine.optimizers')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    mmaction.OPTIM_WRAPPER_CONSTRUCTORS, 'mmaction.engine.optimizers', 'ssvrl_mm.engine'
)
PARAM_SCHEDULERS = _child(mmaction.PARAM_SCHEDULERS, 'mmaction.engine')
WEIGHT_INITIALIZERS = _child(mmaction.WEIGHT_INITIALIZERS, 'mmaction.models', *REGISTERING)
VISBACKENDS = _child(mmaction.VISBACKENDS, 'mmaction.visualization')
