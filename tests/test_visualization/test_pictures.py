"""Files of pictures are whole or not there."""

import cv2
import numpy as np
import pytest

from ssvrl_mm.visualization import PictureError, pictures, write_picture


def test_pictures_come_back(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    write_picture(tmp_path / 'new' / 'x.png', picture)
    read = cv2.imread(str(tmp_path / 'new' / 'x.png'))[..., ::-1]
    np.testing.assert_array_equal(read, picture)
    assert [file.name for file in (tmp_path / 'new').iterdir()] == ['x.png']


def test_what_fails_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / 'x.png').write_text('old')
    monkeypatch.setattr(pictures.cv2, 'imwrite', lambda *arguments: False)
    with pytest.raises(PictureError, match='cannot write .*x.png'):
        write_picture(tmp_path / 'x.png', np.zeros((2, 2, 3), np.uint8))
    assert (tmp_path / 'x.png').read_text() == 'old' and len(list(tmp_path.iterdir())) == 1


def test_wrong_places_are_told(tmp_path):
    with pytest.raises(PictureError, match='x.txt does not end like a picture'):
        write_picture(tmp_path / 'x.txt', np.zeros((2, 2, 3), np.uint8))
    (tmp_path / 'folder.png').mkdir()
    with pytest.raises(PictureError, match='folder.png: it is a folder'):
        write_picture(tmp_path / 'folder.png', np.zeros((2, 2, 3), np.uint8))
