"""OpenMIM's commands with a regular installation; and what they ask of metafiles and tools."""

import functools
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ssvrl_mm.datasets.motion_primitives import MotionPrimitivesSpec, write_motion_primitives
from ssvrl_mm.registry import MODELS
from ssvrl_mm.zoo import list_models
from tests.wheels import build_wheel, copy_checkout, install, need_setuptools

# A network that trains and tests in seconds.
CONFIG = """
_base_ = './demo.py'
model = dict(
    backbones=dict(rgb=dict(width=0.0625), motion=dict(width=0.0625)),
    head=dict(projector=dict(in_channels=64, hidden_channels=16, out_channels=8), queue_length=4),
    stages=[(0, 'init')])
data = dict(data_root='data', spec=dict(train_per_class=1, test_per_class=1, size=64))
train_dataloader = dict(
    batch_size=8, num_workers=0, persistent_workers=False, dataset=data)
test_dataloader = val_dataloader = dict(num_workers=0, dataset=data)
train_cfg = dict(max_epochs=1, val_begin=1)
"""
ENTRY = """
  - Name: mvcgc_mim
    Config: configs/mvcgc/mvcgc_mim.py
    In Collection: MVCGC
    Modality: RGB, Motion Vectors
    Metadata:
      Epochs: 1
      Training Time (hours): 0.1
      Data Spec: {{num_frames: 36, seed: 0, codecs: mixed}}
      Weights SHA-256: {digest}
    Results:
      - Task: Video Retrieval
        Dataset: MotionPrimitives
        Metrics: {{RGB R@1: 6.2}}
    Weights: {file}
"""


def metafiles(repository):
    index = yaml.safe_load((repository / 'model-index.yml').read_text())
    return [yaml.safe_load((repository / name).read_text()) for name in index['Import']]


def test_mim_understands_the_metafiles(repository):
    """It lowers the case of what it is asked for, and joins lists as text."""
    collections = {c['Name'] for content in metafiles(repository) for c in content['Collections']}
    for content in metafiles(repository):
        for model in content['Models']:
            assert model['Name'] == model['Name'].lower()
            assert model['In Collection'] in collections
            assert (repository / model['Config']).is_file()
            assert isinstance(model.get('Weights', ''), str)
            assert all(result['Dataset'] for result in model.get('Results', ()))
        for entry in (*content['Models'], *content['Collections']):
            for value in entry.get('Metadata', {}).values():
                assert not isinstance(value, list) or (
                    value and all(isinstance(item, str) for item in value)
                )


def test_mim_finds_each_config_by_its_name_alone(repository):
    """It looks for the name under the whole package, tools included."""
    names = [p.name for f in ('ssvrl_mm', 'tools') for p in (repository / f).rglob('*.py')]
    configs = [p.name for p in (repository / 'configs').rglob('*.py') if '_base_' not in p.parts]
    # Its path serves as well.
    assert {*names} & {*configs} <= {'demo.py'}


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_tools_take_what_mim_gives_them(tool, repository):
    """It adds --launcher, and --gpus where the help has that."""
    shown = subprocess.run(
        [sys.executable, repository / 'tools' / tool, '-h'],
        env={**os.environ, 'PYTHONPATH': str(repository)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert '--launcher' in shown and '--work-dir' in shown and '--gpus' not in shown


@pytest.fixture
def zoo(tmp_path):
    """A folder of checkpoints, and the address at which a server has it."""
    folder = tmp_path / 'zoo'
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


def publish(checkout, folder):
    """Puts a model with random weights into a copy of the checkout; the name of its file."""
    (checkout / 'configs' / 'mvcgc' / 'mvcgc_mim.py').write_text(CONFIG)
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        cfg = Config.fromfile(checkout / 'configs' / 'mvcgc' / 'mvcgc_mim.py')
        weights = MODELS.build(cfg.model).state_dict()
    torch.save(dict(state_dict=weights), folder / 'weights')
    digest = hashlib.sha256((folder / 'weights').read_bytes()).hexdigest()
    file = f'mvcgc_mim-{digest[:8]}.pth'
    (folder / 'weights').rename(folder / file)
    with open(checkout / 'configs' / 'mvcgc' / 'metafile.yml', 'a') as metafile:
        metafile.write(ENTRY.format(digest=digest, file=file))
    return file


@pytest.fixture
def mim(tmp_path, repository, zoo):
    """Runs OpenMIM in an environment that holds it and our wheel; and the name of a checkpoint."""
    need_setuptools()
    folder, address = zoo
    checkout = copy_checkout(repository, tmp_path / 'checkout')
    file = publish(checkout, folder)
    wheel = build_wheel(checkout, tmp_path / 'wheels', SSVRL_MM_ZOO=address)
    python = install(wheel, tmp_path / 'environment')
    needed = repository / 'requirements' / 'mim.txt'
    pip = [sys.executable, '-m', 'pip', '--python', str(python), 'install', '--no-deps', '--quiet']
    done = subprocess.run([*pip, '-r', needed], capture_output=True, text=True, timeout=200)
    if done.returncode:
        pytest.skip(f'OpenMIM cannot be installed here: {done.stderr.strip().splitlines()[-1]}')
    env = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    env.update(HOME=str(tmp_path), CUDA_VISIBLE_DEVICES='')

    def run(*arguments):
        done = subprocess.run(
            [python, '-m', 'mim', *map(str, arguments)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run, file


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name != 'posix', reason='environments have other folders')
def test_mims_commands(mim, zoo, tmp_path):
    run, file = mim
    folder, address = zoo
    run('search', 'ssvrl_mm', '--model', 'mvcgc', '--json', 'found.json')
    found = json.loads((tmp_path / 'found.json').read_text())
    files = {model.name: model.weights for model in list_models().values()} | {'mvcgc_mim': file}
    urls = {name: f'{address}/{files[name]}' if name in files else None for name in found['weight']}
    assert found['weight'] == urls and urls['mvcgc_mim'] and None in urls.values()
    assert found['motionprimitives/rgb_r@1']['mvcgc_mim'] == 6.2
    assert 'mvcgc_s3d_ucf101' in run('search', 'ssvrl_mm', '--valid-config')
    assert 'mvcgc_mim' in run('search', 'ssvrl_mm', '--condition', 'epochs==1')

    run('download', 'ssvrl_mm', '--config', 'mvcgc_mim', '--dest', 'mine')
    assert (tmp_path / 'mine' / file).read_bytes() == (folder / file).read_bytes()

    run('train', 'ssvrl_mm', 'mvcgc_mim.py', '--gpus', '0', '--work-dir', 'run')
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()

    checkpoint = Path('mine', file)
    tested = run('test', 'ssvrl_mm', 'mine/mvcgc_mim.py', '--checkpoint', checkpoint, '--gpus', '0')
    assert 'retrieval/both_R@1' in tested

    assert '32 videos' in run('run', 'ssvrl_mm', 'inspect_videos', 'data/videos')


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name != 'posix', reason='environments have other folders')
def test_mim_trains_the_example_project(mim, repository, tmp_path):
    write_motion_primitives(tmp_path / 'data', MotionPrimitivesSpec(1, 1, size=64))
    config = repository / 'projects' / 'mmaction2_example' / 'configs' / 'slowonly_motion.py'
    loader = dict(num_workers=0, persistent_workers=False)
    options = [f'train_dataloader.{name}={value}' for name, value in loader.items()]
    options += ['train_dataloader.dataset.data_root=data', 'train_cfg.max_epochs=1']
    run, _ = mim
    run('train', 'mmaction2', config, '--gpus', '0', '--no-validate', '--cfg-options', *options)
    assert (tmp_path / 'work_dirs' / 'slowonly_motion' / 'epoch_1.pth').is_file()
