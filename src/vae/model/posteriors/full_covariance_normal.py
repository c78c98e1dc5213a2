"""q(z|x) as a normal distribution with any covariance."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.full_normal import FullNormal
from vae.model.precision import at_least_float32


class FullCovarianceNormal(nn.Module):
    r"""q(z|x) = N(z | loc(x), L(x) L(x)^T), with L lower triangular.

    .. math:: (m, v, o) = \text{features}, \quad loc = m, \quad L = \text{diag}(e^{v / 2})
        + \text{strictly lower triangle}(o)

    Arguments:
        latent_dim: The length D of z.

    References:
        TensorFlow Probability, tutorial "Probabilistic layers: VAE" (MultivariateNormalTriL)
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density", "density_anywhere", "moments"})
    rows: Tensor
    columns: Tensor

    def __init__(self, latent_dim: int):
        super().__init__()
        below = latent_dim * (latent_dim - 1) // 2
        self.latent_dim = latent_dim
        self.feature_shape = (2 * latent_dim + below,)
        rows, columns = torch.tril_indices(latent_dim, latent_dim, offset=-1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, 2 D + D (D - 1) / 2)."""
        d = self.latent_dim
        loc, log_variance, below = at_least_float32(features).split(
            [d, d, self.feature_shape[0] - 2 * d], dim=-1
        )
        scale_tril = torch.diag_embed((0.5 * log_variance).exp())
        scale_tril[..., self.rows, self.columns] = below
        return FullNormal(loc, scale_tril)
