"""p(x|z) as independent pixels with heavy tails."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, constraints

from vae.errors import ConfigError
from vae.model.distributions.student_t import StudentT as StudentTDistribution
from vae.model.likelihoods.location_scale import LocationScale
from vae.model.precision import at_least_float32


class StudentT(LocationScale):
    r"""p(x|z) = prod_i StudentT(x_i | df, loc_i(z), scale).

    Arguments:
        event_shape: The shape (C, H, W) of x.
        df: A number above 2 fixes the degrees of freedom; "shared" learns them for all pixels,
            from 5, and keeps them above 2, where the variance is finite.
        scale: A positive number fixes the scale; "shared" learns one for all pixels; "per_pixel"
            has the decoder output one for each pixel of each image.
        initial_scale: Where a learned scale starts, in the units of x.
        min_scale: The smallest learned scale, in the units of x.

    Raises:
        ConfigError: If a scale is not positive, or df not above 2.

    References:
        Student-t Variational Autoencoder for Robust Density Estimation (Takahashi et al., 2018),
        section 3
    """

    support: ClassVar[constraints.Constraint] = constraints.real

    def __init__(
        self,
        event_shape: tuple[int, ...],
        df: float | Literal["shared"] = "shared",
        scale: float | Literal["shared", "per_pixel"] = "shared",
        initial_scale: float = 0.2,
        min_scale: float = 0.002,
    ):
        super().__init__(event_shape, scale, initial_scale, min_scale)
        if not isinstance(df, str) and df <= 2:
            raise ConfigError(
                "a student_t's degrees of freedom must be above 2, for a finite variance, got "
                f"df={df}; set model.likelihood.df to a larger number or to shared."
            )
        self.df = df
        if df == "shared":
            # softplus(raw) + 2 = 5
            self.raw_df = nn.Parameter(torch.tensor(math.log(math.expm1(3.0))))

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features with shape (*, *feature_shape)."""
        loc, scale = self.loc_and_scale(features)
        if self.df == "shared":
            df = nn.functional.softplus(at_least_float32(self.raw_df)) + 2
        else:
            df = loc.new_tensor(self.df)
        pixels = StudentTDistribution(df, loc, scale)
        return Independent(pixels, len(self.event_shape), validate_args=False)
