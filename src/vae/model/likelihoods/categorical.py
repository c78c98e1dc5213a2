"""p(x|z) as independent categorical pixels."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, constraints

from vae.model.distributions.categorical_levels import CategoricalLevels
from vae.model.distributions.levels import bytes_
from vae.model.precision import at_least_float32


class Categorical(nn.Module):
    r"""p(x|z) = prod_i softmax(logits_i(z))_{255 x_i}, for bytes as multiples of 1/255.

    The decoder has 256 outputs for each pixel and channel.

    Arguments:
        event_shape: The shape (C, H, W) of x.

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 2.2
    """

    support: ClassVar[constraints.Constraint] = bytes_

    def __init__(self, event_shape: tuple[int, ...]):
        super().__init__()
        self.event_shape = event_shape
        self.feature_shape = (256 * event_shape[0], *event_shape[1:])

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features with shape (*, *feature_shape)."""
        n = len(self.event_shape)
        logits = at_least_float32(features).unflatten(-n, (256, -1)).movedim(-n - 1, -1)
        return Independent(CategoricalLevels(logits), n, validate_args=False)

    def features_at(self, mean: Tensor) -> Tensor:
        r"""The logits t k / 255 of (about) the mean of the data and the most entropy otherwise.

        Arguments:
            mean: The training set's mean, with shape event_shape.
        """
        from vae.model.likelihoods.continuous_bernoulli import ContinuousBernoulli

        tilt = ContinuousBernoulli(self.event_shape).features_at(mean)
        levels = torch.linspace(0, 1, 256)
        return torch.cat([tilt * level for level in levels])
