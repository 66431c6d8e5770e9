"""The benchmark of inference: that its figures are what they say. Times are not tested."""

import importlib.util
import json
import os

import cv2
import pytest
import torch

from ssvrl_mm.decode_benchmark import generated
from ssvrl_mm.inference_benchmark import clips, setups
from tests.clips import encode, translating

TOOL = 'analysis/benchmark_inference.py'


@pytest.fixture
def module(tool):
    spec = importlib.util.spec_from_file_location('benchmark_inference', tool(TOOL))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def same_threads():
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


def test_the_whole_command(module, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'scratch').mkdir()
    tiny = '--number 1 --frames 34 --size 64x48 --flow-method dis --width 0.05 --rounds 1'
    files = '--json figures.json --figure figure.png --scratch scratch --clock cpu'
    assert module.main([*tiny.split(), *files.split()]) == 0
    text = capsys.readouterr().out
    report = json.loads((tmp_path / 'figures.json').read_text())
    wide = {'coviar', 'resnet152'}
    assert list(report['setups']) == [name for name in setups.SETUPS if name not in wide]
    assert wide <= report['not_measured'].keys()
    (video,) = report['videos']
    assert (video['frames'], video['width'], video['height']) == (34, 64, 48)
    assert report['options'] == {
        'protocol': 'one_clip',
        'width': 0.05,
        'device': 'cpu',
        'threads': 1,
        'flow_method': 'dis',
        'clock': 'cpu',
    }
    for name, own in report['setups'].items():
        stores = name in ('coclr', 'stored-flow', 'imrnet', 'imrnet-r50')
        (run,) = own['runs']
        assert run['round'] == 0 and run['read_s'] > 0
        assert (run['store_s'] > 0) == stores == run['stores']
        total = run['store_s'] + run['read_s'] + run['network_s']
        assert own['total_s']['median'] == pytest.approx(total)
        sums = own['pre_processing_s']['median'] + own['inference_s']['median']
        assert own['total_s']['median'] == pytest.approx(sums)
        if per_frame := own['per_frame']:
            assert name in ('imrnet', 'imrnet-r50', 'r2plus1d')
            seen = 1000 * (run['read_s'] + run['network_s']) / per_frame['frames']
            assert per_frame['total_ms']['median'] == pytest.approx(seen)
    sizes = {name: own['bytes'] for name, own in report['setups'].items()}
    assert sizes['mvcgc'] == sizes['context-motion'] == video['bytes'] < sizes['stored-flow']
    assert report['setups']['mvcgc']['x_total']['median'] == 1
    assert set(report['whole_files_fps']) == {
        'keyframes + motion vectors',
        'frames + motion vectors',
        'frames',
    }
    assert 'per frame' in text and 'paper: DMC ' in text
    assert 'paper: MVCGC' in text and 'paper: keyframes + motion vectors' in text
    assert (tmp_path / 'figure.png').stat().st_size and not os.listdir(tmp_path / 'scratch')


def test_videos_that_fail_are_named_and_the_others_measured(module, tmp_path, capsys):
    good = encode(tmp_path / 'good.avi', translating(14, 1, 0, 48, 64), 'mpeg4')
    short = encode(tmp_path / 'short.avi', translating(1, 1, 0, 48, 64), 'mpeg4')
    vp9 = encode(
        tmp_path / 'vp9.webm',
        translating(12, 1, 0, 48, 64),
        'libvpx-vp9',
        options={'deadline': 'realtime', 'cpu-used': '8'},
    )
    (tmp_path / 'text.mp4').write_text('no video')
    wrong = [str(short), str(tmp_path / 'text.mp4'), str(tmp_path / 'none.mp4')]
    options = ['--setups', 'imrnet', '--width', '0.05', '--rounds', '1']
    options += ['--json', str(tmp_path / 'f.json')]
    assert module.main([*wrong, str(good), str(vp9), *options]) == 1
    errors = capsys.readouterr().err
    for path in (*wrong, vp9):
        assert f'error: {path}: ' in errors
    report = json.loads((tmp_path / 'f.json').read_text())
    runs = report['setups']['imrnet']['runs']
    # Codecs whose vectors cannot be had are what re-encoding is for.
    assert [run['video'] for run in runs] == [str(good), str(vp9)]
    assert module.main([*wrong, *options]) == 1
    assert 'per video' not in capsys.readouterr().out
    assert module.main([str(good), *options]) == 0


def test_a_set_up_without_vectors(module, tmp_path, capsys):
    options = {'deadline': 'realtime', 'cpu-used': '8'}
    frames = translating(4, 1, 0, 48, 64)
    path = str(encode(tmp_path / 'vp9.webm', frames, 'libvpx-vp9', options=options))
    narrow = ['--width', '0.05', '--setups', 'mvcgc', '--rounds', '1']
    assert module.main([path, *narrow]) == 1
    assert f'not measured: mvcgc of {path}: ' in capsys.readouterr().out


def test_memory(module, tmp_path, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        'ssvrl_mm.decode_benchmark.measuring.peak_memory',
        lambda make, name, rounds: asked.append((list(make().tasks), name, rounds)) or 77.0,
    )
    path = str(encode(tmp_path / 'a.avi', translating(14, 1, 0, 48, 64), 'mpeg4'))
    assert (
        module.main([path, '--setups', 'r2plus1d', '--width', '0.05', '--rounds', '1', '--memory'])
        == 0
    )
    assert asked == [(['r2plus1d'], 'r2plus1d', 1)] and ' 77\n' in capsys.readouterr().out


def test_mistakes(module, tmp_path, capsys, monkeypatch):
    for arguments, message in (
        (['--clock', 'cpu', '--device', 'cuda'], 'does not see what a GPU does'),
        (['--width', '0'], '--width must be above 0'),
        (['--width', '1.5'], '--width must be above 0'),
        (['--rounds', '0'], 'not a whole number from 1 on'),
        (['--number', '-1'], 'not a whole number from 1 on'),
        (['--size', '320'], 'not like 320x240'),
        (['--size', '31x48'], 'must be even, and 32 px or more'),
        (['--size', '32x30'], 'must be even, and 32 px or more'),
        (['--setups', 'memdpc'], 'invalid choice'),
        (['--scratch', str(tmp_path / 'none')], 'no folder'),
        (['--json', str(tmp_path / 'none' / 'f.json')], 'no folder'),
        (['--figure', 'figure.txt'], 'suffix must be one of'),
    ):
        with pytest.raises(SystemExit) as end:
            module.parse_args(arguments)
        assert end.value.code == 2 and message in capsys.readouterr().err
    assert module.main([str(tmp_path)]) == 1
    assert 'no video' in capsys.readouterr().err
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    path = str(encode(tmp_path / 'a.avi', translating(4, 1, 0, 48, 64), 'mpeg4'))
    assert module.main([path, '--device', 'cuda']) == 2
    assert 'sees no GPU here; give --device cpu' in capsys.readouterr().err


def test_choices_and_defaults(module):
    assert tuple(setups.SETUPS) == module.SETUPS
    assert clips.PROTOCOLS == module.PROTOCOLS
    args = module.parse_args([])
    assert args.size == (240, 320) and module.parse_args(['--size', '64x32']).size == (32, 64)
    assert (args.number, args.frames, args.rounds, args.flow_method) == (1, 186, 3, 'tvl1')
    assert args.codec in generated.CODECS and args.setups == module.SETUPS
    assert (args.protocol, args.device, args.clock, args.width) == ('one_clip', 'cpu', 'wall', 1)
    assert module.parse_args(['--figure', 'a.PDF']).figure.name == 'a.PDF'
