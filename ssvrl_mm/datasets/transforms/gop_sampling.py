"""Which groups of pictures of a video make its clips: I-frames, and P-frames that follow them."""

import math
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from ssvrl_mm.datasets.transforms.sampling import (
    check_part,
    frames_of_part,
    random_starts,
    uniform_starts,
)
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.video import (
    CompressedVideoReader,
    GOPStructureError,
    MotionUnavailableError,
    VideoTooShortError,
)


def check_groups(reader: CompressedVideoReader, gop_size: int, need: str) -> None:
    """Refuses a video whose I-frames are not every so many frames.

    Args:
        reader: The video's.
        gop_size: Frames from one I-frame to the next.
        need: What takes such groups, for the message.

    Raises:
        GOPStructureError: Its keyframes are others, or it has B-frames.
    """
    metadata = reader.metadata
    if metadata.has_b_frames:
        problem = 'it has B-frames'
    elif metadata.keyframes != tuple(range(0, metadata.num_frames, gop_size)):
        problem = f'its keyframes are not every {gop_size}th frame'
    else:
        return
    raise GOPStructureError(
        reader.path,
        f'{problem}, and {need} takes GOPs of {gop_size} frames without B-frames; '
        f'{_command(gop_size)}',
    )


def _command(gop_size: int) -> str:
    """What makes videos fit."""
    gop = '' if gop_size == 12 else f' --gop {gop_size}'
    command = f'python -m ssvrl_mm.video transcode SOURCE TARGET --preset mpeg4-gop12{gop}'
    return f'encode the video anew ({command})'


@TRANSFORMS.register_module()
class SampleGOPs(BaseTransform):
    """Samples V clips of T groups of pictures: an I-frame and some P-frames of each.

    IMRNet (Yu et al., "Self-Supervised Learning of Compressed Video Representations", ICLR 2021,
    Sec. 2.1 and Table 4) takes five groups of twelve pictures, two seconds at 30 frames per second:
    RGB of the first picture of each, motion and residuals of every other one of the rest.

    Groups begin every K frames, from the first frame on, and only whole ones are taken. In training
    clips begin with any group; in test mode with groups at even distance, a single clip in the
    middle. A video of fewer than T groups starts over.

    **Required keys:** ``total_frames``, ``video_reader``; ``avg_fps`` with ``fps``. **Optional
    key:** ``streams``. **Added keys:** ``frame_inds`` and ``iframe_inds`` int64 (V, T), where the
    groups begin; ``motion_inds`` int64 (V, T * P), the frames at ``positions``, group by group;
    ``num_clips`` (V).

    Args:
        num_gops: Groups of a clip T.
        gop_size: Pictures of a group K.
        positions: The P pictures of each group, in 1..K - 1, whose motion and residuals are read.
        num_clips: Clips per video V.
        mode: 'virtual': any video, its RGB decoded where groups begin, keyframes or not; a frame at
            one of the positions may then be coded as an I-frame, whose motion is as the reader's
            ``iframe_motion`` says. 'real': only videos whose I-frames are every K-th frame and that
            have no B-frames, such as MPEG-4 with a GOP of 12. Of these, both give the same.
        test_mode: See above.
        fps: 'virtual': the frames nearest to those of a video of so many frames per second, by the
            video's average rate. Motion stays that of each frame since the frame before it in the
            video. None: frames as they are.
        part: Begin and end, as shares of the video's groups, of the part that clips come from.

    Raises:
        GOPStructureError: 'real', or the reader accumulates motion since I-frames, and these are
            not where groups begin.
        MotionUnavailableError: Motion or residuals are read from the codec's vectors, and there are
            none: FFmpeg does not export them, or all frames are I-frames.
        VideoTooShortError: The video, or a part of this length, has not one whole group.
        ValueError: An argument out of range, or the reader accumulates motion and ``fps`` is given.

    Example:
        >>> sample = SampleGOPs(num_gops=2, gop_size=4, positions=(1, 3), test_mode=True)
        >>> results = sample(dict(total_frames=19, video_reader=reader))
        >>> results['iframe_inds'], results['motion_inds']
        (array([[4, 8]]), array([[ 5,  7,  9, 11]]))
    """

    def __init__(
        self,
        num_gops: int = 5,
        gop_size: int = 12,
        positions: Sequence[int] = (2, 4, 6, 8, 10),
        num_clips: int = 1,
        mode: str = 'virtual',
        test_mode: bool = False,
        fps: float | None = None,
        part: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        if min(num_gops, num_clips) < 1 or gop_size < 2:
            raise ValueError(
                'num_gops and num_clips must be 1 or more, gop_size 2 or more, got '
                f'{num_gops}, {num_clips} and {gop_size}'
            )
        rises = all(first < second for first, second in zip(positions, positions[1:], strict=False))
        if not positions or not rises or positions[0] < 1 or positions[-1] >= gop_size:
            raise ValueError(f'positions must rise within 1..{gop_size - 1}, got {positions}')
        if mode not in ('virtual', 'real'):
            raise ValueError(f"mode must be 'virtual' or 'real', got {mode!r}")
        if fps is not None and (fps <= 0 or mode == 'real'):
            raise ValueError(f"fps must be positive and needs mode='virtual', got {fps}")
        self.num_gops = num_gops
        self.gop_size = gop_size
        self.positions = tuple(positions)
        self.num_clips = num_clips
        self.mode = mode
        self.test_mode = test_mode
        self.fps = fps
        self.part = check_part(part)

    def transform(self, results: dict) -> dict:
        """Adds the frame numbers."""
        reader, num_frames = results['video_reader'], results['total_frames']
        self._check(reader, results.get('streams', ('motion',)))
        step = 1.0 if self.fps is None else results['avg_fps'] / self.fps
        # As many as last as long; rounding must not take the last one.
        total = int(num_frames / step + 1e-6) // self.gop_size
        # A part without a whole group of its own would share one with the rest of the video.
        least = math.ceil(1 / (self.part[1] - self.part[0]) - 1e-6)
        if total < least:
            needed = math.ceil(least * self.gop_size * step)
            raise VideoTooShortError(reader.path, num_frames, needed)
        begin, total = frames_of_part(self.part, total)
        choose = uniform_starts if self.test_mode else random_starts
        starts = np.array(choose(self.num_clips, max(total - self.num_gops, 0)), np.int64)
        groups = begin + (starts[:, None] + np.arange(self.num_gops)) % total
        pictures = groups[..., None] * self.gop_size + [0, *self.positions]
        frames = np.rint(pictures * step).astype(np.int64).clip(max=num_frames - 1)
        results['frame_inds'] = frames[..., 0]
        results['iframe_inds'] = frames[..., 0].copy()
        results['motion_inds'] = frames[..., 1:].reshape(self.num_clips, -1)
        results['num_clips'] = self.num_clips
        return results

    def _check(self, reader: CompressedVideoReader, streams: Sequence[str]) -> None:
        """Refuses videos whose groups are not what is asked for."""
        metadata = reader.metadata
        moves = bool({'motion', 'residual'} & set(streams))
        missing = ''
        if not metadata.exports_motion:
            missing = f'FFmpeg does not export the motion vectors of {metadata.codec}'
        elif len(metadata.keyframes) == metadata.num_frames:
            missing = 'there are no motion vectors, as all frames are I-frames'
        if moves and missing and reader.motion == 'codec':
            instead = '' if self.mode == 'real' else "estimate motion (motion='estimate'), or "
            raise MotionUnavailableError(
                reader.path, f'{missing}; {instead}{_command(self.gop_size)}'
            )
        accumulates = moves and reader.accumulate
        if accumulates and self.fps is not None:
            raise ValueError('accumulated motion begins at I-frames, which fps passes over')
        if self.mode == 'virtual' and not accumulates:
            return
        need = "mode='real'" if self.mode == 'real' else 'accumulated motion'
        check_groups(reader, self.gop_size, need)

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}' for key, value in vars(self).items())
        return f'{type(self).__name__}({options})'
