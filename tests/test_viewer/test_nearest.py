"""Near videos are those of highest cosine, found in an index that is made once."""

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from ssvrl_mm.apis import SSVRLInferencer
from ssvrl_mm.registry import MODELS
from ssvrl_mm.viewer import nearest
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.library import Folder, Video
from ssvrl_mm.viewer.nearest import NearestVideos, config_of
from tests.clips import encode, translating
from tests.test_apis.tiny import config

NAMES = ['left/0.mp4', 'left/1.mp4', 'right/2.mp4', 'right/3.mp4']


@pytest.fixture(scope='session')
def home(tmp_path_factory):
    """Four videos and notes, a checkpoint with its config and one without."""
    home = tmp_path_factory.mktemp('nearest')
    for number, name in enumerate(NAMES):
        (home / 'videos' / name).parent.mkdir(parents=True, exist_ok=True)
        clip = translating(12, 4 * (number // 2) - 2, 1, 48, 64, seed=number)
        encode(home / 'videos' / name, clip)
    (home / 'videos/notes.mp4').write_text('no video')
    encode(home / 'query.mp4', translating(12, 3, 0, 48, 64, seed=9))
    cfg = config(home)
    cfg.dump(home / 'config.py')
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        torch.manual_seed(1)
        model = MODELS.build(cfg.model)
    weights = model.state_dict()
    torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text)), home / 'model.pth')
    torch.save(dict(state_dict=weights, meta={}), home / 'bare.pth')
    return home


@pytest.fixture(scope='session')
def found(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SSVRL_MM_CACHE', str(home / 'cache/checkpoints'))
        yield NearestVideos(str(home / 'model.pth'), Folder(home / 'videos'), device='cpu')


@pytest.fixture(scope='session')
def features(home):
    inferencer = SSVRLInferencer(home / 'config.py', home / 'model.pth', 'cpu', show_progress=False)
    files = [home / 'videos' / name for name in NAMES] + [home / 'query.mp4']
    return [prediction.features for prediction in inferencer(files)]


def cosines(features, query, streams):
    """Mean of the cosines of each stream, transcribed."""
    means = []
    for other in features[:4]:
        each = [
            a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            for a, b in ((features[query][s], other[s]) for s in streams)
        ]
        means.append(float(np.mean(each)))
    return means


@pytest.mark.parametrize('streams', [['rgb', 'motion'], ['rgb'], ['motion']])
def test_an_upload_finds_the_nearest_first(found, features, home, streams):
    expected = cosines(features, 4, streams)
    wanted = '+'.join(streams) if len(streams) < 2 else None
    near = found.search(Video('upload/x', 'query.mp4', home / 'query.mp4'), 3, wanted)
    order = np.argsort(expected)[::-1][:3]
    assert [each.name for each in near] == [NAMES[row] for row in order]
    np.testing.assert_allclose([n.similarity for n in near], np.array(expected)[order], atol=1e-4)


def test_a_video_of_the_folder_never_finds_itself(found, features, home):
    expected = cosines(features, 1, ['rgb', 'motion'])
    near = found.search(Folder(home / 'videos').find(NAMES[1]), 9)
    assert [each.name for each in near] == [NAMES[n] for n in np.argsort(expected)[::-1] if n != 1]


def test_what_it_knows(found):
    assert (found.model, found.names, found.streams) == ('model', NAMES, ['rgb', 'motion'])
    assert [entry['path'] for entry in found.left_out] == ['notes.mp4']
    assert not found.was_indexed


def test_the_index_is_made_once_and_again_when_a_file_changes(found, home, monkeypatch):
    monkeypatch.setenv('SSVRL_MM_CACHE', str(home / 'cache/checkpoints'))
    folder, given = Folder(home / 'videos'), (str(home / 'model.pth'),)
    monkeypatch.setattr(nearest, 'SSVRLInferencer', lambda *args, **options: None)
    assert NearestVideos(*given, folder).was_indexed
    kept = list((home / 'cache/viewer').iterdir())
    assert len(kept) == 1
    asked = []
    monkeypatch.setattr(nearest, 'extract_features', lambda *args, **_: asked.append(args) or _stop())
    (home / 'videos/notes.mp4').write_text('still none')
    with pytest.raises(InterruptedError):
        NearestVideos(*given, folder)
    assert asked[0][3] != kept[0]
    assert [path for path, _ in asked[0][2].entries] == [*NAMES[:2], 'notes.mp4', *NAMES[2:]]


def _stop():
    raise InterruptedError


def test_a_video_is_embedded_once(found, home, monkeypatch):
    video = Video('upload/once', 'query.mp4', home / 'query.mp4')
    first = found.search(video)
    monkeypatch.setattr(found, '_inferencer', None)
    assert found.search(video) == first


def test_what_cannot_be_searched(found, home):
    notes = Video('upload/notes', 'notes.mp4', home / 'videos/notes.mp4')
    with pytest.raises(ViewerError, match='^notes.mp4: cannot be opened as a video') as refused:
        found.search(notes)
    assert refused.value.status == 422 and str(home) not in str(refused.value)
    with pytest.raises(ViewerError, match='flow'):
        found.search(Folder(home / 'videos').find(NAMES[0]), streams='flow')


def test_configs(home):
    carried, weights = config_of(str(home / 'model.pth'), None)
    given, _ = config_of(str(home / 'bare.pth'), home / 'config.py')
    assert weights == str(home / 'model.pth')
    assert carried.model.backbones == given.model.backbones
    with pytest.raises(ViewerError, match='bare.pth carries no config: name it with --config'):
        config_of(str(home / 'bare.pth'), None)


def test_the_config_of_a_checkpoint_is_not_run(home, tmp_path):
    ran = tmp_path / 'ran'
    text = f"open({str(ran)!r}, 'w')\ncustom_imports = dict(imports=['this'])\nmodel = dict(type='A')\n"
    torch.save(dict(state_dict={}, meta=dict(cfg=text)), tmp_path / 'x.pth')
    cfg, _ = config_of(str(tmp_path / 'x.pth'), None)
    assert cfg.to_dict() == {'default_scope': 'ssvrl_mm', 'model': {'type': 'A'}}
    assert not ran.exists()
