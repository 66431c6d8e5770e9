"""Gradients of several batches in one step, on two processes."""

import torch
from mmengine.model import BaseModel, MMDistributedDataParallel

from ssvrl_mm.engine import DeviceAmpOptimWrapper
from tests.processes import run_processes


class Regression(BaseModel):
    """A network that has neither BatchNorm nor a queue: samples do not know of each other."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
        )

    def forward(self, inputs, data_samples=None, mode='loss'):
        return {'loss': self.layers(inputs).square().mean()}


def train(rank, accumulative_counts, clip):
    """Weights after 4 steps on 8 samples each: as one batch, or in parts, of every process."""
    model = MMDistributedDataParallel(Regression().double(), broadcast_buffers=False)
    wrapper = DeviceAmpOptimWrapper(
        optimizer=torch.optim.Adam(model.parameters(), lr=0.05),
        accumulative_counts=accumulative_counts,
        clip_grad=clip and dict(max_norm=clip),
    )
    batches = torch.randn(4, 2, 8, 3, generator=torch.Generator().manual_seed(1)).double()[:, rank]
    parts = [part for batch in batches for part in batch.chunk(accumulative_counts)]
    wrapper.initialize_count_status(model, 0, len(parts))
    for part in parts:
        model.train_step(dict(inputs=part), wrapper)
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def process(rank):
    return [train(rank, count, clip) for clip in (None, 0.01) for count in (1, 2)]


def test_two_half_batches_make_a_step_of_one(tmp_path):
    ours, theirs = run_processes(process, tmp_path)
    whole, halves, clipped, clipped_halves = ours
    torch.testing.assert_close(halves, whole)
    torch.testing.assert_close(clipped_halves, clipped)
    assert all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))
    start = torch.cat([p.detach().flatten() for p in Regression().double().parameters()])
    assert (whole - start).abs().max() > 0.05 and not torch.equal(whole, clipped)
