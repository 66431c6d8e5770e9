"""Files: what is written beside the weights, what is asked of the config, what is refused."""

import pickle

import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.models.backbones import S3D
from ssvrl_mm.models.conversion import converting
from ssvrl_mm.models.conversion.converting import convert, layouts_of, read, write
from ssvrl_mm.models.conversion.fitting import ConversionError
from ssvrl_mm.models.conversion.layout import Layout, Part
from ssvrl_mm.models.conversion.our_settings import unlike_ours
from ssvrl_mm.models.utils.pretrained import load_pretrained

# A narrow S3D in the place of a network of another library, whose names are ours in capitals.
SMALL = dict(type='S3D', width=0.125, norm_eps=1e-5)


def upper(ours):
    return {name: name.upper() for name in ours}


def key_part():
    return Part(SMALL, upper, 'key_backbone{_stream}.module.', 'KEY.')


LAYOUTS = (
    Layout(
        'lab',
        'net',
        Part(SMALL, upper, theirs='NET.'),
        (key_part(),),
        left_out={'QUEUE': 'keys of nobody'},
        input=dict(mean=[1.0], clip_len=4),
        stream='rgb',
    ),
    Layout('hub', 'net', Part(SMALL, upper), bare=True),
    Layout(
        'picky',
        'net',
        Part(SMALL, upper, theirs='PICKY.'),
        config=dict(type='Theirs', pool=1),
        objections=lambda config: [] if config == dict(type='Theirs', pool=1) else [f'{config}'],
    ),
)


@pytest.fixture(autouse=True)
def layouts(monkeypatch):
    monkeypatch.setattr(converting, 'LAYOUTS', LAYOUTS)


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    return S3D(width=0.125, norm_eps=1e-5)


def save(path, network, prefix='', **content):
    weights = {prefix + name.upper(): value for name, value in network.state_dict().items()}
    weights.update(content.pop('more', {}))
    torch.save(dict(state_dict=weights, **content), path)
    return str(path)


def save_ours(path, network, prefix='backbone_rgb.', more=None, **content):
    weights = {prefix + name: value for name, value in network.state_dict().items()}
    torch.save(dict(state_dict={**weights, **(more or {})}, **content), path)
    return str(path)


def told(**backbone):
    return dict(backbone={**SMALL, **backbone})


def test_a_checkpoint_of_ours_holds_what_belongs_to_the_weights(tmp_path, network):
    key = {f'KEY.{name.upper()}': w + 1 for name, w in network.state_dict().items()}
    path = save(tmp_path / 'in.pth', network, 'NET.', more=key, iteration=700)
    out = tmp_path / 'new' / 'out.pth'
    write(convert(path), out)
    content = torch.load(out, weights_only=True)
    assert content['meta'] == dict(
        backbone=SMALL, input=dict(mean=[1.0], clip_len=4), converted_from='lab:net'
    )
    step = content['state_dict'].pop('key_backbone_rgb.step')
    assert step.shape == () and step == 700
    for name, value in network.state_dict().items():
        assert torch.equal(content['state_dict'].pop(f'backbone_rgb.{name}'), value)
        assert torch.equal(content['state_dict'].pop(f'key_backbone_rgb.module.{name}'), value + 1)
    assert not content['state_dict']
    loaded = S3D(width=0.125, norm_eps=1e-5)
    assert load_pretrained(loaded, str(out), 'backbone_rgb.') == 385


@pytest.mark.parametrize('steps', [0, -3, 2**63, 'many', None])
def test_steps_that_are_none_count_as_one(tmp_path, network, steps):
    key = {f'KEY.{name.upper()}': w for name, w in network.state_dict().items()}
    path = save(tmp_path / 'in.pth', network, 'NET.', more=key, iteration=steps)
    assert convert(path).content['state_dict']['key_backbone_rgb.step'] == 1


def test_a_network_alone_has_no_steps_and_its_stream_can_be_named(tmp_path, network):
    path = save(tmp_path / 'in.pth', network, 'NET.')
    weights = convert(path, 'lab:net', stream='motion').content['state_dict']
    assert {name.partition('.')[0] for name in weights} == {'backbone_motion'}


def test_there_and_back(tmp_path, network):
    path = save(tmp_path / 'in.pth', network)
    out = tmp_path / 'ours.pth'
    write(convert(path), out)
    back = convert(out, 'hub', to_ours=False).content
    assert set(back) == {name.upper() for name in network.state_dict()}
    assert all(torch.equal(back[name.upper()], w) for name, w in network.state_dict().items())
    content = torch.load(out, weights_only=True)
    assert 'input' not in content['meta'] and content['meta']['converted_from'] == 'hub:net'


def test_the_other_libraries_checkpoint_has_its_state_dict(tmp_path, network):
    path = save_ours(tmp_path / 'ours.pth', network, meta=told())
    content = convert(path, 'lab', to_ours=False).content
    assert set(content) == {'state_dict'} and len(content['state_dict']) == 462


def test_their_config_goes_with_their_weights_and_brings_them_back(tmp_path, network):
    path = save_ours(tmp_path / 'ours.pth', network, meta=told())
    conversion = convert(path, 'picky', to_ours=False, stream='rgb')
    write(conversion, tmp_path / 'theirs.pth')
    assert convert(tmp_path / 'theirs.pth').fit.layout.name == 'picky:net'


def test_left_out_only_when_asked(tmp_path, network):
    queue = {'QUEUE_PTR': torch.zeros(1), 'QUEUE': torch.zeros(2)}
    path = save(tmp_path / 'in.pth', network, 'NET.', more=queue)
    with pytest.raises(
        ConversionError,
        match=r'in\.pth: 2 weights have no counterpart: QUEUE\* \(2: keys of nobody\)\. --leave',
    ):
        convert(path)
    assert len(convert(path, leave_out=True).content['state_dict']) == 462
    more = {'head.a': torch.zeros(1), 'head.b': torch.zeros(1), 'neck': torch.zeros(1)}
    path = save_ours(tmp_path / 'ours.pth', network, more=more, meta=told())
    with pytest.raises(ConversionError, match=r'3 weights .*: head\* \(2\); neck\* \(1\)\.'):
        convert(path, 'lab', to_ours=False)
    convert(path, 'lab', to_ours=False, leave_out=True)


@pytest.mark.parametrize(
    'meta, message',
    [
        (told(norm_eps=1e-3), r'norm_eps=0\.001 \(there it is 1e-05\)'),
        (told(spatial_strides=[2, 1, 2, 2, 2]), r'spatial_strides=\(2, 1, 2, 2, 2\) \(there it'),
        (dict(backbone=dict(type='C3D')), 'the backbone is C3D, not S3D'),
        (None, r'does not tell the config of its backbone\. --config names the config'),
    ],
)
def test_ours_goes_out_only_with_the_features_of_theirs(tmp_path, network, meta, message):
    path = save_ours(tmp_path / 'ours.pth', network, meta=meta)
    with pytest.raises(ConversionError, match=f'lab:net has these weights, and .*: .*{message}'):
        convert(path, 'lab', to_ours=False)


def test_ours_goes_out_with_the_config_of_its_run(tmp_path, network):
    model = dict(backbones=dict(rgb=dict(**SMALL, frozen_stages=1), motion=dict(type='S3D')))
    path = save_ours(
        tmp_path / 'run.pth', network, meta=dict(cfg=Config(dict(model=model)).pretty_text)
    )
    assert convert(path, 'lab', to_ours=False).content
    path = save_ours(tmp_path / 'bare.pth', network)
    config = tmp_path / 'config.py'
    config.write_text(f'model = {model!r}')
    assert convert(path, 'lab', to_ours=False, config=str(config)).content
    config.write_text('model = dict(backbones=dict(rgb=dict(type="S3D", width=0.125)))')
    with pytest.raises(ConversionError, match='norm_eps=0.001'):
        convert(path, 'lab', to_ours=False, config=str(config))
    config.write_text('train_cfg = None')
    with pytest.raises(ConversionError, match='does not tell'):
        convert(path, 'lab', to_ours=False, config=str(config))


def test_theirs_comes_in_only_with_the_features_of_ours(tmp_path, network):
    path = save(tmp_path / 'in.pth', network, 'PICKY.')
    with pytest.raises(ConversionError, match='picky:net has .*: None. --config names'):
        convert(path)
    cfg = dict(cfg='model = dict(backbone=dict(type="Theirs", pool=1))')
    assert convert(save(tmp_path / 'told.pth', network, 'PICKY.', meta=cfg)).content
    cfg = dict(cfg='model = dict(backbone=dict(type="Theirs"))')
    with pytest.raises(ConversionError, match=r"features: \{'type': 'Theirs'\}\. $"):
        convert(save(tmp_path / 'other.pth', network, 'PICKY.', meta=cfg))
    config = tmp_path / 'config.py'
    config.write_text('model = dict(backbone=dict(type="Theirs", pool=1))')
    assert convert(path, config=str(config)).content


def test_settings_that_leave_features_alone_do_not_count():
    wanted = dict(type='VideoResNet', arch='r3d', depth=18)
    assert unlike_ours({**wanted, 'type': 'ssvrl_mm.VideoResNet', 'norm_eval': True}, wanted) == []
    assert unlike_ours({**wanted, 'init_cfg': dict(), 'out_indices': (3, 4)}, wanted) == []
    assert unlike_ours({**wanted, 'stem_pool': True}, wanted) == [
        'stem_pool=True (there it is False)'
    ]
    assert unlike_ours(dict(type='VideoResNet', arch='r2plus1d'), wanted) == [
        'arch=r2plus1d (there it is r3d)'
    ]


def test_layouts_by_name(monkeypatch):
    assert [layout.name for layout in layouts_of(None)] == ['lab:net', 'hub:net', 'picky:net']
    assert [layout.name for layout in layouts_of('hub')] == ['hub:net']
    assert [layout.name for layout in layouts_of('lab:net')] == ['lab:net']
    with pytest.raises(ConversionError, match=r"'lap' is none of .*: lab:net, hub:net, picky:net"):
        layouts_of('lap')


def test_nothing_is_replaced_or_left_half(tmp_path, network, monkeypatch):
    conversion = convert(save(tmp_path / 'in.pth', network))
    out = tmp_path / 'out.pth'
    out.write_text('mine')
    with pytest.raises(FileExistsError, match=r'out\.pth exists; --force replaces it'):
        write(conversion, out)
    assert out.read_text() == 'mine'
    write(conversion, out, force=True)
    assert len(torch.load(out, weights_only=True)['state_dict']) == 462
    assert sorted(file.name for file in tmp_path.iterdir()) == ['in.pth', 'out.pth']


class Evil:
    """Would run code when it is unpickled."""

    def __reduce__(self):
        return print, ('executed',)


def test_files_that_are_none(tmp_path, network, capsys):
    whole = save(tmp_path / 'whole.pth', network)
    with pytest.raises(FileNotFoundError, match=r'gone\.pth'):
        convert(tmp_path / 'gone.pth')
    data = (tmp_path / 'whole.pth').read_bytes()
    for name, content in (
        ('cut.pth', data[: len(data) // 2]),
        ('flipped.pth', data[:50000] + bytes([data[50000] ^ 1]) + data[50001:]),
        ('empty.pth', b''),
        ('text.pth', b'weights'),
        ('old.pth', pickle.dumps(dict(a=1), protocol=2)),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConversionError, match=name):
            convert(tmp_path / name)
    torch.save(dict(state_dict=dict(a=torch.zeros(1)), run=Evil()), tmp_path / 'evil.pth')
    with pytest.raises(ConversionError, match=r'evil\.pth: holds other things .*save its weights'):
        convert(tmp_path / 'evil.pth')
    assert 'executed' not in capsys.readouterr().out
    assert read(whole)


@pytest.mark.parametrize(
    'content, message',
    [
        (dict(epoch=3), 'holds no state dict'),
        ([torch.zeros(1)], 'holds no state dict'),
        (dict(state_dict=[1]), 'holds no state dict'),
        ({3: torch.zeros(1)}, 'holds no state dict'),
        (dict(a=torch.zeros(3, device='meta')), 'a has no content'),
        (dict(a=torch.zeros(1).expand(2**40)), 'a claims 4398046511104 bytes'),
        (dict(a=torch.zeros(1)), 'in none of the known layouts'),
    ],
)
def test_content_that_is_none(tmp_path, content, message):
    torch.save(content, tmp_path / 'in.pth')
    with pytest.raises(ConversionError, match=rf'in\.pth: .*{message}'):
        convert(tmp_path / 'in.pth')


def test_a_distributed_run_and_the_old_format(tmp_path, network):
    weights = {f'module.{name.upper()}': value for name, value in network.state_dict().items()}
    torch.save(weights, tmp_path / 'in.pth', _use_new_zipfile_serialization=False)
    assert len(convert(tmp_path / 'in.pth').content['state_dict']) == 462
