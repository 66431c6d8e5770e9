"""What is checked of files before a model is published, and after they were written."""

import pytest
import torch

from ssvrl_mm.zoo import publishing
from ssvrl_mm.zoo.publishing import PublishError

WEIGHTS = {'a.weight': torch.tensor([1.0, 2.0]), 'a.bias': torch.zeros(1)}


@pytest.mark.parametrize(
    'change',
    [
        {'a.weight': torch.tensor([1.0, 2.5])},
        {'a.weight': torch.tensor([1.0, 2.0], dtype=torch.float64)},
        {'a.weight': torch.tensor([1.0, 2.0, 3.0])},
        {'more': torch.zeros(1)},
    ],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path, change):
    file = tmp_path / 'x.pth'
    torch.save({'state_dict': WEIGHTS}, file)
    publishing._check_written(file, WEIGHTS)
    torch.save({'state_dict': {**WEIGHTS, **change}}, file)
    with pytest.raises(PublishError, match='x.pth does not hold what was written'):
        publishing._check_written(file, WEIGHTS)


def test_limits_are_those_of_files_and_of_the_folder(tmp_path, monkeypatch):
    assert (publishing.FILE_LIMIT, publishing.FOLDER_LIMIT) == (8_000_000, 60_000_000)
    monkeypatch.setattr(publishing, 'FILE_LIMIT', 10)
    monkeypatch.setattr(publishing, 'FOLDER_LIMIT', 25)
    old, other = tmp_path / 'old.pth', tmp_path / 'other.pth'
    old.write_bytes(bytes(9))
    other.write_bytes(bytes(7))
    # As large as may be; the file that it takes the place of does not count.
    publishing._check_sizes(tmp_path, {'new.pth': bytes(10), 'new.log.json': bytes(8)}, [old])
    with pytest.raises(PublishError, match='new.pth would have'):
        publishing._check_sizes(tmp_path, {'new.pth': bytes(11)}, [old])
    with pytest.raises(PublishError, match='would hold .* remove a model'):
        publishing._check_sizes(tmp_path, {'new.pth': bytes(10), 'new.log.json': bytes(8)}, [])
