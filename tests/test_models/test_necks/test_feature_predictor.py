import pytest
import torch

from ssvrl_mm.models.necks import ConvGRUPredictor, DETRPredictor, TransformerPredictor

PREDICTORS = [TransformerPredictor, DETRPredictor, ConvGRUPredictor]
SMALL = dict(in_channels=6, in_size=(2, 3, 4), out_size=(3, 2, 2), channels=8)


@pytest.mark.parametrize('predictor', PREDICTORS)
def test_sizes_of_the_paper(predictor):
    # C3D, and 26 layers with bottlenecks, of 16 x 112 x 112; R3D-10 of 8 x 112 x 112 motion.
    for channels in (512, 2048):
        predicted = predictor(channels, channels=64)(torch.rand(1, channels, 2, 7, 7))
        assert predicted.shape == (1, 64, 1, 7, 7)
    assert predictor(64).out_channels == 512


@pytest.mark.parametrize('predictor', PREDICTORS)
def test_size_and_channels_are_those_of_the_arguments(predictor):
    model = predictor(**SMALL)
    assert (model.in_size, model.out_size) == ((2, 3, 4), (3, 2, 2))
    assert model(torch.rand(5, 6, 2, 3, 4)).shape == (5, 8, 3, 2, 2)


@pytest.mark.parametrize('predictor', PREDICTORS)
@pytest.mark.parametrize('shape', [(6, 2, 4, 3), (6, 1, 3, 4), (7, 2, 3, 4), (6, 24)])
def test_map_of_another_size_is_refused_by_both_sizes(predictor, shape):
    with pytest.raises(ValueError) as error:
        predictor(**SMALL)(torch.rand(1, *shape))
    assert f'(6, 2, 3, 4), got {shape}' in str(error.value)
    assert predictor.__name__ in str(error.value)


@pytest.mark.parametrize('predictor', PREDICTORS)
@pytest.mark.parametrize('name', ['in_size', 'out_size'])
@pytest.mark.parametrize('size', [(2, 2), (0, 2, 2)])
def test_what_is_no_size_is_refused(predictor, name, size):
    with pytest.raises(ValueError, match=f'{name} must be three positive'):
        predictor(**{**SMALL, name: size})


@pytest.mark.parametrize('predictor', PREDICTORS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_trains_under_autocast(predictor, dtype):
    torch.manual_seed(0)
    model, maps = predictor(**SMALL, dropout=0), torch.randn(2, 6, 2, 3, 4)
    plain = model(maps)
    with torch.autocast('cpu', dtype):
        predicted = model(maps.to(dtype))
    assert (predicted.float() - plain).norm() < 0.05 * plain.norm()
    (predicted.float() * torch.randn_like(plain)).mean().backward()
    # A decoder that starts from zeros has nothing to attend to at first.
    idle = 'decoder.0.self_attention.'
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.any() or name.startswith(idle)


@pytest.mark.parametrize('predictor', PREDICTORS)
def test_videos_do_not_see_each_other(predictor):
    model = predictor(**SMALL).eval()
    maps = torch.rand(3, 6, 2, 3, 4)
    torch.testing.assert_close(model(maps)[1:2], model(maps[1:2]))
