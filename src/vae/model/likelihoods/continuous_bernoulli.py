"""p(x|z) as independent continuous Bernoulli pixels."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, constraints

from vae.model.distributions.continuous_bernoulli import (
    ContinuousBernoulli as ContinuousBernoulliPixels,
)
from vae.model.precision import at_least_float32


class ContinuousBernoulli(nn.Module):
    r"""p(x|z) = prod_i CB(x_i | sigmoid(logits_i(z))), for grey values in [0, 1].

    .. math:: \log p(x \mid z) = \sum_i (x_i - \tfrac{1}{2}) l_i
        - \log \frac{\sinh(l_i / 2)}{l_i / 2}

    Arguments:
        event_shape: The shape of x.

    References:
        The continuous Bernoulli: fixing a pervasive error in variational autoencoders
        (Loaiza-Ganem & Cunningham, 2019), section 3
    """

    support: ClassVar[constraints.Constraint] = constraints.unit_interval

    def __init__(self, event_shape: tuple[int, ...]):
        super().__init__()
        self.event_shape = event_shape
        self.feature_shape = event_shape

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features (the logits) with shape (*, *event_shape)."""
        pixels = ContinuousBernoulliPixels(at_least_float32(features))
        return Independent(pixels, len(self.event_shape), validate_args=False)

    def features_at(self, mean: Tensor) -> Tensor:
        """The logits whose p(x|z) has the mean of the data, clipped to [.02, .98], by bisection.

        Arguments:
            mean: The training set's mean, with shape event_shape.
        """
        wanted = mean.clamp(0.02, 0.98)
        low, high = torch.full_like(mean, -60.0), torch.full_like(mean, 60.0)
        for _ in range(40):
            middle = (low + high) / 2
            below = ContinuousBernoulliPixels(middle).mean < wanted
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (low + high) / 2
