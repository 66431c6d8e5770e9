import pytest

from ssvrl_mm.evaluation import ViewQuality


def test_means_over_the_videos():
    metric = ViewQuality()
    samples = [
        dict(view_quality=dict(psnr=p, cosine=c)) for p, c in ((10, 0.5), (20, -0.5), (30, 0.6))
    ]
    metric.process(None, samples[:2])
    metric.process(None, samples[2:])
    assert metric.evaluate(3) == pytest.approx({'view/psnr': 20, 'view/cosine': 0.2})


def test_one_video_is_enough():
    metric = ViewQuality()
    metric.process(None, [dict(view_quality=dict(psnr=12))])
    assert metric.evaluate(1) == {'view/psnr': 12}


def test_other_models_are_told():
    with pytest.raises(KeyError, match=r"which a ViewSynthesizer writes; the samples hold \['feat"):
        ViewQuality().process(None, [dict(features=1)])
