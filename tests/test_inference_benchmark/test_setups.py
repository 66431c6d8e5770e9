"""The set-ups: from a file to networks."""

import cv2
import pytest
import torch

from ssvrl_mm.inference_benchmark import setups
from ssvrl_mm.inference_benchmark.base import GpuMissingError, Options, Setup
from ssvrl_mm.inference_benchmark.networks import coviar_config, rgb_config
from ssvrl_mm.inference_benchmark.setups import SETUPS, build_setups
from ssvrl_mm.inference_benchmark.videos import check_video
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.flow_files import FlowFile
from tests.clips import encode, translating

TINY = Options(width=0.05, flow_method='dis')
RE_ENCODED = {'imrnet', 'imrnet-r50', 'coviar'}
#: mmaction2's networks cannot be narrow: these are shallow instead, and see small pictures.
WIDE = {'coviar', 'resnet152'}


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('video') / 'a.mp4'
    return check_video(str(encode(path, translating(36, 2, 0, 48, 64))))


@pytest.fixture(scope='module')
def built():
    threads = torch.get_num_threads(), cv2.getNumThreads()
    found, missing = build_setups(SETUPS, TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setups, 'RESNET_CLIP', (2, 40, 32))
        patch.setattr(setups, 'rgb_config', lambda config: rgb_config({**config, 'depth': 18}))
        patch.setattr(setups, 'coviar_config', small_coviar)
        found |= build_setups(WIDE, Options())[0]
    yield found
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])
    assert missing.keys() == WIDE
    assert all('give --width 1' in why for why in missing.values())


def small_coviar():
    """CoViAR of ResNet-18 on crops of 32 px."""
    config = coviar_config({'iframe': 18})
    for step in config.test_protocols['one_clip']:
        if 'size' in step:
            step['size'] = 32
    return config


@pytest.mark.parametrize('name', SETUPS)
def test_from_file_to_networks(name, built, video, tmp_path, monkeypatch):
    setup, outputs = built[name], []
    if setup.store is not None:
        setup.store(video, tmp_path)
        assert list(tmp_path.iterdir())
    packed = setup.read(video, tmp_path)
    model = setup.network._model
    assert not model.training
    step = model.test_step
    monkeypatch.setattr(model, 'test_step', lambda data: outputs.append(step(data)))
    setup.network(packed)
    ((sample,),) = outputs
    if name == 'context-motion':
        assert set(sample.features.keys()) == {'rgb', 'iframe', 'motion'}
    else:
        assert sample.pred_score.shape == (101,)
        assert float(sample.pred_score.sum()) == pytest.approx(1, abs=1e-4)
        two = name in ('mvcgc', 'coclr', 'stored-flow')
        assert ({'pred_score_rgb', 'pred_score_motion'} <= set(sample.keys())) == two
    assert all(not p.is_inference() for p in model.parameters())


def test_what_is_stored(built, video, tmp_path):
    names = {name for name, setup in built.items() if setup.store}
    assert names == {'coclr', 'stored-flow'} | RE_ENCODED
    replaced = {name for name, setup in built.items() if not setup.needs_video}
    assert replaced == {'coclr'} | RE_ENCODED
    for name in names:
        (tmp_path / name).mkdir()
        built[name].store(video, tmp_path / name)
    assert len(list((tmp_path / 'coclr').iterdir())) == 36 + 2 * 35
    (flow,) = (tmp_path / 'stored-flow').iterdir()
    header = FlowFile(flow).header
    assert (header.method, header.num_frames, header.height) == ('dis', 36, 48)
    for name in RE_ENCODED:
        (encoded,) = (tmp_path / name).iterdir()
        with CompressedVideoReader(encoded) as reader:
            assert reader.metadata.codec == 'mpeg4' and reader.metadata.keyframes == (0, 12, 24)


def test_multiply_adds_per_frame(monkeypatch):
    monkeypatch.setattr(setups, 'Network', lambda config, device: None)
    found, _ = build_setups([*RE_ENCODED, 'r2plus1d', 'resnet152', 'mvcgc'], Options())
    assert found.pop('mvcgc').per_frame is None
    assert {name: setup.per_frame.frames for name, setup in found.items()} == {
        **dict.fromkeys([*RE_ENCODED, 'resnet152'], 25),
        'r2plus1d': 16,
    }
    # What torchvision publishes of ResNet-18 and -152 on 224 x 224 and of R(2+1)D-18 on
    # 16 x 112 x 112, less the classifier; and ours of IMRNet, counted by hand.
    r18, r152 = 1.814e9 - 512_000, 11.514e9 - 2_048_000
    # A first convolution of motion has two channels instead of three.
    less = 64 * 7 * 7 * 112 * 112
    for name, expected in (
        ('resnet152', r152),
        ('r2plus1d', 40.519e9 / 16),
        ('coviar', (5 * r152 + 25 * (2 * r18 - less)) / 25),
        ('imrnet', 17.40e9 / 25),
        ('imrnet-r50', 31.72e9 / 25),
    ):
        counted = found[name].per_frame.multiply_adds
        assert counted == pytest.approx(expected, rel=1e-3), name


def test_the_papers_networks(monkeypatch):
    built = []
    monkeypatch.setattr(setups, 'Network', lambda config, device: built.append((config, device)))
    build_setups(['mvcgc', 'context-motion'], Options(device='meta'))
    (two, where), (three, _) = built
    assert where == 'meta'
    kinds = {name: c.backbone.type for name, c in two.model.classifiers.items()}
    assert kinds == {'rgb': 'S3D', 'motion': 'S3D'}
    assert {c.backbone.width for c in two.model.classifiers.values()} == {1.0}
    assert {c.cls_head.in_channels for c in two.model.classifiers.values()} == {1024}
    assert {c.backbone.init_cfg for c in two.model.classifiers.values()} == {None}
    assert three.model.backbones.rgb.type == 'C3D' and three.model.backbones.motion.depth == 10


def test_without_contrib_modules_the_rest_runs(monkeypatch):
    monkeypatch.delattr(cv2, 'optflow', raising=False)
    found, missing = build_setups(['coclr', 'stored-flow', 'imrnet'], Options())
    assert list(found) == ['imrnet'] and list(missing) == ['coclr', 'stored-flow']
    assert all('install opencv-contrib-python' in why for why in missing.values())


def test_threads_and_device(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, 'set_num_threads', lambda n: asked.append(('torch', n)))
    monkeypatch.setattr(cv2, 'setNumThreads', lambda n: asked.append(('cv2', n)))
    build_setups([], Options(threads=3))
    assert asked == [('torch', 3), ('cv2', 3)]
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(GpuMissingError, match='give --device cpu'):
        build_setups([], Options(device='cuda'))


def test_one_task_from_file_to_networks(video, monkeypatch):
    log = []
    fake = Setup(
        '',
        lambda video, folder: log.append(('read', sorted(p.name for p in folder.iterdir()))),
        lambda packed: log.append(('network', packed)),
        lambda video, folder: (folder / 'x').touch(),
    )
    monkeypatch.setitem(SETUPS, 'imrnet', lambda options: fake)
    comparison = setups.once('imrnet', TINY, video)
    comparison.tasks['imrnet']()
    assert log == [('read', ['x']), ('network', None)]
    monkeypatch.setitem(SETUPS, 'imrnet', lambda options: Setup('', lambda *_: None))
    assert setups.once('imrnet', TINY, video).tasks['imrnet']() is None
