"""What preprocessing moves, and that it waits for no device."""

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.dataset import pseudo_collate
from torch.utils._python_dispatch import TorchDispatchMode

from ssvrl_mm.models import (
    SingleStreamPreprocessor,
    SSLDataPreprocessor,
    StackedStreamsPreprocessor,
)

from .bytes_moved import BytesMoved
from .test_utils.test_photometric import BLUR, MOCO, kornia_pipeline

AUGMENT = dict(color_jitter=MOCO, grayscale_p=0.2, blur=BLUR)


def batch(count: int = 4, frames: int = 8, side: int = 56) -> dict:
    """What the loader collates: channels of RGB last in memory, motion in 8 px blocks."""
    generator = np.random.default_rng(0)
    items = []
    for number in range(count):
        rgb = generator.integers(0, 256, (2, frames, side, side, 3), dtype=np.uint8)
        motion = generator.normal(0, 9, (2, 2, frames, side // 8, side // 8)).astype(np.float16)
        sample = ActionDataSample(metainfo=dict(video_id=number)).set_gt_label(number)
        sample.set_field(torch.tensor([True, number % 2 == 0]), 'augmented_clips')
        sample.set_field(torch.from_numpy(motion[:, :, :2]), 'motion_target')
        inputs = dict(rgb=torch.from_numpy(rgb).movedim(-1, 1), motion=torch.from_numpy(motion))
        items.append(dict(inputs=inputs, data_samples=sample))
    return pseudo_collate(items)


@pytest.mark.parametrize('size', [(4, 8, 56), (2, 8, 112)])
def test_bytes_moved(size):
    data = batch(*size)
    del data['data_samples']
    given = sum(x.numel() * x.element_size() for xs in data['inputs'].values() for x in xs)
    with BytesMoved() as plain:
        SSLDataPreprocessor(augment=AUGMENT)(data)
    # Each byte of RGB is read once and written once, as four; motion is written as large as RGB.
    assert plain.total < 8 * given

    preprocessor, reference = (
        SSLDataPreprocessor(augment=AUGMENT),
        kornia_pipeline(*AUGMENT.values()),
    )
    clips = torch.cat(data['inputs']['rgb']).float() / 255
    ours, kornias = 0, 0
    for seed in range(4):
        torch.manual_seed(seed)
        with BytesMoved() as moved:
            preprocessor(data, training=True)
        ours += moved.total
        torch.manual_seed(seed)
        with BytesMoved() as moved:
            reference(clips)
        kornias += moved.total
    assert ours < 0.4 * kornias


class Copies(TorchDispatchMode):
    """Counts copies to the device, and those that the host would wait for."""

    count = blocking = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        to_device = kwargs.get('device') == torch.device('meta')
        if func is torch.ops.aten._to_copy.default and to_device and not args[0].is_meta:
            self.count += 1
            self.blocking += not kwargs.get('non_blocking', False)
        return func(*args, **kwargs)


@pytest.mark.parametrize('chosen', [True, False])
def test_nothing_waits_for_the_device(chosen):
    # Tensors on 'meta' have no values: whatever asks for one, or mixes devices, is an error.
    data = batch(side=16)
    if not chosen:
        for sample in data['data_samples']:
            del sample.augmented_clips
    settings = dict(augment=AUGMENT, rgb=dict(remove_still=True), motion=dict(clip=20))
    data['inputs']['iframe'] = [rgb[:, :, 0] for rgb in data['inputs']['rgb']]
    data['inputs']['residual'] = [rgb.short() for rgb in data['inputs']['rgb']]
    data['inputs']['motion_valid'] = [m[:, :1].bool() for m in data['inputs']['motion']]
    data['inputs']['flow'] = data['inputs']['motion']
    preprocessor = SSLDataPreprocessor(**settings)
    torch.manual_seed(0)
    expected, state = preprocessor(data, training=True)['inputs'], torch.get_rng_state()
    torch.manual_seed(0)
    preprocessor.to('meta')
    with Copies() as copies:
        found = preprocessor(data, training=True)['inputs']
    assert copies.count > 0 and copies.blocking == 0
    assert torch.equal(torch.get_rng_state(), state)
    assert found.keys() == expected.keys()
    for stream, there in found.items():
        here = expected[stream]
        assert there.device.type == 'meta'
        assert (there.shape, there.dtype) == (here.shape, here.dtype)
        assert there.stride() == here.stride()


@pytest.mark.parametrize(
    ('preprocessor', 'on_host'),
    [
        (SSLDataPreprocessor, {'gt_label', 'augmented_clips'}),
        # A classifier's head reads the labels.
        (SingleStreamPreprocessor, {'augmented_clips'}),
        (StackedStreamsPreprocessor, {'augmented_clips'}),
    ],
)
def test_which_fields_of_the_samples_stay_on_the_host(preprocessor, on_host):
    data = batch(side=16)
    for settings, expected in (
        ({}, on_host),
        (dict(host_fields=['motion_target']), {'motion_target'}),
    ):
        made = preprocessor(**settings).to('meta')(data)['data_samples']
        for sample, given in zip(made, data['data_samples'], strict=True):
            assert {name for name, field in sample.items() if not field.is_meta} == expected
            assert set(sample.keys()) == set(given.keys())
            assert sample.video_id == given.video_id
            assert sample is not given and not given.motion_target.is_meta


def test_samples_of_other_kinds():
    data = dict(inputs=batch(2, side=16)['inputs'], data_samples=[dict(a=torch.ones(1)), 'b'])
    made = SSLDataPreprocessor().to('meta')({**data, 'more': torch.ones(2)})
    assert made['data_samples'][0]['a'].is_meta and made['data_samples'][1] == 'b'
    assert made['more'].is_meta
    assert SSLDataPreprocessor()({'inputs': data['inputs']})['data_samples'] is None
