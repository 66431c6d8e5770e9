"""The set-ups: from a file to networks."""

import cv2
import pytest
import torch

from ssvrl_mm.inference_benchmark import setups
from ssvrl_mm.inference_benchmark.setups import SETUPS, GpuMissingError, Options, build_setups
from ssvrl_mm.inference_benchmark.videos import check_video
from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.flow_files import FlowFile
from tests.clips import encode, translating

TINY = Options(width=0.05, flow_method='dis')


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('video') / 'a.mp4'
    return check_video(str(encode(path, translating(36, 2, 0, 48, 64))))


@pytest.fixture(scope='module')
def built():
    threads = torch.get_num_threads(), cv2.getNumThreads()
    found, missing = build_setups(SETUPS, TINY)
    yield found
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])
    assert not missing


@pytest.mark.parametrize('name', SETUPS)
def test_from_file_to_networks(name, built, video, tmp_path, monkeypatch):
    setup, outputs = built[name], []
    if setup.store is not None:
        setup.store(video, tmp_path)
        assert list(tmp_path.iterdir())
    packed = setup.read(video, tmp_path)
    if setup.network is None:
        return
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
        assert {'pred_score_rgb', 'pred_score_motion'} <= set(sample.keys())
    assert all(not p.is_inference() for p in model.parameters())


def test_what_is_stored(built, video, tmp_path):
    names = {name for name, setup in built.items() if setup.store}
    assert names == {'coclr', 'stored-flow', 'imrnet'}
    assert {name for name, setup in built.items() if not setup.needs_video} == {'coclr', 'imrnet'}
    for name in names:
        (tmp_path / name).mkdir()
        built[name].store(video, tmp_path / name)
    assert len(list((tmp_path / 'coclr').iterdir())) == 36 + 2 * 35
    (flow,) = (tmp_path / 'stored-flow').iterdir()
    header = FlowFile(flow).header
    assert (header.method, header.num_frames, header.height) == ('dis', 36, 48)
    (encoded,) = (tmp_path / 'imrnet').iterdir()
    with CompressedVideoReader(encoded) as reader:
        assert reader.metadata.codec == 'mpeg4' and reader.metadata.keyframes == (0, 12, 24)


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
    fake = setups.Setup(
        '',
        lambda video, folder: log.append(('read', sorted(p.name for p in folder.iterdir()))),
        lambda packed: log.append(('network', packed)),
        lambda video, folder: (folder / 'x').touch(),
    )
    monkeypatch.setitem(SETUPS, 'imrnet', lambda options: fake)
    comparison = setups.once('imrnet', TINY, video)
    comparison.tasks['imrnet']()
    assert log == [('read', ['x']), ('network', None)]
    monkeypatch.setitem(SETUPS, 'imrnet', lambda options: setups.Setup('', lambda *_: None))
    assert setups.once('imrnet', TINY, video).tasks['imrnet']() is None
