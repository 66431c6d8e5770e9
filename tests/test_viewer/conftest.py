"""A folder with a clip of known motion, what is no video, and ways out; and a page of it."""

import numpy as np
import pytest

from tests.clips import H264_B, encode, translating

#: Moves right by 3 px per frame; I-frames are 0 and 12.
FRAMES = translating(20, 3, 0, height=96, width=128)


@pytest.fixture(scope='session')
def place(tmp_path_factory):
    """``shown`` is the folder of the page, ``outside`` what it must not show."""
    place = tmp_path_factory.mktemp('viewer')
    for folder in ('shown/sub', 'shown/.hidden', 'outside'):
        (place / folder).mkdir(parents=True)
    encode(place / 'shown/right.mp4', FRAMES)
    encode(place / 'shown/sub/b frames.avi', FRAMES[:9], options=H264_B)
    for copy in ('outside/secret.mp4', 'shown/.hidden/secret.mp4'):
        (place / copy).write_bytes((place / 'shown/right.mp4').read_bytes())
    (place / 'shown/notes.mp4').write_text('these are notes, and no video\n' * 100)
    (place / 'shown/link.mp4').symlink_to(place / 'outside/secret.mp4')
    (place / 'shown/inner.mp4').symlink_to(place / 'shown/right.mp4')
    (place / 'shown/way').symlink_to(place / 'outside')
    return place


@pytest.fixture(scope='session')
def client(place):
    """Asks a server of the folder that takes uploads of up to 100 kB."""
    from ssvrl_mm.viewer.checking import Limits
    from ssvrl_mm.viewer.library import Folder
    from tests.test_viewer.serving import server, serving

    with serving(
        server.Viewer(Folder(place / 'shown'), limits=Limits(upload_bytes=300_000))
    ) as client:
        yield client


#: The videos that are searched.
NAMES = ['left/0.mp4', 'left/1.mp4', 'right/2.mp4', 'right/3.mp4']


@pytest.fixture(scope='session')
def home(tmp_path_factory):
    """Four videos and notes, a checkpoint with its config and one without."""
    import torch
    from mmengine.registry import DefaultScope

    from ssvrl_mm.registry import MODELS
    from tests.test_apis.tiny import config

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
    from ssvrl_mm.viewer.library import Folder
    from ssvrl_mm.viewer.nearest import NearestVideos

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SSVRL_MM_CACHE', str(home / 'cache/checkpoints'))
        yield NearestVideos(str(home / 'model.pth'), Folder(home / 'videos'), device='cpu')


@pytest.fixture(scope='session')
def features(home):
    from ssvrl_mm.apis import SSVRLInferencer

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


@pytest.fixture
def searching(found, features, home):
    """A viewer that searches, and what it should find for the first video, the nearest first."""
    from ssvrl_mm.viewer.library import Folder
    from tests.test_viewer.serving import server

    order = np.argsort(cosines(features, 0, ['rgb', 'motion']))[::-1]
    return server.Viewer(Folder(home / 'videos'), found), [NAMES[row] for row in order if row != 0]
