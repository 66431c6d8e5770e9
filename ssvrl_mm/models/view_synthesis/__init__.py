"""View synthesis: the generator of views, and the flow that says whether they move alike."""

from ssvrl_mm.models.view_synthesis.flow_estimator import FlowEstimator
from ssvrl_mm.models.view_synthesis.view_autoencoder import SynthesisedView, ViewAutoencoder
from ssvrl_mm.models.view_synthesis.warping import predict_first, warp

__all__ = ['FlowEstimator', 'SynthesisedView', 'ViewAutoencoder', 'predict_first', 'warp']
