"""Evaluation by mmengine's loop with ``fp16=True``: bfloat16 on a CPU, coarser than float16."""

from types import SimpleNamespace

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.registry import DefaultScope
from mmengine.runner import ValLoop
from torch.utils.data import DataLoader

from ssvrl_mm.evaluation import VideoRetrieval
from ssvrl_mm.registry import MODELS
from tests.clips import translating


class Kept(BaseMetric):
    """Keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def process(self, data_batch, data_samples):
        self.kept += data_samples
        self.results += data_samples

    def compute_metrics(self, results):
        return {}


def videos():
    """Six textures, each moving in four ways: a way, and the texture less, is to be found again."""
    for number in range(48):
        texture, way = divmod(number, 4) if number < 24 else divmod(number - 24, 4)
        dx, dy = [(2, 0), (-2, 0), (0, 2), (0, -2)][way]
        clip = torch.from_numpy(translating(16, dx, dy, height=64, width=64, seed=texture))
        clip = clip[:8] if number < 24 else clip[8:]
        sample = ActionDataSample().set_gt_label(texture)
        role = 'gallery' if number < 24 else 'query'
        sample.set_metainfo(dict(role=role, video_id=number % 24, filename=f'{role}_{number}'))
        yield dict(inputs=dict(rgb=clip.movedim(-1, 0)[None]), data_samples=sample)


@pytest.fixture(scope='module')
def model():
    """A network whose BatchNorm knows the clips."""
    torch.manual_seed(0)
    config = dict(
        type='ContrastiveRecognizer',
        backbones=dict(rgb=dict(type='VideoResNet', depth=10, width=0.25)),
        head=dict(
            type='MoCoHead',
            stream='rgb',
            projector=dict(type='ProjectionHead', in_channels=128, hidden_channels=8),
            criterion=dict(type='InfoNCELoss', temperature=0.1),
            queue_length=4,
        ),
        data_preprocessor=dict(type='SSLDataPreprocessor'),
    )
    with DefaultScope.overwrite_default_scope('ssvrl_mm'):
        model = MODELS.build(config)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    for norm in norms:
        norm.momentum = None
    clips = model.data_preprocessor(pseudo_collate([*videos()][:24]))['inputs']['rgb']
    with torch.no_grad():
        model.train().backbone('rgb')(clips[:, 0])
    return model.eval()


def evaluate(model, fp16):
    runner = SimpleNamespace(
        call_hook=lambda *args, **kwargs: None, model=model, visualizer=SimpleNamespace()
    )
    loader = DataLoader([*videos()], batch_size=8, collate_fn=pseudo_collate)
    kept = Kept()
    loop = ValLoop(runner, loader, Evaluator([kept, VideoRetrieval(topk=(1, 5))]), fp16=fp16)
    found = loop.run()
    return torch.cat([sample['features']['rgb'] for sample in kept.kept]), found


def test_features_and_recalls_hardly_differ(model):
    dtypes = []
    hook = model.backbone('rgb').register_forward_hook(lambda m, i, out: dtypes.append(out.dtype))
    features, recalls = evaluate(model, fp16=False)
    half_features, half_recalls = evaluate(model, fp16=True)
    hook.remove()
    assert dtypes == [torch.float32] * 6 + [torch.bfloat16] * 6
    assert half_features.dtype is torch.float32
    error = (half_features - features).norm(dim=1) / features.norm(dim=1)
    assert error.max() < 0.02
    for k in (1, 5):
        assert half_recalls[f'retrieval/rgb_R@{k}'] == recalls[f'retrieval/rgb_R@{k}']
