"""p(x|z) as independent Gaussian pixels."""

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints

from vae.model.capabilities import Capability
from vae.model.distributions.optimal_normal import OptimalNormal
from vae.model.likelihoods.location_scale import LocationScale
from vae.model.precision import at_least_float32


class Gaussian(LocationScale):
    r"""p(x|z) = prod_i N(x_i | loc_i(z), scale^2), with its normalising constant.

    .. math:: \log p(x \mid z) = -\sum_i \tfrac{(x_i - loc_i)^2}{2 scale_i^2}
        + \log scale_i + \tfrac{1}{2} \log 2 \pi

    Arguments:
        event_shape: The shape (C, H, W) of x.
        scale: A positive number fixes the standard deviation; "shared" learns one for all pixels;
            "per_pixel" has the decoder output one for each pixel of each image; "optimal" gives
            each training batch the one that maximises its likelihood, the root of its mean
            squared error, and evaluation their running average, which does not see the example.
        initial_scale: Where a learned scale starts, in the units of x.
        min_scale: The smallest learned scale, in the units of x; it keeps a constant pixel's
            density finite.
        momentum: The weight of a batch in the running average of "optimal".

    Raises:
        ConfigError: If a scale is not positive.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), eq. 12 (per_pixel)
        Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021), section 3
        (shared, optimal)
    """

    support: ClassVar[constraints.Constraint] = constraints.real
    running_variance: Tensor
    batches: Tensor

    def __init__(
        self,
        event_shape: tuple[int, ...],
        scale: float | Literal["shared", "per_pixel", "optimal"] = "shared",
        initial_scale: float = 0.2,
        min_scale: float = 0.002,
        momentum: float = 0.01,
    ):
        super().__init__(event_shape, scale, initial_scale, min_scale)
        self.momentum = momentum
        if scale == "optimal":
            self.register_buffer("running_variance", torch.tensor(initial_scale**2))
            self.register_buffer("batches", torch.tensor(0))

    @property
    def offers(self) -> frozenset[Capability]:
        """An optimal scale is that of all samples together."""
        return frozenset() if self.scale == "optimal" else frozenset({"sample_weights"})

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features with shape (*, *feature_shape)."""
        if self.scale == "optimal":
            loc = at_least_float32(features)
            if self.training:
                pixels: Distribution = OptimalNormal(loc, self.min_scale, self._observe)
            else:
                scale = at_least_float32(self.running_variance).sqrt().expand_as(loc)
                pixels = Normal(loc, scale, validate_args=False)
        else:
            pixels = Normal(*self.loc_and_scale(features), validate_args=False)
        return Independent(pixels, len(self.event_shape), validate_args=False)

    def _observe(self, variance: Tensor) -> None:
        """Move the running average; its weights are even until momentum is reached."""
        self.batches += 1
        dtype = self.running_variance.dtype
        weight = (1 / self.batches.to(dtype)).clamp_min(self.momentum)
        self.running_variance.lerp_(variance.to(dtype), weight)
