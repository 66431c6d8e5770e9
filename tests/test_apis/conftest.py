"""The tiny model and its videos."""

import pytest
import torch
from mmengine.registry import DefaultScope

from ssvrl_mm.registry import MODELS
from tests.test_apis.tiny import config, write_videos


@pytest.fixture(scope='session')
def home(tmp_path_factory):
    """A folder with the videos, their lists, ``config.py`` and ``model.pth``."""
    folder = write_videos(tmp_path_factory.mktemp('apis'))
    cfg = config(folder)
    cfg.dump(folder / 'config.py')
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        torch.manual_seed(1)
        model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(epoch=1)), folder / 'model.pth')
    return folder
