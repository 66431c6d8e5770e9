"""Backbones of the zoo by name, by torch.hub and by huggingface_hub, with and without OpenMMLab."""

import importlib.util
import json
import runpy
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
from torch import nn

import ssvrl_mm
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import MODELS
from ssvrl_mm.zoo import ModelNotFoundError, index, load_backbone, places
from ssvrl_mm.zoo.backbones import read_backbone, read_training
from ssvrl_mm.zoo.extras import require_extra
from ssvrl_mm.zoo.verification import sha256_of
from tests.torch_alone import link_packages, run_alone

HUB = all(map(importlib.util.find_spec, ('huggingface_hub', 'safetensors')))
S3D = dict(type='S3D', width=0.125, out_indices=(1, 2), norm_eps=1e-5)
RGB = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], remove_still=True)
NETWORKS = dict(rgb=dict(S3D, init_cfg=dict(type='Kaiming')), motion=dict(S3D, in_channels=2))
TWO = f"""
model = dict(
    type='ContrastiveRecognizer',
    data_preprocessor=dict(type='SSLDataPreprocessor', rgb={RGB!r}),
    backbones={NETWORKS!r},
    head=dict(type='MVCGCHead'))
"""
ONE = "model = dict(type='Recognizer3D', backbone=dict(type='C3D', width=0.125, out_indices=(1,)),"
ONE += " data_preprocessor=dict(type='SingleStreamPreprocessor', stream='rgb'))"


def network(**settings):
    """A backbone built with OpenMMLab, with statistics as after a training."""
    built = MODELS.build(settings)
    for module in built.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    return built.half().float().eval()


def publish(folder, name, weights, cfg, safe=False):
    """A file of the zoo, and its entry."""
    meta = dict(name=name, cfg=cfg)
    draft = folder / 'draft'
    if safe:
        from safetensors.torch import save_file

        save_file(weights, draft, {'format': 'pt', 'meta': json.dumps(meta)})
    else:
        torch.save(dict(state_dict=weights, meta=meta), draft)
    digest = sha256_of(draft)
    file = folder / 'checkpoints' / f'{name}-{digest[:8]}.{"safetensors" if safe else "pth"}'
    file.parent.mkdir(exist_ok=True)
    draft.rename(file)
    metadata = {'Weights SHA-256': digest}
    return dict(Name=name, Config=f'{name}.py', Weights=file.name, Metadata=metadata)


@pytest.fixture(scope='module')
def clone(tmp_path_factory):
    """A clone with links to the package, hubconf.py and published models; and their backbones."""
    folder = tmp_path_factory.mktemp('clone')
    package = Path(ssvrl_mm.__file__).parent
    (folder / 'ssvrl_mm').mkdir()
    for part in package.iterdir():
        if part.name != '.mim':
            (folder / 'ssvrl_mm' / part.name).symlink_to(part)
    (folder / 'hubconf.py').symlink_to(package.parent / 'hubconf.py')
    torch.manual_seed(0)
    rgb, motion = network(**S3D), network(**dict(S3D, in_channels=2))
    alone = network(type='C3D', width=0.125, out_indices=(1,))
    weights = {
        **{f'backbone_rgb.{name}': value.half() for name, value in rgb.state_dict().items()},
        **{f'backbone_motion.{name}': value.half() for name, value in motion.state_dict().items()},
        'head.projector.weight': torch.zeros(2),
    }
    models = [dict(publish(folder, 'two_s3d-w12', weights, TWO), Alias='two_s3d')]
    weights = {f'backbone.{name}': value for name, value in alone.state_dict().items()}
    models.append(publish(folder, 'one_c3d', weights, ONE))
    if HUB:
        models.append(publish(folder, 'safe_c3d', weights, ONE, safe=True))
    models.append(dict(Name='recipe_s3d', Config='recipe.py'))
    (folder / 'recipe.py').write_text(TWO)
    (folder / 'metafile.yml').write_text(json.dumps(dict(Models=models)))
    (folder / 'model-index.yml').write_text('Import: [metafile.yml]')
    return folder, dict(rgb=rgb, motion=motion, alone=alone)


@pytest.fixture
def zoo_of_clone(clone, zoo, monkeypatch):
    """The index of the clone in the place of the package's."""
    for module in (index, places):
        monkeypatch.setattr(module, 'packaged_folder', lambda: clone[0])
    return clone


CLIPS = dict(rgb=(2, 3, 4, 32, 32), motion=(2, 2, 4, 32, 32))

ALONE = """
    import importlib.util, os, sys, torch
    clone, rgb, motion, hub = torch.load('clips.pt', weights_only=True)
    with torch.no_grad():
        found = [
            torch.hub.load(clone, 'two_s3d', source='local')(rgb),
            torch.hub.load(clone, 'two_s3d-w12', source='local', stream='motion')(motion),
            torch.hub.load(clone, 'one_c3d', source='local', stream='rgb')(rgb)]
        from ssvrl_mm.zoo import load_backbone
        network = load_backbone('two_s3d', 'rgb')
        assert not network.training and network.preprocessing['rgb']['remove_still'] is True
        assert {weight.dtype for weight in network.parameters()} == {torch.float32}
        anew = torch.hub.load(clone, 'two_s3d', source='local', pretrained=False)
        assert anew(rgb)[0].shape == found[0][0].shape and not anew(rgb)[0].equal(found[0][0])
        from ssvrl_mm.zoo.exporting import export_backbone
        export_backbone(network, 'network.pt2', frames=4, size=(32, 32))
        exported = torch.export.load('network.pt2').module()
        assert exported(rgb).allclose(found[0][-1].mean(dim=(2, 3, 4)), atol=1e-5)
        assert 'numpy' not in sys.modules
        if hub:
            from ssvrl_mm.zoo.hub import HubBackbone
            saved = HubBackbone.from_zoo('two_s3d', 'motion')
            try:
                told = saved.save_pretrained('saved')
            except ImportError as error:
                told = str(error)
            assert 'as safetensors needs numpy: pip install numpy' in told
            # The only one who needs it, and only to write.
            sys.path.append('more')
            saved.save_pretrained('saved')
            found.append(HubBackbone.from_pretrained('saved')(motion))
            found.append(torch.hub.load(clone, 'safe_c3d', source='local')(rgb))
        torch.save(found, 'found.pt')
        import hubconf
        names = vars(hubconf)
        options = dict(width=0.5, in_channels=2, out_indices=[0])
        s3d = torch.hub.load(clone, 's3d', source='local', **options)
        print(s3d(motion).shape[1], *sorted(name for name in names if '_' in name[1:-1]))
    print(hubconf.r3d10.__doc__.splitlines()[0])
    for options in (
        dict(model='recipe_s3d'),
        dict(model='recipe_s3d', pretrained=False),
        dict(model='two_s3d', stream='flow'),
        dict(model='one_c3d', stream='motion'),
        dict(model='c3d', pretrained=True),
    ):
        try:
            torch.hub.load(clone, source='local', **options)
        except Exception as error:
            print(type(error).__name__, error)
    from ssvrl_mm.zoo import load_model
    try:
        load_model('two_s3d')
    except ImportError as error:
        print(type(error).__name__, error)
    print(sorted({'mmengine', 'mmcv', 'mmaction', 'cv2', 'av'} & set(sys.modules)))
"""


@torch.no_grad()
def test_in_a_python_without_openmmlab(clone, tmp_path):
    """mmengine, mmcv and mmaction2 are absent there, and numpy: see tests/torch_alone.py."""
    folder, networks = clone
    clips = {stream: torch.rand(shape) for stream, shape in CLIPS.items()}
    torch.save([str(folder), clips['rgb'], clips['motion'], HUB], tmp_path / 'clips.pt')
    named = ['torch', 'PyYAML', *(['huggingface_hub', 'safetensors'] if HUB else [])]
    try:
        packages = link_packages(tmp_path / 'packages', *named)
        link_packages(tmp_path / 'more', 'numpy')
    except PackageNotFoundError as error:
        pytest.skip(f'installed without metadata: {error}')
    printed = run_alone(ALONE, packages, tmp_path, folder).splitlines()
    found = torch.load(tmp_path / 'found.pt', weights_only=True)
    rgb, motion = networks['rgb'](clips['rgb']), networks['motion'](clips['motion'])
    alone = (networks['alone'](clips['rgb']),)
    expected = [rgb, motion, alone, *([motion, alone] if HUB else [])]
    for ours, theirs in zip(found, expected, strict=True):
        maps = ours if isinstance(ours, tuple | list) else (ours,)
        for one, other in zip(maps, theirs, strict=True):
            assert other.abs().max() > 0.01
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    names, about, *errors, upstream = [
        line for line in printed if not line.startswith(('Using', 'Loading weights'))
    ]
    there = ['one_c3d', 'recipe_s3d', *['safe_c3d'] * HUB, 'two_s3d', 'two_s3d-w12']
    assert [name for name in names.split()[1:] if not name.startswith('_')] == there
    assert names.split()[0] == '32'
    assert (
        about == 'R3D of 10 layers, with new weights: clips (N, C, T, H, W) to a map of features.'
    )
    recipe, unread, flow, other, bare, whole = errors
    assert whole.startswith('OpenMMLabMissingError load_model builds a recognizer')
    assert 'load_backbone(name, stream)' in whole
    assert recipe.startswith("ModelNotFoundError 'recipe_s3d' is a recipe")
    assert unread.startswith(
        "OpenMMLabMissingError 'recipe_s3d' is a recipe: the network stands in"
    )
    assert flow.endswith("no backbone of the stream 'flow'; there are those of motion, rgb")
    assert other.endswith('there is one, to be had without naming a stream')
    assert bare.startswith('ValueError a bare network has no weights')
    assert upstream == '[]'


def test_where_openmmlab_is(zoo_of_clone):
    folder, networks = zoo_of_clone
    loaded = load_backbone('two_s3d', 'motion').state_dict()
    assert all(v.equal(loaded[k]) for k, v in networks['motion'].state_dict().items())
    network = load_backbone('recipe_s3d', 'motion', pretrained=False)
    assert (network.in_channels, network.norm_eps) == (2, 1e-5)
    assert network.preprocessing['rgb'] == RGB
    with pytest.raises(ModelNotFoundError, match='did you mean two_s3d'):
        load_backbone('two_s3dd')
    (file,) = (folder / 'checkpoints').glob('two*')
    trained = read_training(folder / 'recipe.py', file, 'rgb')
    assert trained.settings == read_backbone(file).settings
    with pytest.raises(FileNotFoundError):
        read_training(folder / 'recipe.py', folder / 'epoch_9.pth')


def test_a_model_is_meant_before_a_network_of_its_name(monkeypatch):
    models = {'c3d': index.ZooModel('c3d', Path('x.py'), 'c3d-1a2b3c4d.pth')}
    monkeypatch.setattr('ssvrl_mm.zoo.list_models', lambda recipes=False: {} if recipes else models)
    entries = runpy.run_path(str(Path(ssvrl_mm.__file__).parents[1] / 'hubconf.py'))
    assert entries['c3d'].__doc__.startswith('The backbone of c3d, with the weights of the zoo')
    assert entries['r2plus1d26'].__doc__.startswith('R(2+1)D of 26 layers')


def test_files_that_hold_no_backbone(tmp_path):
    def refused(match, content, name='x.pth'):
        torch.save(content, tmp_path / name)
        with pytest.raises(WeightsError, match=match):
            read_backbone(tmp_path / name)

    weights = {'backbone.stages.0.conv1a.conv.weight': torch.zeros(1)}
    refused("nothing says which network the weights under 'backbone.' are of", weights)
    broken = dict(state_dict=weights, meta=dict(cfg='model = dict('))
    refused('nothing says which network', broken)
    refused('there is none at all', {'weight': torch.zeros(1)})
    refused('publish_model.py makes a file', dict(state_dict=weights, hook=Path('x')))
    (tmp_path / 'cut.pth').write_bytes((tmp_path / 'x.pth').read_bytes()[:99])
    with pytest.raises(WeightsError, match='cut off after 99 bytes'):
        read_backbone(tmp_path / 'cut.pth')
    torch.save(dict(state_dict={'backbone.weight': torch.full((9,), 0.5)}), tmp_path / 'cut.pth')
    content = (tmp_path / 'cut.pth').read_bytes()
    (tmp_path / 'cut.pth').write_bytes(content.replace(b'\x00\x00\x00?' * 9, b'\x00\x00\x00>' * 9))
    with pytest.raises(WeightsError, match=r'damaged, the content of its record \S+data/0'):
        read_backbone(tmp_path / 'cut.pth')
    with pytest.raises(FileNotFoundError):
        read_backbone(tmp_path / 'absent.pth')
    if HUB:
        refused('cannot be read as a checkpoint', weights, 'x.safetensors')
    # A network without a part of its weights would give figures, too.
    cfg = "model = dict(type='A', backbone=dict(type='C3D', width=0.125))"
    torch.save(dict(state_dict=weights, meta=dict(cfg=cfg)), tmp_path / 'part.pth')
    with pytest.raises(WeightsError, match='weights'):
        read_backbone(tmp_path / 'part.pth').build()
    # Nor does a file run what it calls a network.
    cfg = f"model = dict(backbone=dict(type='os.makedirs', name={str(tmp_path / 'made')!r}))"
    torch.save(dict(state_dict=weights, meta=dict(cfg=cfg)), tmp_path / 'part.pth')
    with pytest.raises(WeightsError, match="type='os.makedirs' is no network"):
        read_backbone(tmp_path / 'part.pth').build()
    assert not (tmp_path / 'made').exists()


def test_the_hub_saves_all_arguments_and_loads_all_weights(zoo_of_clone, tmp_path):
    pytest.importorskip('huggingface_hub')
    from safetensors.torch import load_file, save_file

    from ssvrl_mm.zoo.hub import HubBackbone

    saved = HubBackbone.from_zoo('two_s3d')
    saved.save_pretrained(tmp_path / 'hub')
    config = json.loads((tmp_path / 'hub' / 'config.json').read_text())
    assert (config['stream'], config['preprocessing']['rgb']) == ('rgb', RGB)
    # Defaults too, which may change.
    assert config['backbone'] == {
        **dict(type='S3D', in_channels=3, gating=False, width=0.125, out_indices=[1, 2]),
        **dict(spatial_strides=[2] * 5, temporal_strides=[2, 1, 1, 2, 2], norm_eps=1e-5),
        **dict(norm_momentum=0.1, frozen_stages=-1, norm_eval=False, factored=None),
        'separable': True,
    }
    loaded = HubBackbone.from_pretrained(tmp_path / 'hub')
    assert (loaded.stream, loaded.preprocessing['rgb'], loaded.training) == ('rgb', RGB, False)
    clips = torch.rand(CLIPS['rgb'])
    with torch.no_grad():
        assert loaded.features(clips).equal(saved(clips)[-1].flatten(2).mean(2))
    # The stream of a model with one network stands in its config.
    assert HubBackbone.from_zoo('one_c3d').stream == 'rgb'
    weights = load_file(tmp_path / 'hub' / 'model.safetensors')
    weights.pop('network.stages.0.conv_1a.spatial.conv.weight')
    save_file(weights, tmp_path / 'hub' / 'model.safetensors')
    with pytest.raises(RuntimeError, match='conv_1a.spatial.conv.weight'):
        HubBackbone.from_pretrained(tmp_path / 'hub')
    imrnet = HubBackbone(dict(type='IMRNet', width=0.125, lateral_sides=(1, 3)))
    imrnet.save_pretrained(tmp_path / 'imrnet')
    again = HubBackbone.from_pretrained(tmp_path / 'imrnet').state_dict()
    assert all(v.equal(again[k]) for k, v in imrnet.state_dict().items())


def test_folders_that_are_none_of_the_hubs(tmp_path, monkeypatch):
    pytest.importorskip('huggingface_hub')
    from ssvrl_mm.zoo.hub import HubBackbone

    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    config, folder = tmp_path / 'config.json', str(tmp_path)

    def refused(error, match, place=folder):
        with pytest.raises(error, match=f'{place}.*{match}'):
            HubBackbone.from_pretrained(place)

    refused(FileNotFoundError, 'has no config.json')
    refused(FileNotFoundError, 'neither a folder nor a repository', f'{folder}/absent')
    refused(FileNotFoundError, 'neither a folder nor a repository', 'nobody/absent')
    HubBackbone(dict(type='C3D', width=0.125, out_indices=(0,))).save_pretrained(tmp_path)
    for text, match in (
        ('{', '/config.json: cannot be read'),
        ('{}', '/config.json: has no backbone'),
        ('{"backbone": {}}', '/config.json: backbone: the config of a network has to have a type'),
        (
            '{"backbone": {"type": "C3DD"}}',
            "/config.json: backbone: type='C3DD' is no .* did you mean C3D",
        ),
        (
            '{"backbone": {"type": "os.getcwd"}}',
            "/config.json: backbone: type='os.getcwd' is no network",
        ),
    ):
        config.write_text(text)
        refused(WeightsError, match)
    (tmp_path / 'model.safetensors').unlink()
    refused(FileNotFoundError, 'has no model.safetensors')


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'huggingface_hub', None)
    message = r"the Hub needs huggingface_hub: pip install huggingface_hub.*'ssvrl_mm\[hub\]'"
    with pytest.raises(ImportError, match=message):
        require_extra('huggingface_hub', 'hub', 'the Hub')
