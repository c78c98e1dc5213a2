"""A normal distribution whose scale is the best for the data it is asked about."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, Normal, constraints


class OptimalNormal(Distribution):
    r"""N(x | loc, scale*^2), with one scale for all elements that maximises the likelihood.

    .. math:: scale^{*2} = \text{mean}((x - loc)^2)

    It is not normalised over x, since its scale depends on x: it is for training alone. The
    gradient passes by the scale, at which the likelihood is stationary.

    Arguments:
        loc: The means, with any shape.
        min_scale: The smallest scale.
        observe: Receives each scale*^2.

    References:
        Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021), section 3
    """

    arg_constraints: ClassVar = {"loc": constraints.real}
    support = constraints.real

    def __init__(self, loc: Tensor, min_scale: float, observe: Callable[[Tensor], None]):
        self.loc, self.min_scale, self.observe = loc, min_scale, observe
        super().__init__(loc.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The means."""
        return self.loc

    def log_prob(self, value: Tensor) -> Tensor:
        """log N(x | loc, scale*^2) in nats, elementwise."""
        with torch.no_grad():
            variance = (value - self.loc).square().mean().clamp_min(self.min_scale**2)
            self.observe(variance)
        scale = variance.sqrt().expand_as(self.loc)
        log_p: Tensor = Normal(self.loc, scale, validate_args=False).log_prob(value)
        return log_p

    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Only a fixed scale can be sampled from: the means."""
        return self.loc.detach().expand(self._extended_shape(sample_shape))
