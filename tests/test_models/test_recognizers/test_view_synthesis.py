"""What each loss of view synthesis is, and which weights it reaches."""

import copy

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from ssvrl_mm.models.recognizers import ViewSynthesizer
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.models.view_synthesis import predict_first
from ssvrl_mm.registry import MODELS

from ..tiny import TinyBackbone

ONLY = dict(info_max=0.0, info_min=0.0, kl=0.0, reconstruction=0.0)


def config(**changes):
    return {
        'type': 'ViewSynthesizer',
        'view_generator': dict(type='ViewAutoencoder', channels=(4, 4, 6), latent_channels=3),
        'flow_estimator': dict(type='FlowEstimator', channels=(4, 6)),
        'feature_extractor': dict(type=TinyBackbone),
        'data_preprocessor': dict(type='SSLDataPreprocessor'),
        **changes,
    }


def build(**changes):
    torch.manual_seed(0)
    model = MODELS.build(config(**changes)).train()
    torch.nn.init.normal_(model.flow_estimator.flow.weight, std=0.1)
    return model


@pytest.fixture
def clips():
    return torch.randn(2, 1, 3, 4, 12, 16, generator=torch.Generator().manual_seed(1))


def gradients(model):
    """Part -> whether any, and whether all of its weights got a gradient."""
    found = {}
    for name in ('view_generator', 'flow_estimator', 'feature_extractor'):
        given = [
            p.grad is not None and bool(p.grad.any()) for p in getattr(model, name).parameters()
        ]
        found[name] = 'all' if all(given) else 'some' if any(given) else 'none'
    return found


@pytest.mark.parametrize(
    'term, generator', [('info_max', 'all'), ('info_min', 'all'), ('reconstruction', 'all')]
)
def test_terms_of_the_view_train_the_generator_alone(clips, term, generator):
    model = build(weights={**ONLY, term: 1.0})
    model.loss(clips)[f'loss_{term}'].backward()
    assert gradients(model) == dict(
        view_generator=generator, flow_estimator='none', feature_extractor='none'
    )
    # Not even a gradient of zero, which an optimizer would take as a reason to step.
    assert all(p.grad is None for p in model.flow_estimator.parameters())
    assert all(p.grad is None for p in model.feature_extractor.parameters())


def test_the_divergence_trains_the_encoder_alone(clips):
    model = build(weights={**ONLY, 'kl': 1.0})
    model.loss(clips)['loss_kl'].backward()
    assert gradients(model)['flow_estimator'] == 'none'
    assert all(bool(p.grad.any()) for p in model.view_generator.encoder.parameters())
    assert all(p.grad is None for p in model.view_generator.decoder.parameters())


def test_the_photometric_loss_trains_the_flow_estimator_alone(clips):
    model = build()
    model.loss(clips)['loss_photometric'].backward()
    assert gradients(model) == dict(
        view_generator='none', flow_estimator='all', feature_extractor='none'
    )


def test_terms_without_weight_are_left_out(clips):
    assert set(build().loss(clips)) == {
        'loss_photometric', 'loss_info_max', 'loss_info_min', 'loss_kl', 'cosine',
    }  # fmt: skip
    assert set(build(weights=ONLY).loss(clips)) == {'loss_photometric', 'cosine'}


def rho(z):
    return np.sqrt(z**2 + 1e-6).mean()


def test_losses_are_the_equations(clips):
    weights = dict(info_max=2.0, info_min=3.0, kl=0.5, reconstruction=0.25)
    model = build(weights=weights)
    torch.manual_seed(7)
    losses = {name: float(value.detach()) for name, value in model.loss(clips).items()}
    torch.manual_seed(7)
    with torch.no_grad():
        view, mu, log_variance = model.view_generator(clips[:, 0])
        preprocessor = model.data_preprocessor
        x, x_view = (each * preprocessor.std + preprocessor.mean for each in (clips[:, 0], view))
        o, o_view = model.flow_estimator(x), model.flow_estimator(x_view)
        warped = predict_first(x, o).numpy()
        f, f_view = (
            model.feature_extractor(each).mean((2, 3, 4)).numpy() for each in (clips[:, 0], view)
        )
    x, x_view, o, o_view, mu, log_variance = (
        each.numpy().astype(np.float64) for each in (x, x_view, o, o_view, mu, log_variance)
    )
    assert losses['loss_photometric'] == pytest.approx(rho(x[:, :, :-1] - warped), rel=1e-5)
    assert losses['loss_info_max'] == pytest.approx(2 * rho(o - o_view), rel=1e-5)
    cosine = np.mean(
        [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(f, f_view, strict=True)]
    )
    assert losses['cosine'] == pytest.approx(cosine, rel=1e-4)
    assert losses['loss_info_min'] == pytest.approx(3 * cosine, rel=1e-4)
    terms = mu**2 + np.exp(log_variance) - log_variance - 1
    assert losses['loss_kl'] == pytest.approx(0.5 * terms.sum(1).mean() / 2, rel=1e-5)
    # Of the luma alone, after ITU-R BT.601.
    darker = np.tensordot([0.299, 0.587, 0.114], x - x_view, axes=(0, 1))
    assert losses['loss_reconstruction'] == pytest.approx(rho(darker) / 4, rel=1e-5)


def test_the_features_of_the_clip_are_constants(clips):
    model = build(weights={**ONLY, 'info_min': 1.0})
    clips = clips[:, 0].requires_grad_()
    view = torch.randn_like(clips).requires_grad_()
    model._cosine(clips, view).sum().backward()
    assert clips.grad is None and view.grad.any()


def test_a_gradient_of_the_generator_is_that_of_the_numbers(clips):
    model = build(weights=dict(info_max=1.0, info_min=1.0, kl=0.1, reconstruction=0.3)).double()
    clips = clips.double()

    def loss():
        torch.manual_seed(3)
        return sum(v for name, v in model.loss(clips).items() if name.startswith('loss'))

    loss().backward()
    for part, terms in (
        (model.view_generator.decoder[-1].bias, 'of the view'),
        (model.view_generator.encoder[-1].bias, 'of the view'),
        (model.flow_estimator.flow.bias, 'photometric'),
    ):
        step, numbers = 1e-6, []
        start = part.detach().clone()
        name = 'loss_photometric' if terms == 'photometric' else None
        for sign in (1, -1):
            with torch.no_grad():
                part.copy_(start)
                part[0] += sign * step
                torch.manual_seed(3)
                losses = model.loss(clips)
                kept = [name] if name else [n for n in losses if n.startswith('loss')]
                numbers.append(sum(float(losses[n]) for n in kept))
                part.copy_(start)
        difference = (numbers[0] - numbers[1]) / (2 * step)
        assert float(part.grad[0]) == pytest.approx(difference, rel=1e-3, abs=1e-7), terms


def test_the_feature_extractor_stays_in_evaluation():
    model = build(feature_extractor=dict(type='VideoResNet', arch='r3d', depth=10, width=0.0625))
    assert model.training and not any(m.training for m in model.feature_extractor.modules())
    before = copy.deepcopy(model.feature_extractor.state_dict())
    model.loss(torch.randn(1, 1, 3, 4, 16, 16))
    after = model.feature_extractor.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_losses_of_mixed_precision_are_in_full_one(clips):
    model = build(weights=dict(reconstruction=1.0)).eval()
    expected = model.loss(clips)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(clips)
        assert model.view_generator(clips[:, 0]).mean.dtype == torch.bfloat16
    for name, value in losses.items():
        assert value.dtype == torch.float32, name
        torch.testing.assert_close(value, expected[name], rtol=0.05, atol=0.01, msg=name)


def test_views_have_neither_noise_nor_gradients(clips):
    model = build()
    views = model(dict(rgb=clips))
    assert views.shape == clips.shape and not views.requires_grad and model.view_generator.training
    assert torch.equal(views, model(clips))
    model.test_batch_clips = 1
    torch.testing.assert_close(model(clips), views)


def test_samples_are_told_of_the_quality_of_their_views():
    model = build().eval()
    clips = torch.randn(2, 2, 3, 3, 16, 16)
    samples = model(dict(rgb=clips), [ActionDataSample(), ActionDataSample()], mode='predict')
    for sample, own in zip(samples, clips, strict=True):
        found = sample.view_quality
        assert set(found) == {'psnr', 'ssim', 'contrast', 'flow', 'flow_difference', 'cosine'}
        flows = model.flows(own), model.flows(model.synthesise(own[None])[0])
        gap = (flows[0] - flows[1]).detach().numpy()
        assert found['flow_difference'] == pytest.approx(np.hypot(gap[:, 0], gap[:, 1]).mean())
        assert -1 <= found['cosine'] <= 1


def test_training_from_a_random_feature_extractor_is_refused(clips):
    with pytest.raises(ValueError, match='feature_extractor names no weights to start from'):
        build().init_weights()


def test_the_feature_extractor_is_loaded_or_refused(tmp_path):
    backbone = dict(type='VideoResNet', arch='r3d', depth=10, width=0.0625)
    trained = MODELS.build(backbone).state_dict()
    torch.save(
        {f'backbone_rgb.{name}': value for name, value in trained.items()}, tmp_path / 'f.pth'
    )
    start = dict(type='ssvrl_mm.PretrainedBackbone', checkpoint=str(tmp_path / 'f.pth'))
    model = build(feature_extractor=dict(backbone, init_cfg=dict(start, prefix='backbone_rgb.')))
    model.init_weights()
    loaded = model.feature_extractor.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in trained.items())
    model = build(feature_extractor=dict(backbone, init_cfg=dict(start, prefix='backbone.')))
    with pytest.raises(WeightsError, match="All of them are under 'backbone_rgb.'"):
        model.init_weights()


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(weights=dict(infomax=1.0)), 'weights must be of'),
        (dict(weights=dict(kl=-1.0)), 'not negative'),
        (dict(weights=dict(kl=float('nan'))), 'finite and not negative'),
        (dict(weights=dict(info_max=float('inf'))), 'finite and not negative'),
        (
            dict(data_preprocessor=dict(type='SSLDataPreprocessor', rgb=dict(mean=[0, 0, 0]))),
            r'mean of data_preprocessor.rgb is \[0.0, 0.0, 0.0\], that of view_generator \[123.6',
        ),
        (
            dict(data_preprocessor=dict(type='SSLDataPreprocessor', rgb=dict(remove_still=True))),
            'has remove_still=True, and view_generator False',
        ),
    ],
)
def test_wrong_options_are_told(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_other_modes_are_refused(clips):
    with pytest.raises(ValueError, match="got 'los'"):
        build()(clips, mode='los')
    assert isinstance(build(), ViewSynthesizer)
