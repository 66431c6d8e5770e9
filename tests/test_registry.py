import mmengine.registry
import pytest
from mmengine.registry import DefaultScope, Registry

from ssvrl_mm import registry
from tests.interpreter import run_fresh

REGISTRIES = {name: r for name, r in vars(registry).items() if isinstance(r, Registry)}

# One name each that mmaction2 registers, and one of mmengine's where it has any.
UPSTREAM = {
    'MODELS': ['Recognizer3D', 'I3DHead', 'MomentumAnnealingEMA'],
    'TRANSFORMS': ['SampleFrames', 'Compose'],
    'DATASETS': ['VideoDataset', 'ConcatDataset'],
    'METRICS': ['AccMetric', 'DumpResults'],
    'HOOKS': ['VisualizationHook', 'LoggerHook'],
    'LOOPS': ['MultiLoaderEpochBasedTrainLoop', 'EpochBasedTrainLoop'],
    'OPTIM_WRAPPERS': ['OptimWrapper', 'AmpOptimWrapper'],
    'VISUALIZERS': ['ActionVisualizer'],
    'DATA_SAMPLERS': ['DefaultSampler', 'InfiniteSampler'],
    'LOG_PROCESSORS': ['LogProcessor'],
    'MODEL_WRAPPERS': ['MMDistributedDataParallel'],
    'OPTIMIZERS': ['Adam', 'SGD'],
    'OPTIM_WRAPPER_CONSTRUCTORS': ['TSMOptimWrapperConstructor', 'DefaultOptimWrapperConstructor'],
    'PARAM_SCHEDULERS': ['MultiStepLR'],
    'WEIGHT_INITIALIZERS': ['Pretrained', 'Kaiming'],
    'VISBACKENDS': ['LocalVisBackend', 'TensorboardVisBackend'],
}


def ours(name):
    """What we register in one registry: names and classes."""
    REGISTRIES[name].import_from_location()
    return REGISTRIES[name].module_dict.items()


@pytest.fixture
def scope(request):
    """A default scope as the runner sets it from the config; gone afterwards."""
    with DefaultScope.overwrite_default_scope(request.param):
        yield request.param


@pytest.mark.parametrize('name', REGISTRIES)
def test_registries_are_children_of_mmaction(name):
    import mmaction.registry

    child = REGISTRIES[name]
    assert child.scope == 'ssvrl_mm'
    assert child.parent is getattr(mmaction.registry, name)
    assert getattr(mmengine.registry, name)._search_child('ssvrl_mm') is child


@pytest.mark.parametrize('name', REGISTRIES)
@pytest.mark.parametrize(
    'scope, prefix',
    [('ssvrl_mm', ''), ('mmaction', 'ssvrl_mm.'), ('mmengine', 'ssvrl_mm.')],
    indirect=['scope'],
)
def test_our_names_resolve(name, scope, prefix):
    with getattr(mmengine.registry, name).switch_scope_and_registry(None) as found:
        for key, entry in ours(name):
            assert found.get(prefix + key) is entry


def test_the_packages_register_on_import():
    for name, key in (('MODELS', 'S3D'), ('METRICS', 'VideoRetrieval')):
        assert key in dict(ours(name))


@pytest.mark.parametrize(
    'name, key', [(name, key) for name in REGISTRIES for key in UPSTREAM[name]]
)
@pytest.mark.parametrize('scope', ['ssvrl_mm'], indirect=True)
def test_upstream_names_resolve_without_prefix(name, key, scope):
    with getattr(mmengine.registry, name).switch_scope_and_registry(None) as found:
        assert found.get(key).__module__.startswith(('mmaction.', 'mmengine.', 'mmcv.', 'torch.'))


# What a config does in a process that imported nothing of ours, as `tools/train.py` and other
# people's projects do; names resolve through mmengine's root registries.
CONFIG = """
    from mmengine.config import Config
    from mmengine.registry import METRICS, MODELS, init_default_scope
    cfg = Config({config!r})
    if 'custom_imports' in cfg:
        from mmengine.utils import import_modules_from_strings
        import_modules_from_strings(**cfg.custom_imports)
    else:
        import ssvrl_mm
    init_default_scope(cfg.default_scope)
    print(*[type(METRICS.build(metric)).__module__ for metric in cfg.val_evaluator])
    print(*[type(MODELS.build(model)).__module__ for model in cfg.models])
"""
HEAD = dict(type='I3DHead', num_classes=3, in_channels=4)


@pytest.mark.parametrize(
    'config',
    [
        dict(
            default_scope='ssvrl_mm',
            val_evaluator=[dict(type='VideoRetrieval'), dict(type='AccMetric')],
            models=[dict(type='S3D', in_channels=2), HEAD],
        ),
        dict(
            default_scope='mmaction',
            custom_imports=dict(imports=['ssvrl_mm']),
            val_evaluator=[dict(type='ssvrl_mm.VideoRetrieval'), dict(type='AccMetric')],
            models=[dict(type='ssvrl_mm.S3D', in_channels=2), HEAD],
        ),
    ],
    ids=['our project', 'an mmaction2 project'],
)
def test_configs_build_in_a_fresh_process(config, tmp_path):
    metrics, models = run_fresh(CONFIG.format(config=config), tmp_path).strip().splitlines()[-2:]
    ours, theirs = metrics.split()
    assert ours == 'ssvrl_mm.evaluation.retrieval'
    assert theirs.startswith('mmaction.')
    ours, theirs = models.split()
    assert ours.startswith('ssvrl_mm.models.backbones.')
    assert theirs.startswith('mmaction.')


@pytest.mark.parametrize('scope', ['mmaction', 'ssvrl_mm'], indirect=True)
def test_names_inside_ours_need_no_prefix(scope):
    head = mmengine.registry.MODELS.build(
        dict(
            type='ssvrl_mm.MoCoHead',
            stream='rgb',
            projector=dict(type='ProjectionHead', in_channels=4),
            criterion=dict(type='InfoNCELoss'),
        )
    )
    assert type(head.projector['rgb']) is registry.MODELS.get('ProjectionHead')
    # Both projects have a network of this name; inside ours it is ours.
    assert type(registry.MODELS.build(dict(type='C3D', width=0.125))).__module__.startswith('ssvrl')
    # A parent's name, and a choice of scope, are as they were.
    for chosen in ({}, {'_scope_': 'mmaction'}):
        other = registry.MODELS.build(dict(type='TSNHead', num_classes=2, in_channels=4, **chosen))
        assert type(other).__module__.startswith('mmaction.')
