"""p(z) as the standard normal distribution."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae.model.capabilities import Capability


class StandardNormal(nn.Module):
    """p(z) = N(z | 0, I).

    Arguments:
        latent_dim: The length D of z.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), section 3
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"factors"})
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

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        return self.loc + self.scale * noise
