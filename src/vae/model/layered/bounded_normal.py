"""The normal distribution of a layer of latents, with a variance that cannot run away."""

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae.model.posteriors.diagonal_normal import DiagonalNormal

LIMIT = 10.0


class BoundedNormal(DiagonalNormal):
    r"""A diagonal normal distribution whose log-variance stays within -10 and 10.

    Between two learned distributions nothing holds a variance where it is: a network that sees a
    sample far out gives a variance further out, until float32 has no number for it.

    Arguments:
        latent_dim: The length D of the layer.

    References:
        NVAE (Vahdat & Kautz, 2020), released code, which bounds the same quantity by a tanh
    """

    def forward(self, features: Tensor) -> Distribution:
        r"""The distribution, with batch shape (\*), for features with shape (\*, 2 D)."""
        loc, log_variance = features.chunk(2, dim=-1)
        return super().forward(torch.cat([loc, log_variance.clamp(-LIMIT, LIMIT)], dim=-1))
