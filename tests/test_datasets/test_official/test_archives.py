"""Archives of every kind are unpacked to the same files, and only once."""

import hashlib
import io
import shutil
import tarfile
import zipfile

import pytest

from ssvrl_mm.datasets.official import (
    HMDB51,
    UCF101,
    Kinetics400,
    PreparationError,
    SomethingSomethingV2,
)
from ssvrl_mm.datasets.official.archives import sha256_of, unpack_dataset
from tests.test_datasets.test_official.copies import write, write_rar


def unpack(dataset, root, verify=False):
    targets = {name: root / name for name in ('videos', 'annotations')}
    return unpack_dataset(dataset, root / 'archives', targets, verify, progress=False)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file() and not path.name.startswith('.')
    }


def write_tar(path, members, mode='w:gz'):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_ucf101(root):
    write_rar(root / 'archives/UCF101.rar', {'UCF-101/Archery/a.avi': b'1', 'UCF-101/b.avi': b'2'})
    name = 'UCF101TrainTestSplits-RecognitionTask.zip'
    write_zip(root / 'archives' / name, {'ucfTrainTestlist/classInd.txt': b'1 Archery'})


def test_ucf101(tmp_path, rar):
    write_ucf101(tmp_path)
    assert len(unpack(UCF101(), tmp_path)) == 2
    assert files(tmp_path / 'videos') == {'Archery/a.avi': b'1', 'b.avi': b'2'}
    assert files(tmp_path / 'annotations') == {'classInd.txt': b'1 Archery'}
    # The second time nothing is done, nor after a file was taken away on purpose.
    (tmp_path / 'videos/b.avi').unlink()
    assert unpack(UCF101(), tmp_path) == []
    assert len(rar.read_text().splitlines()) == 1
    # An archive of another size is another archive.
    write_rar(tmp_path / 'archives/UCF101.rar', {'UCF-101/b.avi': b'333'})
    assert unpack(UCF101(), tmp_path) == ['UCF101.rar']
    assert files(tmp_path / 'videos') == {'Archery/a.avi': b'1', 'b.avi': b'333'}


def test_hmdb51_is_an_archive_of_archives(tmp_path, rar):
    inner = {}
    for name in ('chew', 'wave'):
        path = write_rar(tmp_path / 'inner.rar', {f'{name}/#1 {name}; (a).avi': name.encode()})
        inner[f'{name}.rar'] = path.read_bytes()
    write_rar(tmp_path / 'archives/hmdb51_org.rar', inner)
    unpack(HMDB51(), tmp_path)
    assert files(tmp_path / 'videos') == {
        'chew/#1 chew; (a).avi': b'chew',
        'wave/#1 wave; (a).avi': b'wave',
    }
    assert not (tmp_path / 'videos/.unpacking').exists()
    assert len(rar.read_text().splitlines()) == 3


def test_kinetics400_keeps_splits_and_replacements_apart(tmp_path):
    archives = tmp_path / 'archives'
    write_tar(archives / 'train/part_0.tar.gz', {'a.mp4': b'a', './b.mp4': b'b'})
    write_tar(archives / 'train/part_1.tar.gz', {'c.mp4': b'c'}, mode='w')
    write_tar(archives / 'val/part_0.tar.gz', {'d.mp4': b'd'})
    write_tar(archives / 'replacement_for_corrupted_k400.tgz', {'r/a.mp4': b'A'})
    assert len(unpack(Kinetics400(), tmp_path)) == 4
    assert files(tmp_path / 'videos') == {
        'train/a.mp4': b'a',
        'train/b.mp4': b'b',
        'train/c.mp4': b'c',
        'val/d.mp4': b'd',
        'replacement/r/a.mp4': b'A',
    }
    # A part that comes later is all that is unpacked later.
    write_tar(archives / 'val/part_1.tar.gz', {'e.mp4': b'e'})
    assert unpack(Kinetics400(), tmp_path) == ['part_1.tar.gz']


@pytest.mark.parametrize('zipped', [False, True])
def test_sthv2_parts_are_joined(tmp_path, zipped):
    names = [f'20bn-something-something-v2/{number}.webm' for number in range(40)]
    whole = write_tar(tmp_path / 'whole', {n: hashlib.sha256(n.encode()).digest() for n in names})
    data = whole.read_bytes()
    parts = {
        f'20bn-something-something-v2-{number:02d}': data[start : start + 300]
        for number, start in enumerate(range(0, len(data), 300))
    }
    assert len(parts) > 3
    first, second = dict(list(parts.items())[:2]), dict(list(parts.items())[2:])
    archives = tmp_path / 'archives'
    if zipped:
        write_zip(archives / '20bn-something-something-v2-00.zip', first)
        write_zip(archives / '20bn-something-something-v2-01.zip', second)
    else:
        for name, content in parts.items():
            write(archives / name, content)
    unpack(SomethingSomethingV2(), tmp_path)
    assert files(tmp_path / 'videos') == {
        n.split('/')[1]: hashlib.sha256(n.encode()).digest() for n in names
    }


def test_sthv2_without_its_last_part(tmp_path):
    whole = write_tar(tmp_path / 'whole', {f'{n}.webm': bytes(range(256)) * n for n in range(99)})
    data = whole.read_bytes()
    write(tmp_path / 'archives/20bn-something-something-v2-00', data[: len(data) // 2])
    with pytest.raises(PreparationError, match='is a part missing or incomplete'):
        unpack(SomethingSomethingV2(), tmp_path)
    # Once it is there, the rest is unpacked.
    write(tmp_path / 'archives/20bn-something-something-v2-01', data[len(data) // 2 :])
    unpack(SomethingSomethingV2(), tmp_path)
    assert len(files(tmp_path / 'videos')) == 99


def test_an_incomplete_archive_leaves_nothing_behind(tmp_path, rar):
    write_ucf101(tmp_path)
    path = tmp_path / 'archives/UCF101.rar'
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(PreparationError, match='status 1: Unexpected end of archive'):
        unpack(UCF101(), tmp_path)
    assert files(tmp_path / 'videos') == {}
    path.write_bytes(whole)
    unpack(UCF101(), tmp_path)
    assert len(files(tmp_path / 'videos')) == 2


def test_an_incomplete_tar(tmp_path):
    path = write_tar(tmp_path / 'archives/train/part_0.tar.gz', {'a.mp4': bytes(range(256)) * 99})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(PreparationError, match=r'cannot unpack .*part_0.*`wget -c` resumes'):
        unpack(Kinetics400(), tmp_path)


def test_members_stay_inside_the_folder(tmp_path):
    write_tar(tmp_path / 'archives/train/part_0.tar.gz', {'../../../escaped.mp4': b'x'})
    with pytest.raises(PreparationError, match='cannot unpack'):
        unpack(Kinetics400(), tmp_path)
    assert not list(tmp_path.rglob('escaped.mp4'))


def test_checksums_of_official_archives(tmp_path, rar):
    write_ucf101(tmp_path)
    with pytest.raises(PreparationError, match='not the official file: its sha256 is'):
        unpack(UCF101(), tmp_path, verify=True)
    assert not rar.exists()
    for dataset in (UCF101, HMDB51):
        assert all(len(bytes.fromhex(a.sha256)) == 32 for a in dataset.archives)


def test_sha256(tmp_path):
    path = write(tmp_path / 'abc', b'abc')
    # FIPS 180-2, appendix B.1.
    assert sha256_of(path) == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'


def test_no_program_for_rar(tmp_path, monkeypatch):
    write_ucf101(tmp_path)
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    with pytest.raises(PreparationError, match='sudo apt install unrar'):
        unpack(UCF101(), tmp_path)


@pytest.mark.parametrize('make_folder', [True, False])
def test_no_archives(tmp_path, make_folder):
    if make_folder:
        (tmp_path / 'archives').mkdir()
    with pytest.raises(PreparationError, match='UCF101.rar|no folder of archives'):
        unpack(UCF101(), tmp_path)
