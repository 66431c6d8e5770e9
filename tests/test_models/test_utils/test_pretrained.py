import pickle

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from torch import nn

from ssvrl_mm.models.utils.pretrained import load_pretrained
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import MODELS

from ..test_backbones.networks import to_torchvision

PARTS = ('backbone_rgb.', 'key_backbone_rgb.module.', 'backbone_motion.')


def small(**kwargs):
    return MODELS.build(dict(type='S3D', width=0.125, **kwargs))


def save(path, weights, **meta):
    torch.save(dict(state_dict=weights, **meta), path)
    return str(path)


@pytest.fixture
def mvcgc(tmp_path):
    """A checkpoint like that of two streams, and its backbones by prefix."""
    parts = {PARTS[0]: small(), PARTS[1]: small(), PARTS[2]: small(in_channels=2)}
    weights = {p + name: w for p, part in parts.items() for name, w in part.state_dict().items()}
    weights['head.queue.rgb'] = torch.zeros(8, 4)
    return save(tmp_path / 'mvcgc.pth', weights, meta=dict(epoch=3)), parts


def build(checkpoint, prefix='', **kwargs):
    """Built and initialised as the runner does."""
    init_cfg = dict(type='PretrainedBackbone', checkpoint=checkpoint, prefix=prefix)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        backbone = small(init_cfg=init_cfg, **kwargs)
        backbone.init_weights()
    return backbone


@pytest.mark.parametrize('prefix, channels', zip(PARTS, (3, 3, 2), strict=True))
def test_takes_the_part_below_the_prefix(mvcgc, prefix, channels):
    path, parts = mvcgc
    loaded = build(path, prefix, in_channels=channels).state_dict()
    for name, value in parts[prefix].state_dict().items():
        assert torch.equal(loaded[name], value), name


def test_a_model_of_the_zoo_by_its_name(mvcgc, monkeypatch, tmp_path):
    path, parts = mvcgc
    files = {'mvcgc_s3d-w50_motion-primitives': path}
    monkeypatch.setattr('ssvrl_mm.zoo.fetch_weights', files.__getitem__)
    loaded = build(*files, PARTS[2], in_channels=2).state_dict()
    for name, value in parts[PARTS[2]].state_dict().items():
        assert torch.equal(loaded[name], value), name
    # A file counts first, and what has a folder or a suffix is a file, be it there or not.
    monkeypatch.chdir(tmp_path)
    save('mvcgc_s3e', parts[PARTS[0]].state_dict())
    build('mvcgc_s3e')
    for file in ('./weights', 'weights.pth', 'runs/weights', r'runs\weights'):
        with pytest.raises(FileNotFoundError):
            build(file)


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'backbone_rgb', 'head.'])
def test_wrong_prefix_is_an_error_that_names_the_right_ones(mvcgc, prefix):
    path, _ = mvcgc
    with pytest.raises(WeightsError) as error:
        build(path, prefix)
    assert f'{path}: 0 of the 385 weights' in str(error.value)
    assert f'under {PARTS[0]!r} and {PARTS[1]!r}' in str(error.value)
    assert PARTS[2] not in str(error.value)


def test_other_stream_does_not_fit_and_is_told_from_the_right_one(mvcgc):
    path, _ = mvcgc
    with pytest.raises(WeightsError, match=r"size mismatch.*under 'backbone_motion\.'"):
        build(path, 'backbone_rgb.', in_channels=2)


def test_a_part_of_the_weights_is_not_enough(tmp_path):
    weights = small().state_dict()
    gone = [name for name in weights if name.startswith('stages.4.')]
    path = save(tmp_path / 'part.pth', {n: w for n, w in weights.items() if n not in gone})
    missing = [name for name in gone if not name.endswith('num_batches_tracked')]
    with pytest.raises(WeightsError, match=f'{len(missing)} are missing') as error:
        build(path)
    assert missing[0] in str(error.value) and f'holds {len(weights) - len(gone)}' in str(
        error.value
    )
    backbone = small()
    loaded = load_pretrained(backbone, path, ignore=['stages.4.'])
    assert loaded == sum('num_batches' not in name for name in weights) - len(missing)
    assert torch.equal(
        backbone.stages[0].conv_1a.spatial.conv.weight,
        weights['stages.0.conv_1a.spatial.conv.weight'],
    )


def test_weights_without_a_place_are_an_error_too(tmp_path):
    path = save(tmp_path / 'gated.pth', small(gating=True).state_dict())
    with pytest.raises(WeightsError, match='have no place in it .*gate'):
        build(path)
    assert load_pretrained(
        small(out_indices=(3,)),
        save(tmp_path / 'all.pth', small().state_dict()),
        ignore=['stages.4.'],
    )


def test_checkpoint_of_a_distributed_run_and_bare_state_dict(tmp_path):
    weights = small().state_dict()
    path = str(tmp_path / 'bare.pth')
    torch.save({f'module.backbone.{name}': value for name, value in weights.items()}, path)
    loaded = build(path, 'backbone.').state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


def test_torchvision(tmp_path):
    ours = MODELS.build(dict(type='S3D')).state_dict()
    theirs = {**to_torchvision(ours), 'classifier.1.weight': torch.zeros(400, 1024, 1, 1, 1)}
    torch.save(theirs, tmp_path / 's3d.pth')
    loaded = MODELS.build(dict(type='S3D'))
    assert load_pretrained(loaded, str(tmp_path / 's3d.pth')) == 385  # 77 convolutions of 5
    assert all(torch.equal(value, ours[name]) for name, value in loaded.state_dict().items())
    torch.save({n: w for n, w in theirs.items() if 'features.15' not in n}, tmp_path / 'part.pth')
    with pytest.raises(WeightsError, match='nothing for'):
        load_pretrained(loaded, str(tmp_path / 'part.pth'))


class Nested(BaseModule):
    """Its part initialises itself, after the whole, as mmengine goes."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.conv = ConvModule(2, 3, 1, norm_cfg=dict(type='BN'))
        self.own = Own()


class Own(BaseModule):
    def __init__(self):
        super().__init__(dict(type='Constant', layer='Linear', val=7))
        self.fc = nn.Linear(2, 2)


def test_parts_do_not_initialise_themselves_afterwards(tmp_path):
    weights = {n: torch.full_like(w, 0.25) for n, w in Nested().state_dict().items()}
    path = save(tmp_path / 'nested.pth', weights)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        module = Nested(dict(type='PretrainedBackbone', checkpoint=path))
        module.init_weights()
    for name, value in module.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_no_file_no_state_dict_no_code(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.pth'):
        build(str(tmp_path / 'gone.pth'))
    with pytest.raises(ValueError, match='needs a checkpoint'):
        build('')
    torch.save(dict(epoch=1), tmp_path / 'empty.pth')
    with pytest.raises(WeightsError, match='empty.pth: holds no state dict'):
        build(str(tmp_path / 'empty.pth'))
    torch.save(dict(state_dict=dict(a=Evil())), tmp_path / 'evil.pth')
    with pytest.raises(pickle.UnpicklingError):
        build(str(tmp_path / 'evil.pth'))


class Evil:
    """Would run code when it is unpickled."""

    def __reduce__(self):
        return print, ('executed',)
