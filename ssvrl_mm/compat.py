"""Workarounds for defects of upstream releases; the only file that knows about them.

:func:`setup` patches nothing by itself. It notes, for each defect, the upstream module it lives
in; the patch runs right after that module is imported (at once where it already is), so that
``import ssvrl_mm`` costs nothing and :mod:`ssvrl_mm.video` stays free of torch and OpenMMLab.

Each workaround states its symptom and when it can go.
"""

import ast
import functools
import importlib.abc
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _provide_missing_drn(mmaction: types.ModuleType) -> None:
    """Provides the one module that mmaction2's wheel forgot.

    Symptom: ``No module named 'mmaction.models.localizers.drn'`` on ``import mmaction.models``.
    Can go: when an mmaction2 release after 1.2.0 ships ``models/localizers/drn``.
    """
    name = 'mmaction.models.localizers.drn.drn'
    if (Path(mmaction.__path__[0]) / 'models/localizers/drn/drn.py').exists():
        return

    class DRN:
        """Placeholder of a localizer that the installed mmaction2 does not contain."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise ImportError('the installed mmaction2 wheel does not ship the localizer DRN')

    package = types.ModuleType(name.rpartition('.')[0])
    package.__path__ = []
    module = types.ModuleType(name)
    module.DRN = DRN  # type: ignore[attr-defined]
    sys.modules.setdefault(package.__name__, package)
    sys.modules.setdefault(name, module)


def _skip_multimodal(dependency: types.ModuleType) -> None:
    """Keeps mmaction2 from importing VindLU, which is written for transformers 4.

    Symptom: ``import mmaction.models`` dies inside VindLU when transformers >= 5 is installed.
    Can go: when mmaction2 supports transformers 5.
    """
    dependency.WITH_MULTIMODAL = False  # type: ignore[attr-defined]


def _register_package(config_utils: types.ModuleType) -> None:
    """Teaches ``_base_ = 'ssvrl_mm::...'`` and ``mmengine.hub.get_config`` our name.

    Symptom: ``mmengine does not support to load ssvrl_mm config``.
    Can go: when mmengine lets packages register themselves.
    """
    config_utils.MODULE2PACKAGE['ssvrl_mm'] = 'ssvrl_mm'


def _history_method(owner: Any, name: str) -> Any:
    """The only ``getattr`` a checkpoint may ask for: HistoryBuffer's statistics."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith('_'):
        raise ValueError(f'checkpoint asks for {owner!r}.{name}')
    return getattr(owner, name)


def _allow_mmengine_checkpoints(checkpoint: types.ModuleType) -> None:
    """Allows what mmengine's own checkpoints hold, so that ``weights_only=True`` stays on.

    Symptom: ``WeightsUnpickler error: Unsupported global ... HistoryBuffer`` on ``--resume``
    with torch >= 2.6.
    Can go: when mmengine registers its message hub's classes as safe globals.
    """
    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    array: Any = np.empty(0).__reduce__()[0]
    scalar: Any = np.float64().__reduce__()[0]
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            (_history_method, 'builtins.getattr'),
            np.ndarray,
            np.dtype,
            array,
            scalar,
            # Checkpoints written with numpy 1 name the same functions by their old place.
            (array, 'numpy.core.multiarray._reconstruct'),
            (scalar, 'numpy.core.multiarray.scalar'),
            *{type(np.dtype(code)) for code in '?bBhHiIlLqQefd'},
        ]
    )


def _name_what_may_be_meant(registry: types.ModuleType) -> None:
    """Adds to the errors of a misspelt type or argument what may have been meant.

    Symptom: ``SamplClips is not in the ssvrl_mm::transform registry``, and not which names there
    are like it. Most of a config is built by mmengine's own registries, not by ours; the error
    stays what it is, and has a note.
    Can go: when mmengine names what is like a name that it does not know.
    """
    build = registry.Registry.build

    @functools.wraps(build)
    def build_or_explain(self: Any, cfg: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return build(self, cfg, *args, **kwargs)
        except (KeyError, TypeError) as error:
            from ssvrl_mm.suggestions import explain_failed_build

            note = explain_failed_build(self, cfg, error)
            # Seen again on its way out of a build inside a build.
            if note and note not in getattr(error, '__notes__', ()):
                error.add_note(note)
            raise

    registry.Registry.build = build_or_explain


def _silence_missing_ops(mmcv: types.ModuleType) -> None:
    """Silences a warning about an operator that nothing of ours uses.

    Symptom: ``UserWarning: Fail to import ``MultiScaleDeformableAttention`` ... You should install
    ``mmcv`` rather than ``mmcv-lite``` on every start; 2D detection needs it, video does not.
    Can go: when mmcv-lite does not try to import what it leaves out.
    """
    # Before the sub-module that warns is imported, as this runs right after its package.
    warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')


def _silence_file_client(file_client: types.ModuleType) -> None:
    """Silences two warnings about classes that mmengine itself uses, and its users do not.

    Symptom: ``"FileClient" will be deprecated in future`` and ``"HardDiskBackend" is the alias of
    "LocalBackend"`` in every training, from mmengine's own hooks.
    Can go: when mmengine's ``CheckpointHook`` and ``LoggerHook`` do without ``FileClient``.
    """
    said_in_vain = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias')
    print_log = file_client.print_log

    def print_other_log(msg: Any, *args: Any, **kwargs: Any) -> None:
        if not str(msg).startswith(said_in_vain):
            print_log(msg, *args, **kwargs)

    file_client.print_log = print_other_log  # type: ignore[attr-defined]


def _silence_pkg_resources(package_utils: types.ModuleType) -> None:
    """Silences the deprecation of a module that mmengine imports, and its users need not.

    Symptom: ``UserWarning: pkg_resources is deprecated as an API`` where a config inherits
    ``mmaction::...``. That it is there is seen to by our bound on setuptools.
    Can go: when mmengine reads metadata with importlib.
    """
    # mmengine reloads it, and then the warning is attributed to importlib.
    place = r'(mmengine\.utils\.package_utils|importlib)$'
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated', module=place)


def _check_local_checkpoints(checkpoint: types.ModuleType) -> None:
    """Has every checkpoint file checked before it is read, by whomever it is loaded.

    Symptom: a file with flipped bits loads without a word and trains to NaN. torch writes a CRC
    of every record and does not look at it.
    Can go: when torch checks the CRCs of what it loads.
    """

    def load_from_local(filename: str, map_location: Any) -> Any:
        from ssvrl_mm.engine.checkpoint_files import load_checkpoint_file

        return load_checkpoint_file(filename, map_location)

    checkpoint.CheckpointLoader.register_scheme('', load_from_local, force=True)


def _keep_checkpoints_by_address(checkpoint: types.ModuleType) -> None:
    """Has checkpoints behind addresses fetched, kept and read as all others of ours.

    Symptom: ``epoch_1.pth`` of another server is taken for the one that is there already, as both
    have one name in torch's cache; files are run when read, and offline mode is not heeded.
    Can go: when mmengine keeps them by their whole address, and reads them with ``weights_only``.
    """

    def load_from_http(filename: str, map_location: Any = None, **_: Any) -> Any:
        from ssvrl_mm.engine.checkpoint_files import load_checkpoint_file
        from ssvrl_mm.zoo.local_checkpoint import local_checkpoint

        return load_checkpoint_file(local_checkpoint(filename), map_location)

    schemes = ('http://', 'https://')
    checkpoint.CheckpointLoader.register_scheme(schemes, load_from_http, force=True)
    checkpoint.load_from_http = load_from_http  # type: ignore[attr-defined]


def _prepare_checkpoints(checkpoint: types.ModuleType) -> None:
    """All of the above, for the module they share."""
    _allow_mmengine_checkpoints(checkpoint)
    _check_local_checkpoints(checkpoint)
    _keep_checkpoints_by_address(checkpoint)


def _score_in_float32(heads: types.ModuleType) -> None:
    """Lets mmaction2's heads train in bfloat16, a type that numpy lacks.

    Symptom: ``TypeError: Got unsupported ScalarType BFloat16`` from the accuracies of a step under
    autocast, or from ``AccMetric``. Scores of other types stay as they are.
    Can go: when mmaction2's heads make float32 of what they hand to numpy.
    """

    def with_float32(method: Callable) -> Callable:
        @functools.wraps(method)
        def call(self: Any, cls_scores: Any, *args: Any, **kwargs: Any) -> Any:
            if str(getattr(cls_scores, 'dtype', '')) == 'torch.bfloat16':
                cls_scores = cls_scores.float()
            return method(self, cls_scores, *args, **kwargs)

        return call

    for head in [value for value in vars(heads).values() if isinstance(value, type)]:
        for name in ('loss_by_feat', 'loss_by_scores', 'predict_by_feat', 'predict_by_scores'):
            if head.__module__ == heads.__name__ and name in vars(head):
                setattr(head, name, with_float32(vars(head)[name]))


def _start_from_init_cfg(backbones: types.ModuleType) -> None:
    """Has mmaction2's 3D ResNets heed ``init_cfg``, and come back from ``train()``.

    Symptom: ``ResNet3dSlowOnly`` with ``init_cfg=dict(type='PretrainedBackbone', ...)`` trains from
    random weights without a word; ``'NoneType' object is not callable`` after ``.eval()``.
    Can go: when ``ResNet3d.init_weights`` calls mmengine's, and ``train`` returns the network.
    """
    network = backbones.ResNet3d
    from_scratch, switch = network.init_weights, network.train

    @functools.wraps(from_scratch)
    def init_weights(self: Any, pretrained: str | None = None) -> None:
        # As mmengine's: what has been initialised stays.
        if self.is_init:
            return
        from_scratch(self, pretrained)
        if self.init_cfg:
            super(network, self).init_weights()

    @functools.wraps(switch)
    def train(self: Any, mode: bool = True) -> Any:
        switch(self, mode)
        return self

    network.init_weights, network.train = init_weights, train


def _rank_our_metrics(hooks: types.ModuleType) -> None:
    """Tells ``save_best='auto'``, which mmaction2's runtime says, which of our metrics are to rise.

    Symptom: ``ValueError: Cannot infer the rule for key pretext/order``, after the first
    validation.
    Can go: when a metric of mmengine can say itself which way is better.
    """
    hook = hooks.CheckpointHook
    hook._default_greater_keys = [*hook._default_greater_keys, 'R@', 'pretext/', 'probe/']
    hook._default_less_keys = [*hook._default_less_keys, 'rates/', 'acc/loss']


def _name_unknown_side_data(sidedata: types.ModuleType) -> None:
    """Lets PyAV 18 show what else is attached to a frame that has data it knows no name for.

    Symptom: ``ValueError: 31 is not a valid Type`` for frames with EXIF (31) or of a stereo video
    (29), which FFmpeg 8 exports and PyAV 18's enumeration lacks.
    Can go: when PyAV 18 does; PyAV 19 does the same.
    """

    def missing(kinds: Any, value: Any) -> Any:
        if not isinstance(value, int):
            return None
        member = object.__new__(kinds)
        member._name_, member._value_ = f'UNKNOWN_{value}', value
        return kinds._value2member_map_.setdefault(value, member)

    if '_missing_' not in vars(sidedata.Type):
        sidedata.Type._missing_ = classmethod(missing)


def _lay_out_configs_once(config: types.ModuleType) -> None:
    """Keeps the text of a config, which mmengine has yapf lay out anew whenever it is looked at.

    Symptom: every run starts seconds later; the same text is laid out eight times.
    Can go: when mmengine keeps it.
    """
    lay_out = config.FormatCode

    @functools.lru_cache(maxsize=8)
    def kept(text: str, style: str) -> Any:
        return lay_out(text, style_config=ast.literal_eval(style))

    @functools.wraps(lay_out)
    def format_code(text: str, **kwargs: Any) -> Any:
        if set(kwargs) != {'style_config'} or not isinstance(kwargs['style_config'], dict):
            return lay_out(text, **kwargs)
        return kept(text, repr(kwargs['style_config']))

    config.FormatCode = format_code  # type: ignore[attr-defined]


_PATCHES: dict[str, Callable[[types.ModuleType], None]] = {
    'av.sidedata.sidedata': _name_unknown_side_data,
    'mmaction': _provide_missing_drn,
    'mmaction.models.backbones.resnet3d': _start_from_init_cfg,
    'mmaction.models.heads.base': _score_in_float32,
    'mmaction.models.heads.omni_head': _score_in_float32,
    'mmaction.models.heads.rgbpose_head': _score_in_float32,
    'mmaction.utils.dependency': _skip_multimodal,
    'mmcv': _silence_missing_ops,
    'mmengine.config.config': _lay_out_configs_once,
    'mmengine.config.utils': _register_package,
    'mmengine.hooks.checkpoint_hook': _rank_our_metrics,
    'mmengine.registry.registry': _name_what_may_be_meant,
    'mmengine.fileio.file_client': _silence_file_client,
    'mmengine.runner.checkpoint': _prepare_checkpoints,
    'mmengine.utils.package_utils': _silence_pkg_resources,
}


class _PatchingLoader(importlib.abc.Loader):
    """Runs a module's own loader, then the patch."""

    def __init__(self, loader: Any, patch: Callable[[types.ModuleType], None]) -> None:
        self.loader = loader
        self.patch = patch

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def create_module(self, spec: Any) -> types.ModuleType | None:
        """Delegates to the module's own loader."""
        return self.loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        """Executes the module, then patches it."""
        self.loader.exec_module(module)
        self.patch(module)


class _PatchFinder(importlib.abc.MetaPathFinder):
    """Finds the modules with a pending patch and hands them out with a patching loader."""

    def __init__(self) -> None:
        self.pending: dict[str, Callable[[types.ModuleType], None]] = {}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        """Wraps the loader of a module that has a patch; leaves every other module alone."""
        patch = self.pending.pop(fullname, None)
        if patch is None:
            return None
        try:
            spec = importlib.util.find_spec(fullname)
        except ModuleNotFoundError:
            spec = None
        if spec is None or spec.loader is None:
            self.pending[fullname] = patch
            return None
        spec.loader = _PatchingLoader(spec.loader, patch)
        return spec


_FINDER = _PatchFinder()


def setup() -> None:
    """Arranges every workaround; calling it again changes nothing."""
    if _FINDER in sys.meta_path:
        return
    for name, patch in _PATCHES.items():
        if name in sys.modules:
            patch(sys.modules[name])
        else:
            _FINDER.pending[name] = patch
    sys.meta_path.insert(0, _FINDER)
