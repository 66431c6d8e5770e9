"""Readers in other processes, and what many of them leave behind."""

import gc
import io
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader, VideoError
from tests.clips import H264_B, encode, translating

STREAMS = ('rgb', 'motion')


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    return encode(folder / 'clip.mp4', translating(30, 2, 1, 96, 112), options=H264_B)


def checksum(reader, start):
    batch = reader.get_frames_at(range(start, start + 8), STREAMS)
    return int(batch.rgb.sum()), float(batch.motion.sum())


def send_checksum(connection, reader, start):
    connection.send(checksum(reader, start))
    connection.close()


def in_process(method, reader, start):
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=send_checksum, args=(theirs, reader, start))
    process.start()
    theirs.close()
    answer = ours.recv() if ours.poll(60) else None
    process.join(60)
    assert process.exitcode == 0
    return answer


def test_pickles_as_its_path(clip):
    with CompressedVideoReader(clip, motion='estimate') as reader:
        expected = checksum(reader, 9)
        stored = pickle.dumps(reader)
    assert len(stored) < 2000
    with pickle.loads(stored) as copy:
        assert checksum(copy, 9) == expected
        assert copy.path == str(clip)
        assert copy.get_frames_at([3]).motion_origin[0] == 'estimated'


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_open_reader_in_another_process(clip, method):
    with CompressedVideoReader(clip) as reader:
        expected = [checksum(reader, start) for start in (0, 11, 20)]
        # Once in the middle of decoding: the other process must not take over that state.
        reader.get_frames_at([5])
        assert in_process(method, reader, 11) == expected[1]
        assert checksum(reader, 20) == expected[2]
    assert in_process(method, CompressedVideoReader(clip), 0) == expected[0]


class Checksums:
    """A dataset; its readers may be open already when its workers get them."""

    def __init__(self, sources):
        self.sources = sources

    def __len__(self):
        return 6

    def __getitem__(self, number):
        source = self.sources[number % len(self.sources)]
        if isinstance(source, CompressedVideoReader):
            return checksum(source, number)
        with CompressedVideoReader(source) as reader:
            return checksum(reader, number)


@pytest.mark.parametrize('method', ['fork', 'spawn'])
@pytest.mark.parametrize('opened', ['in the worker', 'before'])
def test_data_loader(clip, method, opened):
    from torch.utils.data import DataLoader

    with CompressedVideoReader(clip) as reader:
        expected = [checksum(reader, number) for number in range(6)]
        sources = [reader, CompressedVideoReader(clip.read_bytes())]
        if opened == 'in the worker':
            sources = [clip, clip.read_bytes()]
        loader = DataLoader(
            Checksums(sources),
            batch_size=None,
            num_workers=1,
            multiprocessing_context=method,
            timeout=60,
        )
        assert [tuple(found) for found in loader] == expected
        # The readers of this process are none the worse for it.
        assert checksum(reader, 3) == expected[3]
        for source in sources:
            if isinstance(source, CompressedVideoReader):
                source.close()


def test_file_object_stays_in_its_process(clip):
    reader = CompressedVideoReader(io.BytesIO(clip.read_bytes()))
    with pytest.raises(TypeError, match='pickle'):
        pickle.dumps(reader)
    checksum(reader, 0)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            checksum(reader, 0)
        except VideoError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as answer:
        assert 'path or bytes' in answer.read()
    reader.close()


def status_of_fork(act):
    """What a forked process that does something ends with; it is killed where it hangs."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        status = 1
        try:
            act()
            gc.collect()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def num_threads():
    return len(os.listdir('/proc/self/task'))


@pytest.mark.skipif(not os.path.isdir('/proc/self/task'), reason='needs /proc')
@pytest.mark.parametrize('cache_bytes', [0, 10**9])
@pytest.mark.parametrize('streams', [('rgb',), ('rgb', 'motion')])
def test_threads_end_with_the_reader_and_hold_up_no_fork(clip, streams, cache_bytes):
    """Reading motion opens the file anew, for a decoder without threads."""
    before = num_threads()
    reader = CompressedVideoReader(clip, num_threads=3, cache_bytes=cache_bytes)
    expected = checksum(reader, 5)
    reader.close()
    reader = CompressedVideoReader(clip, num_threads=3, cache_bytes=cache_bytes)
    for stream in streams:
        reader.get_frames_at(range(4, 20), (stream,))
    assert (num_threads() > before) == (streams == ('rgb',))
    holder = [reader]

    def read():
        assert checksum(reader, 5) == expected

    def drop():
        nonlocal reader
        del reader
        holder.clear()

    assert [status_of_fork(act) for act in (read, reader.close, drop)] == [0, 0, 0]
    assert checksum(reader, 5) == expected
    reader.close()
    # Fewer where a thread of an earlier test was still ending.
    assert num_threads() <= before


FORK = """
import os, signal, sys
from ssvrl_mm.video import CompressedVideoReader
reader = CompressedVideoReader(sys.argv[1], num_threads=3)
reader.get_frames_at([5, 6], ('rgb',))
child = os.fork()
if child:
    sys.exit(os.waitpid(child, 0)[1])
signal.alarm(20)
if sys.argv[2] == 'reads':
    reader.get_frames_at([5, 6], ('rgb',))
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
@pytest.mark.parametrize('what', ['reads', 'does nothing'])
def test_a_forked_interpreter_ends(clip, what):
    subprocess.run([sys.executable, '-c', FORK, clip, what], check=True, timeout=60)


def test_bytes_pickle(clip):
    with CompressedVideoReader(clip.read_bytes()) as reader:
        expected = checksum(reader, 4)
        with pickle.loads(pickle.dumps(reader)) as copy:
            assert checksum(copy, 4) == expected


def open_files():
    return len(os.listdir('/proc/self/fd'))


@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='needs /proc')
@pytest.mark.parametrize('closes', [True, False])
def test_nothing_is_left_behind(clip, closes):
    """200 clips: neither files nor memory pile up, even if nobody closes the readers."""

    def read():
        reader = CompressedVideoReader(clip)
        reader.get_frames_at(range(4, 20, 2), STREAMS)
        if closes:
            reader.close()

    for _ in range(20):
        read()
    gc.collect()
    files, peak = open_files(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    most = 0
    for _ in range(200):
        read()
        most = max(most, open_files())
    assert most <= files + (1 if closes else 8)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 40_000  # kB


def cycle(connection, sources, count):
    """Reads sources in turn; sends what the process holds after a tenth and at the end."""
    held = []
    for number in range(count):
        source = sources[number % len(sources)]
        try:
            with CompressedVideoReader(source, motion='auto') as reader:
                reader.get_frames_at([1, 4], STREAMS)
        except VideoError:
            pass
        if number + 1 in (count // 10, count):
            with open('/proc/self/statm') as file:
                resident = int(file.read().split()[1]) * resource.getpagesize()
            time.sleep(0.1)  # a thread that has ended is listed for a moment longer
            threads = len(os.listdir('/proc/self/task'))
            held.append((open_files(), threads, resident))
    connection.send(held)


@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='needs /proc')
def test_five_thousand_cycles(tmp_path):
    """Files, threads and memory stay as they are, whether videos are whole, damaged or none."""
    frames = translating(6, 2, 1, 32, 48)
    whole = encode(tmp_path / 'whole.mp4', frames, options=H264_B)
    packets = encode(tmp_path / 'packets.avi', frames, 'mpeg4', options={'bf': '2'})
    cut = tmp_path / 'cut.avi'
    cut.write_bytes(packets.read_bytes()[:-2000])
    text = tmp_path / 'text.mp4'
    text.write_text('no video')
    sources = [whole, packets, whole.read_bytes(), cut, whole, packets.read_bytes(), text]
    context = multiprocessing.get_context('spawn')
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=cycle, args=(theirs, sources, 5000))
    process.start()
    theirs.close()
    try:
        before, after = ours.recv() if ours.poll(120) else (None, None)
    finally:
        process.kill()
        process.join()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 20e6


def test_frames_are_freed_while_reading(clip):
    """Frames with motion hang in reference cycles; no more than a few may be alive at a time."""
    import av

    with CompressedVideoReader(clip) as reader:
        alive = []
        fetcher = reader._fetcher
        inspect = fetcher._inspect

        def count(number, frame):
            alive.append(sum(isinstance(o, av.VideoFrame) for o in gc.get_objects()))
            inspect(number, frame)

        fetcher._inspect = count
        before = sum(isinstance(o, av.VideoFrame) for o in gc.get_objects())
        reader.get_frames_at(np.arange(30), ('motion',))
    assert max(alive) - before <= 16
