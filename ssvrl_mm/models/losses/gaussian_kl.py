"""How far a normal distribution is from the standard one."""

from torch import Tensor, nn

from ssvrl_mm.models.utils.precision import full_precision, without_autocast
from ssvrl_mm.registry import MODELS


@MODELS.register_module()
class GaussianKLLoss(nn.Module):
    """Kullback-Leibler divergence of normal distributions from the standard normal one.

    Eq. (14) of "Self-supervised Representation Learning for Videos by Segmenting via Sampling Rate
    Order Prediction" (IEEE TCSVT 2021): ``1/2 sum (mu^2 + sigma^2 - log sigma^2 - 1)``, over the d
    values of a latent vector. Its mean over the vectors of all places, times and clips; the paper
    does not say how many vectors a clip has. Computed in at least float32, inside autocast too.

    Example:
        >>> GaussianKLLoss()(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
        tensor(12.5000)
    """

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Measures.

        Args:
            mean: (M, D, ...), mu of D values at each place.
            log_variance: (M, D, ...), the logarithm of sigma^2.

        Returns:
            The mean, a scalar.
        """
        with without_autocast(mean):
            mean, log_variance = full_precision(mean, log_variance)
            terms = mean.square() + log_variance.exp() - log_variance - 1
            return terms.sum(dim=1).mean() / 2
