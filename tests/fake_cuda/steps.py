"""Steps of every method on the pretended device: ``python -m tests.fake_cuda.steps``."""

import json
from pathlib import Path

from tests.fake_cuda.device import Device, torch  # first of all

import ssvrl_mm  # isort: skip
from ssvrl_mm.models import (  # isort: skip
    FlowBoundary,
    FlowColouring,
    FlowRotation,
    FlowShift,
    SSLDataPreprocessor,
)
from tests.test_models.test_steps import METHODS, steps  # isort: skip
from tests.test_models.tiny import samples  # isort: skip

PACKAGE = f'{Path(ssvrl_mm.__file__).parent}/'


def train(method, dtype):
    """Three steps in mixed precision, or without; what the second and third did wrong."""
    make, inputs, _ = METHODS[method]
    model = make().float()

    def on_device(step, n):
        return {s: x.float().to('cuda', non_blocking=True) for s, x in inputs(step, n).items()}

    with Device(PACKAGE) as device, torch.autograd.set_multithreading_enabled(False):
        model.to('cuda')
        with torch.autocast('cuda', dtype=dtype, enabled=dtype is not None):
            for step in steps(model, on_device, 3):
                if step == 1:  # the first looks at the spread of the embeddings
                    looked = bool(device.waits)
                    device.waits.clear()
    return dict(looked=looked, waits=dict(device.waits), mixed=dict(device.mixed))


def preprocess():
    """A batch of clips, with all of MoCo's augmentations on every clip."""
    augment = dict(
        color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1),
        grayscale_p=1.0,
        blur=dict(),
    )
    preprocessor = SSLDataPreprocessor(augment=augment)
    shapes = dict(rgb=(2, 3, 4, 32, 32), motion=(2, 2, 4, 4, 4))
    data = {'inputs': {s: [torch.zeros(shape)] * 2 for s, shape in shapes.items()}}
    data['inputs']['rgb'] = [clips.to(torch.uint8) for clips in data['inputs']['rgb']]
    with Device(PACKAGE) as device:
        preprocessor.to('cuda')
        inputs = preprocessor({**data, 'data_samples': samples(range(2))}, True)['inputs']
    assert all(x.device.type == 'cuda' for x in inputs.values())
    return dict(waits=dict(device.waits), mixed=dict(device.mixed))


def flow():
    """Flow divided by its longest vector, turned and shifted, and made a picture."""
    preprocessor = SSLDataPreprocessor(flow=dict(normalize='peak', size=16))
    maps, peaks = [torch.ones(2, 2, 4, 4, 4).half()] * 2, [torch.ones(2, 4)] * 2
    steps = [FlowRotation(per=per) for per in ('clip', 'map')] + [FlowRotation(angles=[1, 2])]
    steps += [FlowShift(per=per) for per in ('clip', 'map')]
    pictures = torch.nn.ModuleList([FlowColouring(), FlowBoundary()])
    with Device(PACKAGE) as device, torch.autocast('cuda', dtype=torch.bfloat16):
        preprocessor.to('cuda')
        pictures.to('cuda')
        made = preprocessor({'inputs': {'flow': maps, 'flow_peak': peaks}})['inputs']['flow']
        made = made.flatten(0, 1)
        for step in steps:
            made = step(made)
        made = [picture(made) for picture in pictures]
    assert all(x.device.type == 'cuda' and x.dtype == torch.float32 for x in made)
    return dict(waits=dict(device.waits), mixed=dict(device.mixed))


if __name__ == '__main__':
    kinds = {'float32': None, 'bfloat16': torch.bfloat16}
    found = {f'{m} {kind}': train(m, dtype) for m in METHODS for kind, dtype in kinds.items()}
    found |= {'preprocessing': preprocess(), 'flow': flow()}
    print(json.dumps(found))
