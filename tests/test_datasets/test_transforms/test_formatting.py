import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from ssvrl_mm.datasets.transforms.formatting import PackSSLInputs


def results_of(num_clips=2, length=3, height=16, width=24, **extra):
    rng = np.random.default_rng(0)
    count = num_clips * length
    return dict(
        imgs=list(rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)),
        motion=rng.normal(size=(count, 4, 6, 2)).astype(np.float32),
        motion_valid=rng.random((count, 4, 6)) < 0.5,
        num_clips=num_clips,
        clip_len=length,
        img_shape=(height, width),
        frame_inds=np.arange(count).reshape(num_clips, length),
        filename='a.mp4',
        video_id=5,
        label=3,
        role='query',
        **extra,
    )


def test_every_element_lands_in_its_place():
    results = results_of()
    packed = PackSSLInputs(with_valid=True)(results)
    rgb, motion, valid = (packed['inputs'][key] for key in ('rgb', 'motion', 'motion_valid'))
    assert rgb.shape == (2, 3, 3, 16, 24) and rgb.dtype == torch.uint8
    assert motion.shape == (2, 2, 3, 4, 6) and motion.dtype == torch.float16
    assert valid.shape == (2, 1, 3, 4, 6) and valid.dtype == torch.bool
    assert motion.is_contiguous() and valid.is_contiguous()
    assert rgb.is_contiguous(memory_format=torch.channels_last_3d)
    for v, c, t, y, x in [(0, 0, 0, 0, 0), (1, 2, 2, 15, 23), (1, 0, 1, 7, 3)]:
        assert rgb[v, c, t, y, x] == results['imgs'][v * 3 + t][y, x, c]
    for v, c, t, y, x in [(0, 0, 0, 0, 0), (1, 1, 2, 3, 5), (0, 1, 1, 2, 4)]:
        expected = results['motion'][v * 3 + t, y, x, c]
        assert motion[v, c, t, y, x].item() == np.float16(expected)
        assert valid[v, 0, t, y, x] == results['motion_valid'][v * 3 + t, y, x]


def test_mirrored_views_are_packed():
    results = results_of()
    expected = PackSSLInputs(with_valid=True)(dict(results))['inputs']
    for key in ('motion', 'motion_valid'):
        results[key] = results[key][:, :, ::-1]
    results['imgs'] = [image[:, ::-1] for image in results['imgs']]
    for name, packed in PackSSLInputs(with_valid=True)(results)['inputs'].items():
        assert torch.equal(packed, expected[name].flip(-1)), name


def test_rgb_may_keep_fewer_frames_than_motion():
    results = results_of(length=5)
    inputs = PackSSLInputs(rgb_interval=2)(results)['inputs']
    assert inputs['motion'].shape[2] == 5 and inputs['rgb'].shape == (2, 3, 3, 16, 24)
    for v, kept in [(0, (0, 2, 4)), (1, (5, 7, 9))]:
        expected = np.stack([results['imgs'][t] for t in kept]).transpose(3, 0, 1, 2)
        assert (inputs['rgb'][v].numpy() == expected).all()
    with pytest.raises(ValueError, match='rgb_interval'):
        PackSSLInputs(rgb_interval=0)


def test_quarter_pixels_survive_half_precision():
    results = results_of()
    quarters = (np.arange(results['motion'].size) % 512 - 256) / 4
    results['motion'] = quarters.reshape(results['motion'].shape).astype('f4')
    motion = PackSSLInputs()(results)['inputs']['motion']
    assert (motion.float().permute(0, 2, 3, 4, 1).reshape(-1).numpy() == quarters).all()


def test_residuals_and_iframes():
    residuals = list(np.random.default_rng(0).integers(-255, 256, (6, 16, 24, 3), dtype=np.int16))
    results = results_of(residuals=residuals)
    results['iframes'] = results['imgs'][:2]
    inputs = PackSSLInputs()(results)['inputs']
    assert inputs['residual'].dtype == torch.int16
    assert (inputs['residual'][1, 2, 1].numpy() == residuals[4][..., 2]).all()
    assert inputs['iframe'].shape == (2, 3, 16, 24)
    assert (inputs['iframe'][1, 0].numpy() == results['imgs'][1][..., 0]).all()
    results['iframes'] = results['imgs'][:4]
    assert PackSSLInputs()(results)['inputs']['iframe'].shape == (2, 3, 2, 16, 24)


def test_motion_may_be_the_target_and_have_more_clips():
    results = results_of()
    results['imgs'] = results['imgs'][:3]
    results |= dict(num_clips=1, stream_views=dict(motion=[0, 1]), iframe_distance=[7])
    inputs = PackSSLInputs()(results)['inputs']
    assert inputs['rgb'].shape == (1, 3, 3, 16, 24) and inputs['motion'].shape == (2, 2, 3, 4, 6)
    packed = PackSSLInputs(motion_target=True)(results)
    assert set(packed['inputs']) == {'rgb'}
    sample = packed['data_samples']
    assert torch.equal(sample.motion_target, inputs['motion'])
    assert 'motion_target' not in sample.metainfo and sample.iframe_distance == [7]
    with pytest.raises(ValueError, match='with_valid'):
        PackSSLInputs(motion_target=True, with_valid=True)
    del results['motion']
    with pytest.raises(KeyError, match='no motion to predict'):
        PackSSLInputs(motion_target=True)(results)


def test_data_sample():
    sample = PackSSLInputs()(results_of())['data_samples']
    assert sample.gt_label.tolist() == [3]
    assert (sample.video_id, sample.filename, sample.role) == (5, 'a.mp4', 'query')
    assert sample.img_shape == (16, 24)
    for none in (-1, np.int64(-1)):
        results = results_of()
        results['label'] = none
        del results['role']
        sample = PackSSLInputs()(results)['data_samples']
        assert 'gt_label' not in sample and 'role' not in sample


def test_collates_as_mmengine_expects():
    batch = pseudo_collate([PackSSLInputs()(results_of()) for _ in range(3)])
    assert set(batch) == {'inputs', 'data_samples'}
    assert [tensor.shape for tensor in batch['inputs']['rgb']] == [(2, 3, 3, 16, 24)] * 3
    assert len(batch['data_samples']) == 3


def test_nothing_to_pack_is_an_error():
    with pytest.raises(KeyError, match='no stream'):
        PackSSLInputs()(dict(num_clips=1, label=0))


def test_what_other_transforms_wrote_reaches_the_sample():
    results = dict(imgs=[np.zeros((8, 8, 3), np.uint8)] * 4, num_clips=2, video_id=7)
    results.update(
        backwards=np.array([0, 1]), speed=2.5, order=3, share=np.float32(0.5), places=['a', 'b']
    )
    keys = ('backwards', 'speed', 'order', 'share', 'places')
    sample = PackSSLInputs(extra_keys=keys)(results)['data_samples']
    assert sample.video_id == 7
    assert sample.backwards.dtype == torch.int64 and sample.backwards.tolist() == [0, 1]
    assert [sample.speed.tolist(), sample.order.tolist(), sample.share.tolist()] == [
        [2.5],
        [3],
        [0.5],
    ]
    assert sample.metainfo['places'] == ['a', 'b']
    assert 'backwards' not in PackSSLInputs()(results)['data_samples']
    with pytest.raises(KeyError, match="no 'rate' among"):
        PackSSLInputs(extra_keys=('rate',))(results)
