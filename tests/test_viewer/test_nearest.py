"""Near videos are those of highest cosine, found in an index that is made once."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.models.utils.registered import NetworkConfigError, registered_config
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


def test_an_index_of_another_release_is_not_taken_and_goes(found, home, monkeypatch, tmp_path):
    folder = Folder(home / 'videos')
    cfg, weights = config_of(str(home / 'model.pth'), None)
    given = cfg, weights, folder, folder.names()
    monkeypatch.setenv('SSVRL_MM_CACHE', str(tmp_path / 'checkpoints'))
    before = nearest._cache_file(*given)
    monkeypatch.setattr(nearest, 'versions', lambda: {'ssvrl_mm': '0.0'})
    now = nearest._cache_file(*given)
    assert before != now
    now.parent.mkdir()
    other = now.with_name('of_another_folder.npz')
    for file in (before, other):
        file.write_bytes(b'')
    shutil.copy(next((home / 'cache/viewer').glob('*.npz')), now)
    # Whose table it is does not matter here.
    monkeypatch.setattr(nearest, 'extract_features', lambda *args, **_: SimpleTable())
    monkeypatch.setattr(nearest, 'SSVRLInferencer', lambda *args, **options: None)
    assert NearestVideos(str(home / 'model.pth'), folder).was_indexed
    assert sorted(now.parent.iterdir()) == sorted([now, other])


class SimpleTable:
    """Features of nothing."""

    paths: ClassVar = []
    provenance: ClassVar = {'left_out': []}

    def averaged(self):
        return {}


def test_a_video_that_was_replaced_is_embedded_anew(found, features, home):
    video = Folder(home / 'videos').find(NAMES[0])
    known = found._features_of(video)
    changed = dataclasses.replace(video, file=home / 'query.mp4', stamp=(1, 2, 3))
    anew = found._features_of(changed)
    np.testing.assert_allclose(anew['rgb'], features[4]['rgb'], rtol=1e-3)
    assert not np.allclose(anew['rgb'], known['rgb'], rtol=1e-3, atol=0)


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


def carrying(folder, text):
    """A checkpoint that carries this config."""
    torch.save(dict(state_dict={}, meta=dict(cfg=text)), folder / 'x.pth')
    return str(folder / 'x.pth')


def test_the_config_of_a_checkpoint_is_not_run(home, tmp_path):
    ran = tmp_path / 'ran'
    text = (
        f"open({str(ran)!r}, 'w')\ncustom_imports = dict(imports=['x'])\n"
        "default_scope = 'x'\nmodel = dict(type='mmaction.S3D', pretrained='x', _scope_='y', "
        "neck=(dict(type='S3D', init_cfg=dict(type='os.system', command='true')),))\n"
    )
    cfg, _ = config_of(carrying(tmp_path, text), None)
    model = {'type': 'mmaction.S3D', 'neck': ({'type': 'S3D'},)}
    assert cfg.to_dict() == {'default_scope': 'ssvrl_mm', 'model': model}
    assert not ran.exists()


@pytest.mark.parametrize(
    'kind',
    ['os.system', 'mmengine.os.system', 'ssvrl_mm.viewer.x', 'evil.S3D', 'antigravity', '', 7],
)
@pytest.mark.parametrize('key', ['type', 'dataset_type'])
@pytest.mark.parametrize(
    'place',
    [
        'model.data_preprocessor',
        'model',
        'test_dataloader.dataset.datasets.0.pipeline.0',
        'test_dataloader.collate_fn',
        'model.backbones.rgb.parts.0.0',
    ],
)
def test_no_type_of_a_checkpoint_is_run_that_is_not_registered(home, tmp_path, place, kind, key):
    ran = tmp_path / 'ran'
    settings = {'model': {'type': 'S3D'}}
    node, (*way, last) = settings, place.split('.')
    for part in way:
        node = node.setdefault(part, {})
    node[last] = {'type': 'S3D', key: kind, 'command': f'touch {ran}'}
    text = '\n'.join(f'{name} = {value!r}' for name, value in settings.items())
    with pytest.raises(NetworkConfigError, match=f'x.pth: type={kind!r} is not registered'):
        NearestVideos(carrying(tmp_path, text), Folder(home / 'videos'), device='cpu')
    assert not ran.exists()


@pytest.mark.parametrize('name', ['mvcgc', 'coviar', 'imrnet'])
def test_the_configs_of_this_project_name_registered_types_alone(tmp_path, name):
    file = next(Path('configs').glob(f'*{name}*/*.py'))
    cfg = Config.fromfile(file)
    wanted = registered_config(
        {key: value for key, value in cfg.to_dict().items() if key in nearest._SETTINGS},
        nearest._REGISTRIES,
    )
    carried, _ = config_of(carrying(tmp_path, cfg.pretty_text), None)
    expected = {'default_scope': 'ssvrl_mm', **wanted}
    assert json.loads(json.dumps(carried.to_dict())) == json.loads(json.dumps(expected))
