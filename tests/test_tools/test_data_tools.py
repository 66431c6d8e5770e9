"""The tools that prepare the papers' datasets, from the command line to lists."""

import importlib.util
import subprocess
import sys
import zipfile

import pytest

from ssvrl_mm.datasets import read_video_list
from tests.test_datasets.test_official import copies

ADDRESSES = {
    'ucf101': ['https://www.crcv.ucf.edu/data/UCF101/UCF101.rar'],
    'hmdb51': ['/2013/10/hmdb51_org.rar', '/2013/10/test_train_splits.rar'],
    'kinetics400': ['https://s3.amazonaws.com/kinetics/400/annotations/$split.csv'],
    'sthv2': ['https://www.qualcomm.com/developer/software/something-something-v-2-dataset'],
}
WRITERS = {
    'ucf101': copies.write_ucf101,
    'hmdb51': copies.write_hmdb51,
    'kinetics400': copies.write_kinetics400,
    'sthv2': copies.write_sthv2,
}
FIRST = {
    'ucf101': ('ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi', 0),
    'hmdb51': ('cartwheel/Geena_und_die_Radschl_ge___;-)_cartwheel_f_cm_np1_fr_med_2.avi', 0),
    'kinetics400': ('train/riding_a_bike/-abcdefghi1_000005_000015.mp4', 0),
    'sthv2': ('11.webm', 1),
}


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    return copies.make_clip(tmp_path_factory.mktemp('clip'))


@pytest.fixture
def main(repository):
    """The `main` of a dataset's tool."""

    def load(name):
        path = repository / 'tools' / 'data' / name / 'prepare.py'
        spec = importlib.util.spec_from_file_location(f'prepare_{name}', path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.main

    return load


def arguments(root, *more):
    folders = ['--videos', root / 'videos', '--annotations', root / 'annotations']
    options = ['--out', root / 'out', '--workers', 0, '--quiet', *more]
    return [str(word) for word in (*folders, *options)]


@pytest.mark.parametrize('name', FIRST)
def test_folders_become_lists(name, main, tmp_path, clip, capsys):
    WRITERS[name](tmp_path, clip)
    main(name)(arguments(tmp_path, '--subset', '--check'))
    assert read_video_list(tmp_path / 'out/train_list.txt')[0] == FIRST[name]
    # The configs look for the videos beside the lists.
    assert (tmp_path / 'out/videos' / FIRST[name][0]).is_file()
    output = capsys.readouterr()
    assert 'train_list.txt' in output.out and 'preparation.json' in output.out
    assert 'warning: the annotations of' in output.err
    # Again: nothing is inspected, nothing changes.
    health = (tmp_path / 'out/health.jsonl').read_text()
    main(name)(arguments(tmp_path, '--subset', '--check'))
    assert (tmp_path / 'out/health.jsonl').read_text() == health


@pytest.mark.parametrize('name', FIRST)
def test_print_commands_downloads_nothing(name, main, tmp_path, capsys):
    out = tmp_path / 'out'
    assert main(name)(['--print-commands', '--archives', '/mnt/a b', '--out', str(out)]) is None
    text = capsys.readouterr().out
    assert all(address in text for address in ADDRESSES[name])
    assert f'python tools/data/{name}/prepare.py --archives' in text
    assert not out.exists()
    # It is a script that a shell can read.
    subprocess.run(['bash', '-n'], input=text, text=True, check=True)


def test_archives_to_lists(main, tmp_path, clip, monkeypatch):
    copies.install_unrar(tmp_path / 'bin', monkeypatch)
    copies.write_ucf101(tmp_path / 'source', clip)
    source = tmp_path / 'source'
    copies.write_rar(
        tmp_path / 'archives/UCF101.rar',
        {f'UCF-101/{path}': clip for path in copies.UCF101_VIDEOS},
    )
    name = 'UCF101TrainTestSplits-RecognitionTask.zip'
    with zipfile.ZipFile(tmp_path / 'archives' / name, 'w') as archive:
        for path in (source / 'annotations').iterdir():
            archive.write(path, f'ucfTrainTestlist/{path.name}')
    words = ['--archives', tmp_path / 'archives', '--out', tmp_path / 'out', '--subset']
    words = [str(word) for word in (*words, '--workers', 0, '--quiet')]
    with pytest.raises(SystemExit, match='not the official file'):
        main('ucf101')(words)
    main('ucf101')([*words, '--no-checksums'])
    assert read_video_list(tmp_path / 'out/test_list_split3.txt') == [
        ('ApplyEyeMakeup/v_ApplyEyeMakeup_g15_c01.avi', 0),
        ('HandstandPushups/v_HandStandPushups_g15_c01.avi', 1),
    ]
    assert (tmp_path / 'out/videos/ApplyEyeMakeup/v_ApplyEyeMakeup_g15_c01.avi').is_file()


def test_mistakes_end_with_a_message(main, tmp_path, clip):
    with pytest.raises(SystemExit, match='error: no folder of annotations at'):
        main('hmdb51')(arguments(tmp_path))
    copies.write_ucf101(tmp_path, clip)
    with pytest.raises(SystemExit, match='error: the annotations of UCF101 have 2 classes'):
        main('ucf101')(arguments(tmp_path))
    (tmp_path / 'out/videos').mkdir(parents=True)
    with pytest.raises(SystemExit, match='the lists are of .* remove it, or give --no-link'):
        main('ucf101')(arguments(tmp_path, '--subset'))
    main('ucf101')(arguments(tmp_path, '--subset', '--no-link'))


def test_it_is_a_program(tmp_path, repository):
    tool = repository / 'tools/data/sthv2/prepare.py'
    command = [sys.executable, str(tool), '--out', str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.strip().endswith('see --print-commands')
