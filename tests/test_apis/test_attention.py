"""Where networks look, of networks that look where something bright is."""

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmaction.utils import GradCAM
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from ssvrl_mm.apis import WeightsError
from ssvrl_mm.apis.attention import (
    AttentionModel,
    _enlarged,
    _other_time,
    attend,
    expand_folders,
)
from ssvrl_mm.apis.loading import init_model, read_config
from ssvrl_mm.apis.video_samples import VideoSamples, pipeline_of
from ssvrl_mm.registry import MODELS, TRANSFORMS
from ssvrl_mm.video import VideoError
from tests.clips import encode
from tests.test_apis.tiny import BACKBONE

SIDE, LENGTH, CELL = 48, 16, 8


@MODELS.register_module()
class BrightPlaces(nn.Module):
    """Two channels, of cells of 2 x 8 x 8: how bright they are, and how dark."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.pool = nn.AvgPool3d((2, CELL, CELL))

    def forward(self, clips):
        bright = self.pool(clips.mean(dim=1, keepdim=True)) * self.scale
        return torch.cat([bright, -bright], dim=1).relu()


@MODELS.register_module()
class BrightPlacesOfFrames(BrightPlaces):
    """The same of single frames."""

    def forward(self, frames):
        return super().forward(frames.unsqueeze(2).repeat(1, 1, 2, 1, 1)).squeeze(2)


@TRANSFORMS.register_module()
class DropPictures:
    """Leaves nothing that a map could be drawn on."""

    def __call__(self, results):
        results.pop('imgs')
        return results


def place(frame):
    """The upper left corner of the square in a frame: y, x."""
    return CELL * (frame // 4), CELL * (5 - frame // 4)


def is_on_square(drawn, frame):
    """Whether a map is highest where the square is."""
    y, x = np.unravel_index(drawn.argmax(), drawn.shape)
    top, left = place(frame)
    return top <= y < top + CELL and left <= x < left + CELL


@pytest.fixture(scope='module')
def square(tmp_path_factory):
    """A video of a white square on black that jumps to the next cell every fourth frame."""
    frames = np.zeros((LENGTH, SIDE, SIDE, 3), np.uint8)
    for number, frame in enumerate(frames):
        y, x = place(number)
        frame[y : y + CELL, x : x + CELL] = 255
    folder = tmp_path_factory.mktemp('square') / 'jumping'
    folder.mkdir()
    return encode(folder / 'square.mp4', frames)


def config(streams=('rgb',), num_clips=1, **model):
    """Looks at whole frames; black is 0 in what the network sees."""
    pipeline = [
        dict(type='OpenCompressedVideo'),
        dict(type='SampleClips', clip_len=LENGTH, num_clips=num_clips, test_mode=True),
        dict(type='DecodeCompressedVideo', streams=streams),
        dict(type='PackSSLInputs', rgb_interval=2 if len(streams) > 1 else 1),
    ]
    preprocessor = dict(
        type='SingleStreamPreprocessor', stream=streams[0], rgb=dict(mean=[20] * 3, std=[255] * 3),
        motion=dict(clip=20, size=SIDE),
    )  # fmt: skip
    settings = dict(
        type='Recognizer3D',
        data_preprocessor=preprocessor,
        backbone=dict(type='BrightPlaces'),
        cls_head=dict(type='I3DHead', num_classes=3, in_channels=2, average_clips='prob'),
    )
    settings.update(model)
    return Config(
        dict(default_scope='ssvrl_mm', model=settings, test_pipeline=pipeline, classes=['a', 'b'])
    )


def weights(path, cfg, **changed):
    """A checkpoint of the config, with some weights changed."""
    model, _ = init_model(cfg, None, 'cpu')
    state = {**model.state_dict(), **{name.replace('__', '.'): w for name, w in changed.items()}}
    torch.save(dict(state_dict=state), path)
    return str(path)


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """Class 0 is for what is bright, class 1 against it, and class 2 for what is dark."""
    of_classes = torch.tensor([[5.0, 0.0], [-5.0, -1.0], [0.0, 4.0]])
    path = tmp_path_factory.mktemp('model') / 'bright.pth'
    file = weights(path, config(), cls_head__fc_cls__weight=of_classes)
    return AttentionModel('bright', config(), file)


def test_the_map_peaks_on_the_square_in_each_frame(model, square):
    (row,) = attend(model, [square], 8).rows[0]
    assert (
        row.title == 'bright: rgb, 6 x 6 cells'
        and row.of_frames
        and row.frames.shape == (8, SIDE, SIDE, 3)
    )
    assert row.maps.shape == (8, SIDE, SIDE) and row.maps.dtype == np.float32
    for drawn, frame, number in zip(row.maps, row.frames, range(1, LENGTH, 2), strict=True):
        y, x = place(number)
        assert frame[y + 4, x + 4].min() > 200 and frame.mean() < 20
        assert is_on_square(drawn, number)
        # Symmetric about the middle of the cell, where the square touches no border, and is in the
        # same place in the cells of time before and behind.
        if y > 0 and x + CELL < SIDE and number % 4 == 1:
            np.testing.assert_allclose(drawn[y : y + 8], drawn[y : y + 8][::-1], atol=0.03)
    assert row.maps.min() == 0 and row.maps.max() == 1
    # One frame is the middle one, and without a number there are all.
    (middle,) = attend(model, [square], 1).rows[0]
    (every,) = attend(model, [square]).rows[0]
    assert len(every.maps) == LENGTH
    # A map alone goes from its own lowest value to its own highest.
    both = middle.maps[0], every.maps[LENGTH // 2]
    scaled = [(each - each.min()) / np.ptp(each) for each in both]
    np.testing.assert_allclose(*scaled, atol=1e-5)
    assert middle.maps.max() == 1 and middle.maps.min() == 0
    np.testing.assert_array_equal(middle.frames[0], every.frames[LENGTH // 2])


def test_grad_cam_shows_what_speaks_for_a_class(model, square):
    found = [attend(model, [square], 4, None, True, number).rows[0][0] for number in range(3)]
    plain = attend(model, [square], 4).rows[0][0]
    bright, against, dark = found
    # The score of class 0 is 5 times the mean of what is bright.
    low, high = (CELL * 2, CELL * 2 + CELL)
    assert place(10) == (low, 24)
    inside = bright.maps[2][low:high, 24:32]
    outside = np.delete(bright.maps[2], np.s_[max(low - 8, 0) : high + 8], axis=0)
    assert inside.max() > 0.7 and outside.max() < 0.02
    assert np.corrcoef(bright.maps.ravel(), plain.maps.ravel())[0, 1] > 0.8
    assert not against.maps.any()
    assert dark.maps[2][low + 4, 28] < 0.2 and dark.maps[2][44, 4] > 0.98
    assert bright.title.startswith('bright: rgb, class 0 a (')
    assert dark.title.startswith('bright: rgb, class 2 (')
    # The class that is found is that of the highest score.
    titles = [each.title for each in found]
    shares = [int(title.rpartition('(')[2].partition('%')[0]) for title in titles]
    (chosen,) = attend(model, [square], 4, None, True).rows[0]
    assert chosen.title == titles[int(np.argmax(shares))] and abs(sum(shares) - 100) <= 1
    with pytest.raises(ValueError, match='--class must be from 0 to 2, got 3'):
        attend(model, [square], 4, None, True, 3)


def test_grad_cam_equals_that_of_mmaction2_where_it_pools_over_space_alone(square, tmp_path):
    # One step of time: there both are the same.
    backbone = dict(BACKBONE, spatial_strides=(2, 2, 1, 1, 2), temporal_strides=(2, 2, 2, 2, 1))
    cfg = config(
        backbone=dict(backbone, in_channels=3),
        cls_head=dict(
            type='I3DHead', num_classes=3, in_channels=128, average_clips='prob', init_std=1.0,
            dropout_ratio=0,
        ),
    )  # fmt: skip
    file = weights(tmp_path / 'x.pth', cfg)
    (row,) = attend(AttentionModel('x', cfg, file), [square], None, None, True, None, 'cpu').rows[0]
    network, _ = init_model(cfg, file, 'cpu')
    packed = VideoSamples([dict(filename=str(square))], pipeline_of(read_config(cfg)))[0].packed
    batch = network.data_preprocessor(pseudo_collate([packed]), False)
    # Theirs takes what is normalised already, in a list.
    network.data_preprocessor = nn.Identity()
    network.test_step = lambda data: network(
        torch.stack(data['inputs']), data['data_samples'], mode='predict'
    )
    theirs = GradCAM(network, 'backbone')
    data = dict(inputs=list(batch['inputs']), data_samples=batch['data_samples'])
    wanted, _ = theirs._calculate_localization_map(data, use_labels=False)
    assert row.maps.std() > 0.05
    np.testing.assert_allclose(row.maps, wanted[0].numpy(), atol=1e-4)


def test_motion_is_drawn_on_frames_that_its_network_does_not_see(square):
    cfg = config(('motion',))
    attended = attend(AttentionModel('x', cfg, None), [square], 4)
    (row,) = attended.rows[0]
    assert row.title == 'x: motion, 6 x 6 cells' and row.frames.shape == (4, SIDE, SIDE, 3)
    assert attended.left_out == []
    assert row.frames[2][20, 28].min() > 200


def test_every_second_frame_of_rgb_lies_at_its_own_motion(home, square):
    cfg = config(('rgb', 'motion'))
    names = ('rgb', 'motion')
    cfg.model = dict(
        type='LateFusionRecognizer',
        classifiers={
            name: dict(cfg.model, data_preprocessor=dict(cfg.model.data_preprocessor, stream=name))
            for name in names
        },
    )
    rgb, motion = attend(AttentionModel('x', cfg, None), [square], None, None, True).rows[0]
    assert len(rgb.maps) == len(motion.maps) == LENGTH // 2
    assert rgb.title.startswith('x: rgb, class ') and motion.title.startswith('x: motion, class ')
    plain = attend(AttentionModel('x', cfg, None), [square]).rows[0]
    assert all(is_on_square(drawn, 2 * number) for number, drawn in enumerate(plain[0].maps))
    # A map of 16 cells of time, on 8 frames of which the second and the last are shown.
    times = torch.arange(16.0).view(16, 1, 1).expand(16, 2, 2)
    shown = _enlarged(times, 16, np.array([1, 7]), np.zeros((8, 2, 2, 3), np.uint8))
    np.testing.assert_allclose(shown, np.array([0, 1])[:, None, None] * np.ones((2, 2, 2)))


def test_frames_that_a_network_sees_one_by_one_stand_side_by_side(square):
    cfg = config(type='Recognizer2D', backbone=dict(type='BrightPlacesOfFrames'))
    cfg.model.cls_head = dict(type='TSNHead', num_classes=3, in_channels=2)
    cfg.model.data_preprocessor.single_frames = True
    cfg.test_pipeline[1].update(clip_len=1, num_clips=4)
    plain = attend(AttentionModel('x', cfg, None), [square]).rows[0][0]
    by_class = attend(AttentionModel('x', cfg, None), [square], None, None, True).rows[0][0]
    assert len(plain.maps) == len(by_class.maps) == 4
    corners = [np.argwhere(frame.mean(axis=-1) > 128).min(axis=0) for frame in plain.frames]
    assert len({tuple(corner) for corner in corners}) > 1
    for drawn, (y, x) in zip(plain.maps, corners, strict=True):
        peak = np.unravel_index(drawn.argmax(), drawn.shape)
        assert abs(peak[0] - y - 4) <= 5 and abs(peak[1] - x - 4) <= 5


def test_motion_of_other_frames_than_are_shown_says_so():
    def said(clips, moving, stream='motion'):
        sample = ActionDataSample()
        sample.set_metainfo(dict(frame_inds=np.array(clips), motion_inds=np.array(moving)))
        return _other_time(dict(data_samples=sample), stream)

    behind = [[0, 3], [10, 13], [20, 23]], [[4, 7], [14, 17], [24, 27]]
    assert said(*behind) == ', of frames 14 to 17: on grey, as the pictures are of 10 to 13'
    assert said(*behind[::-1]) == ', of frames 10 to 13: on grey, as the pictures are of 14 to 17'
    assert said(*behind, 'rgb') == ''
    # I-frames and what moves behind each of them, and motion that begins with the next frame.
    groups = np.arange(5)[:, None] * 12 + [1, 3, 5, 7, 9]
    assert said([np.arange(5) * 12], [groups.ravel()]) == ''
    assert said([range(16)], [range(1, 17)]) == '' != said([range(16)], [range(8, 24)])
    assert _other_time(dict(data_samples=ActionDataSample()), 'motion') == ''


def test_streams_of_self_supervised_models(home):
    cfg = read_config(home / 'config.py')
    video = sorted((home / 'videos').rglob('*.mp4'))[0]
    trained = AttentionModel('x', cfg, str(home / 'model.pth'))
    rgb, motion = attend(trained, [video], 2, 'stages.2').rows[0]
    assert [row.title.split(',')[0] for row in (rgb, motion)] == [
        'x: rgb',
        'x: motion',
    ] and rgb.maps.shape == (2, 32, 32)
    assert not np.allclose(rgb.maps, motion.maps)
    # Random weights follow from the config's seed.
    start, again = (attend(AttentionModel('x', cfg, None), [video], 2).rows[0] for _ in range(2))
    assert np.array_equal(start[1].maps, again[1].maps)
    assert not np.allclose(start[1].maps, attend(trained, [video], 2).rows[0][1].maps)
    attended = attend(trained, [video], 2, 'backbone_rgb.stages.1')
    assert [row.title.split(',')[0] for row in attended.rows[0]] == [
        'x: rgb'
    ] and attended.left_out == ['motion']
    with pytest.raises(TypeError, match='x: Grad-CAM .* ContrastiveRecognizer has no classifier'):
        attend(trained, [video], 2, None, True)


def test_what_does_not_fit_gives_no_map(home, model, square, tmp_path):
    wrong = AttentionModel('x', config(), str(home / 'model.pth'))
    with pytest.raises(WeightsError, match='0 of the 3 weights of Recognizer3D'):
        attend(wrong, [square])
    spoiled = weights(tmp_path / 'inf.pth', config(), backbone__scale=torch.tensor([3e38]))
    with pytest.raises(ValueError, match='activations are not finite'):
        attend(AttentionModel('x', config(), spoiled), [square])
    flow = config()
    flow.test_pipeline = [*flow.test_pipeline[:-1], dict(type='Bare')]
    with pytest.raises(KeyError, match='Bare is not in the .* registry'):
        attend(model._replace(cfg=flow), [square])
    blind = config(('residual',))
    blind.test_pipeline.insert(-1, dict(type='DropPictures'))
    with pytest.raises(
        ValueError, match=r"packs \['residual'\], and no pictures of three channels"
    ):
        attend(model._replace(cfg=blind), [square])
    with pytest.raises(VideoError, match='gone.mp4'):
        attend(model, ['gone.mp4'])


def test_folders_stand_for_some_of_their_videos(home):
    assert expand_folders(['x.mp4', 'gone'], 2) == ['x.mp4', 'gone']
    found = expand_folders([home / 'videos', 'x.mp4'], 3)
    # Of 7 in left and 6 in right the first, the middle one and the last.
    assert [name[-11:] for name in found] == ['left/00.mp4', 'left/12.mp4', 'ight/11.mp4', 'x.mp4']
