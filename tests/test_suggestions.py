import mmengine.registry
import pytest
from mmengine.registry import DefaultScope

from ssvrl_mm import registry
from ssvrl_mm.suggestions import argument_names, did_you_mean, takes_any_argument
from tests.interpreter import run_fresh


def test_names_that_are_like_it_and_no_others():
    names = ['SampleClips', 'SampleFrames', 'ClipResize', 'S3D', 'C3D']
    assert did_you_mean('SamplClips', names) == 'did you mean SampleClips?'
    assert did_you_mean('sampleclips', names).startswith('did you mean SampleClips')
    assert did_you_mean('Collect', names) == ''
    assert did_you_mean('S3', ['S3D', 'C3D']) == 'did you mean S3D?'


def test_arguments_are_followed_to_the_bases_that_get_them():
    names = argument_names(registry.MODELS.get('MVCGCHead'))
    # Its own, and of ContrastiveHead; that one passes nothing on.
    assert {'k', 'mining', 'queue_length', 'num_clips'} <= names and 'kwargs' not in names
    assert not takes_any_argument(registry.MODELS.get('MVCGCHead'))
    assert argument_names(lambda a, *, b=1: None) == {'a', 'b'}
    assert takes_any_argument(lambda **options: None)


# Whoever builds: our registry, or mmengine's own in our scope, as its runner does.
@pytest.fixture(params=['ours', 'the root'])
def build(request):
    def build(name, cfg):
        with DefaultScope.overwrite_default_scope('ssvrl_mm'):
            where = registry if request.param == 'ours' else mmengine.registry
            return getattr(where, name).build(cfg)

    return build


@pytest.mark.parametrize(
    'name, cfg, kind, notes',
    [
        (
            'TRANSFORMS',
            dict(type='SamplClips', clip_len=8),
            KeyError,
            ["there is no type 'SamplClips'; did you mean SampleClips"],
        ),
        # mmaction2's and mmengine's names are there too, and those with a scope.
        (
            'HOOKS',
            dict(type='ChekpointHook'),
            KeyError,
            ["there is no type 'ChekpointHook'; did you mean CheckpointHook"],
        ),
        (
            'MODELS',
            dict(type='mmaction.Recogniser3D'),
            KeyError,
            ["there is no type 'Recogniser3D'; did you mean Recognizer3D"],
        ),
        ('MODELS', dict(type='Xyzzy'), KeyError, ["there is no type 'Xyzzy'"]),
        (
            'TRANSFORMS',
            dict(type='SampleClips', clip_len=8, num_clip=2),
            TypeError,
            ["SampleClips has no argument 'num_clip'; did you mean num_clips"],
        ),
        # The base of the class is the one that complains; the projection is built inside.
        (
            'MODELS',
            dict(type='MoCoHead', projector={}, criterion={}, queue_lenght=8),
            TypeError,
            ["MoCoHead has no argument 'queue_lenght'; did you mean queue_length"],
        ),
        (
            'MODELS',
            dict(
                type='MoCoHead',
                projector=dict(type='ProjectionHaed', in_channels=4),
                criterion={},
            ),
            KeyError,
            ["there is no type 'ProjectionHaed'; did you mean ProjectionHead"],
        ),
        # Not for something else that is wrong.
        ('TRANSFORMS', dict(type='SampleClips'), TypeError, []),
    ],
)
def test_errors_of_misspelt_names_say_what_may_be_meant(build, name, cfg, kind, notes):
    with pytest.raises(kind) as error:
        build(name, cfg)
    found = getattr(error.value, '__notes__', [])
    assert len(found) == len(notes)
    assert all(text.startswith(note) for text, note in zip(found, notes, strict=True))


def test_a_run_that_fails_shows_it(tmp_path):
    code = """
        import traceback
        import ssvrl_mm
        from mmengine.dataset import Compose
        from mmengine.registry import init_default_scope
        init_default_scope('ssvrl_mm')
        try:
            Compose([dict(type='OpenCompressdVideo')])
        except KeyError:
            print(traceback.format_exc())
    """
    shown = run_fresh(code, tmp_path)
    assert "there is no type 'OpenCompressdVideo'; did you mean OpenCompressedVideo" in shown
