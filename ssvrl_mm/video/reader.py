"""Reading frames, motion and residuals straight from compressed video."""

import operator
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any, BinaryIO, Literal, Self

import numpy as np

from ssvrl_mm.video.decoding.container import CACHE_BYTES, MediaSource
from ssvrl_mm.video.decoding.conversion import rgb_array
from ssvrl_mm.video.decoding.cropping import Region
from ssvrl_mm.video.decoding.decoder import MAX_PIXELS, FrameDecoder
from ssvrl_mm.video.decoding.fetcher import Contents, FrameFetcher, Sink
from ssvrl_mm.video.decoding.orientation import Orientation
from ssvrl_mm.video.delivery import BatchDelivery, Delivery, HandOver, Receiver, check_regions
from ssvrl_mm.video.errors import FrameIndexError, VideoDecodeError, VideoError, VideoOpenError
from ssvrl_mm.video.flow_stream import FlowSource, flow_source
from ssvrl_mm.video.metadata import FrameBatch, FrameCoding, VideoMetadata, describe, pts_seconds
from ssvrl_mm.video.motion.flow import FlowMethod, FlowOptions
from ssvrl_mm.video.motion.geometry import Size
from ssvrl_mm.video.motion.vectors import EXPORTING_CODECS, IFrameMotion
from ssvrl_mm.video.moving_streams import MovingStreams
from ssvrl_mm.video.stored_flow import StoredFlow
from ssvrl_mm.video.streams import MotionOptions, MotionSource, check_choice

STREAMS = ('rgb', 'motion', 'residual', 'flow')


class CompressedVideoReader:
    """Frames, codec motion and residuals of a compressed video, by frame number.

    Any slice equals the same slice of the whole video decoded at once, bit for bit. Use it as a
    context manager, or close it: an open reader holds the file and its encoded packets.

    A reader travels to other processes as its path: it pickles, and one that was inherited by a
    fork opens the file anew.

    Args:
        source: path, bytes (or another buffer) or binary file object.
        motion: where motion comes from. 'codec' reads the motion vectors and refuses codecs whose
            vectors FFmpeg does not export; 'estimate' computes optical flow; 'auto' reads vectors
            where there are any and estimates otherwise.
        normalize_time: divide motion by the number of frames that it spans: px/frame. False
            leaves displacements as long as they are coded, but turned forward in time.
        iframe_motion: motion of I-frames, which have none: 'hold' that of the previous frame (the
            next one at the start of the video), or 'zero'.
        on_error: 'pad' lets the nearest frame stand in for one that cannot be decoded and marks it
            as lost; 'raise' raises, already on opening if the file is truncated.
        on_size_change: frames whose size differs from that of the video: 'resize' or 'raise'.
        num_threads: decoding threads where no motion is read, which needs a single one.
        cache_bytes: how much encoded video may stay in memory; larger files are sought.
        timeout: seconds that opening the video, and each call, may take.
        accumulate: motion and residuals relate to the last I-frame instead of the previous frame,
            as in CoViAR (Wu et al. 2018): motion is traced back frame by frame, in px, and is zero
            and valid on I-frames.
        dense: motion of every pixel instead of every cell, ``(T, H, W, 2)``; accumulated motion is
            traced pixel by pixel then.
        flow_method: how the stream 'flow' is made, and motion estimated: 'dis', 'farneback',
            'tvl1' or a function such as :class:`~ssvrl_mm.video.motion.raft.RAFT`; or, for 'flow'
            alone, 'vectors', which follows the codec's vectors along their paths. See
            :class:`~ssvrl_mm.video.motion.flow.FlowOptions`.
        flow_scale: 'flow' is computed on frames resized by this factor.
        flow_cell: px per value of 'flow'; None: 1, with 'vectors' 8.
        flow_span: k > 0: 'flow' of frame t is the displacement since frame t - k; k < 0: from
            frame t until ``t + |k|``. Forward in time, in px, not divided by k.
        flow_file: file or bytes by ``tools/data/extract_flow.py`` that hold this very 'flow'.
        max_pixels: the most pixels that the frames may have: a damaged header can ask for more
            memory than there is. Single frames more than twice as large count as damaged.
        name: what to call bytes or a file object, in errors above all; a path has its own name.

    Raises:
        VideoOpenError: the source is not a video, or of more than ``max_pixels``.
        NoVideoStreamError: there is no video in it.
        VideoDecodeError: no frame can be decoded, or the file is truncated and that is an error.
        VideoTimeoutError: opening takes longer than ``timeout``; every method may raise it.

    Example::

        with CompressedVideoReader('clip.avi') as reader:
            batch = reader.get_frames_at(range(0, 32, 2))
        batch.rgb.shape     # (16, 240, 320, 3)
        batch.motion.shape  # (16, 30, 40, 2)
    """

    def __init__(
        self,
        source: str | os.PathLike | bytes | bytearray | memoryview | BinaryIO,
        motion: Literal['codec', 'auto', 'estimate'] = 'codec',
        normalize_time: bool = True,
        iframe_motion: IFrameMotion = 'hold',
        on_error: Literal['pad', 'raise'] = 'pad',
        on_size_change: Literal['resize', 'raise'] = 'resize',
        num_threads: int = 1,
        cache_bytes: int = CACHE_BYTES,
        timeout: float | None = None,
        accumulate: bool = False,
        dense: bool = False,
        flow_method: FlowMethod = 'dis',
        flow_scale: float = 1.0,
        flow_cell: int | None = None,
        flow_span: int = 1,
        flow_file: str | os.PathLike | bytes | None = None,
        max_pixels: int = MAX_PIXELS,
        name: str | None = None,
    ) -> None:
        self._fetcher: FrameFetcher | None = None
        self._source_of_motion: MotionSource | None = None
        self._closed = False
        self._process = os.getpid()
        check_choice('on_error', on_error, ('pad', 'raise'))
        check_choice('on_size_change', on_size_change, ('resize', 'raise'))
        self._options = MotionOptions(
            motion, normalize_time, iframe_motion, accumulate, dense, flow_method
        )
        self._flow_options = FlowOptions(flow_method, flow_scale, flow_cell, flow_span, flow_file)
        self._source = MediaSource(source, timeout, name)
        self._raises = on_error == 'raise'
        self._resizes = on_size_change == 'resize'
        self._num_threads = num_threads
        self._cache_bytes = cache_bytes
        self._max_pixels = max_pixels
        self._open()

    @property
    def path(self) -> str:
        """The file, or a description of the object that is read."""
        return self._source.path

    @property
    def metadata(self) -> VideoMetadata:
        """Facts about the video."""
        fetcher = self._open()
        return describe(fetcher, self.path, self._orientation(fetcher))

    @property
    def coding(self) -> FrameCoding:
        """How frames are coded, by their types and the bytes that each takes."""
        return FrameCoding.of(self._open())

    @property
    def motion(self) -> str:
        """Where motion is asked for from, ``'codec'``, ``'auto'`` or ``'estimate'``."""
        return self._options.mode

    @property
    def accumulate(self) -> bool:
        """Whether motion and residuals relate to the last I-frame."""
        return self._options.accumulate

    @property
    def flow_cell(self) -> int:
        """Px per value of the stream 'flow'."""
        return self._flow_options.px_per_value

    @property
    def flow_span(self) -> int:
        """Frames that the stream 'flow' spans; below 0 from the frame on."""
        return operator.index(self._flow_options.span)

    def __len__(self) -> int:
        return len(self._open().decoder.index)

    def get_frames_at(
        self,
        indices: Iterable[int],
        streams: Collection[str] = ('rgb', 'motion'),
        size: int | Size | None = None,
        out: np.ndarray | None = None,
        motion_indices: Iterable[int] | None = None,
        receive: Receiver | None = None,
        regions: Mapping[int, Region] | None = None,
        residual_regions: Mapping[int, Region] | None = None,
    ) -> FrameBatch:
        """Reads frames.

        Args:
            indices: frame numbers from 0, in any order, repeated or not.
            streams: which of 'rgb', 'motion', 'residual' and 'flow' to compute.
            size: ``(h, w)`` in px to scale RGB to, linearly, or its shorter side. Motion,
                residuals and flow stay those of the frames as coded.
            out: uint8 ``(T, h, w, 3)``, C-contiguous, that RGB is written to instead of to a new
                array; ``rgb`` of the batch is this array then.
            motion_indices: the frames whose motion, residuals and flow to read, where they are
                others than those of RGB; in the same pass over the video.
            receive: takes RGB and residuals frame by frame, as soon as each is there, instead of
                the batch, whose ``rgb`` and ``residual`` are None then: who crops frames need not
                have them all in memory. It is called with the name of the stream, the frame's
                number and its pixels ``(h, w, 3)`` as displayed, once for each number that was
                asked for, in any order; once more if damage makes it necessary to decode a frame
                again, and then the last call counts. The pixels are to be used at once, and not
                written to.
            regions: by frame number, ``(left, top, right, bottom)`` in whole px as displayed: what
                ``receive`` gets of the RGB of these frames. The rest need not be converted.
            residual_regions: the same for residuals. The rest is not computed.

        Returns:
            The frames in the order of ``indices``; motion, residuals and flow in that of
            ``motion_indices``, if given.

        Raises:
            ValueError: a stream that does not exist, a size of less than a pixel, ``out`` does not
                fit, ``receive`` goes with ``size`` or ``out``, regions go without
                ``receive``, or a region is not inside its frame.
            FrameIndexError: the video has no such frame.
            MotionUnavailableError: motion, residuals or flow are asked for, and the codec does not
                give its vectors away or frames are too small to compute them.
            FlowFileError: ``flow_file`` is missing, damaged, or of another video or other options.
            VideoDecodeError: a frame cannot be decoded and ``on_error='raise'``, or none can.
        """
        fetcher = self._open()
        numbers = self._check_indices(indices)
        moving = numbers if motion_indices is None else self._check_indices(motion_indices)
        unknown = set(streams) - set(STREAMS)
        if unknown:
            raise ValueError(f'streams must be among {STREAMS}, got {sorted(unknown)}')
        if receive is not None and not (size is None and out is None):
            raise ValueError('receive takes frames as they are: not with size or out')
        if receive is None and (regions or residual_regions):
            raise ValueError('regions are for receive: a batch has whole frames')
        source = None
        if 'motion' in streams or 'residual' in streams:
            source = self._motion_source(fetcher)
        flow = None
        if 'flow' in streams:
            flow = self._flow_source(fetcher)
        moves = MovingStreams(fetcher, streams, self._options, source, flow)

        for boxes in (regions, residual_regions):
            if boxes:
                check_regions(boxes, self._orientation(fetcher).size(fetcher.size))
        delivery: Delivery | None = None
        if 'rgb' in streams and receive is not None:
            delivery = HandOver(numbers, receive, fetcher, regions or {})
        elif 'rgb' in streams:
            is_given = size is not None or out is not None
            orientation = self._orientation(fetcher) if is_given else Orientation()
            array = rgb_array(len(numbers), fetcher.size, size, orientation, out)
            delivery = BatchDelivery(numbers, array, fetcher)
        contents = Contents()
        while True:
            frames, moved = fetcher.stand_ins(numbers), fetcher.stand_ins(moving)
            pixels, vectors = moves.needs(moved)
            sink: Sink = fetcher.keep
            if delivery is not None:
                # Residuals, estimates and flow are computed from pixels as large as the frames.
                delivery.kept, sink = set(pixels), delivery
                contents.passed -= pixels
                pixels |= delivery.plan(frames, contents)
            # What turns out lost changes what is needed in its place.
            if fetcher.fetch(contents, pixels, vectors, sink):
                break

        lost = np.array([number in fetcher.lost for number in numbers], bool)
        batch: dict[str, Any] = {}
        if isinstance(delivery, BatchDelivery):
            batch['rgb'] = delivery.finish(frames, contents)
        if source or flow:
            orientation = self._orientation(fetcher)
            batch |= moves.read(
                moving, moved, contents, orientation, receive, residual_regions or {}
            )
        return self._batch(fetcher, numbers, lost, batch, out)

    def get_keyframes_near(
        self, index: int, count: int = 1, max_distance: int | None = None
    ) -> FrameBatch:
        """Reads the keyframes around a frame, without decoding what lies between.

        Args:
            index: frame number.
            count: how many keyframes; fewer if the video has no more.
            max_distance: leave out those further away, in frames.

        Returns:
            The RGB of the keyframes, the nearest first; of two as near, the earlier.

        Raises:
            FrameIndexError: the video has no frame ``index``.
        """
        fetcher = self._open()
        (number,) = self._check_indices([index])
        near = fetcher.decoder.index.nearest_keyframes(number, count, max_distance)
        rgb = np.empty((len(near), *fetcher.size, 3), np.uint8)
        lost = np.zeros(len(near), bool)
        for row, keyframe in enumerate(near):
            pixels = fetcher.keyframe(keyframe)
            if pixels is None:
                # One that does not stand alone, such as H.264's points of gradual refresh.
                pixels = fetcher.pixels(keyframe)
                lost[row] = keyframe in fetcher.lost
            rgb[row] = pixels
        return self._batch(fetcher, near, lost, {'rgb': rgb})

    def close(self) -> None:
        """Closes the file and frees its packets and frames. Closing twice does no harm."""
        fetcher, self._fetcher, self._closed = self._fetcher, None, True
        self._source_of_motion = None
        if fetcher is not None:
            fetcher.decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        fetcher = getattr(self, '_fetcher', None)
        if fetcher is not None:
            fetcher.decoder.close()

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.path!r})'

    def __getstate__(self) -> dict[str, Any]:
        if not self._source.is_portable:
            raise TypeError(f'{self!r} reads from a file object and cannot be pickled')
        return {**self.__dict__, '_fetcher': None, '_source_of_motion': None}

    def _open(self) -> FrameFetcher:
        """What reads the file in this process; opens it if need be."""
        if self._closed:
            raise VideoError(self.path, 'the reader is closed')
        self._source.deadline.restart()
        if self._fetcher is not None:
            if self._process == os.getpid():
                return self._fetcher
            if not self._source.is_portable:
                raise VideoOpenError(
                    self.path,
                    'is read from a file object, which processes cannot share; '
                    'give the reader its path or bytes',
                )
            self._fetcher.decoder.close()
            self._fetcher = None
        self._process = os.getpid()
        limits = self._cache_bytes, self._max_pixels
        decoder = FrameDecoder(self._source, self._num_threads, *limits)
        reason = None
        if not len(decoder.index) or not all(decoder.size):
            reason = 'not one of its frames can be decoded'
        elif decoder.num_missing and self._raises:
            promised = len(decoder.index) + decoder.num_missing
            reason = f'is truncated: {decoder.num_missing} of {promised} frames are missing'
        if reason:
            decoder.close()
            raise VideoDecodeError(self.path, reason)
        self._fetcher = FrameFetcher(decoder, self.path, self._raises, self._resizes)
        self._source_of_motion = None
        return self._fetcher

    def _check_indices(self, indices: Iterable[int]) -> list[int]:
        numbers = list(map(operator.index, indices))
        length = len(self)
        if numbers and (min(numbers) < 0 or max(numbers) >= length):
            number = next(number for number in numbers if not 0 <= number < length)
            raise FrameIndexError(self.path, f'there is no frame {number}, it has {length} frames')
        return numbers

    def _motion_source(self, fetcher: FrameFetcher) -> MotionSource:
        """Where motion comes from in this video."""
        if self._source_of_motion is None:
            self._source_of_motion = self._options.source(fetcher, self.path)
        return self._source_of_motion

    def _flow_source(self, fetcher: FrameFetcher) -> FlowSource:
        """Where flow comes from in this video."""
        if self._flow_options.file is None:
            return flow_source(self._flow_options, fetcher, self.path)
        shown = self._orientation(fetcher).size(fetcher.size)
        return StoredFlow(self._flow_options, self._source, len(self), shown)

    def _batch(
        self,
        fetcher: FrameFetcher,
        numbers: list[int],
        lost: np.ndarray,
        streams: dict[str, np.ndarray],
        out: np.ndarray | None = None,
    ) -> FrameBatch:
        """Turns the streams for display and adds what goes with every batch."""
        orientation = fetcher.orientation
        if orientation and not orientation.is_upright and 'rgb' in streams:
            streams['rgb'] = orientation.frames(streams['rgb'])
            if out is not None:
                out[...] = streams['rgb']
                streams['rgb'] = out
        return FrameBatch(
            indices=np.array(numbers, np.int64),
            pts_seconds=pts_seconds(fetcher)[numbers],
            frame_types=fetcher.types[numbers],
            lost=lost,
            **streams,
        )

    def _orientation(self, fetcher: FrameFetcher) -> Orientation:
        """How frames are turned for display."""
        exports = fetcher.decoder.codec in EXPORTING_CODECS and self._options.mode != 'estimate'
        return fetcher.find_orientation(exports and self._num_threads == 1)
