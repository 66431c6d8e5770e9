"""How alike two embeddings are: what the contrastive heads compare queries and keys by."""

from torch import Tensor, nn

from ssvrl_mm.registry import MODELS

#: Above what rounding leaves of 0 between unit vectors in float64.
LEAST_SQUARE = 1e-14


@MODELS.register_module()
class DotProduct(nn.Module):
    """The dot product, of unit vectors the cosine: the default of contrastive heads.

    Any module with the same :meth:`forward` can take its place, by
    ``similarity=dict(type='YourSimilarity')`` in the head's config.

    Example:
        >>> DotProduct()(torch.eye(3)[:2], torch.eye(3))
        tensor([[1., 0., 0.],
                [0., 1., 0.]])
    """

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Compares every query with every key.

        Args:
            queries: (..., N, C) unit vectors in at least float32.
            keys: (..., M, C) likewise, with the same leading axes.

        Returns:
            (..., N, M), the larger the more alike; the head's loss divides by its temperature.
        """
        return queries @ keys.mT


@MODELS.register_module()
class NegativeDistance(nn.Module):
    """Minus the Euclidean distance: the h that MSCL prints is ``exp(-||x - y|| / tau)``.

    Ni et al., ECCV 2022, Eqs. (3) to (6); their released code has the dot product.

    Distances come from dot products, which takes the memory of the result and no more, where
    differences would take C times that: 1 GiB for 32 queries and 65,536 keys of 128. They are
    computed in float64, as in float32 those of near neighbours would be lost in rounding. Below
    1e-7 the distance is 1e-7, and has no gradient; so that of equal points is 0.

    Example:
        >>> NegativeDistance()(torch.tensor([[3.0, 0.0]]), torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor([[-1.0000e-07, -5.0000e+00]])
    """

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Compares every query with every key.

        Args:
            queries: (..., N, C) vectors in at least float32.
            keys: (..., M, C) likewise, with the same leading axes.

        Returns:
            (..., N, M), the larger the more alike; 0 at most.
        """
        x, y = queries.double(), keys.double()
        squares = x.square().sum(-1)[..., :, None] + y.square().sum(-1)[..., None, :]
        squares = squares - 2 * x @ y.mT
        return -squares.clamp(min=LEAST_SQUARE).sqrt().to(queries.dtype)
