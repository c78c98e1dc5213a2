"""p(x|z) as independent Bernoulli pixels."""

from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution, Independent, constraints

from vae.model.distributions.logits_bernoulli import LogitsBernoulli
from vae.model.precision import at_least_float32


class Bernoulli(nn.Module):
    r"""p(x|z) = prod_i Bernoulli(x_i | sigmoid(logits_i(z))), for binary pixels.

    .. math:: \log p(x \mid z) = \sum_i x_i l_i - \log(1 + e^{l_i})

    Arguments:
        event_shape: The shape of x.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), eq. 11
    """

    support: ClassVar[constraints.Constraint] = constraints.boolean

    def __init__(self, event_shape: tuple[int, ...]):
        super().__init__()
        self.event_shape = event_shape
        self.feature_shape = event_shape

    def forward(self, features: Tensor) -> Distribution:
        """p(x|z), with batch shape (*), for features (the logits) with shape (*, *event_shape)."""
        logits = at_least_float32(features)
        pixels = LogitsBernoulli(logits=logits, validate_args=False)
        return Independent(pixels, len(self.event_shape), validate_args=False)

    def features_at(self, mean: Tensor) -> Tensor:
        r"""The features whose p(x|z) has the mean of the data, logit(clip(mean, .001, .999)).

        Arguments:
            mean: The training set's mean, with shape event_shape.

        References:
            Importance Weighted Autoencoders (Burda et al., 2016), released code
        """
        return mean.clamp(0.001, 0.999).logit()
