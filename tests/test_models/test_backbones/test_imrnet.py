"""IMRNet against its paper's Table 4, written out, and multiply-adds counted by hand."""

import math

import pytest
import torch
from torch import nn

from ssvrl_mm.models.backbones import IMRNet
from ssvrl_mm.registry import MODELS

from .networks import num_parameters

STREAMS = ('iframe', 'motion', 'residual')
STAGES = ('conv1', 'pool1', 'res2', 'res3', 'res4', 'res5')
ABLATIONS = {
    'full': dict(),
    'none': dict(connection='none'),
    'unidirectional': dict(connection='unidirectional'),
    'no conv': dict(lateral_conv=False),
    'no attention': dict(attention=False),
    'all': dict(connection='unidirectional', lateral_conv=False, attention=False),
}
# Table 4: kernels and channels of the first block of each stage, I pathway, then M and R.
I18 = {
    'res2': [((1, 3, 3), 64), ((1, 3, 3), 64)],
    'res3': [((1, 3, 3), 128), ((1, 3, 3), 128)],
    'res4': [((3, 3, 3), 256), ((1, 3, 3), 256)],
    'res5': [((3, 3, 3), 512), ((1, 3, 3), 512)],
}
M18 = {
    'res2': [((3, 3, 3), 4), ((1, 3, 3), 4)],
    'res3': [((3, 3, 3), 8), ((1, 3, 3), 8)],
    'res4': [((3, 3, 3), 16), ((1, 3, 3), 16)],
    'res5': [((3, 3, 3), 32), ((1, 3, 3), 32)],
}
I50 = {
    'res2': [((1, 1, 1), 64), ((1, 3, 3), 64), ((1, 1, 1), 256)],
    'res3': [((1, 1, 1), 128), ((1, 3, 3), 128), ((1, 1, 1), 512)],
    'res4': [((3, 1, 1), 256), ((1, 3, 3), 256), ((1, 1, 1), 1024)],
    'res5': [((3, 1, 1), 512), ((1, 3, 3), 512), ((1, 1, 1), 2048)],
}
M50 = {
    'res2': [((3, 1, 1), 4), ((1, 3, 3), 4), ((1, 1, 1), 16)],
    'res3': [((3, 1, 1), 8), ((1, 3, 3), 8), ((1, 1, 1), 32)],
    'res4': [((3, 1, 1), 16), ((1, 3, 3), 16), ((1, 1, 1), 64)],
    'res5': [((3, 1, 1), 32), ((1, 3, 3), 32), ((1, 1, 1), 128)],
}
TABLE = {18: (I18, M18, (2, 2, 2, 2)), 50: (I50, M50, (3, 4, 6, 3))}
SIDES = {'conv1': 112, 'pool1': 56, 'res2': 56, 'res3': 28, 'res4': 14, 'res5': 7}
# Channels of the connection that goes into each stage: from I-frames, to I-frames.
LATERAL = {'res2': (8, 4), 'res3': (8, 4), 'res4': (16, 8), 'res5': (32, 16)}


def clips(size=224, n=1, gops=5, device='cpu', kappa=5):
    def stream(channels, frames):
        generator = None if device == 'meta' else torch.Generator().manual_seed(channels)
        return torch.randn(n, channels, frames, size, size, generator=generator, device=device)

    return dict(
        iframe=stream(3, gops), motion=stream(2, gops * kappa), residual=stream(3, gops * kappa)
    )


def on_meta(**options):
    with torch.device('meta'):
        return IMRNet(**options).eval()


def widths(depth, ablation):
    """Channels into each stage of the I pathway and of the two others."""
    options, found, before = ABLATIONS[ablation], {}, (64, 8)
    tables = TABLE[depth][:2]
    for stage, (to_moving, to_iframe) in LATERAL.items():
        if options.get('lateral_conv') is False:
            to_iframe, to_moving = before[1], before[0]
        if options.get('connection') == 'none':
            to_iframe = 0
        if options.get('connection') in ('none', 'unidirectional'):
            to_moving = 0
        found[stage] = (before[0] + 2 * to_iframe, before[1] + to_moving)
        before = tuple(table[stage][-1][1] for table in tables)
    return found


@pytest.mark.parametrize('ablation', ABLATIONS)
@pytest.mark.parametrize('depth', TABLE)
def test_stages_are_those_of_the_table(depth, ablation):
    network = on_meta(depth=depth, **ABLATIONS[ablation])
    into = widths(depth, ablation)
    shapes = {}
    for name, module in network.named_modules():
        module.register_forward_hook(
            lambda _, args, result, name=name: shapes.update({name: (args[0], result)})
        )
    maps = network(clips(device='meta'))
    assert tuple(maps) == STREAMS == network.streams
    for stream in STREAMS:
        moving = stream != 'iframe'
        frames = 25 if moving else 5
        table, counts = TABLE[depth][moving], TABLE[depth][2]
        pathway = network.pathways[stream]
        assert list(pathway) == list(STAGES)
        stem, pool = pathway['conv1'][0], pathway['pool1']
        assert stem.kernel_size == ((5, 7, 7) if moving else (1, 7, 7))
        assert stem.stride == pool.stride == (1, 2, 2)
        assert pool.kernel_size == ((5, 3, 3) if moving else (1, 3, 3))
        for stage in STAGES:
            channels = table[stage][-1][1] if stage in table else (8 if moving else 64)
            given, got = shapes[f'pathways.{stream}.{stage}']
            assert got.shape == (1, channels, frames, SIDES[stage], SIDES[stage])
            if stage not in table:
                continue
            assert given.shape[1] == into[stage][moving]
            blocks = pathway[stage]
            assert len(blocks) == counts[STAGES.index(stage) - 2]
            for place, block in enumerate(blocks):
                convs = [unit[0] for unit in block.branch()]
                assert [(c.kernel_size, c.out_channels) for c in convs] == table[stage]
                halved = place == 0 and stage != 'res2'
                strided = [(1, 2, 2) if halved else (1, 1, 1), (1, 1, 1)]
                # Bottlenecks have the stride on the 3x3.
                wanted = strided if depth == 18 else [strided[1], *strided]
                assert [c.stride for c in convs] == wanted
                changed = halved or block.branch()[0][0].in_channels != channels
                assert (block.downsample is not None) == changed
        assert maps[stream].shape[1] == network.out_channels[stream]
    total = {18: 576, 50: 2304}[depth]
    assert sum(network.out_channels.values()) == total


@pytest.mark.parametrize('depth', TABLE)
def test_connections_are_those_of_the_table(depth):
    network = on_meta(depth=depth)
    assert list(network.connections) == ['pool1', 'res2', 'res3', 'res4']
    own = [(64, 8), *((TABLE[depth][0][s][-1][1], TABLE[depth][1][s][-1][1]) for s in STAGES[2:5])]
    for pair, (c_i, c_m), (to_moving, to_iframe) in zip(
        network.connections.values(), own, LATERAL.values(), strict=True
    ):
        assert list(pair) == ['motion', 'residual']
        for exchange in pair.values():
            assert exchange.down.weight.shape == (to_iframe, c_m, 5, 1, 1)
            assert exchange.up.weight.shape == (c_i, to_moving, 5, 1, 1)
            assert exchange.down.stride == exchange.up.stride == (5, 1, 1)
            hidden = exchange.gate.hidden
            assert hidden[0].weight.shape == hidden[2].weight.shape == (c_i + c_m, c_i + c_m)
            heads = [tuple(head.weight.shape) for head in exchange.gate.weights]
            assert heads == [(to_iframe, c_i + c_m), (to_moving, c_i + c_m)]


def multiply_adds(network, inputs):
    """Of convolutions and linear layers, by their shapes, told by hooks."""
    total = 0

    def convolution(module, args, result):
        nonlocal total
        places = args[0] if isinstance(module, nn.ConvTranspose3d) else result
        # Each weight once at every place of the result (transposed: of the input).
        total += module.weight.numel() * places.shape[2:].numel()

    def linear(module, args, result):
        nonlocal total
        total += module.weight.numel()

    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            module.register_forward_hook(convolution)
        elif isinstance(module, nn.Linear):
            module.register_forward_hook(linear)
    network(inputs)
    return total


# Counted by hand from Table 4.
@pytest.mark.parametrize('depth, by_hand', [(18, 17.40e9), (50, 31.72e9)])
def test_multiply_adds_per_clip(depth, by_hand):
    network = on_meta(depth=depth)
    found = multiply_adds(network, clips(device='meta'))
    assert found == pytest.approx(by_hand, rel=0.005)
    assert f'{by_hand / 1e9:.2f} (R{depth})' in IMRNet.__doc__


@pytest.mark.parametrize('depth', TABLE)
def test_multiply_adds_of_the_i_pathway_alone(depth):
    """In closed form, from the table; strides are on the 3x3 of bottlenecks."""
    table, _, counts = TABLE[depth]
    expected, before = 5 * 112**2 * 64 * 3 * 49, 64
    for stage, count in zip(STAGES[2:], counts, strict=True):
        for place in range(count):
            given, out = before, SIDES[stage] ** 2
            halved = place == 0 and stage != 'res2'
            for number, (kernel, channels) in enumerate(table[stage]):
                # What lies before a bottleneck's stride sees the size before.
                size = 4 * out if halved and depth == 50 and number == 0 else out
                expected += 5 * size * given * channels * math.prod(kernel)
                given = channels
            if halved or before != given:
                expected += 5 * out * before * given
            before = given
    pathway = on_meta(depth=depth, connection='none').pathways['iframe']
    stages = nn.Sequential(*pathway.values())
    assert multiply_adds(stages, torch.empty(1, 3, 5, 224, 224, device='meta')) == expected


@pytest.mark.parametrize('depth', TABLE)
@pytest.mark.parametrize('ablation', ABLATIONS)
def test_gradients_reach_every_parameter(depth, ablation):
    torch.manual_seed(0)
    network = IMRNet(depth, width=0.125, **ABLATIONS[ablation])
    maps = network(clips(33, n=2, gops=1))
    sum((x * torch.randn_like(x)).sum() for x in maps.values()).backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not dead
    assert {s: x.shape[2:] for s, x in maps.items()} == {
        'iframe': (1, 2, 2), 'motion': (5, 2, 2), 'residual': (5, 2, 2)
    }  # fmt: skip


@pytest.mark.parametrize(
    'ablation, influenced',
    [
        ('full', {s: set(STREAMS) for s in STREAMS}),
        ('none', {s: {s} for s in STREAMS}),
        ('unidirectional', {'iframe': {'iframe'}, 'motion': {'iframe', 'motion'},
                            'residual': {'iframe', 'residual'}}),
    ],
)  # fmt: skip
def test_who_sees_whom(ablation, influenced):
    torch.manual_seed(0)
    network = IMRNet(18, width=0.125, **ABLATIONS[ablation]).eval()
    inputs = clips(32)
    with torch.no_grad():
        before = network(inputs)
        for stream in STREAMS:
            after = network({**inputs, stream: inputs[stream] + 1})
            changed = {s for s in STREAMS if not torch.equal(before[s], after[s])}
            assert changed == influenced[stream], stream


def test_width_scales_the_i_pathway_alone():
    half, whole = on_meta(width=0.5), on_meta()
    assert half.out_channels == dict(iframe=256, motion=32, residual=32)
    assert half.pathways['iframe']['conv1'][0].out_channels == 32
    for name, parameter in whole.pathways['motion'].named_parameters():
        assert half.pathways['motion'].get_parameter(name).shape == parameter.shape
    for stage, (to_moving, to_iframe) in zip(half.connections, LATERAL.values(), strict=True):
        assert half.connections[stage]['motion'].out_channels == (to_iframe, to_moving)


def test_the_first_connection_may_lie_before_pooling():
    network = on_meta(first_connection='conv1')
    assert list(network.connections) == ['conv1', 'res2', 'res3', 'res4']
    sizes = []
    network.connections['conv1']['motion'].register_forward_hook(
        lambda _, args, result: sizes.append([tuple(x.shape) for x in (*args, *result)])
    )
    maps = network(clips(device='meta'))
    assert sizes == [[(1, 64, 5, 112, 112), (1, 8, 25, 112, 112), (1, 4, 5, 112, 112),
                      (1, 8, 25, 112, 112)]]  # fmt: skip
    assert maps['iframe'].shape == (1, 512, 5, 7, 7)


def test_other_options_and_odd_sizes():
    torch.manual_seed(0)
    network = IMRNet(width=0.125, lateral_sides=(5, 7), kappa=2)
    inputs = clips(37, gops=3, kappa=2)
    inputs = {s: x[..., :21] for s, x in inputs.items()}
    maps = network({**inputs, 'flow': torch.zeros(1)})
    assert maps['iframe'].shape == (1, 64, 3, 2, 1) and maps['motion'].shape == (1, 32, 6, 2, 1)
    assert network.connections['res4']['motion'].down.kernel_size == (2, 7, 7)
    assert network.connections['res4']['motion'].up.kernel_size == (2, 5, 5)


def test_weights_start_from_hes_rule():
    torch.manual_seed(0)
    network = IMRNet()
    for conv in (
        network.pathways['iframe']['conv1'][0], network.pathways['iframe']['res5'][1].conv1[0]
    ):  # fmt: skip
        fan_out = conv.out_channels * math.prod(conv.kernel_size)
        assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)


def test_convolutions_in_two_dimensions_change_nothing():
    torch.manual_seed(0)
    plain = IMRNet(width=0.125, factored=False).eval()
    inputs = {s: x.to(memory_format=torch.channels_last_3d) for s, x in clips(32).items()}
    with torch.no_grad():
        expected = plain(inputs)
        for options, on_cuda in ((dict(), False), (dict(factored=True), True)):
            network = IMRNet(width=0.125, **options).eval()
            network.load_state_dict(plain.state_dict())
            assert network.pathways['iframe']['conv1'][0].on_cuda is on_cuda
            for stream, x in network(inputs).items():
                torch.testing.assert_close(x, expected[stream], atol=1e-4, rtol=1e-3)
    assert not hasattr(plain.pathways['iframe']['conv1'][0], 'on_cuda')


def test_built_by_name_and_with_weights_of_its_own():
    torch.manual_seed(0)
    network = MODELS.build(dict(type='ssvrl_mm.IMRNet', depth=18, width=0.125)).eval()
    other = IMRNet(18, width=0.125).eval()
    other.load_state_dict(network.state_dict())
    inputs = clips(32)
    for stream, x in network(inputs).items():
        assert torch.equal(x, other(inputs)[stream])
    with pytest.raises(RuntimeError, match='Missing key'):
        IMRNet(18, width=0.125, connection='none').load_state_dict(
            {k: v for k, v in network.state_dict().items() if 'iframe' not in k}
        )
    assert num_parameters(on_meta()) == 21_430_856


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(depth=34), 'depth must be one of 18, 50: 34'),
        (dict(width=0), r'needs width > 0 and kappa >= 1: 0, 5'),
        (dict(kappa=0), r'needs width > 0 and kappa >= 1: 1.0, 0'),
        (dict(connection='both'), "one of bidirectional, unidirectional, none: 'both'"),
        (dict(connection='none', attention=False), 'neither convolutions nor gates'),
        (dict(connection='none', lateral_conv=False), 'neither convolutions nor gates'),
        (dict(first_connection='res2'), "must be pool1 or conv1: 'res2'"),
        (dict(lateral_sides=(4, 5)), r'two odd numbers: \(4, 5\)'),
        (dict(lateral_sides=(5, -1)), r'two odd numbers: \(5, -1\)'),
        (dict(lateral_sides=(5,)), r'two odd numbers: \(5,\)'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**options)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(motion=None), r"\['motion'\] missing from \('iframe', 'residual'\)"),
        (dict(iframe=(1, 3, 32, 32)), r"'iframe' of shape \(N, 3, T, H, W\), got \(1, 3, 32, 32\)"),
        (dict(motion=(1, 3, 25, 32, 32)), r"'motion' of shape \(N, 2, T, H, W\)"),
        (dict(residual=(1, 3, 24, 32, 32)), r"'residual' must have.*and 5 frames for each"),
        (dict(motion=(1, 2, 5, 32, 32)), r"'motion' must have the batch and size"),
        (dict(motion=(2, 2, 25, 32, 32)), r"'motion' must have the batch and size"),
        (dict(residual=(1, 3, 25, 32, 16)), r"'residual' must have the batch and size"),
    ],
)
def test_wrong_inputs(change, message):
    network = on_meta()
    inputs = clips(32, device='meta')
    for stream, shape in change.items():
        if shape is None:
            del inputs[stream]
        else:
            inputs[stream] = torch.empty(shape, device='meta')
    with pytest.raises(ValueError, match=message):
        network(inputs)
