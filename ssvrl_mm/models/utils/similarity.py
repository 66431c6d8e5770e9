"""How alike two embeddings are: what the contrastive heads compare queries and keys by."""

from torch import Tensor, nn

from ssvrl_mm.registry import MODELS


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
