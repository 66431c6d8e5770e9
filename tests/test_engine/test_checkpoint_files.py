import os
import pickle
import time

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from ssvrl_mm.engine import CheckpointFileError
from ssvrl_mm.engine.checkpoint_files import (
    check_whole,
    list_checkpoints,
    load_checkpoint_file,
    newest_checkpoint,
)

CONTENT = dict(state_dict=dict(weight=torch.arange(1000.0)), meta=dict(epoch=3))


def save(path, **kwargs):
    torch.save(CONTENT, path, **kwargs)
    return path


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 0x40
    path.write_bytes(data)


def test_a_flipped_bit_of_a_weight_is_found(tmp_path):
    path = save(tmp_path / 'epoch_1.pth')
    data = path.read_bytes()
    position = data.index(torch.arange(500.0, 510).numpy().tobytes())
    flip(path, position + 3)
    # torch itself reads another number.
    assert not torch.equal(torch.load(path)['state_dict']['weight'], torch.arange(1000.0))
    with pytest.raises(CheckpointFileError, match=r'epoch_1\.pth: damaged, .* record \S+data/0'):
        load_checkpoint_file(str(path))
    # Every load of mmengine goes the same way.
    with pytest.raises(CheckpointFileError, match=r'epoch_1\.pth'):
        CheckpointLoader.load_checkpoint(str(path), 'cpu', 'silent')


def test_no_flipped_bit_changes_what_is_loaded(tmp_path):
    path = save(tmp_path / 'a.pth')
    original, found = path.read_bytes(), 0
    for position in range(0, len(original), 41):
        flip(path, position)
        os.utime(path, ns=(position, position))  # tests are faster than the clock of some disks
        try:
            loaded = load_checkpoint_file(str(path))
        except (CheckpointFileError, RuntimeError):
            found += 1
        else:
            # A byte between the records, which nobody reads.
            assert torch.equal(loaded['state_dict']['weight'], CONTENT['state_dict']['weight'])
        path.write_bytes(original)
    assert found > 100


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', 'an empty file'),
        (b'<html>', 'no checkpoint; it starts with'),
        (None, 'cut off after 3000 bytes'),
    ],
)
def test_what_is_no_whole_file_is_named(tmp_path, content, message):
    path = save(tmp_path / 'a.pth')
    path.write_bytes(path.read_bytes()[:3000] if content is None else content)
    with pytest.raises(CheckpointFileError, match=rf'a\.pth: {message}'):
        check_whole(path)
    with pytest.raises(FileNotFoundError, match='none.pth'):
        load_checkpoint_file(str(tmp_path / 'none.pth'))


def test_the_old_format_loads_and_is_told_apart(tmp_path, capsys, caplog):
    path = save(tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    loaded = load_checkpoint_file(str(path))
    assert torch.equal(loaded['state_dict']['weight'], CONTENT['state_dict']['weight'])
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(CheckpointFileError, match=r"old\.pth: a file of torch's old format that"):
        load_checkpoint_file(str(path))
    # It brings no code either.
    (tmp_path / 'code.pth').write_bytes(pickle.dumps(print))
    with pytest.raises(CheckpointFileError, match='code.pth'):
        load_checkpoint_file(str(tmp_path / 'code.pth'))


def test_a_file_saved_without_checksums_loads(tmp_path):
    from torch.serialization import get_crc32_options, set_crc32_options

    before = get_crc32_options()
    set_crc32_options(False)
    try:
        path = save(tmp_path / 'a.pth')
    finally:
        set_crc32_options(before)
    assert load_checkpoint_file(str(path))['meta'] == dict(epoch=3)


def run_folder(folder, *epochs, pointer=None):
    folder.mkdir(parents=True, exist_ok=True)
    for epoch in epochs:
        save(folder / f'epoch_{epoch}.pth')
        time.sleep(0.01)
    if pointer is not None:
        (folder / 'last_checkpoint').write_text(pointer)
    return folder


def test_the_newest_is_the_one_that_the_pointer_names(tmp_path):
    folder = run_folder(tmp_path / 'run', 8, 9, 10, pointer=str(tmp_path / 'run/epoch_10.pth'))
    found = newest_checkpoint(folder)
    assert (found.path, found.reason) == (folder / 'epoch_10.pth', 'last_checkpoint names it')
    assert [f.name for f in list_checkpoints(folder)] == [f'epoch_{i}.pth' for i in (10, 9, 8)]
    # A later one that the pointer had no time to name.
    run_folder(folder, 11)
    found = newest_checkpoint(folder)
    assert found.path.name == 'epoch_11.pth'
    assert found.reason == 'it was written after epoch_10.pth, which last_checkpoint names'
    # Resumed from an earlier epoch: those of the run before are further, but older.
    run_folder(folder, 4, pointer='epoch_4.pth')
    assert newest_checkpoint(folder).path.name == 'epoch_4.pth'


def test_a_moved_or_copied_folder_goes_on_from_its_own(tmp_path):
    old = run_folder(tmp_path / 'old', 1, 2, pointer=str(tmp_path / 'old/epoch_2.pth'))
    new = run_folder(tmp_path / 'new', 1, 2, pointer=(old / 'last_checkpoint').read_text())
    assert newest_checkpoint(new).path == new / 'epoch_2.pth'
    # Checkpoints that are written elsewhere are found where the pointer says.
    logs = run_folder(tmp_path / 'logs', pointer=str(old / 'epoch_2.pth'))
    assert newest_checkpoint(logs).path == old / 'epoch_2.pth'


@pytest.mark.parametrize(
    'pointer, why',
    [
        (None, 'there is no last_checkpoint'),
        ('', 'last_checkpoint is empty'),
        ('\0\0\0', 'last_checkpoint is empty'),
        ('/gone/epoch_7.pth', 'names /gone/epoch_7.pth, which is not there'),
    ],
)
def test_without_a_pointer_the_furthest_is_taken(tmp_path, pointer, why):
    folder = run_folder(tmp_path, 9, 10, pointer=pointer)
    found = newest_checkpoint(folder)
    assert found.path.name == 'epoch_10.pth'
    assert why in found.reason and 'newest whole one' in found.reason


def test_a_damaged_newest_is_passed_over(tmp_path):
    folder = run_folder(tmp_path, 1, 2, 3, pointer='epoch_3.pth')
    (folder / 'epoch_3.pth').write_bytes((folder / 'epoch_3.pth').read_bytes()[:2000])
    flip(folder / 'epoch_2.pth', (folder / 'epoch_2.pth').stat().st_size // 2)
    found = newest_checkpoint(folder)
    assert found.path.name == 'epoch_1.pth'
    assert 'epoch_3.pth: cut off' in found.reason and 'epoch_2.pth: damaged' in found.reason
    (folder / 'epoch_1.pth').write_bytes(b'')
    with pytest.raises(CheckpointFileError, match='none of its 3 checkpoints is whole.*epoch_1'):
        newest_checkpoint(folder)


def test_an_empty_folder_holds_none(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / 'none') is None
