"""docs/new_method.md: what it shows is whole, short, and trains."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.runner import Runner

from ssvrl_mm.apis import list_models
from ssvrl_mm.registry import MODELS, TRANSFORMS
from tests.clips import encode, translating

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / 'docs' / 'new_method.md').read_text()
FILES = {
    re.match(r'# (\S+)\n', code)[1]: code
    for code in re.findall(r'^```(?:python|yaml)\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
}
MODULE, CONFIG, METAFILE, TEST = FILES


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The page's files beside our configs, and 8 videos with their lists."""
    for name, code in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    (tmp_path / 'configs' / '_base_').symlink_to(ROOT / 'configs' / '_base_')
    videos = tmp_path / 'data' / 'ucf101' / 'videos'
    videos.mkdir(parents=True)
    for number in range(8):
        encode(videos / f'{number}.mp4', translating(20, 2, 0, 48, 64, seed=number))
    for split, numbers in (('train', range(6)), ('test', range(6, 8))):
        lines = [f'{number}.mp4 {number % 2}\n' for number in numbers]
        (videos.parent / f'{split}_list.txt').write_text(''.join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SSVRL_DATA', raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop(Path(MODULE).stem, None)
    for registry, name in ((MODELS, 'ArrowOfTimeHead'), (TRANSFORMS, 'PlayBackwards')):
        registry.module_dict.pop(name, None)


def test_it_is_one_whole_task_in_90_lines():
    assert [Path(name).suffix for name in FILES] == ['.py', '.py', '.yml', '.py']
    assert sum(len(code.splitlines()) for code in FILES.values()) <= 90


def test_trains_logs_saves_and_evaluates(project):
    cfg = Config.fromfile(CONFIG)
    small = dict(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.merge_from_dict(
        {
            'model.backbones.rgb.width': 0.125,
            'model.head.in_channels': 128,
            # The files are not called as UCF101's are.
            'train_dataloader': dict(small, dataset=dict(group=None)),
            'test_dataloader': small,
            'train_cfg.max_epochs': 1,
            'work_dir': str(project / 'runs'),
            'vis_backends': [dict(type='LocalVisBackend')],
            'visualizer.vis_backends': [dict(type='LocalVisBackend')],
            'default_hooks.logger.interval': 1,
        }
    )
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    clips = {'SampleClips': dict(clip_len=8), 'ClipRandomResizedCrop': dict(size=32)}
    clips |= {'ClipResize': dict(short_side=36), 'ClipCenterCrop': dict(size=32)}
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for step in loader.dataset.pipeline:
            step.update(clips.get(step.type, {}))
    runner = Runner.from_cfg(cfg)
    before = runner.model.head.fc.weight.clone()
    runner.train()
    assert not torch.equal(runner.model.head.fc.weight, before)
    (log,) = (project / 'runs').glob('*/vis_data/scalars.json')
    assert re.search(r'"loss_arrow": 0\.\d+, "top1_arrow": ', log.read_text())
    assert (project / 'runs' / 'epoch_1.pth').exists()
    assert 0 <= runner.test()['retrieval/rgb_R@1'] <= 1


def test_the_index_finds_it(project):
    (project / 'model-index.yml').write_text(yaml.dump({'Import': [METAFILE]}))
    (model,) = list_models(recipes=True, index=project / 'model-index.yml').values()
    assert model.config == project / CONFIG
    assert yaml.safe_load(FILES[METAFILE])['Models'][0]['Metadata']['Epochs'] == (
        Config.fromfile(CONFIG).train_cfg.max_epochs
    )


def test_its_own_test_passes_and_notices_a_wrong_label(project, monkeypatch):
    code = compile(FILES[TEST], TEST, 'exec')
    names = {}
    exec(code, names)
    (test,) = [value for name, value in names.items() if name.startswith('test_')]
    test()
    module = importlib.import_module(Path(MODULE).stem)
    forward = module.PlayBackwards.transform

    def mislabelled(self, results):
        results = forward(self, results)
        results['backwards'] = 1 - results['backwards']
        return results

    monkeypatch.setattr(module.PlayBackwards, 'transform', mislabelled)
    with pytest.raises(AssertionError):
        test()
