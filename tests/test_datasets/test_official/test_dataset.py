"""The digest of lists sees content, not line ends."""

from ssvrl_mm.datasets.official.dataset import content_digest, find_file
from tests.test_datasets.test_official.copies import write


def test_digest_ignores_line_ends_and_blanks_only(tmp_path):
    first = write(tmp_path / 'a' / 'list.txt', 'one 1\r\ntwo 2 \r\n\r\n')
    same = write(tmp_path / 'b' / 'list.txt', 'one 1\ntwo 2')
    for content in ('one 1\ntwo 3', 'two 2\none 1', 'one 1two 2'):
        other = write(tmp_path / 'c' / 'list.txt', content)
        assert content_digest([other]) != content_digest([first])
    assert content_digest([same]) == content_digest([first])
    renamed = write(tmp_path / 'b' / 'other.txt', 'one 1\ntwo 2')
    assert content_digest([renamed]) != content_digest([first])
    assert content_digest([first, renamed]) == content_digest([renamed, first])


def test_the_shallowest_file_is_found(tmp_path):
    write(tmp_path / 'a' / 'deep' / 'x.txt', '')
    top = write(tmp_path / 'z' / 'x.txt', '')
    assert find_file(tmp_path, 'missing.txt', 'x.txt') == top
    assert find_file(tmp_path, 'missing.txt') is None
