"""The benchmark of decoding: that it compares what it says. Times are not tested."""

import json
import sys
import types
from functools import partial

import av
import numpy as np
import pytest
import torch

from ssvrl_mm.datasets import CompressedVideoDataset
from ssvrl_mm.decode_benchmark import measuring, samples, whole_files
from ssvrl_mm.decode_benchmark.clips import clip_comparison
from ssvrl_mm.decode_benchmark.floors import SampleFloor
from ssvrl_mm.decode_benchmark.measuring import Comparison, compare, format_table, summarise
from ssvrl_mm.packaged_files import config_file
from ssvrl_mm.video import CompressedVideoReader
from tests.clips import encode, translating
from tests.test_tools.conftest import HERE
from tests.test_tools.filling_memory import fill

MVCGC, CONTEXT_MOTION = (
    config_file(name)
    for name in ('mvcgc/s3d_ucf101.py', 'context_motion/context_motion_c3d_ucf101.py')
)


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """MPEG-4 with GOPs of 12, and with B-frames: 84 frames each."""
    folder = tmp_path_factory.mktemp('videos')
    frames = translating(84, dx=1, dy=0.5, height=48, width=64)
    options = {'plain.avi': {}, 'b.mp4': {'bf': '2'}}
    return [
        encode(folder / name, frames, 'mpeg4', options=given) for name, given in options.items()
    ]


@pytest.fixture
def plain(videos):
    return str(videos[0])


def decode_all(path):
    with av.open(path) as container:
        return np.stack([f.to_ndarray(format='rgb24') for f in container.decode(video=0)])


@pytest.fixture
def torchcodec(monkeypatch):
    """What the benchmark uses of torchcodec, made of PyAV; keeps what it was asked."""
    asked = []

    class VideoDecoder:
        def __init__(self, path, **options):
            asked.append(options)
            self.frames = decode_all(path)

        def get_frames_at(self, numbers):
            asked.append(numbers)
            return types.SimpleNamespace(data=torch.from_numpy(self.frames[numbers]))

    module = types.SimpleNamespace(VideoDecoder=VideoDecoder)
    monkeypatch.setitem(sys.modules, 'torchcodec', types.ModuleType('torchcodec'))
    monkeypatch.setitem(sys.modules, 'torchcodec.decoders', module)
    return asked


@pytest.fixture
def mvextractor(monkeypatch):
    """What the benchmark uses of motion-vector-extractor, made of PyAV."""
    calls = []

    class VideoCap:
        def open(self, path):
            calls.append([path, True, 0])
            self.left = len(decode_all(path))

        def set_decode_frames(self, asked):
            calls[-1][1] = asked

        def read(self):
            calls[-1][2] += self.left > 0
            self.left -= 1
            return self.left >= 0, None, None, 'P'

        def release(self):
            pass

    monkeypatch.setitem(sys.modules, 'mvextractor', types.ModuleType('mvextractor'))
    module = types.SimpleNamespace(VideoCap=VideoCap)
    monkeypatch.setitem(sys.modules, 'mvextractor.videocap', module)
    return calls


def test_times_are_medians_of_rounds_and_ratios_those_of_pairs(monkeypatch, capsys):
    clock, rounds = [0.0], []
    monkeypatch.setattr(measuring.time, 'process_time', lambda: clock[0])
    slow, fast = iter([0.9, 0.1, 0.2, 0.4]), iter([0.9, 0.1, 0.1, 0.4])

    def spend(costs):
        clock[0] += next(costs)

    def prepare(number):
        rounds.append(number)
        clock[0] += 5

    def fail():
        raise RuntimeError('no such codec')

    tasks = {'slow': partial(spend, slow), 'fast': partial(spend, fast), 'none': fail}
    ratios = {'x fast': 'fast', 'x none': 'none', 'x other': 'other'}
    rows = compare(lambda: Comparison(tasks, ratios, prepare), rounds=3)
    assert rows == {
        'slow': {'ms': pytest.approx(200), 'x fast': pytest.approx(1)},
        'fast': {'ms': pytest.approx(100), 'x fast': 1},
    }
    # The warm-up meets what fails; then all others in every round.
    assert rounds == [0] * 3 + [0, 0, 1, 1, 2, 2]
    assert capsys.readouterr().err == 'none: RuntimeError: no such codec\n'


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory_is_the_growth_of_a_process_of_its_own():
    rows = compare(partial(fill, {'large': 64, 'small': 1}), 1, with_memory=True)
    assert 60 < rows['large']['MiB'] < 80 and rows['small']['MiB'] < 10


def test_tables():
    files = {
        'a': {'reader': {'ms': 3.0, 'x floor': 1.5}, 'floor': {'ms': 2.0, 'x floor': 1.0}},
        'b': {'reader': {'ms': 9.0, 'x floor': 2.5}},
    }
    assert summarise(files, max) == {'reader': {'ms': 9.0, 'x floor': 2.5}}
    table = format_table('a.mp4', {**files['a'], 'peer': {'ms': 0.125, 'MiB': 4.0}})
    lines = [line.split() for line in table.splitlines()]
    assert lines == [
        ['a.mp4', 'ms', 'x', 'floor', 'MiB'],
        ['reader', '3.00', '1.50'],
        ['floor', '2.00', '1.00'],
        ['peer', '0.12', '4.00'],
    ]
    assert len({len(line) for line in table.splitlines()}) == 1


@pytest.mark.parametrize(
    ('order', 'expected_while', 'expected_after'),
    [
        ('OSDCFP', 'OSCFDP', 'OSDCFP'),
        ('OSCFDP', 'OSCFDP', 'OSDCFP'),
        ('OSCDFP', 'OSCFDP', 'OSDCFP'),
        ('OSDPCF', 'OSDPCF', 'OSDPCF'),
    ],
)
def test_crops_beside_decoding_go_before_and_behind_it(
    order, expected_while, expected_after, tmp_path
):
    kinds = dict(
        O='OpenCompressedVideo',
        S='SampleClips',
        D='DecodeCompressedVideo',
        C='ssvrl_mm.ClipCenterCrop',
        F='ClipFlip',
        P='PackSSLInputs',
    )
    steps = [dict(type=kinds[letter]) for letter in order]
    config = tmp_path / 'config.py'
    config.write_text(f'train_dataloader = dict(dataset=dict(pipeline={steps}))')
    pipeline = samples.TrainPipeline(str(config))
    letters = {kind: letter for letter, kind in kinds.items()}
    for found, expected in (
        (pipeline.cropped_while, expected_while),
        (pipeline.cropped_after, expected_after),
    ):
        assert ''.join(letters[step['type']] for step in found) == expected
    assert pipeline.streams == ('rgb', 'motion')


def test_only_pipelines_of_compressed_videos(tmp_path):
    config = tmp_path / 'config.py'
    for pipeline in ("[dict(type='DecordInit')]", "[dict(type='OpenCompressedVideo')]"):
        config.write_text(f'train_dataloader = dict(dataset=dict(pipeline={pipeline}))')
        with pytest.raises(samples.PipelineError, match='must begin with OpenCompressedVideo'):
            samples.TrainPipeline(str(config))
    config.write_text('')
    with pytest.raises(samples.PipelineError, match=r'got \[\]'):
        samples.TrainPipeline(str(config))


def test_a_sample_is_that_of_the_dataset(plain):
    pipeline = samples.TrainPipeline(MVCGC)
    options = dict(pipeline=pipeline.cropped_after, streams=pipeline.streams)
    dataset = CompressedVideoDataset(data_prefix=dict(video=plain.rpartition('/')[0]), **options)
    place = next(i for i in range(2) if dataset.get_data_info(i)['filename'] == plain)
    comparison = samples.sample_comparison(plain, MVCGC)
    for number in range(3):
        comparison.prepare(number)
        expected = dataset[place]['inputs']
        assert expected.keys() == {'rgb', 'motion'}
        for order in (samples.AFTER, samples.WHILE):
            comparison.prepare(number)
            found = comparison.tasks[order]()['inputs']
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize('config', [CONTEXT_MOTION, MVCGC])
def test_torchcodec_makes_the_same_rgb_of_the_same_frames(config, plain, torchcodec):
    comparison = samples.sample_comparison(plain, config)
    for number in range(3):
        comparison.prepare(number)
        ours = comparison.tasks[samples.AFTER]()
        comparison.prepare(number)
        torchcodec.clear()
        theirs = comparison.tasks[samples.PEER]()
        assert theirs['inputs'].keys() == ours['inputs'].keys() - {'motion'}
        for name, images in theirs['inputs'].items():
            assert torch.equal(images, ours['inputs'][name])
        options, frames = torchcodec
        assert options == dict(dimension_order='NHWC', num_ffmpeg_threads=1, seek_mode='exact')
        # Each once.
        assert frames == sorted(set(frames))


@pytest.mark.parametrize('accumulate', [False, True])
def test_one_call_reads_what_a_sample_shows(plain, tmp_path, accumulate):
    config = tmp_path / 'config.py'
    config.write_text(
        'train_dataloader = dict(dataset=dict('
        f"streams=('iframe', 'motion', 'residual'), reader_options=dict(accumulate={accumulate}), "
        "pipeline=[dict(type='OpenCompressedVideo', iframe_motion='zero'), "
        "dict(type='SampleGOPs', num_gops=2, positions=(1, 4)), "
        "dict(type='ClipCenterCrop', size=32), dict(type='DecodeCompressedVideo'), "
        "dict(type='PackSSLInputs')]))"
    )
    comparison = samples.sample_comparison(plain, str(config))
    assert comparison.ratios['x call'] == samples.CALL and samples.PEER not in comparison.tasks
    comparison.prepare(0)
    sample = comparison.tasks[samples.WHILE]()
    batch = comparison.tasks[samples.CALL]()
    shown = sample['data_samples']
    assert batch.indices.tolist() == shown.iframe_inds.ravel().tolist()
    height, width = batch.rgb.shape[1:3]
    centre = np.s_[:, (height - 32) // 2 :, (width - 32) // 2 :]
    pictures = batch.rgb[centre][:, :32, :32].transpose(3, 0, 1, 2)
    assert (sample['inputs']['iframe'][0].numpy() == pictures).all()
    residuals = batch.residual[centre][:, :32, :32].transpose(3, 0, 1, 2)
    assert (sample['inputs']['residual'][0].numpy() == residuals).all()
    with CompressedVideoReader(plain, iframe_motion='zero', accumulate=accumulate) as reader:
        moving = shown.motion_inds.ravel().tolist()
        assert (reader.get_frames_at(moving, ('motion',)).motion == batch.motion).all()


def test_one_call_for_clips(plain):
    comparison = samples.sample_comparison(plain, MVCGC)
    comparison.prepare(0)
    sample = comparison.tasks[samples.WHILE]()['data_samples']
    batch = comparison.tasks[samples.CALL]()
    assert batch.indices.tolist() == np.unique(sample.frame_inds).tolist()
    assert len(batch.motion) == len(batch.rgb) and batch.residual is None


def test_streams_alone(plain):
    comparison = samples.sample_comparison(plain, MVCGC)
    for name in ('rgb', 'motion'):
        comparison.prepare(0)
        packed = comparison.tasks[f'{samples.AFTER}, {name} alone']()
        assert packed['inputs'].keys() == {name}


def test_configs_that_predict_motion_have_rgb_alone_too(plain, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        'train_dataloader = dict(dataset=dict(pipeline=['
        "dict(type='OpenCompressedVideo'), dict(type='SampleClips', clip_len=4),"
        "dict(type='DecodeCompressedVideo', streams=('rgb', 'motion')),"
        "dict(type='PackSSLInputs', motion_target=True)]))"
    )
    comparison = samples.sample_comparison(plain, str(config))
    comparison.prepare(0)
    assert 'motion_target' in comparison.tasks[samples.AFTER]()['data_samples']
    packed = comparison.tasks[f'{samples.AFTER}, rgb alone']()
    assert packed['inputs'].keys() == {'rgb'} and 'motion_target' not in packed['data_samples']


@pytest.mark.parametrize(
    ('which', 'frames', 'fed'),
    [
        # From the keyframe on, each once, and no further.
        (0, [14, 13], 3),
        (0, [14, 13, 30, 1], 3 + 7 + 2),
        (0, [20, 22, 25], 9 + 0 + 2 + 2),
        # I P B B P B B ...: B-frames that nobody asked for are left out.
        (1, [4], 4),
        (1, [6], 3),
    ],
)
def test_the_floor_decodes_what_a_sample_needs(which, frames, fed, videos, monkeypatch):
    floor = SampleFloor(str(videos[which]))
    floor.choose(frames)
    decoded = []
    monkeypatch.setattr(
        'ssvrl_mm.decode_benchmark.floors.decode',
        lambda context, packet: decoded.extend(context.decode(packet)),
    )
    floor()
    assert sum(map(len, floor._runs)) == fed
    with CompressedVideoReader(videos[which]) as reader:
        expected = {int(reader._open().decoder.index.packets[n]) for n in frames}
    assert expected <= {frame.pts for frame in decoded}
    assert any('MOTION_VECTORS' in frame.side_data for frame in decoded)


def test_whole_files_are_read_whole(plain, mvextractor, monkeypatch):
    comparison = whole_files.whole_file_comparison(plain, chunk=25)
    calls = []
    read = CompressedVideoReader.get_frames_at

    def record(reader, indices, streams, **options):
        batch = read(reader, indices, streams, **options)
        reused = options.get('out') is not None
        calls.append((list(indices), streams, reused))
        return batch

    monkeypatch.setattr(CompressedVideoReader, 'get_frames_at', record)
    asked = {}
    for name, task in comparison.tasks.items():
        calls.clear()
        mvextractor.clear()
        task()
        asked[name] = [(len(frames), *rest) for frames, *rest in calls]
        assert sum((frames for frames, *_ in calls), []) == (list(range(84)) if calls else [])
        if name.startswith('mvextractor'):
            # It reads on until there is nothing more.
            assert mvextractor == [[plain, name == whole_files.PEER, 84]]
    both = 'rgb', 'motion'
    chunks = [25, 25, 25, 9]
    assert asked['RGB + motion'] == [(length, both, True) for length in chunks]
    assert asked['RGB + motion, known file'] == asked['RGB + motion']
    assert asked['RGB + motion, no out='] == [(length, both, False) for length in chunks]
    assert asked['motion'] == asked['motion, known file']
    assert asked['motion'] == [(length, ('motion',), False) for length in chunks]
    assert asked['motion, one call'] == [(84, ('motion',), False)]
    assert asked['RGB + motion, one call'] == [(84, both, False)]
    assert asked['RGB + motion, one call, out='] == [(84, both, True)]
    assert comparison.ratios['x vectors'] == whole_files.PEER_VECTORS


def test_no_single_call_beyond_the_memory_that_it_may_take(plain, monkeypatch):
    size = 84 * 48 * 64 * 3
    for largest, expected in ((size, 2), (size - 1, 0)):
        monkeypatch.setattr(whole_files, 'LARGEST_CALL', largest)
        tasks = whole_files.whole_file_comparison(plain, chunk=25).tasks
        assert sum('RGB + motion, one call' in name for name in tasks) == expected


def test_every_contender_for_a_clip_runs(videos, torchcodec, mvextractor, capsys):
    rows = compare(partial(clip_comparison, str(videos[1]), 8), rounds=1)
    assert not capsys.readouterr().err
    assert {'torchcodec RGB + open', 'mvextractor RGB + vectors + open'} < rows.keys()
    assert all(row.keys() == {'ms', 'x floor', 'x bare'} for row in rows.values())
    assert mvextractor[-1][2] == 46  # up to the end of the clip in the middle


@pytest.mark.parametrize(
    ('mode', 'expected', 'columns'),
    [
        ([], 'bare minimum, RGB + motion', {'x floor', 'x bare'}),
        (['--pipeline', HERE / 'tiny_mvcgc.py'], 'crop after decoding', {'x after', 'x floor'}),
        (['--whole'], 'RGB + motion, one call', {'x floor'}),
    ],
)
def test_the_tool_prints_a_table_per_file_and_one_of_all(
    mode, expected, columns, videos, call, tool, tmp_path
):
    options = ['--rounds', 1, '--json', 'figures.json', *mode]
    done = call(sys.executable, tool('analysis/benchmark_decode.py'), *videos, *options)
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert list(figures) == ['plain.avi', 'b.mp4']
    assert all(columns < rows[expected].keys() for rows in figures.values())
    titles = [line for line in done.stdout.splitlines() if line and '  ms' in line]
    starts = ('plain.avi', 'b.mp4', 'median of 2 files', 'highest of 2 files')
    assert all(title.startswith(start) for title, start in zip(titles, starts, strict=True))


def test_mistakes_end_with_a_message(videos, call, tool, tmp_path):
    program = sys.executable, tool('analysis/benchmark_decode.py')
    done = call(*program, '--pipeline', videos[0], check=False)
    assert done.returncode == 2 and 'put the video' in done.stderr
    done = call(*program, tmp_path / 'none.mp4', videos[0], '--whole', '--rounds', 1, check=False)
    assert done.returncode == 1 and done.stderr.startswith('error: ')
    assert 'plain.avi' in done.stdout  # what can be measured is
    config = tmp_path / 'config.py'
    config.write_text('')
    done = call(*program, videos[0], '--pipeline', config, check=False)
    assert done.returncode == 1 and 'must begin with OpenCompressedVideo' in done.stderr
