"""p(x|z) as independent Gaussian pixels."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, constraints

from vae.errors import ConfigError
from vae.model.precision import at_least_float32


class Gaussian(nn.Module):
    r"""p(x|z) = prod_i N(x_i | loc_i(z), scale^2), with its normalising constant.

    .. math:: \log p(x \mid z) = -\sum_i \tfrac{(x_i - loc_i)^2}{2 scale_i^2}
        + \log scale_i + \tfrac{1}{2} \log 2 \pi

    Arguments:
        event_shape: The shape (C, H, W) of x.
        scale: A positive number fixes the standard deviation; "shared" learns one for all pixels;
            "per_pixel" has the decoder output one for each pixel of each image.
        initial_scale: Where a learned scale starts, in the units of x.
        min_scale: The smallest learned scale, in the units of x; it keeps a constant pixel's
            density finite.

    Raises:
        ConfigError: If a scale is not positive.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), eq. 12 (per_pixel)
        Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021) (shared)
    """

    support: ClassVar[constraints.Constraint] = constraints.real

    def __init__(
        self,
        event_shape: tuple[int, ...],
        scale: float | Literal["shared", "per_pixel"] = "shared",
        initial_scale: float = 0.2,
        min_scale: float = 0.002,
    ):
        super().__init__()
        learned = isinstance(scale, str)
        good = initial_scale > min_scale > 0 if isinstance(scale, str) else scale > 0
        if not good:
            raise ConfigError(
                "a Gaussian's scale must be positive, and a learned one start above min_scale, got "
                f"scale={scale}, initial_scale={initial_scale}, min_scale={min_scale}; "
                "set model.likelihood.scale to a positive number, shared or per_pixel."
            )
        self.event_shape = event_shape
        self.scale = scale
        self.min_scale = min_scale
        # softplus(initial) + min_scale = initial_scale
        self.initial = math.log(math.expm1(initial_scale - min_scale)) if learned else 0.0
        channels = (2 if scale == "per_pixel" else 1) * event_shape[0]
        self.feature_shape = (channels, *event_shape[1:])
        if scale == "shared":
            self.raw_scale = nn.Parameter(torch.tensor(self.initial))

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features with shape (*, *feature_shape).

        The features are the means and, for per_pixel scales, as many channels again that a
        softplus turns into scales.
        """
        loc = at_least_float32(features)
        if self.scale == "per_pixel":
            loc, raw_scale = loc.chunk(2, dim=-len(self.event_shape))
            scale = nn.functional.softplus(raw_scale) + self.min_scale
        elif self.scale == "shared":
            scale = (nn.functional.softplus(self.raw_scale) + self.min_scale).expand_as(loc)
        else:
            scale = torch.full_like(loc, float(self.scale))
        pixels = Normal(loc, scale, validate_args=False)
        return Independent(pixels, len(self.event_shape), validate_args=False)

    def features_at(self, mean: Tensor) -> Tensor:
        """The features whose p(x|z) has the mean of the data and the initial scale.

        Arguments:
            mean: The training set's mean, with shape event_shape.
        """
        if self.scale != "per_pixel":
            return mean
        return torch.cat([mean, torch.full_like(mean, self.initial)])
