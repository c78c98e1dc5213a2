"""p(x|z) as independent Laplace pixels."""

from typing import ClassVar, Literal

from torch import Tensor
from torch.distributions import Distribution, Independent, constraints
from torch.distributions import Laplace as TorchLaplace

from vae.model.likelihoods.location_scale import LocationScale


class Laplace(LocationScale):
    r"""p(x|z) = prod_i Laplace(x_i | loc_i(z), scale).

    .. math:: \log p(x \mid z) = -\sum_i \tfrac{|x_i - loc_i|}{scale_i} + \log 2 scale_i

    Arguments:
        event_shape: The shape (C, H, W) of x.
        scale: A positive number fixes the scale; "shared" learns one for all pixels; "per_pixel"
            has the decoder output one for each pixel of each image.
        initial_scale: Where a learned scale starts, in the units of x.
        min_scale: The smallest learned scale, in the units of x.

    Raises:
        ConfigError: If a scale is not positive.

    References:
        A General and Adaptive Robust Loss Function (Barron, 2019), section 3.1 (for VAEs)
    """

    support: ClassVar[constraints.Constraint] = constraints.real

    def __init__(
        self,
        event_shape: tuple[int, ...],
        scale: float | Literal["shared", "per_pixel"] = "shared",
        initial_scale: float = 0.2,
        min_scale: float = 0.002,
    ):
        super().__init__(event_shape, scale, initial_scale, min_scale)

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features with shape (*, *feature_shape)."""
        pixels = TorchLaplace(*self.loc_and_scale(features), validate_args=False)
        return Independent(pixels, len(self.event_shape), validate_args=False)
