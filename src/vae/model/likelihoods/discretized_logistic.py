"""p(x|z) as independent logistic pixels whose mass is collected at 256 levels."""

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints

from vae.model.distributions.discretized_logistic import DiscretizedLogisticMixture
from vae.model.distributions.levels import bytes_
from vae.model.likelihoods.location_scale import LocationScale


class DiscretizedLogistic(LocationScale):
    r"""p(x|z) = prod_i [logistic mass of the level x_i], for bytes as multiples of 1/255.

    .. math:: p(x_i \mid z) = \sigma((x_i + \tfrac{1}{510} - loc_i) / scale_i)
        - \sigma((x_i - \tfrac{1}{510} - loc_i) / scale_i)

    where level 0 takes all mass below it and level 1 all mass above.

    Arguments:
        event_shape: The shape (C, H, W) of x.
        scale: A positive number fixes the scale; "shared" learns one for all pixels; "per_pixel"
            has the decoder output one for each pixel of each image.
        initial_scale: Where a learned scale starts, in the units of x.
        min_scale: The smallest learned scale, in the units of x.

    Raises:
        ConfigError: If a scale is not positive.

    References:
        Improved Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        appendix (discretised logistic likelihood)
    """

    support: ClassVar[constraints.Constraint] = bytes_

    def __init__(
        self,
        event_shape: tuple[int, ...],
        scale: float | Literal["shared", "per_pixel"] = "per_pixel",
        initial_scale: float = 0.1,
        min_scale: float = 0.0005,
    ):
        super().__init__(event_shape, scale, initial_scale, min_scale)

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features with shape (*, *feature_shape)."""
        loc, scale = self.loc_and_scale(features)
        one = torch.zeros_like(loc[..., None])
        pixels = DiscretizedLogisticMixture(one, loc[..., None], scale[..., None])
        return Independent(pixels, len(self.event_shape), validate_args=False)
