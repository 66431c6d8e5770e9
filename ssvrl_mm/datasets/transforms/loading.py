"""Opening compressed videos and decoding the frames and the motion of the sampled clips."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.clip_request import ClipRequest
from ssvrl_mm.datasets.transforms.stored_files import fetch, place_beside, read_beside
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.suggestions import argument_names, did_you_mean
from ssvrl_mm.video import CompressedVideoReader, FlowFileError
from ssvrl_mm.video.flow_files import SUFFIX
from ssvrl_mm.video.reader_options import check_reader_options

_STREAMS = ('rgb', 'motion', 'residual', 'flow', 'iframe')


def check_streams(streams: Sequence[str]) -> tuple[str, ...]:
    """Names of streams as a tuple; ValueError unless each is one that can be decoded."""
    unknown = set(streams) - set(_STREAMS)
    if unknown or not streams or isinstance(streams, str):
        raise ValueError(f'streams must be some of {_STREAMS}, got {streams!r}')
    return tuple(streams)


def check_options(options: Mapping[str, Any]) -> None:
    """Refuses options of the reader, and ``flow_root``, that no video could be read with.

    Raises:
        TypeError, ValueError, ImportError: See ``check_reader_options``.
    """
    given = dict(options)
    flow_root = given.pop('flow_root', None)
    known = argument_names(CompressedVideoReader)
    for name in given.keys() - known:
        meant = did_you_mean(name, {*known, 'flow_root'})
        raise TypeError(f'the reader has no option {name!r}{"; " if meant else ""}{meant}')
    # Flow that is stored is not computed, wherever the file is.
    check_reader_options(given if flow_root is None else {**given, 'flow_file': flow_root})


@TRANSFORMS.register_module()
class ChooseStreams(BaseTransform):
    """Says which streams of a video are read, and how, to the steps that follow.

    The datasets put it in front of their pipeline, so that one pipeline serves any stream: see
    ``streams`` and ``reader_options`` of
    :class:`~ssvrl_mm.datasets.compressed_video.CompressedVideoDataset`.

    **Added keys:** ``streams`` and ``reader_options``, where they are given.

    Args:
        streams: What :class:`DecodeCompressedVideo` decodes.
        reader_options: Options of :class:`OpenCompressedVideo` that count before its own.

    Raises:
        ValueError: A stream that cannot be decoded, or an option of the reader out of range.
        TypeError: The reader has no such option.
        ImportError: ``flow_method='tvl1'`` without OpenCV's contrib modules.

    Example:
        >>> ChooseStreams(('motion',), dict(motion='auto'))({})
        {'streams': ('motion',), 'reader_options': {'motion': 'auto'}}
    """

    def __init__(
        self,
        streams: Sequence[str] | None = None,
        reader_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.streams = None if streams is None else check_streams(streams)
        self.reader_options = dict(reader_options or {})
        check_options(self.reader_options)

    def transform(self, results: dict) -> dict:
        """Adds what is given."""
        if self.streams is not None:
            results['streams'] = self.streams
        if self.reader_options:
            results['reader_options'] = self.reader_options
        return results

    def __repr__(self) -> str:
        options = f'streams={self.streams}, reader_options={self.reader_options}'
        return f'{type(self).__name__}({options})'


@TRANSFORMS.register_module()
class OpenCompressedVideo(BaseTransform):
    """Opens a video file; nothing is decoded yet.

    **Required keys:** ``filename``. **Optional keys:** ``reader_options``, which count before the
    arguments; ``video_root`` and ``data_root``, for ``flow_root``. **Added keys:** ``video_reader``
    (closed and taken out again by :class:`DecodeCompressedVideo`), ``total_frames``, ``avg_fps``,
    ``original_shape`` and ``img_shape`` (h, w). **Modified keys:** ``reader_options``, which the
    arguments are added to.

    Args:
        motion: 'codec' (an error where the codec's vectors cannot be had), 'estimate', or 'auto'
            (the codec's where there are any, estimated otherwise).
        normalize_time: Vectors in px per frame; False: as the bitstream holds them.
        iframe_motion: Motion of I-frames, which have none: 'hold' that of the frame before, or
            'zero'.
        on_error: Frames that do not decode: 'pad' with the last good one, or 'raise'.
        backend_args: Which of mmengine's file backends fetches files, and its arguments:
            ``dict(backend='petrel')``, ``dict(backend='memcached', ...)``. None: local files are
            read in place, and of URIs (``s3://...``, ``http://...``) the prefix tells.
        flow_root: Folder of stored flow, as ``tools/data/extract_flow.py`` writes it, relative to
            ``data_root``: the flow of ``a/b.avi`` is read from ``a/b.avi.flow`` in it instead of
            being computed. None: flow is computed.
        **reader_options: Further options of :class:`~ssvrl_mm.video.CompressedVideoReader`, such as
            ``flow_method``, ``flow_scale``, ``flow_cell`` and ``flow_span`` of the stream 'flow'.

    Raises:
        TypeError, ValueError, ImportError: When the pipeline is built: no such option, a value out
            of range, ``flow_method='tvl1'`` to be computed without OpenCV's contrib modules.
        VideoOpenError: The file is missing or no video, or its backend does not give it.
        MotionUnavailableError: ``motion='codec'`` and the codec exports no vectors.
        FlowFileError: The backend does not give the file of flow, or the video is not below
            ``video_root``.
    """

    def __init__(
        self,
        motion: str = 'codec',
        normalize_time: bool = True,
        iframe_motion: str = 'hold',
        on_error: str = 'pad',
        backend_args: dict[str, Any] | None = None,
        flow_root: str | None = None,
        **reader_options: Any,
    ) -> None:
        self.backend_args = backend_args
        self.options = dict(
            motion=motion,
            normalize_time=normalize_time,
            iframe_motion=iframe_motion,
            on_error=on_error,
            flow_root=flow_root,
            **reader_options,
        )
        check_options(self.options)

    def transform(self, results: dict) -> dict:
        """Adds the open reader."""
        filename = results['filename']
        is_fetched = self.backend_args or '://' in filename
        source = fetch(filename, self.backend_args) if is_fetched else filename
        options = {**self.options, **results.get('reader_options', {})}
        results['reader_options'] = dict(options)
        flow_root = options.pop('flow_root', None)
        if flow_root is not None and 'flow' in results.get('streams', ('flow',)):
            file = place_beside(results, flow_root, SUFFIX, FlowFileError)
            options['flow_file'] = read_beside(file, self.backend_args, FlowFileError)
        reader = CompressedVideoReader(source, name=filename, **options)
        metadata = reader.metadata
        results['video_reader'] = reader
        results['total_frames'] = metadata.num_frames
        results['avg_fps'] = metadata.average_fps
        results['original_shape'] = results['img_shape'] = metadata.height, metadata.width
        return results

    def __repr__(self) -> str:
        shown = {**self.options, 'backend_args': self.backend_args}
        options = ', '.join(f'{key}={value!r}' for key, value in shown.items())
        return f'{type(self).__name__}({options})'


@TRANSFORMS.register_module()
class DecodeCompressedVideo(BaseTransform):
    """Decodes the sampled frames, each once, and closes the reader.

    Crops, resizes and flips (``Clip*``) may stand before this step or after it, and the clips are
    the same, bit for bit. What stands before it is done to each frame as soon as it is decoded,
    and whole frames are never all in memory.

    **Required keys:** ``video_reader`` (taken out), ``frame_inds`` (V, T); ``iframe_inds`` for
    'iframe'. **Optional keys:** ``motion_inds`` (Vm, Tm), frames whose motion, residuals and
    flow are decoded instead of those of ``frame_inds``; ``streams``; ``view_steps`` (taken out) and
    ``stream_views``, from crops before this step. **Added keys:** ``clip_times`` float32 (V, 2),
    the presentation time in seconds at which each clip begins and ends, ``original_shape``,
    ``img_shape`` (h, w) and the streams asked for, with (H, W) = ``img_shape``:

    - 'rgb': ``imgs``, list of V*T uint8 (H, W, 3);
    - 'motion': ``motion`` float32 (Vm*Tm, ceil(H/8), ceil(W/8), 2), on the grid of the last crop if
      there was one, px per frame since the frame before in the *video* whatever
      ``frame_interval``, and ``motion_valid`` bool without the last axis: False where the codec
      coded no vector;
    - 'residual': ``residuals``, list of Vm*Tm int16 (H, W, 3);
    - 'flow': ``flow`` float32 (Vm*Tm, ceil(H / cell), ceil(W / cell), 2), px over the reader's
      ``flow_span``, ``flow_valid`` bool without the last axis, and ``flow_cell``, the px per value;
      with ``flow_peak`` also this, float32 (Vm*Tm,), and ``whole_flow``, from which crops, resizes
      and turns behind this step set it anew;
    - 'iframe': ``iframes``, list of Vi*n uint8 (H, W, 3), the frames ``iframe_inds`` (Vi, n): of
      the same pass as all else, unless they are keyframes and nothing else takes pixels.

    Args:
        streams: What to decode; a stream not asked for costs nothing. None: the ``streams`` of the
            sample, which its dataset chooses, or else 'rgb' and 'motion'.
        flow_peak: Whether flow comes with the length of the longest vector of each whole frame, in
            px of the view: resizes scale it as they do the vectors, crops cut nothing off. For
            ``SSLDataPreprocessor(flow=dict(normalize='peak'))``.

    Raises:
        ValueError: A stream that cannot be decoded, or the sample asks for other streams; clips
            leave room for flow of another span than the reader's.
        VideoDecodeError: Frames do not decode and the reader was opened with ``on_error='raise'``.
        KeyError: 'iframe' is asked for and nothing chose ``iframe_inds``.
    """

    def __init__(self, streams: Sequence[str] | None = None, flow_peak: bool = False) -> None:
        self.streams = None if streams is None else check_streams(streams)
        self.flow_peak = flow_peak

    def _streams_of(self, results: Mapping[str, Any]) -> tuple[str, ...]:
        """What to decode of this sample."""
        chosen = results.get('streams')
        if chosen is not None and self.streams is not None and set(chosen) != set(self.streams):
            raise ValueError(
                f'the dataset asks for the streams {tuple(chosen)}, its pipeline decodes '
                f'{self.streams}: name them in one place, the dataset or DecodeCompressedVideo'
            )
        return check_streams(self.streams or chosen or ('rgb', 'motion'))

    def transform(self, results: dict) -> dict:
        """Decodes, closes and removes the reader."""
        streams = self._streams_of(results)
        with results.pop('video_reader') as reader:
            if 'iframe' in streams and 'iframe_inds' not in results:
                raise KeyError(
                    "stream 'iframe' needs iframe_inds; SampleContextMotion and SampleGOPs set them"
                )
            offset = results.get('motion_offset')
            if 'flow' in streams and offset not in (None, reader.flow_span):
                raise ValueError(
                    f'SampleClips has motion_offset={offset}, the reader flow_span='
                    f'{reader.flow_span}: give both the same number'
                )
            metadata = reader.metadata
            shape = metadata.height, metadata.width
            results.setdefault('img_shape', shape)
            results['original_shape'] = shape
            request = ClipRequest(
                results, streams, metadata.keyframes, reader.flow_cell, self.flow_peak
            )
            batch = reader.get_frames_at(
                request.frames,
                streams=request.streams,
                motion_indices=request.moving,
                receive=request.receive,
                regions=request.regions,
                residual_regions=request.residual_regions,
            )
            for keyframe in request.keyframes:
                request.receive('rgb', keyframe, reader.get_keyframes_near(keyframe).rgb[0])
            clips = results['frame_inds'].reshape(len(results['frame_inds']), -1)
            spans = np.stack([clips.min(1), clips.max(1)], 1)
            times = reader.get_frames_at(spans.ravel(), streams=()).pts_seconds.reshape(-1, 2)
        request.finish(results, batch)
        times += [0, 1 / metadata.average_fps]
        results['clip_times'] = times.astype(np.float32)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(streams={self.streams}, flow_peak={self.flow_peak})'
