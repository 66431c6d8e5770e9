import pytest
import torch
from mmengine.model import BaseModule

from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.registry import MODELS

SMALL = dict(type='ViewAutoencoder', channels=(4, 4, 6), latent_channels=3)


def build(**changes):
    torch.manual_seed(0)
    return MODELS.build({**SMALL, **changes})


class Owner(BaseModule):
    """A recognizer that uses a trained generator."""

    def __init__(self, view_generator):
        super().__init__()
        self.view_generator = MODELS.build(view_generator)


@pytest.fixture
def checkpoint(tmp_path):
    """One as a training of views leaves it, of a generator and of others."""
    weights = {f'view_generator.{n}': w for n, w in build().state_dict().items()}
    path = tmp_path / 'views.pth'
    torch.save(dict(state_dict={**weights, 'flow_estimator.x': torch.zeros(2)}), path)
    return str(path)


@pytest.mark.parametrize('size', [(16, 16), (13, 18)])
def test_views_have_the_shape_and_the_range_of_clips(size):
    model = build()
    clips = torch.randn(2, 3, 5, *size)
    view, mean, log_variance = model(clips)
    assert view.shape == clips.shape
    assert mean.shape == log_variance.shape == (2, 3, 5, -(-size[0] // 4), -(-size[1] // 4))
    pixels = model.to_pixels(view)
    assert pixels.min() >= 0 and pixels.max() <= 1
    torch.testing.assert_close(model.to_pixels((pixels - model.mean) / model.std), pixels)


def test_sizes_are_those_of_the_design():
    """3-32-64-128 channels, a latent of 64, and the same back."""
    model = MODELS.build(dict(type='ViewAutoencoder'))
    convolutions = [layer for layer in model.modules() if isinstance(layer, torch.nn.Conv3d)]
    channels = [(layer.in_channels, layer.out_channels) for layer in convolutions]
    there = [(3, 32), (32, 64), (64, 128), (128, 2 * 64)]
    assert channels == [*there, (64, 128), (128, 64), (64, 32), (32, 3)]


def test_latent_values_are_drawn_in_training_alone():
    model, clips = build(), torch.randn(1, 3, 2, 8, 8)
    first, second = model(clips), model(clips)
    assert not torch.equal(first.clips, second.clips) and torch.equal(first.mean, second.mean)
    view = model.synthesise(clips)
    assert torch.equal(view, model.synthesise(clips)) and not view.requires_grad and model.training
    model.eval()
    assert torch.equal(model(clips).clips, view)


def test_draws_have_the_deviation_that_the_encoder_says():
    model = build()
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.zero_()
        model.encoder[-1].bias.copy_(torch.tensor([1.0, 2, 3, 0, 2, -2]))
    drawn = []
    model.decoder.register_forward_pre_hook(lambda module, args: drawn.append(args[0]))
    model(torch.zeros(4, 3, 8, 64, 64))
    values = drawn[0].transpose(0, 1).flatten(1)
    torch.testing.assert_close(values.mean(1), torch.tensor([1.0, 2, 3]), atol=0.15, rtol=0)
    deviations = torch.exp(torch.tensor([0.0, 2, -2]) / 2)
    torch.testing.assert_close(values.std(1), deviations, rtol=0.05, atol=0)


def test_the_decoder_hears_of_the_clip_from_the_start():
    torch.manual_seed(0)
    model = MODELS.build(dict(type='ViewAutoencoder'))
    # As faint as clips without what is still.
    clips = 0.2 * torch.randn(2, 3, 2, 16, 16)
    view, mean, log_variance = model(clips)
    assert mean.std() > torch.exp(log_variance / 2).mean()
    # And it begins with grey.
    assert (model.to_pixels(view) - 0.5).abs().max() < 0.1


def test_what_is_still_is_removed_of_views_too():
    model, clips = build(remove_still=True), torch.randn(1, 3, 4, 8, 8)
    for view in (model(clips).clips, model.synthesise(clips)):
        assert view.mean(2).abs().max() < 1e-5 and view.std() > 0


def test_extreme_latent_values_stay_numbers():
    model = build()
    with torch.no_grad():
        model.encoder[-1].bias[3:] = 1e4
    assert model(torch.zeros(1, 3, 1, 8, 8)).clips.isfinite().all()


@pytest.mark.parametrize('kind', ['Pretrained', 'ssvrl_mm.PretrainedBackbone'])
def test_a_generator_starts_from_the_training_of_views(checkpoint, kind):
    init_cfg = dict(type=kind, checkpoint=checkpoint, prefix='view_generator.')
    torch.manual_seed(1)
    owner = Owner(dict(SMALL, init_cfg=init_cfg))
    owner.init_weights()
    wanted = build().state_dict()
    assert all(torch.equal(w, wanted[n]) for n, w in owner.view_generator.state_dict().items())


@pytest.mark.parametrize(
    'changes, init, message',
    [
        ({}, dict(prefix='generator.'), "All of them are under 'view_generator.'"),
        ({}, {}, "All of them are under 'view_generator.'"),
        (dict(latent_channels=4), dict(prefix='view_generator.'), 'do not fit ViewAutoencoder'),
        (
            dict(mean=(127.5, 127.5, 127.5)),
            dict(prefix='view_generator.'),
            r'normalised with mean=\[123.675, 116.28, 103.53\], and this generator has \[127.5',
        ),
        (
            dict(remove_still=True),
            dict(prefix='view_generator.'),
            'clips with remove_still=False, and this generator has True',
        ),
        (dict(std=(1, 1, 1)), dict(prefix='view_generator.'), r'std=\[58.395, 57.12, 57.375\]'),
    ],
)
def test_a_wrong_checkpoint_is_no_view(checkpoint, changes, init, message):
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint, **init)
    with pytest.raises(WeightsError, match=message):
        Owner({**SMALL, **changes, 'init_cfg': init_cfg}).init_weights()


def test_a_checkpoint_must_say_whether_the_still_was_removed(checkpoint):
    content = torch.load(checkpoint)
    del content['state_dict']['view_generator.removes_still']
    torch.save(content, checkpoint)
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint, prefix='view_generator.')
    with pytest.raises(WeightsError, match='removes_still'):
        Owner(dict(SMALL, init_cfg=init_cfg)).init_weights()
    Owner(dict(SMALL, init_cfg=dict(init_cfg, ignore=('removes_still',)))).init_weights()


def test_the_checkpoint_of_several_initialisations_comes_last(checkpoint):
    load = dict(type='Pretrained', checkpoint=checkpoint, prefix='view_generator.')
    noise = dict(type='Constant', layer='Conv3d', val=0.0)
    for init_cfg in ([load, noise], (noise, load)):
        owner = Owner(dict(SMALL, init_cfg=init_cfg))
        owner.init_weights()
        wanted = build().state_dict()
        assert all(torch.equal(w, wanted[n]) for n, w in owner.view_generator.state_dict().items())
    with pytest.raises(WeightsError, match='do not fit ViewAutoencoder'):
        Owner(dict(SMALL, latent_channels=4, init_cfg=[load])).init_weights()


def test_a_checkpoint_that_is_not_there_is_named():
    init_cfg = dict(type='Pretrained', checkpoint='nowhere.pth')
    with pytest.raises(FileNotFoundError, match='nowhere.pth'):
        Owner(dict(SMALL, init_cfg=init_cfg)).init_weights()


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(mean=(1, 2)), 'three means'),
        (dict(std=(1, 0, 1)), 'positive stds'),
        (dict(channels=(4, 4)), 'full, half and quarter'),
    ],
)
def test_wrong_options_are_told(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)
