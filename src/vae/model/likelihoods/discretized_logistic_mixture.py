"""p(x|z) as independent mixtures of discretised logistics."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, constraints

from vae.model.distributions.discretized_logistic import DiscretizedLogisticMixture as Pixels
from vae.model.distributions.levels import bytes_
from vae.model.precision import at_least_float32


class DiscretizedLogisticMixture(nn.Module):
    r"""p(x|z) = prod_i sum_k w_ik(z) [logistic mass of the level x_i], for multiples of 1/255.

    Each pixel and channel has a mixture of its own; unlike in PixelCNN++, the channels of a
    pixel are independent given z.

    Arguments:
        event_shape: The shape (C, H, W) of x.
        components: K.
        initial_scale: Where the scales start, in the units of x.
        min_scale: The smallest scale, in the units of x.

    Raises:
        ValueError: If there is no component, or a scale is not positive.

    References:
        PixelCNN++ (Salimans et al., 2017), section 2.1
    """

    support: ClassVar[constraints.Constraint] = bytes_

    def __init__(
        self,
        event_shape: tuple[int, ...],
        components: int = 5,
        initial_scale: float = 0.1,
        min_scale: float = 0.0005,
    ):
        if components < 1 or not initial_scale > min_scale > 0:
            raise ValueError(
                "a mixture needs at least 1 component and initial_scale > min_scale > 0, got "
                f"components={components}, initial_scale={initial_scale}, min_scale={min_scale}."
            )
        super().__init__()
        self.event_shape = event_shape
        self.components = components
        self.min_scale = min_scale
        self.initial = math.log(math.expm1(initial_scale - min_scale))
        self.feature_shape = (3 * components * event_shape[0], *event_shape[1:])

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features with shape (*, *feature_shape).

        The features are, for each component, C channels of logits, of means and of scales.
        """
        n = len(self.event_shape)
        parts = at_least_float32(features).unflatten(-n, (3, self.components, -1))
        # (*, 3, K, *event_shape) to three of (*, *event_shape, K)
        logits, loc, raw_scale = parts.movedim(-n - 1, -1).unbind(-n - 2)
        scale = nn.functional.softplus(raw_scale) + self.min_scale
        pixels = Pixels(logits.log_softmax(-1), loc, scale)
        return Independent(pixels, n, validate_args=False)

    def features_at(self, mean: Tensor) -> Tensor:
        """The features whose means lie around the data's, each component a little apart.

        Arguments:
            mean: The training set's mean, with shape event_shape.
        """
        offsets = torch.linspace(-0.2, 0.2, self.components) if self.components > 1 else [0.0]
        loc = torch.cat([mean + float(offset) for offset in offsets])
        return torch.cat([torch.zeros_like(loc), loc, torch.full_like(loc, self.initial)])
