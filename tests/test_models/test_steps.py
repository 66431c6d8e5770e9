"""What one training step asks of the device and of the other processes, method by method."""

import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils._python_dispatch import TorchDispatchMode

from ssvrl_mm.registry import MODELS
from tests.processes import run_processes

from .joint import TinyJoint
from .joint import clips as joint_clips
from .joint import labelled as labelled_windows
from .mscl import build as build_mscl
from .mscl import clips as rgb_and_flow
from .segments import TinyGenerator, segment_labels
from .tiny import CRITERION, TinyBackbone, projector
from .two_streams import STREAMS, build, clips, moco

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PACKAGE = f'{Path(sys.modules["ssvrl_mm"].__file__).parent}/'


def mvcgc():
    return build([(0, 'cross')])


def coclr():
    return build([(0, 'rgb')], head='CoCLRHead')


def moco_rgb():
    return moco('rgb')


def context_motion():
    """The demo's: both tasks."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = Config.fromfile(CONFIGS / 'context_motion/context_motion_demo.py').model
        model.data_preprocessor = None
        return MODELS.build(model)


def imr():
    """IMRNet's two tasks, on a small network."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return MODELS.build(
            dict(
                type='JointPretextRecognizer',
                backbone=dict(type=TinyJoint),
                heads=dict(pmsp=dict(type='PMSPHead'), ctp=dict(type='CTPHead')),
                correspondence=dict(),
            )
        ).double()


def mscl():
    """With all that its paper and its released code have."""
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return build_mscl(
            input_transforms=dict(flow=dict(type='FlowColouring')),
            neck=dict(type='TemporalPyramid', in_channels=(4, 6), out_channels=7),
            flow_augment=[dict(type='FlowShift'), dict(type='FlowRotation')],
            contrast_augmented=True,
            age_decay=0.9,
        ).float()


def segments(**kwargs):
    """Order and sampling rate of segments, and what else the arguments say."""
    torch.manual_seed(0)
    model = dict(
        type='SegmentOrderRecognizer',
        backbones=dict(rgb=dict(type=TinyBackbone)),
        order=dict(type='SegmentOrderHead', in_channels=6),
        rate=dict(type='SamplingRateHead', in_channels=6),
        **kwargs,
    )
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return MODELS.build(model).double()


def segment_order():
    """With contrast of clips and views."""
    contrast = dict(type='MoCoHead', projector=projector(), criterion=CRITERION, queue_length=6)
    views = dict(view_generator=dict(type=TinyGenerator), view_probability=0.7)
    return segments(head=contrast, **views)


def views():
    """The synthesis of views, by all of its losses."""
    torch.manual_seed(0)
    parts = dict(
        view_generator=dict(type='ViewAutoencoder', channels=(4, 4, 6), latent_channels=3),
        flow_estimator=dict(type='FlowEstimator', channels=(4, 6)),
        feature_extractor=dict(type=TinyBackbone),
    )
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = dict(type='ViewSynthesizer', weights=dict(reconstruction=1.0), **parts)
        return MODELS.build(model).double()


def vcop():
    torch.manual_seed(0)
    head = dict(type='ClipOrderHead', in_channels=6)
    model = dict(backbones=dict(rgb=dict(type=TinyBackbone)), head=head)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        return MODELS.build(dict(type='ClipOrderRecognizer', **model)).double()


def query_and_key_with_flow(step, n):
    return {stream: x.float() for stream, x in rgb_and_flow(step, n).items()}


def clips_of_gops(step, n):
    return joint_clips(step, n)


def two_clips(step, n):
    return clips(step, n)


def three_clips_of_rgb(step, n):
    return dict(rgb=clips(step, n, num_clips=3)['rgb'])


def labelled(n):
    """Data samples with the labels of all methods, of as many clips as are shown."""
    videos = [segment_labels(i, num_clips=3) for i in range(n)]
    of_segments = {name: [video[name] for video in videos] for name in videos[0]}
    return labelled_windows(n, clip_order=[[i % 6] for i in range(n)], **of_segments)


def clip_frame_and_motion(step, n):
    generator = torch.Generator().manual_seed(step)
    shapes = dict(rgb=(1, 3, 8, 56, 56), iframe=(1, 3, 56, 56), motion=(2, 2, 8, 16, 16))
    return {s: torch.randn(n, *shape, generator=generator) for s, shape in shapes.items()}


#: Every method once: its model, its inputs, and the collectives of a step of two processes, those
#: of DistributedDataParallel aside.
METHODS = {
    # Sizes; two streams of clips dealt out, their features brought back, all keys gathered.
    'mvcgc': (mvcgc, two_clips, 5),
    'coclr': (coclr, two_clips, 5),
    'moco': (moco_rgb, two_clips, 4),
    # Sizes; candidates of two tasks gathered, and their gradients summed.
    'context_motion': (context_motion, clip_frame_and_motion, 5),
    # Sizes.
    'imr': (imr, clips_of_gops, 1),
    # Sizes; clips of RGB, flow and turned flow dealt out, their features brought back, all keys
    # gathered.
    'mscl': (mscl, query_and_key_with_flow, 6),
    # Sizes; clips dealt out, their features brought back, keys gathered.
    'segment_order': (segment_order, three_clips_of_rgb, 4),
    # Sizes.
    'segments_alone': (segments, three_clips_of_rgb, 1),
    'vcop': (vcop, three_clips_of_rgb, 1),
    'views': (views, three_clips_of_rgb, 0),
}


class Waits(TorchDispatchMode):
    """Counts, by place in the package, the values that the host asks for."""

    def __init__(self):
        super().__init__()
        self.places = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten._local_scalar_dense.default:
            frame = sys._getframe()
            while frame and not frame.f_code.co_filename.startswith(PACKAGE):
                frame = frame.f_back
            if frame:
                name = frame.f_code.co_filename.removeprefix(PACKAGE)
                self.places[f'{name}:{frame.f_lineno}'] += 1
        return function(*args, **(kwargs or {}))


def steps(model, inputs, count, n=4, wrapped=None):
    """Trains by mmengine's own step; yields before each."""
    model = model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    wrapper = OptimWrapper(optimizer)
    if hasattr(model, 'set_epoch'):
        model.set_epoch(0)
    for step in range(count):
        yield step
        losses = (wrapped or model)(inputs(step, n), labelled(n), mode='loss')
        total, _ = model.parse_losses(losses)
        wrapper.update_params(total)


@pytest.mark.parametrize('method', METHODS)
def test_no_step_waits_for_the_device(method):
    make, inputs, _ = METHODS[method]
    with Waits() as waits:
        for step in steps(make(), inputs, 3):
            if step == 1:
                # The first step looks at the spread of the embeddings, as one of fifty does; views
                # have none.
                assert bool(waits.places) == (method != 'views')
                waits.places.clear()
    assert not waits.places


COLLECTIVES = (
    'all_gather',
    'all_gather_into_tensor',
    'all_reduce',
    'all_to_all_single',
    'broadcast',
)


def counted(rank):
    """The collectives of the second step of every method; gradients are exchanged in C++."""
    calls = Counter()

    def counting(name, function):
        def call(*args, **kwargs):
            calls[name] += 1
            return function(*args, **kwargs)

        return call

    for name in COLLECTIVES:
        setattr(dist, name, counting(name, getattr(dist, name)))
    found = {}
    # Gradients laid out otherwise than weights would be copied in every step.
    warnings.filterwarnings('error', message='Grad strides')
    # Of convolutions of 1x1x1 without stride the CPU lays them out so, whatever the weights do.
    of_a_point = r'Grad strides[\s\S]*grad.sizes\(\) = \[\d+, \d+, 1, 1, 1\], strides\(\) = '
    warnings.filterwarnings('ignore', message=of_a_point + r'\[\d+, 1, 1, 1, 1\]')
    for method, (make, inputs, _) in METHODS.items():
        torch.manual_seed(rank)
        model = make()
        wrapped = DistributedDataParallel(model, find_unused_parameters=method == 'coclr')
        for _ in steps(model, inputs, 2, n=2 + rank, wrapped=wrapped):
            calls.clear()
        found[method] = dict(calls)
    return found


def test_collectives_of_a_step(tmp_path):
    for found in run_processes(counted, tmp_path):
        assert {m: sum(calls.values()) for m, calls in found.items()} == {
            method: expected for method, (*_, expected) in METHODS.items()
        }, found
        assert max(expected for *_, expected in METHODS.values()) <= 7


@pytest.mark.parametrize('method', ['mvcgc', 'coclr', 'moco', 'mscl'])
def test_resumed_counters_equal_their_buffers(method):
    from ssvrl_mm.models.utils.counting import CountingModule

    make, inputs, _ = METHODS[method]
    model = make()
    list(steps(model, inputs, 3))
    resumed = make()
    resumed.load_state_dict(model.state_dict())
    counters = 0
    for name, module in resumed.named_modules():
        if isinstance(module, CountingModule):
            for counter, value in module._counts.items():
                assert value == int(module.get_buffer(counter)), name
                assert value == model.get_submodule(name).count(counter)
                counters += 1
    streams = 1 if method == 'moco' else len(STREAMS)
    # Step of each copy, of network and of projection; pointer and fill of the queue.
    assert counters == 2 * streams + 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('method', METHODS)
def test_no_step_waits_for_a_gpu(method):
    make, inputs, _ = METHODS[method]
    batch = {stream: x.cuda() for stream, x in inputs(0, 4).items()}
    try:
        for step in steps(make().cuda(), lambda *_: batch, 3):
            if step:
                torch.cuda.set_sync_debug_mode('error')
    finally:
        torch.cuda.set_sync_debug_mode('default')


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('method', METHODS)
def test_losses_of_half_precision_are_those_of_float32(method):
    make, inputs, _ = METHODS[method]
    batch = {stream: x.float().cuda() for stream, x in inputs(0, 4).items()}
    totals = {}
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        model = make().float().cuda().train()
        if hasattr(model, 'set_epoch'):
            model.set_epoch(0)
        with torch.autocast('cuda', dtype=dtype, enabled=dtype != torch.float32):
            totals[dtype] = model.parse_losses(model(batch, labelled(4), mode='loss'))[0]
    print(method, {str(dtype): float(total) for dtype, total in totals.items()})
    for dtype, tolerance in ((torch.bfloat16, 0.1), (torch.float16, 0.02)):
        torch.testing.assert_close(
            totals[dtype], totals[torch.float32], rtol=tolerance, atol=tolerance
        )
