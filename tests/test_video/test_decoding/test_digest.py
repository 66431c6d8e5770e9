"""The digest of a file, against a published one."""

import pytest

from ssvrl_mm.video.decoding import digest
from ssvrl_mm.video.decoding.digest import file_digest


def test_digest_is_sha256_and_follows_changes(tmp_path):
    file = tmp_path / 'clip'
    file.write_bytes(b'abc')
    # The test vector of FIPS 180.
    known = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    assert file_digest(file) == known
    assert file_digest(str(file)) == known
    file.write_bytes(b'abcd')
    assert file_digest(file) != known
    file.unlink()
    with pytest.raises(OSError):
        file_digest(file)


def test_files_are_read_once_while_they_are_remembered(tmp_path, monkeypatch):
    # A process comes by all of a data set, epoch after epoch.
    assert digest._REMEMBERED > 650_000
    monkeypatch.setattr(digest, '_digests', {})
    read = []

    def spy(path, mode):
        read.append(path)
        return open(path, mode)  # noqa: SIM115 - it is closed by whoever opens it

    monkeypatch.setattr(digest, 'open', spy, raising=False)
    files = [tmp_path / name for name in 'abc']
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]))
    found = [file_digest(file) for file in files * 2]
    assert read == [str(file) for file in files] and found[:3] == found[3:]
    assert len(set(found)) == 3
    # No more than there is room for.
    monkeypatch.setattr(digest, '_REMEMBERED', 2)
    monkeypatch.setattr(digest, '_digests', {})
    assert [file_digest(file) for file in files] == found[:3] and len(digest._digests) == 1
