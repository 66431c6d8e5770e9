import json
import sys

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.evaluation.provenance import file_sha256
from ssvrl_mm.registry import MODELS


def test_every_test_run_leaves_a_report(call, tool, tiny_config, data_root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tiny_config.parent))
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = MODELS.build(Config.fromfile(tiny_config).model)
    checkpoint = tmp_path / 'model.pth'
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    call(sys.executable, tool('test.py'), tiny_config, checkpoint, '--work-dir', tmp_path / 'test')
    [file] = (tmp_path / 'test').glob('*/evaluation.json')
    report = json.loads(file.read_text())
    [logged] = [path for path in file.parent.glob('*.json') if path != file]
    metrics = json.loads(logged.read_text().splitlines()[-1])
    assert report['figures']['retrieval/rgb_R@1'] == metrics['retrieval/rgb_R@1']
    sources = report['provenance']
    assert sources['config'] == str(tiny_config)
    assert sources['checkpoint_sha256'] == file_sha256(checkpoint)
    assert (sources['seed'], sources['processes']) == (0, 1)
    assert [(d['role'], d['videos'], d['sha256']) for d in sources['data']] == [
        ('gallery', 8, file_sha256(data_root / 'ucf101/train_list.txt')),
        ('query', 4, file_sha256(data_root / 'ucf101/test_list.txt')),
    ]
    text = file.with_suffix('.md').read_text()
    [row] = [line for line in text.splitlines() if line.startswith('| motion')]
    assert row.split('|')[2].startswith(f' {100 * metrics["retrieval/motion_R@1"]:.1f} ± ')
    assert sources['checkpoint_sha256'] in text
