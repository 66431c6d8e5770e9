import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from ssvrl_mm.models.backbones import C3D, S3D, VideoResNet
from ssvrl_mm.models.heads.motion_objectives import MotionClassification
from ssvrl_mm.models.necks import TemporalPyramid
from ssvrl_mm.models.utils.deterministic import (
    MaxPool3d,
    cross_entropy_of_maps,
    max_pool3d,
    resize_trilinear,
)

# Operators that torch refuses on CUDA under torch.use_deterministic_algorithms, of those with maps.
REFUSED = (
    'max_pool3d_with_indices_backward',
    'adaptive_max_pool2d_backward',
    'avg_pool3d_backward',
    '_adaptive_avg_pool2d_backward',
    '_adaptive_avg_pool3d_backward',
    'nll_loss2d_forward',
    'nll_loss2d_backward',
    'grid_sampler_2d_backward',
    'reflection_pad2d_backward',
    'reflection_pad3d_backward',
    'upsample_trilinear3d_backward',
    'cumsum',
    'put_',
)


class Recorded(TorchDispatchMode):
    """Notes the operators that run."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def gradient(function, maps):
    maps = maps.detach().requires_grad_()
    output = function(maps)
    (output * torch.linspace(-1, 1, output.numel()).view(output.shape)).sum().backward()
    return output.detach(), maps.grad


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize(
    'kernel, stride, padding, ceil_mode',
    [(3, 1, 1, False), ((1, 3, 3), (1, 2, 2), (0, 1, 1), False), (2, 2, 0, True)],
)
def test_pooling_has_the_values_and_the_gradient_of_torch(
    deterministic, kernel, stride, padding, ceil_mode, channels_last, ties
):
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 5, 7, 6)
    if ties:  # as behind a ReLU
        maps = (maps * 2).round().relu()
    if channels_last:
        maps = maps.contiguous(memory_format=torch.channels_last_3d)
    values, grad = gradient(MaxPool3d(kernel, stride, padding, ceil_mode=ceil_mode), maps)
    torch.use_deterministic_algorithms(False)
    expected, expected_grad = gradient(
        lambda x: F.max_pool3d(x, kernel, stride, padding, ceil_mode=ceil_mode), maps
    )
    assert torch.equal(values, expected)
    torch.testing.assert_close(grad, expected_grad)


def test_pooling_is_torchs_own_where_nothing_asks_for_another():
    maps = torch.randn(1, 1, 2, 4, 4, requires_grad=True)
    with Recorded() as plain:
        max_pool3d(maps, 2, 2)
    assert 'max_pool3d_with_indices' in plain.names and 'gather' not in plain.names
    torch.use_deterministic_algorithms(True)
    try:
        with Recorded() as without_gradient:
            max_pool3d(maps.detach(), 2, 2)
    finally:
        torch.use_deterministic_algorithms(False)
    assert 'gather' not in without_gradient.names


@pytest.mark.parametrize(
    'build',
    [
        lambda: S3D(width=0.125),
        lambda: C3D(width=0.125),
        *(
            lambda arch=arch: VideoResNet(arch, 10, width=0.125, stem_pool=True)
            for arch in ('r3d', 'r2plus1d', 'r2d')
        ),
    ],
    ids=['s3d', 'c3d', 'r3d', 'r2plus1d', 'r2d'],
)
def test_a_step_of_a_backbone_has_deterministic_operators_alone(deterministic, build):
    torch.manual_seed(0)
    network, clips = build(), torch.rand(2, 3, 8, 48, 48)
    with Recorded() as recorded:
        network(clips).square().sum().backward()
    assert not recorded.names & set(REFUSED)
    assert {'gather', 'scatter_add'} <= {name.removesuffix('_') for name in recorded.names}
    grads = [parameter.grad for parameter in network.parameters()]
    network.zero_grad()
    torch.use_deterministic_algorithms(False)
    with Recorded() as recorded:
        network(clips).square().sum().backward()
    assert 'max_pool3d_with_indices_backward' in recorded.names
    for parameter, grad in zip(network.parameters(), grads, strict=True):
        torch.testing.assert_close(grad, parameter.grad, rtol=1e-3, atol=1e-5)


def test_classification_of_motion_has_deterministic_operators_alone():
    objective = MotionClassification(8, (1, 4, 4), target_size=(4, 8, 8), num_bins=5)
    predicted = torch.rand(2, 8, 1, 4, 4, requires_grad=True)
    with Recorded() as recorded:
        objective(predicted, torch.rand(2, 1, 2, 4, 16, 16))[0].backward()
    assert 'gather' in recorded.names and not recorded.names & set(REFUSED)


@pytest.mark.parametrize('size', [(4, 6, 8), (3, 7, 5), (1, 2, 3), (2, 3, 4)])
def test_interpolation_has_the_values_and_the_gradient_of_torch(deterministic, size):
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 2, 3, 4, dtype=torch.double)
    values, grad = gradient(lambda x: resize_trilinear(x, size), maps)
    expected, expected_grad = gradient(lambda x: F.interpolate(x, size, mode='trilinear'), maps)
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(grad, expected_grad)
    half, half_grad = gradient(lambda x: resize_trilinear(x, size), maps.bfloat16())
    assert half.dtype == half_grad.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), expected, rtol=0.01, atol=0.03)


def test_a_pyramid_has_deterministic_operators_alone(deterministic):
    maps = [torch.rand(1, c, t, s, s) for c, t, s in ((2, 4, 6), (3, 2, 3), (4, 1, 1))]
    neck, names = TemporalPyramid((2, 3, 4), 8), []
    for ask in (True, False):
        torch.use_deterministic_algorithms(ask)
        with Recorded() as recorded:
            neck(maps).sum().backward()
        names.append(recorded.names)
    assert not names[0] & set(REFUSED) and 'index_select' in names[0]
    assert 'upsample_trilinear3d_backward' in names[1] and 'index_select' not in names[1]


def test_reflection_in_time_has_deterministic_operators_alone(deterministic):
    network = VideoResNet('r3d', 10, width=0.125, temporal_padding='reflect')
    with Recorded() as recorded:
        network(torch.rand(2, 3, 4, 16, 16)).square().sum().backward()
    assert 'cat' in recorded.names and not recorded.names & set(REFUSED)


def test_cross_entropy_of_maps_is_torchs():
    torch.manual_seed(0)
    logits, classes = torch.randn(2, 5, 3, 4), torch.randint(5, (2, 3, 4))
    losses, grad = gradient(lambda x: cross_entropy_of_maps(x, classes), logits)
    expected, expected_grad = gradient(
        lambda x: F.cross_entropy(x, classes, reduction='none'), logits
    )
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(grad, expected_grad)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('build', [lambda: S3D(width=0.125), lambda: C3D(width=0.125)])
def test_the_gradient_on_cuda_is_that_of_the_cpu(deterministic, build):
    torch.manual_seed(0)
    network, clips = build().double(), torch.rand(2, 3, 8, 48, 48).double()
    network(clips).square().sum().backward()
    grads = [parameter.grad for parameter in network.parameters()]
    network.zero_grad()
    network.cuda()(clips.cuda()).square().sum().backward()
    for parameter, grad in zip(network.parameters(), grads, strict=True):
        torch.testing.assert_close(parameter.grad.cpu(), grad)
