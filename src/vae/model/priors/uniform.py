"""p(z) as the uniform distribution over discrete codes."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.priors.code_prior import codebook_of


class Uniform(nn.Module):
    r"""p(z) = 1 / M for each of the M codes that q(z|x) may give.

    Arguments:
        posterior: The model's own, which knows its codes.

    Raises:
        ValueError: If its z is no code but any vector.

    References:
        Neural Discrete Representation Learning (van den Oord et al., 2017), section 3.1
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()
    discrete: ClassVar[bool] = True

    def __init__(self, posterior: nn.Module):
        codebook = codebook_of(posterior, "a uniform prior")
        super().__init__()
        self.codebook = codebook
        self.numbers_per_sample = codebook.total

    def forward(self) -> Distribution:
        """p(z), with batch shape () and event shape (D,)."""
        return self.codebook.uniform()

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        return self.codebook.code(torch.special.ndtr(noise[:, self.codebook.lead]))
