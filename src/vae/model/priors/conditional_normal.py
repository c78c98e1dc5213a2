"""p(z|c) as a normal distribution for each class, or each value of the attributes."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae.model.capabilities import Capability
from vae.model.precision import at_least_float32

# logarithms of standard deviations, so that no class's prior collapses or explodes
LOWEST, HIGHEST = -6.0, 3.0


class ConditionalNormal(nn.Module):
    r"""p(z|c) = N(z | m + M c, diag(exp(s + S c))^2), all learned; N(0, I) at the start.

    For a one-hot c it has a mean and a standard deviation of its own for each class.

    Arguments:
        latent_dim: The length D of z.
        context_dim: The length C of c; 0 of an unconditional model, which it is refused with.

    Raises:
        ValueError: If there is no c.

    References:
        Learning Structured Output Representation using Deep Conditional Generative Models
        (Sohn et al., 2015), eq. 4: the prior network p(z|x), here of one layer
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"factors"})
    takes_context: ClassVar[bool] = True

    def __init__(self, latent_dim: int, context_dim: int = 0):
        if context_dim < 1:
            raise ValueError(
                "a conditional prior is p(z|c), and this model knows no c; set "
                "model.condition=label or attributes, or choose another model/prior."
            )
        super().__init__()
        self.numbers_per_sample = 2 * latent_dim
        self.parameters_of = nn.Linear(context_dim, 2 * latent_dim)
        nn.init.zeros_(self.parameters_of.weight)
        nn.init.zeros_(self.parameters_of.bias)

    def forward(self, context: Tensor) -> Distribution:
        """p(z|c), with batch shape (B,) and event shape (D,), for c with shape (B, C)."""
        return Independent(Normal(*self._moments(context), validate_args=False), 1)

    def _moments(self, context: Tensor) -> tuple[Tensor, Tensor]:
        loc, log_scale = at_least_float32(self.parameters_of(context)).chunk(2, dim=-1)
        return loc, log_scale.clamp(LOWEST, HIGHEST).exp()

    def from_noise(self, noise: Tensor, uniform: Tensor, context: Tensor) -> Tensor:
        """z ~ p(z|c), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
            context: c, with shape (B, C).
        """
        loc, scale = self._moments(context)
        return torch.addcmul(loc, scale, noise)
