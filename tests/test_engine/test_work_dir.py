import pytest
import torch
from mmengine.config import Config

from ssvrl_mm.engine import CheckpointFileError, work_dir


def save(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        torch.save(dict(state_dict={}, meta={}), folder / name)


def test_auto_resume_takes_the_newest_or_starts_afresh(tmp_path):
    run = tmp_path / 'run'
    cfg = Config(dict(work_dir=str(run), load_from='stage1.pth'))
    assert 'holds no checkpoint to resume from' in work_dir.setup_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (False, 'stage1.pth')

    save(run, 'epoch_2.pth', 'epoch_3.pth')
    said = work_dir.setup_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (True, str(run / 'epoch_3.pth'))
    assert 'epoch_3.pth: there is no last_checkpoint' in said

    work_dir.setup_resume(cfg, 'other.pth')
    assert (cfg.resume, cfg.load_from) == (True, 'other.pth')

    for name in ('epoch_2.pth', 'epoch_3.pth'):
        (run / name).write_bytes(b'')
    with pytest.raises(CheckpointFileError, match='none of its 2 checkpoints is whole'):
        work_dir.setup_resume(cfg, 'auto')


def test_a_new_run_writes_over_no_checkpoints(tmp_path):
    work_dir.check_free(tmp_path / 'none')
    save(tmp_path, 'weights.pth')
    work_dir.check_free(tmp_path)
    save(tmp_path, 'epoch_5.pth', 'epoch_10.pth', 'best_acc_epoch_5.pth')
    (tmp_path / 'last_checkpoint').write_text('epoch_10.pth')
    with pytest.raises(work_dir.WorkDirError) as caught:
        work_dir.check_free(tmp_path)
    for word in (str(tmp_path), 'epoch_10.pth', '--resume', '--work-dir', '--overwrite'):
        assert word in str(caught.value)
    work_dir.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['weights.pth']


def test_the_demo_overwrites_its_own_folder_alone(tmp_path):
    work_dir.claim(tmp_path / 'demo', 'demo')
    save(tmp_path / 'demo', 'epoch_1.pth')
    work_dir.claim(tmp_path / 'demo', 'demo')
    save(tmp_path / 'mine', 'epoch_1.pth')
    with pytest.raises(work_dir.WorkDirError, match='mine holds checkpoints that are not of'):
        work_dir.claim(tmp_path / 'mine', 'demo')
