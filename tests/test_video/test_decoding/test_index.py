"""Frame numbers from packets: synthetic packets, and real ones against what decodes."""

import av
import numpy as np
import pytest

from ssvrl_mm.video.bitstream.picture import Picture
from ssvrl_mm.video.decoding.container import MediaSource, PacketInfo
from ssvrl_mm.video.decoding.decoder import FrameDecoder
from ssvrl_mm.video.decoding.index import build_index
from ssvrl_mm.video.decoding.pyav import open_input
from tests.clips import H264, H264_B, encode, translating

INTRA, P, B, B_REF = Picture('I', True), Picture('P', True), Picture('B', False), Picture('B', True)
CLOSED = {**H264_B, 'x264-params': 'open-gop=0'}
OPEN = {**H264_B, 'refs': '3', 'x264-params': 'open-gop=1:min-keyint=12'}
PYRAMID = {**H264, 'refs': '3', 'bf': '3', 'b-pyramid': 'normal'}


def index_of(infos, codec='h264', container='mov', reorders=True, decode_order=None, frame_ticks=1):
    order = decode_order or forbidden
    return build_index(infos, codec, container, reorders, frame_ticks, order, crop=(0, 0))


def forbidden(first, last):
    raise AssertionError('packets alone should do')


def packets(pictures, pts=None, discarded=(), key=(INTRA,)):
    """Packets in order of decoding; ``pictures`` holds a picture or a list of them for each."""
    listed = [[p] if isinstance(p, Picture) else p for p in pictures]
    return [
        PacketInfo(
            None if pts is None else pts[n], n, 100, bool(p) and p[0] in key, n in discarded, p
        )
        for n, p in enumerate(listed)
    ]


def test_order_by_time():
    index = index_of(packets([INTRA, P, B, B, P, INTRA], pts=[0, 3, 1, 2, 5, 6]))
    assert index.packets.tolist() == [0, 2, 3, 1, 4, 5]
    assert index.frames.tolist() == [0, 3, 1, 2, 4, 5]
    assert ''.join(index.types) == 'IBBPPI'
    assert index.pts.tolist() == [0, 1, 2, 3, 5, 6]
    assert index.starts.tolist() == [0, 0, 0, 0, 0, 5]
    assert index.keyframes.tolist() == [0, 5]
    assert index.droppable.tolist() == [False, False, True, True, False, False]


def test_order_by_type_needs_no_times():
    index = index_of(packets([INTRA, P, B, B, INTRA, B, P]), 'mpeg4', 'avi')
    assert index.packets.tolist() == [0, 2, 3, 1, 5, 4, 6]
    assert index.pts.tolist() == list(range(7))


def test_frames_before_an_open_keyframe_start_at_the_one_before():
    index = index_of(packets([INTRA, P, INTRA, B, P], pts=[0, 1, 3, 2, 4]))
    assert index.packets.tolist() == [0, 1, 3, 2, 4]
    assert index.starts.tolist() == [0, 0, 0, 2, 2]


def test_keyframe_is_no_start_if_later_frames_are_decoded_before_it():
    index = index_of(packets([INTRA, P, INTRA, P], pts=[0, 3, 1, 4]))
    assert index.starts.tolist() == [0, 0, 0, 0]


def test_discarded_packets_are_decoded_but_not_counted():
    index = index_of(packets([INTRA, P, P, P], pts=[-2, -1, 0, 1], discarded=(0, 1)))
    assert index.packets.tolist() == [2, 3]
    assert index.starts.tolist() == [0, 0]
    assert index.frames.tolist() == [-1, -1, 0, 1]


def test_packets_before_the_first_keyframe_are_left_out():
    index = index_of(packets([P, P, INTRA, P], pts=[0, 1, 2, 3]))
    assert index.packets.tolist() == [2, 3] and index.starts.tolist() == [2, 2]


def test_leading_frames_count_if_they_decode():
    infos = packets([INTRA, B, B, P], pts=[2, 0, 1, 3])
    asked = []

    def decode_order(first, last):
        asked.append((first, last))
        return [2, 0]

    assert index_of(infos, decode_order=decode_order).packets.tolist() == [2, 0, 3]
    assert asked == [(0, 3)]


@pytest.mark.parametrize('pts', [None, [0, 1, 1, 2]])
def test_without_usable_times_the_decoder_tells(pts):
    infos = packets([INTRA, P, B, P], pts=pts)
    index = index_of(infos, decode_order=lambda first, last: [0, 2, 1, 3])
    assert index.packets.tolist() == [0, 2, 1, 3]


def test_packed_bitstream():
    # The B-frame in packet 1 is decoded with packet 2, which itself holds nothing, and so on.
    infos = packets([INTRA, [P, B], [], [P, B], [B], []])
    index = index_of(infos, 'mpeg4', 'avi')
    assert index.is_packed
    assert index.packets.tolist() == [0, 2, 1, 4, 5, 3]
    assert ''.join(index.types) == 'IBPBBP'
    assert np.flatnonzero(index.droppable).tolist() == [2, 4, 5]


def test_reference_distances():
    index = index_of(packets([INTRA, P, B, B, P], pts=[0, 3, 1, 2, 4]))
    past, future = index.reference_distances
    assert past.tolist() == [1, 1, 2, 3, 1]
    assert future.tolist()[1:3] == [2, 1]
    index = index_of(packets([INTRA, Picture('P', False), P], pts=range(3)))
    assert index.reference_distances[0].tolist() == [1, 1, 2]
    index = index_of(packets([INTRA, P, B_REF], pts=[0, 2, 1]))
    past, future = index.reference_distances
    assert past.tolist() == [1, 1, 2] and future.tolist() == [1, 1, 1]
    # A B-frame that others refer to is nearer than the frames around it.
    index = index_of(packets([INTRA, P, B_REF, B, B], pts=[0, 4, 2, 1, 3]))
    past, future = index.reference_distances
    assert past.tolist() == [1, 1, 2, 1, 4]
    assert future.tolist()[1:4] == [1, 2, 1]


def test_no_more_than_sixteen_frames_are_referred_to():
    # Frame 0 is an I-frame, 1 and 2 are B-frames that the last packets hold.
    for references, past_of_2 in ((16, 2), (17, 1)):
        shown_last = list(range(3, 2 + references))
        kinds = [INTRA] + [P] * len(shown_last) + [B, B]
        index = index_of(packets(kinds, pts=[0, *shown_last, 1, 2]))
        past, future = index.reference_distances
        assert past[2] == past_of_2 and future[1:3].tolist() == [2, 1]


def test_reorder_depth_counts_what_is_decoded_before_but_shown_after():
    rng = np.random.default_rng(0)
    for reach in (0, 1, 2, 5, 12):
        for _ in range(20):
            # No frame moves further than the reach.
            moved = np.arange(79) + rng.uniform(0, reach + 0.5, 79)
            pts = np.append(0, 1 + moved.argsort().argsort())
            index = index_of(packets([INTRA] + [P] * 79, pts=pts.tolist()))
            depth = max(sum(pts[:n] > pts[n]) for n in range(80))
            assert index.reorder_depth == depth
    index = index_of(packets([INTRA, B], pts=[1, 0]), decode_order=lambda *_: [1, 0])
    assert index.frames.tolist() == [1, 0] and index.reorder_depth == 1


def test_starts_before_a_start():
    index = index_of(packets([INTRA, P, INTRA, P, INTRA, P], pts=range(6)))
    assert index.starts.tolist() == [0, 0, 2, 2, 4, 4]
    assert [index.previous_start(start) for start in (0, 2, 4)] == [None, 0, 2]
    index = index_of(packets([INTRA, P, INTRA, INTRA], pts=range(4)))
    assert index.previous_start(3) == 2


def test_what_makes_a_start():
    # The container tells of an I-frame that nothing marks, and of what is not parsed.
    infos = packets([INTRA, P, INTRA, INTRA], pts=range(4))
    infos[3] = infos[3]._replace(is_keyframe=False)
    assert index_of(infos).keyframes.tolist() == [0, 2]
    infos[1] = infos[1]._replace(pictures=None, is_keyframe=True)
    assert index_of(infos).keyframes.tolist() == [0, 1, 2]
    # Headers are believed first.
    infos = packets(
        [INTRA, P._replace(is_start=True), INTRA._replace(is_start=False)], pts=[0, 1, 2]
    )
    assert index_of(infos).keyframes.tolist() == [0, 1]


def test_a_video_is_closed_if_all_starts_are():
    for closed in (True, False):
        kinds = [INTRA, P, INTRA._replace(is_closed=closed)]
        assert index_of(packets(kinds, pts=range(3))).is_closed == closed


def test_a_gradual_refresh_counts_references_that_are_shown():
    refresh = Picture('P', True, True, recovery=2)
    kinds = [INTRA, P, refresh, P, B, P, P, P]
    pts = [0, 1, 2, 4, 3, 5, 6, 7]
    index = index_of(packets(kinds, pts=pts))
    # Right from the second reference after it on: packet 5.
    assert index.starts.tolist() == [0, 0, 0, 0, 0, 2, 2, 2]
    index = index_of(packets(kinds, pts=pts, discarded=(3,)))
    assert index.packets.tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert index.starts.tolist() == [0, 0, 0, 0, 0, 2, 2]
    # The last frame is the first one that is right; or the video ends before.
    index = index_of(packets([INTRA, P, refresh._replace(recovery=1), P], pts=range(4)))
    assert index.starts.tolist() == [0, 0, 0, 2]
    index = index_of(packets([INTRA, P, refresh, P], pts=range(4)))
    assert index.starts.tolist() == [0, 0, 0, 0]


def test_frame_0_may_be_a_later_keyframe():
    index = index_of(packets([INTRA, P, INTRA, P], pts=[-2, -1, 0, 1], discarded=(0, 1)))
    assert index.starts.tolist() == [2, 2] and index.keyframes.tolist() == [0]


def test_without_any_keyframe_the_first_picture_is_one():
    index = index_of(packets([[], P, P], pts=range(3)))
    assert index.packets.tolist() == [1, 2]
    assert index.starts.tolist() == [1, 1] and index.keyframes.tolist() == [0]


def test_two_packets_of_fields_are_one_frame():
    half = INTRA._replace(is_field=True, is_half=True), P._replace(is_field=True, is_half=True)
    index = index_of(packets([half[0], [], half[1], [], P, half[1]], pts=range(6), key=half[:1]))
    assert index.packets.tolist() == [0, 2, 4, 5]
    # The last one lacks its other half.
    assert index.ends.tolist() == [1, 3, 4, 5]
    assert index.is_field.tolist() == [True, True, False, True]
    # An empty packet after a whole frame, or one whose pictures are not known, is no half.
    index = index_of(packets([INTRA, [], P], pts=range(3)))
    assert index.ends.tolist() == [0, 2]
    # Nobody knows what it holds, and so it is decoded.
    assert not index.droppable.any()
    infos = packets([half[0], P], pts=range(2), key=half[:1])
    index = index_of([infos[0], infos[1]._replace(pictures=None)])
    assert index.ends.tolist() == [0, 1]


@pytest.mark.parametrize('missing', [True, False])
def test_nothing_is_dropped_after_a_gap(missing):
    after = B._replace(is_after_gap=missing)
    index = index_of(packets([INTRA, P, after, B, P], pts=[0, 3, 1, 2, 4]))
    assert index.droppable.any() == (not missing)
    # What is missing before the first keyframe is not missed.
    index = index_of(packets([P._replace(is_after_gap=True), INTRA, P, B], pts=[0, 1, 3, 2]))
    assert np.flatnonzero(index.droppable).tolist() == [3]


def test_what_a_decoder_needs_is_not_dropped():
    index = index_of(packets([INTRA, P, B._replace(is_needed=True), B], pts=[0, 3, 1, 2]))
    assert np.flatnonzero(index.droppable).tolist() == [3]


def test_a_third_of_the_packets_must_have_pictures():
    order = [5, 4, 3, 2, 1, 0]
    infos = packets([INTRA, P, [], [], [], []], pts=range(6))
    index = index_of(infos)
    assert index.packets.tolist() == [0, 1] and ''.join(index.types) == 'IP'
    infos = packets([INTRA, P, [], [], [], [], []], pts=range(7))
    index = index_of(infos)
    assert len(index) == 7 and ''.join(index.types) == '?' * 7
    # Without pictures, types do not give the order either.
    index = index_of(infos, 'mpeg4', decode_order=lambda *_: order)
    assert len(index) == 7


def test_times_that_go_back_give_no_order():
    infos = packets([INTRA, P, P, INTRA, P], pts=[5, 6, 7, 1, 2])
    infos = [info._replace(dts=dts) for info, dts in zip(infos, (5, 6, 7, 1, 2), strict=True)]
    index = index_of(infos, decode_order=lambda first, last: list(range(first, last)))
    assert index.packets.tolist() == [0, 1, 2, 3, 4]
    # Time goes on by a tick where the second recording begins.
    assert index.pts.tolist() == [5, 6, 7, 8, 9]
    # And so it does where it stands still. A tick is as long as a frame lasts.
    infos = packets([INTRA, P, P, P, P], pts=[0, 1, 1, 2, 6])
    infos = [info._replace(dts=None) for info in infos]
    index = index_of(infos, decode_order=lambda *_: [0, 1, 2, 3, 4], frame_ticks=3)
    assert index.pts.tolist() == [0, 1, 4, 5, 9]
    # Without any, frames follow one another.
    infos = [info._replace(pts=None) for info in infos]
    index = index_of(infos, decode_order=lambda *_: [0, 1, 2, 3, 4], frame_ticks=3)
    assert index.pts.tolist() == [0, 3, 6, 9, 12]
    # Times of decoding may be equal, or missing.
    infos = packets([INTRA, P, B, P], pts=[0, 2, 1, 3])
    infos = [info._replace(dts=dts) for info, dts in zip(infos, (0, 0, 1, None), strict=True)]
    assert index_of(infos).packets.tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize(
    'container, pts, kinds, asks',
    [
        ('mov', [0, 2, 1, 3], [INTRA, P, B, P], False),
        ('avi', [0, 2, 1, 3], [INTRA, P, B, P], True),
        ('avi', [0, 1, 2, 3], [INTRA, P, P, P], True),
        ('asf', [0, 1, 2, 3], [INTRA, P, B, P], True),
        ('asf', [0, 1, 2, 3], [INTRA, P, P, P], False),
    ],
)
def test_times_of_decoding_are_not_those_of_display(container, pts, kinds, asks):
    asked = []

    def decode_order(first, last):
        asked.append((first, last))
        return [0, 2, 1, 3]

    index = index_of(packets(kinds, pts=pts), 'h264', container, decode_order=decode_order)
    assert bool(asked) == asks
    if 'B' in index.types:
        assert index.packets.tolist() == [0, 2, 1, 3] and index.pts.tolist() == [0, 1, 2, 3]
    # A decoder that gives frames out as they come is not asked.
    assert len(index_of(packets(kinds, pts=pts), 'h264', container, reorders=False)) == 4


def test_frames_of_avi_follow_one_another():
    infos = packets([INTRA, P, B, P], pts=[10, 14, 17, 19])
    assert index_of(infos, 'mpeg4', 'avi').pts.tolist() == [0, 1, 2, 3]
    assert index_of(infos, 'mpeg4', 'mov').packets.tolist() == [0, 2, 1, 3]


def test_of_three_pictures_in_a_packet_one_b_frame_waits():
    index = index_of(packets([INTRA, [P, B, B], [], [P, P], [], P]), 'mpeg4', 'avi')
    assert index.is_packed
    assert index.packets.tolist() == [0, 2, 1, 3, 5]
    assert ''.join(index.types) == 'IBPPP'


def test_nearest_keyframes():
    index = index_of(packets([INTRA, P, INTRA, P, INTRA], pts=range(5)))
    assert index.nearest_keyframes(3, 2, None) == [2, 4]
    assert index.nearest_keyframes(0, 9, None) == [0, 2, 4]
    assert index.nearest_keyframes(1, 3, 1) == [0, 2]
    assert index.nearest_keyframes(1, 3, 0) == []


@pytest.mark.parametrize(
    ('name', 'codec', 'options'),
    [
        ('closed.mp4', 'libx264', CLOSED),
        ('open.ts', 'libx264', OPEN),
        ('pyramid.mkv', 'libx264', PYRAMID),
        ('stream.h264', 'libx264', H264_B),
        ('b.avi', 'libx264', H264_B),
        ('plain.avi', 'mpeg4', {}),
        ('b_frames.avi', 'mpeg4', {'bf': '2'}),
        ('b_frames.mp4', 'mpeg4', {'bf': '2'}),
        ('program.mpg', 'mpeg2video', {'bf': '2'}),
        ('old.mpg', 'mpeg1video', {'bf': '2'}),
    ],
)
def test_index_agrees_with_decoding(tmp_path, name, codec, options):
    path = encode(tmp_path / name, translating(30, 2, 1, 64, 80), codec, options=options)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        packets = [p for p in container.demux(video=0) if p.size]
        for number, packet in enumerate(packets):
            packet.pts = number
        frames = [f for p in [*packets, None] for f in context.decode(p)]
    decoder = FrameDecoder(MediaSource(str(path)))
    index = decoder.index
    decoder.close()
    assert index.packets.tolist() == [frame.pts for frame in frames]
    kinds = ''.join(av.video.frame.PictureType(frame.pict_type).name for frame in frames)
    assert ''.join(index.types) == kinds
    assert (np.diff(index.pts) > 0).all()
    assert len(index.keyframes) >= 3


def test_real_packed_bitstreams(clips_dir):
    """The packets of DivX files: as many frames, in the order in which a decoder gives them."""
    for name in (
        'hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6',
        'ucf_like_xvid_bframes',
    ):
        path = clips_dir / 'action' / f'{name}.avi'
        with open_input(str(path)) as container:
            kinds = [frame.pict_type for frame in container.decode(video=0)]
        decoder = FrameDecoder(MediaSource(str(path)))
        assert ['?IPB'.index(kind) for kind in decoder.index.types] == kinds
        decoder.close()
