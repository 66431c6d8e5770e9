"""Near videos are those of highest cosine, found in an index that is made once."""

import numpy as np
import pytest
import torch

from ssvrl_mm.viewer import nearest
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.library import Folder, Video
from ssvrl_mm.viewer.nearest import NearestVideos, config_of
from tests.test_viewer.conftest import NAMES, cosines


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
    monkeypatch.setattr(
        nearest, 'extract_features', lambda *args, **_: asked.append(args) or _stop()
    )
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
    text = (
        f"open({str(ran)!r}, 'w')\ncustom_imports = dict(imports=['x'])\nmodel = dict(type='A')\n"
    )
    torch.save(dict(state_dict={}, meta=dict(cfg=text)), tmp_path / 'x.pth')
    cfg, _ = config_of(str(tmp_path / 'x.pth'), None)
    assert cfg.to_dict() == {'default_scope': 'ssvrl_mm', 'model': {'type': 'A'}}
    assert not ran.exists()
