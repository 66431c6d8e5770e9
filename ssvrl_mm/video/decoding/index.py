"""Frame numbers: which packet holds a frame, and where decoding has to start to get it.

Built from the packets alone; nothing is decoded unless the file leaves no other way.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ssvrl_mm.video.bitstream.picture import Picture
from ssvrl_mm.video.decoding.container import PacketInfo

# Codecs whose picture types alone give the order of display: a B-frame is shown at once, any other
# frame when the next one like it comes. Times are not needed, and in AVI they are wrong.
_ORDERED_BY_TYPE = ('mpeg4', 'mpeg1video', 'mpeg2video')

# H.264 refers to 16 frames at most.
_MAX_REFERENCES = 16

_BLANK = Picture('?', True)


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """The N frames of a video in the order of display, over its P packets in order of decoding.

    Attributes:
        packets: int64 ``(N,)``, the packet that a frame is decoded from.
        ends: int64 ``(N,)``, the packet that completes it: the next one if it comes in two fields.
        frames: int64 ``(P,)``, the frame in a packet, -1 for none.
        starts: int64 ``(N,)``, the packet that decoding has to start from for a frame to come out
            right.
        types: str ``(N,)``, 'I', 'P', 'B', or '?' where only decoding tells.
        is_reference: bool ``(P,)``, whether other frames may refer to a packet's frame.
        droppable: bool ``(P,)``, whether all other frames can be decoded without the packet.
        is_field: bool ``(N,)``, whether a frame is coded as two fields.
        coded_sizes: int64 ``(P,)``, bytes of the picture that is decoded with a packet of a packed
            bitstream; of others ``(0,)``, as they are those of the packets.
        is_packed: whether packets hold two pictures, as in DivX's packed bitstream.
        is_closed: whether what follows a keyframe makes no mention of what precedes it.
        crop: ``(left, top)`` px that decoders cut off, where vectors do not know of it.
        pts: float64 ``(N,)``, presentation times in units of the stream.
        keyframes: int64 ``(K,)``, the frames that decoding can start from.
    """

    packets: np.ndarray
    ends: np.ndarray
    frames: np.ndarray
    starts: np.ndarray
    types: np.ndarray
    is_reference: np.ndarray
    droppable: np.ndarray
    is_field: np.ndarray
    coded_sizes: np.ndarray
    is_packed: bool
    is_closed: bool
    crop: tuple[int, int]
    pts: np.ndarray
    keyframes: np.ndarray

    def __len__(self) -> int:
        return len(self.packets)

    @cached_property
    def reference_distances(self) -> tuple[np.ndarray, np.ndarray]:
        """How many frames away the nearest references before and after each frame are.

        A reference counts if it is decoded before the frame. That is the reference of MPEG-1, -2
        and -4; H.264 may choose others, which FFmpeg does not export.

        Returns:
            Two int64 ``(N,)``, at least 1; 1 where there is no such reference.
        """
        past, future = np.ones((2, len(self)), np.int64)
        if self.is_reference.all() and np.all(np.diff(self.packets) > 0):
            return past, future  # every frame refers to the one before it
        decoded: list[int] = []
        shown: list[int] = []
        for packet, frame in enumerate(self.frames.tolist()):
            if frame < 0:
                continue
            after = bisect_left(shown, frame)
            if after > 0:
                past[frame] = frame - shown[after - 1]
            if after < len(shown):
                future[frame] = shown[after] - frame
            if self.is_reference[packet]:
                insort(shown, frame)
                decoded.append(frame)
                if len(decoded) > _MAX_REFERENCES:
                    shown.remove(decoded.pop(0))
        return past, future

    @cached_property
    def reorder_depth(self) -> int:
        """How many frames, at most, are decoded before a frame but shown after it."""
        depth = 0
        decoded: list[int] = []
        for frame in self.frames[self.frames >= 0].tolist():
            insort(decoded, frame)
            depth = max(depth, len(decoded) - 1 - bisect_left(decoded, frame))
            del decoded[: -2 * _MAX_REFERENCES]
        return depth

    def previous_start(self, start: int) -> int | None:
        """The start before ``start``, None before the first."""
        at = bisect_left(self.starts, start)
        return int(self.starts[at - 1]) if at else None

    def nearest_keyframes(self, frame: int, count: int, max_distance: int | None) -> list[int]:
        """Up to ``count`` keyframes, the nearest first; of two as near, the earlier."""
        distance = np.abs(self.keyframes - frame)
        order = np.argsort(distance, kind='stable')[:count]
        if max_distance is not None:
            order = order[distance[order] <= max_distance]
        return self.keyframes[order].tolist()


def build_index(
    infos: Sequence[PacketInfo],
    codec: str,
    container: str,
    reorders: bool,
    frame_ticks: float,
    decode_order: Callable[[int, int], list[int]],
    crop: tuple[int, int],
) -> FrameIndex:
    """Numbers the frames of a video in the order of display.

    Args:
        infos: the packets in the order of decoding.
        codec: FFmpeg's name of the codec.
        container: FFmpeg's name of the container format.
        reorders: whether the decoder reorders frames.
        frame_ticks: units of the stream's time that a frame lasts, for where times are missing.
        decode_order: decodes packets ``[first, last)`` and returns the packets of the frames that
            come out, in that order. Only called where packets alone leave doubts.
        crop: ``(left, top)`` px that decoders cut off, where vectors do not know of it.

    Returns:
        The index; it has no frames if none can be decoded.
    """
    found = sum(bool(info.pictures) for info in infos)
    if 3 * found < len(infos):
        # Not how this codec's packets should look: leave them to the decoder.
        infos = [info._replace(pictures=None) for info in infos]
    shown, pictures, packed = _coded_pictures(infos)
    is_start = [_is_start(info, picture) for info, picture in zip(infos, pictures, strict=True)]
    if shown and not any(is_start):
        is_start[shown[0]] = True
    first = is_start.index(True) if any(is_start) else 0
    shown = [number for number in shown if number >= first]

    by_type = codec in _ORDERED_BY_TYPE and bool(found)
    by_time = _has_times(shown, infos)
    if reorders:
        by_time &= container != 'avi' and not _has_times_of_decoding(shown, infos, pictures)
    if by_type or by_time:
        order = _order_by_type(shown, pictures) if by_type else _order_by_time(shown, infos)
        order = _without_undecodable(order, first, len(infos), decode_order)
    else:
        order = decode_order(first, len(infos))
    order = [number for number in order if not infos[number].is_discarded]

    packets = np.array(order, np.int64)
    frames = np.full(len(infos), -1, np.int64)
    frames[packets] = np.arange(len(packets))
    is_reference = np.array([picture.is_reference for picture in pictures], bool)
    is_needed = np.array([picture.is_needed for picture in pictures], bool)
    has_gaps = any(picture.is_after_gap for picture in pictures[first:])
    keyframes = np.flatnonzero(np.array(is_start, bool)[packets])
    return FrameIndex(
        packets=packets,
        ends=_ends(packets, infos),
        frames=frames,
        starts=_starts(packets, keyframes, first, frames, pictures),
        types=np.array([pictures[number].kind for number in order], '<U1'),
        is_reference=is_reference,
        # Where pictures are missing, a decoder takes others for them.
        droppable=~(is_reference | is_needed | has_gaps),
        is_field=np.array([pictures[number].is_field for number in order], bool),
        coded_sizes=_coded_sizes(infos if packed else ()),
        is_packed=packed,
        is_closed=all(picture.is_closed for picture in pictures),
        crop=crop,
        pts=_presentation_times(order, infos, container, frame_ticks),
        keyframes=keyframes,
    )


def _coded_pictures(infos: Sequence[PacketInfo]) -> tuple[list[int], list[Picture], bool]:
    """The packets that give a frame, the picture decoded with each packet, and if any holds two.

    A decoder takes one picture per packet. The second picture of a packet of DivX's packed
    bitstream, always a B-frame, is decoded in place of the next packet's first one, see
    :meth:`~ssvrl_mm.video.bitstream.parsers.MPEG4Pictures.next_picture`.
    """
    shown, decoded, packed = [], [], False
    waiting: list[Picture] = []
    for number, info in enumerate(infos):
        pictures = [_BLANK] if info.pictures is None else info.pictures
        if len(pictures) == 1 and not waiting:
            decoded.append(pictures[0])
            shown.append(number)
            continue
        packed |= len(pictures) > 1
        queue = waiting + pictures
        decoded.append(queue[0] if queue else _BLANK)
        if queue:
            shown.append(number)
        waiting = [picture for picture in queue[1:] if picture.kind == 'B'][:1]
    return shown, decoded, packed


def _coded_sizes(infos: Sequence[PacketInfo]) -> np.ndarray:
    sizes = [info.size if info.coded_size is None else info.coded_size for info in infos]
    return np.array(sizes, np.int64)


def _is_start(info: PacketInfo, picture: Picture) -> bool:
    # Headers do not err, as the flags of containers do.
    if picture.is_start is not None:
        return picture.is_start
    return info.is_keyframe and (info.pictures is None or picture.kind != '?')


def _order_by_type(shown: Sequence[int], pictures: Sequence[Picture]) -> list[int]:
    order, held = [], None
    for number in shown:
        if pictures[number].kind == 'B':
            order.append(number)
            continue
        if held is not None:
            order.append(held)
        held = number
    return order if held is None else [*order, held]


def _has_times(shown: Sequence[int], infos: Sequence[PacketInfo]) -> bool:
    """Whether the packets' times tell the order of display."""
    times = {infos[number].pts for number in shown}
    if None in times or len(times) < len(shown):
        return False
    # Where recordings are joined, time goes back.
    coded = [info.dts for info in infos if info.dts is not None]
    return all(before <= after for before, after in pairwise(coded))


def _has_times_of_decoding(
    shown: Sequence[int], infos: Sequence[PacketInfo], pictures: Sequence[Picture]
) -> bool:
    """Whether times rise from packet to packet despite B-frames, as in ASF and MXF."""
    has_b_frames = any(pictures[number].kind == 'B' for number in shown)
    return has_b_frames and _increases([infos[number].pts for number in shown])


def _order_by_time(shown: Sequence[int], infos: Sequence[PacketInfo]) -> list[int]:
    return sorted(shown, key=lambda number: infos[number].pts or 0)


def _without_undecodable(
    order: list[int],
    first: int,
    num_packets: int,
    decode_order: Callable[[int, int], list[int]],
) -> list[int]:
    """Drops the frames before the first keyframe that refer to what the file does not have."""
    leading = set(order[: order.index(first)]) if first in order else set()
    if not leading:
        return order
    emitted = set(decode_order(first, min(max(leading) + 1, num_packets)))
    return [number for number in order if number not in leading or number in emitted]


def _ends(packets: np.ndarray, infos: Sequence[PacketInfo]) -> np.ndarray:
    # What follows a field and holds no picture of its own is the frame's other field.
    is_half = [any([picture.is_half for picture in info.pictures or ()]) for info in infos]
    if True not in is_half:
        return packets
    is_rest = [info.pictures is not None and not info.pictures for info in infos[1:]] + [False]
    return packets + (np.array(is_half, bool) & np.array(is_rest, bool))[packets]


def _starts(
    packets: np.ndarray,
    keyframes: np.ndarray,
    first: int,
    frames: np.ndarray,
    pictures: Sequence[Picture],
) -> np.ndarray:
    # Frames decoded after a keyframe but shown before it may refer to what precedes it. Those
    # shown after it do not, provided that they are decoded after it as well.
    earliest = np.minimum.accumulate(packets[::-1])[::-1]
    starts = np.full(len(packets), first, np.int64)
    for start in packets[keyframes].tolist():
        right = _recovery(start, frames, pictures)
        if right is not None and earliest[right] >= start:
            starts[right] = max(starts[right], start)
    return np.maximum.accumulate(starts)


def _recovery(start: int, frames: np.ndarray, pictures: Sequence[Picture]) -> int | None:
    """From which frame on frames come out right if decoding starts from a packet."""
    left, number = pictures[start].recovery, start
    while left and number + 1 < len(pictures):
        number += 1
        left -= pictures[number].is_reference and frames[number] >= 0
    return None if left or frames[number] < 0 else int(frames[number])


def _presentation_times(
    order: Sequence[int], infos: Sequence[PacketInfo], container: str, frame_ticks: float
) -> np.ndarray:
    times = [infos[number].pts for number in order]
    if container == 'avi' or not _increases(times):
        # AVI has no presentation times: the frames are shown one after the other.
        coded = [infos[number] for number in sorted(order)]
        for rising in ([info.dts for info in coded], [info.pts for info in coded]):
            if _increases(rising):
                times = rising
                break
    if None in times:
        return np.arange(len(order)) * frame_ticks
    ticks = np.array(times, np.float64)
    # Where recordings are joined and time goes back, it goes on instead.
    steps = np.diff(ticks, prepend=ticks[:1] - 1)
    return ticks + np.cumsum(np.where(steps > 0, 0, frame_ticks - steps))


def _increases(times: Sequence[int | None]) -> bool:
    return None not in times and bool(np.all(np.diff(np.array(times, np.int64)) > 0))
