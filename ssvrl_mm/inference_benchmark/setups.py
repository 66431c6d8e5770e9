"""The set-ups of the papers: what each makes of a video, and what its networks then read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import torch
from mmengine.config import Config

from ssvrl_mm.decode_benchmark.measuring import Comparison
from ssvrl_mm.inference_benchmark.base import (
    GpuMissingError,
    Options,
    Setup,
    SetupUnavailableError,
)
from ssvrl_mm.inference_benchmark.clips import (
    ClipReader,
    StoredClipReader,
    context_motion_steps,
    flow_as_motion,
    gop_steps,
    rgb_steps,
    two_stream_steps,
)
from ssvrl_mm.inference_benchmark.networks import (
    Network,
    context_motion_config,
    count_per_frame,
    coviar_config,
    imrnet_config,
    rgb_config,
    two_stream_config,
)
from ssvrl_mm.inference_benchmark.stored_frames import store_frames
from ssvrl_mm.inference_benchmark.videos import Video
from ssvrl_mm.video.motion.flow import FlowOptions
from ssvrl_mm.video.tools.encoding import EncoderSettings
from ssvrl_mm.video.tools.flow_extraction import extract_flow
from ssvrl_mm.video.tools.transcode import transcode_video

#: The set-up that the others are compared to.
OURS = 'mvcgc'

#: Frames, shorter side and crop in px of the clips of ResNet-152 and of R(2+1)D.
RESNET_CLIP, R2PLUS1D_CLIP = (25, 256, 224), (16, 128, 112)


def mvcgc(options: Options) -> Setup:
    """MVCGC: frames and vectors on the fly, two S3D."""
    config = two_stream_config(options.width)
    read = ClipReader(two_stream_steps(config, options.protocol), ('rgb', 'motion'))
    return Setup(
        'MVCGC: frames and vectors on the fly; S3D on each',
        lambda video, _: read(video.path),
        Network(config, options.device),
    )


def coclr(options: Options) -> Setup:
    """CoCLR: frames and flow as JPEG, two S3D."""
    _check_flow(options)
    config = two_stream_config(options.width)
    read = StoredClipReader(two_stream_steps(config, options.protocol))
    return Setup(
        f'CoCLR: JPEG of all frames and of {options.flow_method} flow; S3D on each',
        lambda video, folder: read(folder, video.frames),
        Network(config, options.device),
        lambda video, folder: store_frames(video.path, folder, options.flow_method),
        needs_video=False,
        remark="IIC's and MemDPC's networks, which the library does not have; what they store is "
        "as CoCLR's",
    )


def stored_flow(options: Options) -> Setup:
    """This library's way with flow: frames on the fly, flow from a file; two S3D."""
    flow = _check_flow(options)
    config = two_stream_config(options.width)
    read = ClipReader(two_stream_steps(config, options.protocol), ('rgb', 'flow'))
    return Setup(
        f'frames on the fly, {options.flow_method} flow stored by extract_flow.py; S3D on each',
        lambda video, folder: flow_as_motion(
            read(video.path, flow_method=flow.method, flow_file=str(folder / 'flow'))
        ),
        Network(config, options.device),
        lambda video, folder: extract_flow(video.path, folder / 'flow', flow),
    )


def imrnet(options: Options) -> Setup:
    """IMRNet of 18 layers, re-encoded as MPEG-4 with GOPs of 12."""
    return _re_encoded('IMRNet R18', imrnet_config(18, options.width), options)


def imrnet_r50(options: Options) -> Setup:
    """IMRNet of 50 layers, likewise."""
    return _re_encoded('IMRNet R50', imrnet_config(50, options.width), options)


def coviar(options: Options) -> Setup:
    """CoViAR: what IMRNet sees, but accumulated; ResNet-152 and two ResNet-18."""
    _check_width(options)
    what = 'CoViAR: ResNet-152 on I-frames, ResNet-18 on motion and on residuals'
    return _re_encoded(what, coviar_config(), options)


def _re_encoded(what: str, config: Config, options: Options) -> Setup:
    dataset = config.test_dataloader.dataset
    steps = gop_steps(config, options.protocol)
    read = ClipReader(steps, dataset.streams)
    sample, size = steps[1], _crop_size(steps)
    moving = sample['num_gops'] * len(sample['positions'])
    settings = EncoderSettings('mpeg4-gop12', gop=sample['gop_size'])
    return Setup(
        f'{what}; re-encoded, 5 I-frames, motion and residuals of 25 P-frames',
        lambda _, folder: read(str(folder / 'video.avi'), **dataset.reader_options),
        Network(config, options.device),
        lambda video, folder: transcode_video(video.path, folder / 'video.avi', settings),
        needs_video=False,
        per_frame=count_per_frame(
            config,
            {
                'iframe': (3, sample['num_gops'], size, size),
                'motion': (2, moving, size, size),
                'residual': (3, moving, size, size),
            },
        ),
    )


def resnet152(options: Options) -> Setup:
    """ResNet-152 on all frames of a stretch of the video."""
    _check_width(options)
    config = rgb_config(dict(type='FrameResNet', depth=152))
    return _all_frames('ResNet-152', config, RESNET_CLIP, options)


def r2plus1d(options: Options) -> Setup:
    """R(2+1)D-18 likewise."""
    config = rgb_config(dict(type='VideoResNet', arch='r2plus1d', depth=18, width=options.width))
    return _all_frames('R(2+1)D-18', config, R2PLUS1D_CLIP, options)


def _all_frames(what: str, config: Config, clip: tuple[int, int, int], options: Options) -> Setup:
    frames, _, size = clip
    read = ClipReader(rgb_steps(config, options.protocol, *clip), ('rgb',))
    return Setup(
        f'{what}; all frames of a clip of {frames}, {size} x {size}',
        lambda video, _: read(video.path),
        Network(config, options.device),
        per_frame=count_per_frame(config, {'rgb': (3, frames, size, size)}),
    )


def context_motion(options: Options) -> Setup:
    """Context-Motion Decoupling: clip, keyframe and vectors on the fly; V-, I- and M-network."""
    config = context_motion_config(options.width)
    streams = 'rgb', 'motion', 'iframe'
    read = ClipReader(context_motion_steps(config, options.protocol), streams)
    return Setup(
        'Context-Motion: clip, keyframe and vectors on the fly; C3D, R2D-10 and R3D-10',
        lambda video, _: read(video.path),
        Network(config, options.device),
    )


SETUPS: dict[str, Callable[[Options], Setup]] = {
    OURS: mvcgc,
    'coclr': coclr,
    'stored-flow': stored_flow,
    'imrnet': imrnet,
    'imrnet-r50': imrnet_r50,
    'coviar': coviar,
    'r2plus1d': r2plus1d,
    'resnet152': resnet152,
    'context-motion': context_motion,
}


def build_setups(
    names: Collection[str], options: Options
) -> tuple[dict[str, Setup], dict[str, str]]:
    """The set-ups that can run here, and why the others cannot.

    Also sets the number of threads.

    Args:
        names: Some of :data:`SETUPS`.
        options: What they have in common.

    Raises:
        GpuMissingError: They are to compute on a GPU that PyTorch does not see.
    """
    if options.device == 'cuda' and not torch.cuda.is_available():
        raise GpuMissingError(f'PyTorch {torch.__version__} sees no GPU here; give --device cpu')
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    found: dict[str, Setup] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            found[name] = SETUPS[name](options)
        except SetupUnavailableError as error:
            missing[name] = str(error)
    return found, missing


def once(name: str, options: Options, video: Video) -> Comparison:
    """A set-up as one task, from the file to the output of the networks, to measure its memory."""
    setup = build_setups([name], options)[0][name]

    def run() -> None:
        with TemporaryDirectory() as folder:
            if setup.store is not None:
                setup.store(video, Path(folder))
            packed = setup.read(video, Path(folder))
        if setup.network is not None:
            setup.network(packed)

    return Comparison({name: run}, {})


def _crop_size(steps: Sequence[Mapping[str, Any]]) -> int:
    return next(step['size'] for step in steps if 'size' in step)


def _check_width(options: Options) -> None:
    """Raises SetupUnavailableError: Networks of mmaction2 are to be narrow."""
    if options.width != 1:
        raise SetupUnavailableError("the channels of mmaction2's ResNet are fixed: give --width 1")


def _check_flow(options: Options) -> FlowOptions:
    """How flow is computed.

    Raises:
        SetupUnavailableError: OpenCV cannot compute it here.
    """
    try:
        return FlowOptions(options.flow_method)
    except ImportError as error:
        raise SetupUnavailableError(str(error)) from error
