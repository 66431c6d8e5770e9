import numpy as np
import pytest
import torch

from ssvrl_mm.models.view_synthesis.view_quality import compare_views, structural_similarity


def slow_ssim(first, second):
    """SSIM of two grey pictures, window by window."""
    axis = np.arange(11) - 5
    weights = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 1.5**2))
    weights /= weights.sum()
    values = []
    for top in range(first.shape[0] - 10):
        for left in range(first.shape[1] - 10):
            a, b = (each[top : top + 11, left : left + 11] for each in (first, second))
            ma, mb = (weights * a).sum(), (weights * b).sum()
            va, vb = (weights * (a - ma) ** 2).sum(), (weights * (b - mb) ** 2).sum()
            cov = (weights * (a - ma) * (b - mb)).sum()
            up = (2 * ma * mb + 0.01**2) * (2 * cov + 0.03**2)
            values.append(up / ((ma**2 + mb**2 + 0.01**2) * (va + vb + 0.03**2)))
    return np.mean(values)


def test_ssim_is_that_of_every_window():
    clips, views = torch.rand(2, 2, 3, 2, 13, 12, dtype=torch.float64)
    views = (views + clips) / 2
    expected = [
        np.mean([slow_ssim(a, b) for a, b in zip(*pair, strict=True)])
        for pair in zip(
            clips.reshape(2, 6, 13, 12).numpy(), views.reshape(2, 6, 13, 12).numpy(), strict=True
        )
    ]
    np.testing.assert_allclose(structural_similarity(clips, views), expected, rtol=1e-9)


def test_figures_of_each_clip():
    clips = torch.rand(2, 3, 3, 16, 16)
    views = clips.clone()
    views[1] = 0.5
    flow = torch.zeros(2, 2, 2, 16, 16)
    flow[:, 0], flow[:, 1] = 3, 4
    view_flow = flow.clone()
    view_flow[1] = 0
    found = {
        name: values.tolist()
        for name, values in compare_views(clips, views, flow, view_flow).items()
    }
    error = (clips[1] - 0.5).square().mean()
    assert found['psnr'] == pytest.approx([100, float(-10 * torch.log10(error))])
    assert found['ssim'][0] == pytest.approx(1) and found['ssim'][1] < 0.1
    spread = clips[0].numpy().std(axis=(2, 3)).mean()
    assert found['contrast'] == pytest.approx([spread, 0], abs=1e-6)
    assert found['flow'] == [5, 5] and found['flow_difference'] == [0, 5]
