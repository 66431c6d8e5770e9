"""Files are as they were, or new: never half, and never with something beside them."""

import os

import pytest

from ssvrl_mm.whole_files import whole_file, write_whole


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / 'new' / 'folder' / 'a'
    write_whole(path, b'first')
    (tmp_path / 'link').symlink_to(path)
    write_whole(tmp_path / 'link', b'second')
    assert path.read_bytes() == b'second' and (tmp_path / 'link').is_symlink()

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='No space'):
        write_whole(path, b'third')
    assert path.read_bytes() == b'second'
    assert [p.name for p in path.parent.iterdir()] == ['a']


def test_a_draft_has_the_suffix_and_goes_with_what_failed(tmp_path):
    path = tmp_path / 'a.png'
    with whole_file(path) as draft:
        assert draft.suffix == '.png' and draft.name.startswith('.') and not path.exists()
        assert draft.parent == tmp_path and draft.read_bytes() == b''
        draft.write_text('all')
    assert path.read_text() == 'all' and list(tmp_path.iterdir()) == [path]
    with pytest.raises(KeyboardInterrupt), whole_file(path) as draft:
        draft.write_text('half')
        raise KeyboardInterrupt
    assert path.read_text() == 'all' and list(tmp_path.iterdir()) == [path]
    # Somebody has cleaned up already.
    with pytest.raises(KeyboardInterrupt), whole_file(path) as draft:
        draft.unlink()
        raise KeyboardInterrupt


def test_what_cannot_be_written_is_an_error_of_files(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    for name in ('folder', 'file/a', 'folder/' + 'a' * 300):
        with pytest.raises(OSError), whole_file(tmp_path / name):  # noqa: PT011 - which one differs
            raise AssertionError('nobody gets so far')
    assert sorted(p.name for p in tmp_path.rglob('*')) == ['file', 'folder']
