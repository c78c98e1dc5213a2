"""p(z) as the standard normal distribution."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal


class StandardNormal(nn.Module):
    """p(z) = N(z | 0, I).

    Arguments:
        latent_dim: The length D of z.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), section 3
    """

    loc: Tensor
    scale: Tensor

    def __init__(self, latent_dim: int):
        super().__init__()
        self.numbers_per_sample = latent_dim
        self.register_buffer("loc", torch.zeros(latent_dim), persistent=False)
        self.register_buffer("scale", torch.ones(latent_dim), persistent=False)

    def forward(self) -> Distribution:
        """p(z), with batch shape () and event shape (D,)."""
        return Independent(Normal(self.loc, self.scale, validate_args=False), 1)
