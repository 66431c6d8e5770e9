"""The digest of a file, against a published one."""

import pytest

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
