import numpy as np
import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.apis import (
    FeatureTable,
    ModelNotFoundError,
    SSVRLInferencer,
    extract_features,
    init_model,
)
from ssvrl_mm.video import VideoOpenError
from tests.test_apis.tiny import BACKBONE, NUM_VIDEOS


@pytest.fixture(scope='module')
def table(home, tmp_path_factory):
    """The features of all videos."""
    out = tmp_path_factory.mktemp('gallery') / 'features.npz'
    extract_features(
        home / 'config.py', home / 'model.pth', home / 'videos', out, workers=0, device='cpu',
        progress=False,
    )  # fmt: skip
    return out


@pytest.fixture(scope='module')
def inferencer(home):
    return SSVRLInferencer(
        home / 'config.py', home / 'model.pth', device='cpu', show_progress=False
    )


def test_file_bytes_list_and_folder_give_the_same(home, table, inferencer):
    known = FeatureTable.load(table)
    file = home / 'videos' / known.paths[3]
    alone = inferencer(str(file))
    contents = inferencer(file.read_bytes())
    listed = inferencer([file, file.read_bytes()], batch_size=2)
    folder = inferencer(home / 'videos', batch_size=4, workers=1)
    assert (alone.path, contents.path) == (str(file), '<bytes 0>')
    assert [p.path for p in folder] == [str(home / 'videos' / path) for path in known.paths]
    for prediction in (alone, contents, *listed, folder[3]):
        assert prediction.scores is None and prediction.neighbours == []
        np.testing.assert_array_equal(prediction.clip_times, known.clip_times[3])
        for stream, rows in known.features.items():
            np.testing.assert_allclose(prediction.features[stream], rows[3], atol=1e-5)


@pytest.mark.parametrize('view', [None, 'rgb', 'motion'])
def test_neighbours_are_those_of_highest_cosine(home, table, view):
    known = FeatureTable.load(table)
    for gallery in (table, known, home / 'videos'):
        inferencer = SSVRLInferencer(
            home / 'config.py', home / 'model.pth', 'cpu', gallery, show_progress=False
        )
        found = inferencer(home / 'videos' / known.paths[5], k=4, streams=view).neighbours
        streams = ['rgb', 'motion'] if view is None else [view]
        cosines = 0
        for stream in streams:
            rows = known.features[stream].astype(float)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            cosines = cosines + rows @ rows[5] / len(streams)
        order = np.argsort(-cosines)[:4]
        assert [n.path for n in found] == [known.paths[row] for row in order]
        assert [n.label for n in found] == known.labels[order].tolist()
        np.testing.assert_allclose([n.similarity for n in found], cosines[order], atol=1e-5)


def test_view_that_nobody_has_is_named(home, table):
    inferencer = SSVRLInferencer(home / 'config.py', home / 'model.pth', 'cpu', table)
    with pytest.raises(ValueError, match=r"have no \['flow'\] in common"):
        inferencer(home / 'videos/left/00.mp4', streams='flow')


def test_bad_files_raise_or_are_skipped(home, inferencer, tmp_path):
    good, bad = home / 'videos/left/00.mp4', tmp_path / 'bad.mp4'
    bad.write_bytes(b'no video')
    with pytest.raises(VideoOpenError) as caught:
        inferencer([good, bad])
    assert caught.value.path == str(bad)
    with pytest.raises(VideoOpenError, match='<bytes 1>'):
        inferencer([good, b'no video'])
    found = inferencer([bad, good, b'', tmp_path / 'gone.mp4'], batch_size=4, on_error='skip')
    assert [prediction.path for prediction in found] == [str(good)]
    assert list(inferencer.left_out) == [str(bad), '<bytes 2>', str(tmp_path / 'gone.mp4')]
    assert inferencer(bad, on_error='skip') is None
    inferencer(good, on_error='skip')
    assert inferencer.left_out == {}
    with pytest.raises(ValueError, match="'raise' or 'skip', got 'ignore'"):
        inferencer(good, on_error='ignore')


def test_classifier_gives_scores_and_names(home, tmp_path):
    cfg = Config(
        dict(
            default_scope='ssvrl_mm',
            model=dict(
                type='Recognizer3D',
                backbone=BACKBONE,
                cls_head=dict(
                    type='I3DHead', num_classes=4, in_channels=128, average_clips='prob',
                    init_std=3.0,
                ),
                data_preprocessor=dict(
                    type='ActionDataPreprocessor', mean=[114.0] * 3, std=[57.0] * 3,
                    format_shape='NCTHW',
                ),
            ),
            # mmaction2's own pipeline.
            test_pipeline=[
                dict(type='DecordInit'),
                dict(type='SampleFrames', clip_len=8, num_clips=2, test_mode=True),
                dict(type='DecordDecode'),
                dict(type='Resize', scale=(-1, 36)),
                dict(type='CenterCrop', crop_size=32),
                dict(type='FormatShape', input_format='NCTHW'),
                dict(type='PackActionInputs'),
            ],
        )
    )  # fmt: skip
    model, _ = init_model(cfg, None, 'cpu')
    classes = ['a', 'b', 'c', 'd']
    checkpoint = dict(state_dict=model.state_dict(), meta=dict(dataset_meta=dict(classes=classes)))
    torch.save(checkpoint, tmp_path / 'c.pth')
    inferencer = SSVRLInferencer(cfg, tmp_path / 'c.pth', 'cpu', show_progress=False)
    found = inferencer(home / 'videos')
    assert len(found) == NUM_VIDEOS
    for prediction, frames in zip(found, range(12, 26, 2), strict=False):
        assert prediction.scores.shape == (4,) and prediction.scores.sum() == pytest.approx(1)
        assert prediction.label == prediction.scores.argmax()
        assert prediction.class_name == classes[prediction.label]
        assert prediction.clip_times.shape == (2, 2)
        np.testing.assert_allclose(np.diff(prediction.clip_times), 8 / 25, atol=1e-6)
        assert 0 <= prediction.clip_times.min() < prediction.clip_times.max() <= frames / 25 + 1e-6
    with pytest.raises(ValueError, match='no features for the gallery'):
        SSVRLInferencer(cfg, tmp_path / 'c.pth', 'cpu', home / 'videos', show_progress=False)


def test_names_and_configs_need_weights(home):
    with pytest.raises(ModelNotFoundError, match='it has no published checkpoint'):
        SSVRLInferencer('mvcgc_s3d_ucf101')
    with pytest.raises(ModelNotFoundError, match='is no model .*or give a config file as model'):
        SSVRLInferencer('mvcgc_r50')
    with pytest.raises(ValueError, match='a config needs weights'):
        SSVRLInferencer(home / 'config.py')
