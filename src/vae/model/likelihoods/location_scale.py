"""What pixels with a location and a scale share."""

import math

import torch
from torch import Tensor, nn

from vae.errors import ConfigError
from vae.model.precision import at_least_float32


class LocationScale(nn.Module):
    """Features to a location and a positive scale for each pixel.

    Arguments:
        event_shape: The shape (C, H, W) of x.
        scale: A positive number fixes the scale; "shared" learns one for all pixels; "per_pixel"
            has the decoder output one for each pixel of each image.
        initial_scale: Where a learned scale starts, in the units of x.
        min_scale: The smallest learned scale, in the units of x; it keeps a constant pixel's
            density finite.

    Raises:
        ConfigError: If a scale is not positive.
    """

    def __init__(
        self,
        event_shape: tuple[int, ...],
        scale: float | str,
        initial_scale: float,
        min_scale: float,
    ):
        super().__init__()
        learned = isinstance(scale, str)
        good = initial_scale > min_scale > 0 if isinstance(scale, str) else scale > 0
        if not good:
            raise ConfigError(
                f"a {type(self).__name__}'s scale must be positive, and a learned one start above "
                f"min_scale, got scale={scale}, initial_scale={initial_scale}, "
                f"min_scale={min_scale}; set model.likelihood.scale to a positive number or a word."
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

    def loc_and_scale(self, features: Tensor) -> tuple[Tensor, Tensor]:
        r"""Both with shape (\*, \*event_shape), for features with shape (\*, \*feature_shape).

        The features are the locations and, for per_pixel scales, as many channels again that a
        softplus turns into scales.
        """
        loc = at_least_float32(features)
        if self.scale == "per_pixel":
            loc, raw_scale = loc.chunk(2, dim=-len(self.event_shape))
            return loc, nn.functional.softplus(raw_scale) + self.min_scale
        if self.scale == "shared":
            raw = at_least_float32(self.raw_scale)
            return loc, (nn.functional.softplus(raw) + self.min_scale).expand_as(loc)
        return loc, torch.full_like(loc, float(self.scale))

    def features_at(self, mean: Tensor) -> Tensor:
        """The features whose p(x|z) has the mean of the data and the initial scale.

        Arguments:
            mean: The training set's mean, with shape event_shape.
        """
        if self.scale != "per_pixel":
            return mean
        return torch.cat([mean, torch.full_like(mean, self.initial)])
